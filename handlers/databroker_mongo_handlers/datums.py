"""From datum keywords to rows: the two ways that most handlers share.

A datum is a *point*, the rows that one trigger of the detector made, or an *index*, one row. File formats do not belong
here; a handler whose datums are neither has its mapping in its own module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .datum_numbers import stretches, whole_number
from .rows import Array, Block, Rows, Structure, chunks_by_datum


class _RowsHandler:
    def __init__(self, rows: Rows):
        self._rows = rows

    def linked_files(self) -> list[str]:
        """Return the absolute paths of the files that the resource's own files refer to, from headers alone.

        Raises
        ------
        OSError
            When a file is missing, damaged or open for writing.
        """
        return self._rows.linked_files()

    def close(self) -> None:
        """Close what is open; calling the handler again opens it again."""
        self._rows.close()


class PointHandler(_RowsHandler):
    """Datum ``point_number`` is the rows from ``point_number * frame_per_point`` on.

    Parameters
    ----------
    rows : Rows
        Where the frames are.
    frame_per_point : int
        Frames of one datum.
    """

    def __init__(self, rows: Rows, *, frame_per_point: int):
        super().__init__(rows)
        self._frame_per_point = whole_number(frame_per_point, "frame_per_point", minimum=1)

    def __call__(self, point_number: int) -> Array:
        """Return the frames of one point, shape ``(frames, *frame)``, dtype of the file.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        """
        shape, dtype, _ = self.structure(point_number)
        out: Array = np.empty((1, *shape), dtype)
        self.read_into(out, [{"point_number": point_number}], tuple(slice(0, length) for length in shape))
        whole: Array = out[0]
        return whole

    def structure(self, point_number: int) -> Structure:
        """Return shape, dtype and chunks of one point, from headers alone.

        Raises
        ------
        OSError
            When a file is missing or damaged, or the point is not there in full.
        """
        shape, dtype, chunks = self._rows.describe(self._first_row(point_number), self._frame_per_point)
        return Structure((self._frame_per_point, *shape), dtype, chunks_by_datum(chunks, self._frame_per_point))

    def read_into(self, out: Array, datums: Sequence[Mapping[str, Any]], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, with the same region of each point.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the file, or frames differ in shape or dtype.
        """
        frames, *inner = region
        for stretch in stretches([self._first_row(**datum) for datum in datums]):
            block = Block(stretch.first + frames.start, frames.stop - frames.start, stretch.step, stretch.count)
            self._rows.read(out[stretch.at : stretch.at + stretch.count], block, inner)

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the files that these points are read from, each once, opening none."""
        n_frames = self._frame_per_point
        first_rows = (self._first_row(**datum) for datum in datum_kwargs)
        return self._rows.paths(row for first in first_rows for row in range(first, first + n_frames))

    def _first_row(self, point_number: int) -> int:
        return whole_number(point_number, "point_number") * self._frame_per_point


class IndexHandler(_RowsHandler):
    """Datum ``index`` is one row, without an axis of frames.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    """

    def __call__(self, index: int) -> Array:
        """Return one row, in the shape and dtype of the file.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        """
        shape, dtype, _ = self.structure(index)
        out: Array = np.empty((1, *shape), dtype)
        self.read_into(out, [{"index": index}], tuple(slice(0, length) for length in shape))
        whole: Array = out[0]
        return whole

    def structure(self, index: int) -> Structure:
        """Return shape, dtype and chunks of one row, from headers alone.

        Raises
        ------
        OSError
            When a file is missing or damaged, or ends before the row does.
        """
        return Structure(*self._rows.describe(self._row(index), 1))

    def read_into(self, out: Array, datums: Sequence[Mapping[str, Any]], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, with the same region of each row.

        Raises
        ------
        OSError
            When a file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the file, or rows differ in shape or dtype.
        """
        for stretch in stretches([self._row(**datum) for datum in datums]):
            block = Block(stretch.first, 1, stretch.step, stretch.count)
            self._rows.read(out[stretch.at : stretch.at + stretch.count, np.newaxis], block, region)

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the files that these rows are read from, each once, opening none."""
        return self._rows.paths(self._row(**datum) for datum in datum_kwargs)

    def _row(self, index: int) -> int:
        return whole_number(index, "index")
