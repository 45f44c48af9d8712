"""From datum keywords to rows: the ways that the handlers of this package share.

A datum is a *point*, the rows that one trigger of the detector made; an *index*, one row; or the *whole* of a dataset.
File formats do not belong here; keywords that choose among datasets or files are for `SwitchHandler`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .chained_rows import CountedRows
from .datum_numbers import stretches, whole_number
from .levels import CallsReadInto, Datum, names_of
from .rows import Array, BeforeOpening, Block, Layout, Rows, Structure, chunks_by_datum, way_of, whole_layout


class RowsHandler(CallsReadInto):
    """Each datum is the same number of neighbouring rows.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    first_row : callable
        From the keywords of a datum to its first row.
    rows_per_datum : int or None
        With None each datum is one row, without an axis of rows.
    """

    def __init__(self, rows: Rows, *, first_row: Callable[..., int], rows_per_datum: int | None):
        self._rows = rows
        self._first_row = first_row
        self._has_axis = rows_per_datum is not None
        self._n_rows = 1 if rows_per_datum is None else rows_per_datum

    def structure(self, **datum_kwargs: Any) -> Structure:
        """Return shape, dtype and chunks of one datum, from headers alone.

        Raises
        ------
        OSError
            When a file is missing or damaged, or the datum is not there in full.
        """
        shape, dtype, chunks = self._rows.describe(self._first_row(**datum_kwargs), self._n_rows)
        if not self._has_axis:
            return Structure(shape, dtype, chunks)
        return Structure((self._n_rows, *shape), dtype, chunks_by_datum(chunks, self._n_rows))

    def layout(self, **datum_kwargs: Any) -> Layout:
        """Return the shape of the array that a datum is taken from, and how it is.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        first = self._first_row(**datum_kwargs)
        tell = getattr(self._rows, "layout", None)
        if tell is None:
            shape, dtype, _ = self._rows.describe(first, self._n_rows)
            found = Layout(shape, dtype, len(shape))
        else:
            found = tell(first)
        return found._replace(frames=self._n_rows if self._has_axis else None)

    def way(self, **datum_kwargs: Any) -> str:
        """Return how the values of a datum are read, in words; empty where there is but one way.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        return way_of(self._rows, self._first_row(**datum_kwargs))

    def read_into(self, out: Array, datums: Sequence[Datum], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, with the same region of each datum.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the file, or rows differ in shape or dtype.
        """
        if out.size == 0:
            return
        if not self._has_axis:
            out, region = out[:, np.newaxis], (slice(0, 1), *region)
        rows, *inner = region
        for stretch in stretches([self._first_row(**datum) for datum in datums]):
            block = Block(stretch.first + rows.start, rows.stop - rows.start, stretch.step, stretch.count)
            self._rows.read(out[stretch.at : stretch.at + stretch.count], block, inner)

    def get_file_list(self, datum_kwargs: Iterable[Datum]) -> list[str]:
        """Return the files that these datums are read from, each once, opening none."""
        return self._rows.paths(self._numbers(datum_kwargs))

    def linked_files(
        self, datum_kwargs: Iterable[Datum] = (), *, before_opening: BeforeOpening | None = None
    ) -> list[str]:
        """Return the absolute paths of the files that the files of these datums refer to, from headers alone.

        ``before_opening`` is called with the path of each file that is opened to find out; what it raises is passed on.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        return self._rows.linked_files(self._numbers(datum_kwargs), before_opening=before_opening)

    def close(self) -> None:
        """Close what is open; calling the handler again opens it again."""
        self._rows.close()

    def _datum_names(self) -> Sequence[str]:
        return names_of(self._first_row)

    def _numbers(self, datum_kwargs: Iterable[Datum]) -> Iterable[int]:
        for datum in datum_kwargs:
            first = self._first_row(**datum)
            yield from range(first, first + self._n_rows)


class PointHandler(RowsHandler):
    """Datum ``point_number`` is the rows from ``point_number * frame_per_point`` on, shape ``(frames, *frame)``.

    Parameters
    ----------
    rows : Rows
        Where the frames are.
    frame_per_point : int
        Frames of one datum.
    has_axis_of_one : bool
        Whether a datum of one frame has an axis for it.
    """

    def __init__(self, rows: Rows, *, frame_per_point: int, has_axis_of_one: bool = True):
        n_frames = whole_number(frame_per_point, "frame_per_point", minimum=1)

        def first_row(point_number: int) -> int:
            return whole_number(point_number, "point_number") * n_frames

        has_axis = has_axis_of_one or n_frames > 1
        super().__init__(rows, first_row=first_row, rows_per_datum=n_frames if has_axis else None)


class IndexHandler(RowsHandler):
    """Datum ``index`` is one row, without an axis of rows.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    keyword : str, optional
        The keyword that holds the number of the row.
    """

    def __init__(self, rows: Rows, *, keyword: str = "index"):
        def first_row(**datum: Any) -> int:
            if set(datum) != {keyword}:
                raise TypeError(f"a datum has only the keyword {keyword!r}, not {sorted(datum)}")
            return whole_number(datum[keyword], keyword)

        super().__init__(rows, first_row=first_row, rows_per_datum=None)
        self._keyword = keyword

    def _datum_names(self) -> Sequence[str]:
        return (self._keyword,)


class WholeHandler(CallsReadInto):
    """The only datum, without keywords, is all rows.

    Parameters
    ----------
    rows : CountedRows
        Where the rows are.
    """

    def __init__(self, rows: CountedRows):
        self._rows = rows

    def structure(self) -> Structure:
        """Return shape, dtype and chunks of the whole, as long as it is now.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        self._rows.require_sources()
        n_rows = self._rows.n_rows()
        shape, dtype, chunks = self._rows.describe(0, n_rows)
        return Structure((n_rows, *shape), dtype, chunks and (1, *chunks))

    def layout(self) -> Layout:
        """Return what `structure` does, as the layout of the only datum.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        shape, dtype, _ = self.structure()
        return whole_layout(shape, dtype)

    def way(self) -> str:
        """Return how the whole is read, in words; empty where there is but one way.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        return way_of(self._rows, 0)

    def read_into(self, out: Array, datums: Sequence[Datum], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, with a region of the whole, as often as asked.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the file.
        """
        if out.size == 0:
            return
        rows, *inner = region
        n_rows = rows.stop - rows.start
        for number in range(len(datums)):
            self._rows.read(out[number : number + 1], Block(rows.start, n_rows, n_rows, 1), inner)

    def get_file_list(self, datum_kwargs: Iterable[Datum] = ()) -> list[str]:
        """Return the files, opening none."""
        return self._rows.paths(())

    def linked_files(
        self, datum_kwargs: Iterable[Datum] = (), *, before_opening: BeforeOpening | None = None
    ) -> list[str]:
        """Return the absolute paths of the files that these files refer to, from headers alone."""
        return self._rows.linked_files(before_opening=before_opening)

    def close(self) -> None:
        """Close what is open; calling the handler again opens it again."""
        self._rows.close()
