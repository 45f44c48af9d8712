"""Rows along the first axis, or the first axes, of the array in one file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .datum_numbers import whole_number
from .file_rows import ArrayFormat, ArrayHeader
from .rows import Array, BeforeOpening, Block, EndsEarly, Layout, RowStructure, axes_of_rows, lines_of, require_dtype


class SingleFileRows:
    """Rows of one file.

    Parameters
    ----------
    file_format : ArrayFormat
        Reads the file.
    path : str
        The file.
    row_axes : int, optional
        How many axes a row has, by default all but the first. A file that has no more is one row; the axes that it has
        before those of a row count rows in C order.
    fewest_row_axes : int, optional
        How many axes a row has at least, where ``row_axes`` is not given; a file that has no more is one row.
    is_fixed : bool, optional
        The format says how many axes a row has, so that no descriptor can mean another number: the handler takes no
        ``row_axes`` then.

    Raises
    ------
    ValueError
        When ``row_axes`` is no number of axes.
    """

    def __init__(
        self,
        file_format: ArrayFormat,
        path: str,
        *,
        row_axes: int | None = None,
        fewest_row_axes: int = 0,
        is_fixed: bool = False,
    ):
        self._format = file_format
        self._path = path
        self._row_axes = None if row_axes is None else whole_number(row_axes, "row_axes")
        self._fewest = fewest_row_axes
        self._is_fixed = is_fixed

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from the header.

        Raises
        ------
        OSError
            When the file is missing, damaged or ends before the last of these rows.
        """
        header = self._header(stop=first + count)
        shape = header.shape[self._axes_of_rows(header) :]
        return RowStructure(shape, header.dtype, (1, *shape))

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the array in the file, and how many rows it makes.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        header = self._format.describe(self._path)
        n_axes = self._axes_of_rows(header)
        n_rows = math.prod(header.shape[:n_axes])
        return Layout(header.shape, header.dtype, len(header.shape) - n_axes, n_rows=n_rows, is_fixed=self._is_fixed)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        ValueError
            When ``out`` has not the dtype of the file.
        """
        header = self._header(stop=block.stop)
        require_dtype(out, header.dtype, self._path)
        for part, place in lines_of(out, block, header.shape[: self._axes_of_rows(header)]):
            lines = part[(np.newaxis,) * (len(place) - 1)]
            self._format.read(self._path, header, out=lines, region=(*place, *inner))

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return nothing: files of these formats refer to no others."""
        return []

    def close(self) -> None:
        """Do nothing: the file is closed as soon as it is read."""

    def _axes_of_rows(self, header: ArrayHeader) -> int:
        return axes_of_rows(header.shape, self._row_axes, fewest=self._fewest, where=self._path)

    def _header(self, *, stop: int) -> ArrayHeader:
        header = self._format.describe(self._path)
        n_rows = math.prod(header.shape[: self._axes_of_rows(header)])
        if stop > n_rows:
            asked = f"{self._path}: row {stop - 1} was requested, but it has {n_rows} rows"
            raise EndsEarly(f"{asked}; its shape is {header.shape}")
        return header
