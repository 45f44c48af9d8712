"""A part of each row, as a stream resource's ``slice`` and ``squeeze`` say: axes cut, stepped over or left out.

Rows themselves are neither dropped nor reordered by squeezing: a file that holds one row today may hold two tomorrow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .chained_rows import CountedRows
from .rows import Array, BeforeOpening, Block, Layout, RowStructure, way_of

_INDEX = re.compile(r"\s*(-?\d+)\s*")
_SLICE = re.compile(r"\s*(-?\d*)\s*:\s*(-?\d*)\s*(?::\s*(-?\d*)\s*)?")
Selector = int | slice


def parse_slice(text: str | Sequence[str]) -> tuple[Selector, ...]:
    """Read NumPy's notation, ``":, 0, 10:20"`` or ``(":", "0", "10:20")``, without an ellipsis.

    Raises
    ------
    ValueError
        When it is no such notation, or steps backwards.
    """
    parts = text.strip().strip("()[]").rstrip(",").split(",") if isinstance(text, str) else [str(part) for part in text]
    return tuple(_selector(part, text) for part in parts)


def _selector(part: str, whole: object) -> Selector:
    if match := _INDEX.fullmatch(part):
        return int(match[1])
    match = _SLICE.fullmatch(part)
    if match is None or (match[3] and int(match[3]) < 1):
        raise ValueError(f"slice {whole!r}: {part!r} is neither an index nor a slice that steps forward")
    start, stop, step = (int(group) if group else None for group in match.groups())
    return slice(start, stop, step)


@dataclass(frozen=True)
class _Axis:
    """One axis of a row: what is left of it, and whether it stays as an axis."""

    start: int
    length: int
    step: int
    is_kept: bool

    def inside(self, part: slice) -> slice:
        start = self.start + part.start * self.step
        return slice(start, start + (part.stop - part.start - 1) * self.step + 1, self.step)


class RowView:
    """The same rows, of each only a part.

    Parameters
    ----------
    rows : CountedRows
        The whole rows.
    selectors : sequence of int or slice
        One for the axis of rows, which must be ``:``, then one for each axis of a row; those that are left out are
        whole.
    squeeze : bool
        Leave out axes of length 1, but never that of the rows.

    Raises
    ------
    ValueError
        When the first selector leaves out rows.
    """

    def __init__(self, rows: CountedRows, *, selectors: Sequence[Selector], squeeze: bool):
        if selectors and selectors[0] != slice(None):
            raise ValueError(f"slice must keep all rows: its first part must be ':', not {selectors[0]}")
        self._rows = rows
        self._selectors = tuple(selectors[1:])
        self._squeeze = squeeze
        self._axes: list[_Axis] | None = None

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of what is left of these rows.

        Raises
        ------
        OSError
            When a file is missing or damaged, or ends before these rows.
        ValueError
            When the rows have fewer axes than the slice, or an index lies beyond an axis.
        """
        shape, dtype, chunks = self._rows.describe(first, count)
        axes = self._axes = self._cut(shape)
        left = [
            (axis.length, chunk) for axis, chunk in zip(axes, (chunks or (1, *shape))[1:], strict=True) if axis.is_kept
        ]
        kept_shape = tuple(length for length, _ in left)
        kept_chunks = chunks and (chunks[0], *(max(1, min(length, chunk)) for length, chunk in left))
        return RowStructure(kept_shape, dtype, kept_chunks)

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of what is left of all rows; the number of their axes cannot be chosen any more.

        Raises
        ------
        OSError
            When a file is missing or damaged, or has no row.
        """
        shape, dtype, _ = self.describe(0, 1)
        n_rows = self.n_rows()
        return Layout((n_rows, *shape), dtype, len(shape), n_rows=n_rows)

    def way(self, number: int = 0) -> str:
        """Return how rows are read, in words."""
        return way_of(self._rows, number)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``."""
        if self._axes is None:
            self.describe(block.first, 1)
        asked, within, place = iter(inner), [], [slice(None), slice(None)]
        for axis in self._axes or ():
            within.append(axis.inside(next(asked)) if axis.is_kept else slice(axis.start, axis.start + 1))
            place.append(slice(None) if axis.is_kept else None)  # type: ignore[arg-type]
        self._rows.read(out[tuple(place)], block, within)

    def n_rows(self) -> int:
        """Return how many whole rows there are now."""
        return self._rows.n_rows()

    def require_sources(self) -> None:
        """Refuse to take for all rows those before the first file that is missing."""
        self._rows.require_sources()

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the files that these rows are read from, opening none."""
        return self._rows.paths(numbers)

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files that the files of these rows refer to, from headers alone."""
        return self._rows.linked_files(numbers, before_opening=before_opening)

    def close(self) -> None:
        """Close what is open."""
        self._rows.close()

    def _cut(self, shape: tuple[int, ...]) -> list[_Axis]:
        if len(self._selectors) > len(shape):
            raise ValueError(f"slice has {len(self._selectors) + 1} parts, but the data have {len(shape) + 1} axes")
        selectors = [*self._selectors, *[slice(None)] * (len(shape) - len(self._selectors))]
        return [
            _cut_axis(selector, length, squeeze=self._squeeze)
            for selector, length in zip(selectors, shape, strict=True)
        ]


def _cut_axis(selector: Selector, length: int, *, squeeze: bool) -> _Axis:
    if isinstance(selector, int):
        if not -length <= selector < length:
            raise ValueError(f"slice requests index {selector} of an axis of length {length}")
        return _Axis(selector % length, 1, 1, is_kept=False)
    start, _, step = selector.indices(length)
    left = len(range(*selector.indices(length)))
    return _Axis(start, left, step, is_kept=not (squeeze and left == 1))
