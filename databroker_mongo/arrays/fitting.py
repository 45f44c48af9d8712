"""Whether the array that a file holds fits what a descriptor declares of a data key, and how it is to be read.

Pure. What a handler returns that does not tell its array is judged by ``structure.reconcile``. What does not belong
here: asking handlers, dtypes.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ..assets import Layout
from ..errors import ShapeMismatch
from .remedies import Remedies, advise
from .stored_rows import rows_as_axis, without_colours

Shape = tuple[int, ...]

_COLOURS = "an axis of length 3 or 4 is read as colours"


class Fit(NamedTuple):
    """How an array is read for a data key.

    Attributes
    ----------
    row_axes : int or None
        How many axes a row is to have; None: as the handler has it of itself.
    per_event : int or None
        For stream resources, how many rows make a row of the stream, where they are an axis of their own.
    note : str or None
        What was taken that is not as declared.
    is_quirk : bool
        Nothing is wrong but that frames are declared as ``(x, y, 0)``, as ophyd's area detectors do.
    """

    row_axes: int | None = None
    per_event: int | None = None
    note: str | None = None
    is_quirk: bool = False


class Grade(enum.IntEnum):
    """How well rows of a number of axes answer to a declaration; less is better."""

    EXACT = 0
    SIZES = 1
    COLOURS = 2
    NONE = 3


def fit(
    declared: tuple[Any, ...] | None,
    layout: Layout,
    *,
    is_streamed: bool,
    may_choose: bool,
    n_asked: Callable[[], int],
    remedies: Remedies,
) -> Fit:
    """Decide whether an array fits a declaration, by its rank and its sizes, and how its rows are read.

    Sizes that are unknown (zeros, -1, null) and ones are left out of a declaration, and its axes may be in any order.
    These are the cases. ``frames`` is the number that the resource promises for a datum, or ``stream`` for stream
    resources; ``asked`` is the known number of requested rows, if it matters.

    ================  =========================================  ======  =====  =======  ================
    array             declared                                   frames  asked  done     an event is
    ================  =========================================  ======  =====  =======  ================
    (9, 6, 5)         [1, 6, 5]                                  1              taken    (1, 6, 5)
    (9, 6, 5)         [6, 5]; [5, 6, 0]; [-1, 6, 5]; [6, 5, 1]   1              noted    (1, 6, 5)
    (9, 6, 5)         []; [0, 0, 0]; [7, 7, 0]; [None, 7]        1              noted    (1, 6, 5)
    (9, 6, 5)         nothing                                    1              taken    (1, 6, 5)
    (9, 6, 5)         [2, 6, 5]; [3, 6, 5]; [7, 7]; [1]          1              refused
    (9, 6, 5)         [9, 6, 5]                                  1              noted    (1, 9, 6, 5)
    (9, 6, 5)         [2, 6, 5]                                  2              taken    (2, 6, 5)
    (9, 6, 5)         [1, 6, 5]; [6, 5]; [5, 6, 0]               2              noted    (2, 6, 5)
    (9, 6, 5)         [3, 6, 5]                                  2              refused
    (9, 6, 5)         [1, 6, 5]                                  stream         taken    (1, 6, 5)
    (9, 6, 5)         [6, 5]                                     stream         taken    (6, 5)
    (9, 6, 5)         [3, 6, 5]; [9, 6, 5]                       stream         taken    (declared)
    (9, 6, 5)         [5, 6]; [5, 6, 0]; []; [-1, 6, 5]          stream         noted    (6, 5)
    (9, 6, 5)         [3, 5, 6]                                  stream         noted    (3, 6, 5)
    (9, 6, 5)         [7, 7]; [2, 7, 7]                          stream         refused
    (6, 5)            [1, 6, 5]                                  1              taken    (1, 6, 5)
    (6, 5)            [6, 5]; [5, 6, 0]; [7, 7, 0]; [-1, 6, 5]   1              noted    (1, 6, 5)
    (6, 5)            [1, 5]                                     1              taken    (1, 5)
    (6, 5)            [5]; [5, 0]; [-1, 5]; [7, 0]               1              noted    (1, 5)
    (6, 5)            []; [-1]; [0, 0, 0]; [1]; nothing          1              refused
    (6, 5)            [7, 7]; [7]; [2, 6, 5]; [6, 5, 3]          1              refused
    (6, 5)            [1, 6, 5]                                  stream         taken    (1, 6, 5)
    (6, 5)            [6, 5]                                     stream         taken    (6, 5)
    (6, 5)            [5, 6, 0]; [5, 6]                          stream         noted    (6, 5)
    (12, 5)           [6, 5]; [1, 5]                             stream         taken    (declared)
    (6, 5)            [5]                                        stream         taken    (5,)
    (6, 5)            []; [-1]; [0, 0, 0]; nothing; [2, 6, 5]    stream         refused
    (9,)              []; [1]                                    stream         taken    (declared)
    (9,)              []; [0]; [-1]                              1              noted    (1,)
    (9, 1)            []; [1]; [0]; [0, 0]                       1              noted    (1, 1)
    (9, 6, 5, 3)      [1, 6, 5]; [6, 5]; [5, 6, 0]; [3, 6, 5]    1              noted    (1, 6, 5, 3)
    (9, 6, 3, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]; [6, 5, 3]    1              noted    (1, 6, 3, 5)
    (9, 6, 5, 4)      [1, 6, 5]                                  1              noted    (1, 6, 5, 4)
    (9, 6, 5, 3)      [2, 6, 5]; [6, 5]                          2              noted    (2, 6, 5, 3)
    (9, 6, 5, 3)      [6, 5]                                     stream         noted    (6, 5, 3)
    (9, 6, 5, 3)      [1, 6, 5]                                  stream         noted    (1, 6, 5, 3)
    (9, 6, 5, 2)      [1, 6, 5]; [6, 5]                          1              refused
    (3, 16, 3, 24)    [16, 24]                                   stream         noted    (16, 3, 24)
    (6, 5, 3)         [1, 6, 5]; [6, 5]; [5, 6, 0]               1              noted    (1, 6, 5, 3)
    (2, 7, 6, 5)      [7, 6, 5]                                  1       2      noted    (1, 7, 6, 5)
    (2, 7, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       14     noted    (1, 6, 5)
    (2, 7, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       3      noted    (1, 6, 5)
    (2, 7, 6, 5)      [1, 6, 5]; [6, 5]                          1       2      refused
    (2, 7, 6, 5)      [5, 6, 0]                                  1       2      noted    (1, 7, 6, 5)
    (2, 7, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       1      refused
    (2, 7, 6, 5)      [2, 6, 5]                                  2       14     noted    (2, 6, 5)
    (2, 7, 6, 5)      [1, 6, 5]; [2, 6, 5]                       stream  14     noted    (declared)
    (2, 3, 2, 6, 5)   [1, 6, 5]; [5, 6, 0]                       1       12     noted    (1, 6, 5)
    (2, 2, 3, 6, 5)   [1, 6, 5]; [5, 6, 0]                       1       12     noted    (1, 6, 5)
    (2, 2, 3, 6, 5)   [1, 6, 5]; [5, 6, 0]                       1       4      noted    (1, 3, 6, 5)
    (2, 2, 3, 6, 5)   [1, 6, 5]; [5, 6, 0]                       1       9      refused
    (2, 7, 6, 5, 3)   [1, 6, 5]                                  1       14     noted    (1, 6, 5, 3)
    (2, 3, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       6      noted    (1, 6, 5)
    (2, 3, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       2      noted    (1, 3, 6, 5)
    (2, 3, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       1      refused
    (2, 3, 6, 5)      [1, 6, 5]; [6, 5]; [5, 6, 0]               1       4      refused
    (9, 6, 5)         [5]; [1, 5]; [5, 0]                        1       54     noted    (1, 5)
    (9, 6, 5)         [5]; [1, 5]                                1       9      refused
    ================  =========================================  ======  =====  =======  ================

    So two axes are one image if two axes are declared, and lines if one is. An array with one more axis than declared
    is in colour if that axis has the length 3 or 4. An array with more axes before the declared ones is a grid, whose
    rows are counted in C order, if more rows are requested than there are along the first axis. If both are possible,
    the number of rows decides.

    If the number of axes of a row is fixed (a file for each frame, a whole dataset), rows are as they are, and only
    their sizes are compared.

    Parameters
    ----------
    declared : tuple or None
        The shape that the descriptor declares for an event; None if it declares none.
    layout : Layout
        The array.
    is_streamed : bool
        A stream resource serves it: the first axis that is declared may count rows.
    may_choose : bool
        The handler takes ``row_axes``.
    n_asked : callable
        Returns the known number of datums of the resource, or of rows of the stream. Called only if it matters.
    remedies : Remedies
        The remedies that an error offers to a reader.

    Raises
    ------
    ShapeMismatch
        They contradict each other.
    """
    return _Fitting(declared, layout, is_streamed, may_choose and not layout.is_fixed, n_asked, remedies).run()


class _Fitting:
    """One decision."""

    def __init__(
        self,
        declared: tuple[Any, ...] | None,
        layout: Layout,
        is_streamed: bool,
        may_choose: bool,
        n_asked: Callable[[], int],
        remedies: Remedies,
    ):
        self._declared = declared
        self._layout = layout
        self._is_streamed = is_streamed
        self._may_choose = may_choose
        self._n_asked = n_asked
        self._remedies = remedies

    def run(self) -> Fit:
        layout, declared, n_axes = self._layout, self._declared, len(self._layout.shape)
        if declared is None:
            if self._may_choose and n_axes == 2:
                raise self._neither_lines_nor_image()
            return Fit()
        # Sizes decide first, then the number of rows, then colours: the further down, the more is guessed.
        own = self._grade(layout.row_axes)
        if own <= Grade.SIZES:
            return self._taken(layout.row_axes)
        if self._may_choose and self._grade(n_axes) <= Grade.SIZES:
            return self._taken(n_axes)
        grids = self._grids()
        if grids:
            return self._as_grid({layout.row_axes: own, **grids} if own == Grade.COLOURS else grids)
        if own == Grade.COLOURS:
            return self._taken(layout.row_axes, _COLOURS)
        if self._may_choose and self._grade(n_axes) == Grade.COLOURS:
            return self._taken(n_axes, _COLOURS)
        return self._by_rank()

    def _by_rank(self) -> Fit:
        """Decide by the number of axes, where sizes are unknown; else refuse."""
        layout, declared = self._layout, self._declared or ()
        is_unknown = not declared or _is_unsure(declared)
        if not self._may_choose or len(layout.shape) != 2:
            if not is_unknown:
                raise self._contradiction()
            return self._taken(layout.row_axes)
        n_known = len(_known(declared))
        if not is_unknown or n_known not in (1, 2):
            raise self._neither_lines_nor_image()
        return self._taken(n_known)

    def _as_grid(self, readings: dict[int, Grade]) -> Fit:
        """Tell a grid of frames from rows of several, and from colours, by how many rows are asked for."""
        layout = self._layout
        n_datums = self._n_asked()
        fitting = [n for n in readings if self._n_rows(n) == n_datums * self._rows_in_datum(n)]
        if not fitting and len(set(readings.values())) == 1:
            fitting = [n for n in readings if self._n_rows(n) > n_datums * self._rows_in_datum(n) > layout.n_rows][:1]
        if fitting:
            row_axes = min(fitting, key=lambda n: readings[n])
            notes = [_COLOURS] if readings[row_axes] == Grade.COLOURS else []
            if row_axes != layout.row_axes:
                n_rows = self._n_rows(row_axes)
                notes.append(f"the {_words(layout.shape)} is read as a grid of {n_rows} rows in C order")
            return self._taken(row_axes, "; ".join(notes))
        if n_datums * (layout.frames or 1) == layout.n_rows and _is_unsure(self._declared or ()):
            return self._taken(layout.row_axes)
        raise self._unclear(next(n for n in readings if n != layout.row_axes), n_datums)

    def _unclear(self, row_axes: int, n_datums: int) -> ShapeMismatch:
        layout = self._layout
        row = list(layout.shape[-layout.row_axes :])
        return self._refusal(
            f"{n_datums * self._rows_in_datum(row_axes)} rows of it are requested, but it may be a grid of "
            f"{self._n_rows(row_axes)} rows in C order, or {layout.n_rows} rows of shape {row}",
            [
                ("For a grid", self._remedies.read_with(row_axes=row_axes)),
                ("For such rows", self._remedies.declare(shape=row)),
            ],
        )

    def _grids(self) -> dict[int, Grade]:
        """Return how many axes a row of the declared sizes may have, where more than one axis is left before them."""
        smaller = range(self._layout.row_axes - 1, 0, -1) if self._may_choose else ()
        return {n: grade for n in smaller if (grade := self._grade(n)) <= Grade.COLOURS}

    def _n_rows(self, row_axes: int) -> int:
        """Return how many rows of so many axes there are."""
        return math.prod(self._layout.shape[1:-row_axes]) * self._layout.n_rows

    def _rows_in_datum(self, row_axes: int) -> int:
        return self._layout.frames or self._per_event(row_axes) or 1

    def _grade(self, row_axes: int) -> Grade:
        """Return how well rows of so many axes answer to the declaration, by themselves or as the rows of an event."""
        row, event = self._row(row_axes), self._event(row_axes)
        declared = self._declared or ()
        if declared == event:
            return Grade.EXACT
        known = sorted(_known(declared))
        if known in (sorted(_known(row)), sorted(_known(event))):
            return Grade.SIZES
        whole = event if self._layout.is_fixed else row
        events = [(*event[: len(event) - len(row)], *mono) for mono in without_colours(row)]
        monos = [*without_colours(whole), *events]
        return Grade.COLOURS if known and known in [sorted(_known(mono)) for mono in monos] else Grade.NONE

    def _row(self, row_axes: int) -> Shape:
        shape = self._layout.shape
        return shape[len(shape) - row_axes :]

    def _per_event(self, row_axes: int) -> int | None:
        """Return how many rows make a row of the stream, where there can be several and they are an axis of it."""
        n_rows = rows_as_axis(self._declared, self._row(row_axes)) if self._is_streamed else None
        is_one = not self._layout.is_fixed and row_axes == len(self._layout.shape)
        are_lines_of_a_grid = row_axes == 1 < self._layout.row_axes
        return None if n_rows is not None and n_rows > 1 and (is_one or are_lines_of_a_grid) else n_rows

    def _event(self, row_axes: int) -> Shape:
        """Return the shape of a row of the stream, where a row of the array has so many axes."""
        n_rows = self._per_event(row_axes) if self._is_streamed else self._layout.frames
        return self._row(row_axes) if n_rows is None else (n_rows, *self._row(row_axes))

    def _taken(self, row_axes: int, note: str = "") -> Fit:
        event = self._event(row_axes)
        declared = self._declared or ()
        is_other = self._declared is not None and declared != event
        differs = f"shape {list(declared)} is declared, {list(event)} was found" if is_other else ""
        return Fit(
            None if row_axes == self._layout.row_axes else row_axes,
            self._per_event(row_axes),
            "; ".join(filter(None, [differs, note])) or None,
            is_quirk=not note and is_quirk(declared, event),
        )

    def _neither_lines_nor_image(self) -> ShapeMismatch:
        shape = self._layout.shape
        return self._refusal(
            "an array of two axes is one image if two axes are declared, and lines if one is; neither fits",
            [
                ("For one image", self._remedies.declare(shape=[1, *shape])),
                ("For lines", self._remedies.declare(shape=[1, shape[1]])),
            ],
        )

    def _contradiction(self) -> ShapeMismatch:
        layout, declared = self._layout, self._declared or ()
        event, row = self._event(layout.row_axes), self._row(layout.row_axes)
        keyword, promised = self._remedies.frames_keyword, layout.frames
        listed = [("For what is in the file", self._remedies.declare(shape=list(event)))]
        if keyword and len(declared) == len(row) + 1 and sorted(declared[1:]) == sorted(row):
            listed.insert(0, (f"For {declared[0]} frames a datum", self._remedies.read_with(**{keyword: declared[0]})))
            return self._refusal(f"the resource makes {promised} frames of it a datum, not {declared[0]}", listed)
        return self._refusal(f"a row of it is of shape {list(event)}", listed)

    def _refusal(self, reason: str, listed: list[tuple[str, str]]) -> ShapeMismatch:
        layout, declared = self._layout, self._declared
        wanted = "no shape" if declared is None else f"shape {list(declared)}"
        found = self._event(layout.row_axes)
        return ShapeMismatch(
            f"the descriptor declares {wanted}, and the file holds an {_words(layout.shape)}: {reason}. "
            + advise(listed),
            declared_shape=None if declared is None else list(declared),
            found_shape=found,
            found_dtype=str(layout.dtype),
            stored_shape=layout.shape,
        )


def is_quirk(declared: tuple[Any, ...], found: Shape) -> bool:
    """Tell whether frames are declared as ``(x, y, 0)``, as ophyd's area detectors do, and nothing else is wrong."""
    pixels = found[1:]
    return len(pixels) == 2 and declared in ((*pixels, 0), (*reversed(pixels), 0))


def _known(shape: tuple[Any, ...]) -> list[int]:
    """Return the sizes that tell something: no ones, and none that is not known."""
    return [size for size in shape if isinstance(size, int) and size > 1]


def _is_unsure(declared: tuple[Any, ...]) -> bool:
    return any(not isinstance(size, int) or size < 1 for size in declared)


def _words(shape: Shape) -> str:
    return f"array of shape {shape}"
