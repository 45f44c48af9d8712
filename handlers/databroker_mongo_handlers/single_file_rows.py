"""Rows along the first axis of the array in one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .file_rows import ArrayFormat, ArrayHeader
from .rows import Array, BeforeOpening, Block, EndsEarly, RowStructure, require_dtype


class SingleFileRows:
    """Rows of one file.

    Parameters
    ----------
    file_format : ArrayFormat
        Reads the file.
    path : str
        The file.
    row_axes : int or None
        How many axes a row has at least; a file that has no more is one row. None: all but the first.
    """

    def __init__(self, file_format: ArrayFormat, path: str, *, row_axes: int | None = None):
        self._format = file_format
        self._path = path
        self._row_axes = row_axes

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from the header.

        Raises
        ------
        OSError
            When the file is missing, damaged or ends before the last of these rows.
        """
        header = self._header(stop=first + count)
        shape = header.shape[1:] if self._is_stack(header) else header.shape
        return RowStructure(shape, header.dtype, (1, *shape))

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
        if not self._is_stack(header):
            self._format.read(self._path, header, out=out[0, 0, ...], region=tuple(inner))
            return
        if block.size == block.step == 1:
            out, block = out[np.newaxis, :, 0], Block(block.first, block.count, block.count, 1)
        for group in range(block.count):
            start = block.first + group * block.step
            region = (slice(start, start + block.size), *inner)
            self._format.read(self._path, header, out=out[group], region=region)

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return nothing: files of these formats refer to no others."""
        return []

    def close(self) -> None:
        """Do nothing: the file is closed as soon as it is read."""

    def _is_stack(self, header: ArrayHeader) -> bool:
        return len(header.shape) > (0 if self._row_axes is None else self._row_axes)

    def _header(self, *, stop: int) -> ArrayHeader:
        header = self._format.describe(self._path)
        n_rows = header.shape[0] if self._is_stack(header) else 1
        if stop > n_rows:
            raise EndsEarly(f"{self._path}: row {stop - 1} was asked for, and it has {n_rows} rows")
        return header
