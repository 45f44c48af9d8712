"""Rows of numbered files, one a file or a few: families of TIFF, NumPy, CBF files and the like.

What is in a file is the format's business, and which files there are the handler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from .datum_numbers import whole_number
from .rows import Array, BeforeOpening, Block, EndsEarly, Layout, RowStructure, lines_of, require_dtype
from .threads import read_side_by_side


class ArrayHeader(NamedTuple):
    """Shape and dtype of the array in one file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def require(self, found: ArrayHeader, path: str) -> None:
        """Refuse a file whose array is not like this one, lest it be cropped or converted.

        Raises
        ------
        ValueError
            With what was found and what was expected.
        """
        if found != self:
            raise ValueError(
                f"{path} holds {found.dtype} of shape {found.shape}, unlike the {self.dtype} of shape {self.shape} "
                "of other files of the family"
            )


class ArrayFormat(Protocol):
    """How one file of a format is read."""

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype of the array in a file, from its header, having made sure that the file is whole.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        ...

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region of the array in a file.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        ValueError
            When the array is not as expected.
        """
        ...


class FileRows:
    """Rows of numbered files: each file is one row, or holds several along its first axis.

    Rows are read only while they are like the row described last, or like the first one read.

    Parameters
    ----------
    file_format : ArrayFormat
        Reads one file.
    path_of : callable
        From the number of a file to its path.
    chunk_shape : sequence of int, optional
        What a stream resource says of a file: the number of its rows, then the shape of a row. The last file may have
        fewer rows. By default a file is one row, whatever its axes.
    n_threads : callable, optional
        How many files are read side by side; for formats that let other threads work while they read.
    """

    def __init__(
        self,
        file_format: ArrayFormat,
        path_of: Callable[[int], str],
        *,
        chunk_shape: Sequence[int] = (),
        n_threads: Callable[[], int] | None = None,
    ):
        self._format = file_format
        self._path_of = path_of
        self._n_axes = len(chunk_shape)
        self._row_shape = tuple(chunk_shape[1:])
        self._rows_per_file = whole_number(chunk_shape[0], "chunk_shape", minimum=1) if chunk_shape else 1
        self._n_threads = n_threads
        self._expected: ArrayHeader | None = None

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of the first of these rows, having looked at the header of each file.

        Raises
        ------
        OSError
            When a file is missing, damaged or short.
        ValueError
            When they differ in shape or dtype.
        """
        stop = first + count
        header = self._header_of(first // self._rows_per_file, rows=first % self._rows_per_file + 1)
        shape, dtype = self._row_of(header)
        for number in range(first // self._rows_per_file, (stop - 1) // self._rows_per_file + 1):
            found = self._header_of(number, rows=min(self._rows_per_file, stop - number * self._rows_per_file))
            ArrayHeader(shape, dtype).require(self._row_of(found), self._path_of(number))
        self._expected = header
        return RowStructure(shape, dtype, (self._rows_per_file, *shape))

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the array in the file of a row; the number of its axes is fixed.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        header = self._header_of(number // self._rows_per_file, rows=number % self._rows_per_file + 1)
        return Layout(header.shape, header.dtype, len(self._row_of(header).shape))

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``, file by file.

        Raises
        ------
        OSError
            When a file is missing, damaged or short.
        ValueError
            When a file has another shape or dtype than the first.
        """
        if self._expected is None:
            self.describe(block.first, 1)
        assert self._expected is not None
        require_dtype(out, self._expected.dtype, self._path_of(block.first // self._rows_per_file))
        expected, region = self._expected, tuple(inner)

        def read_one(part: _Part) -> None:
            self._read_part(part, expected, region)

        parts = list(_parts(out, block, self._rows_per_file))
        n_threads = 1 if self._n_threads is None else self._n_threads()
        read_side_by_side(read_one, parts, n_bytes=out.nbytes, n_threads=n_threads)

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the file of each row, each once, opening none."""
        files = dict.fromkeys(number // self._rows_per_file for number in numbers)
        return [self._path_of(number) for number in files]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files that the files of these rows refer to, where their format can."""
        linked_files = getattr(self._format, "linked_files", None)
        if linked_files is None:
            return []
        paths = self.paths(numbers)
        found = (other for path in paths for other in linked_files(path, before_opening=before_opening))
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Forget what rows look like; each file is closed as soon as it is read."""
        self._expected = None

    def _has_axis_of_rows(self, header: ArrayHeader) -> bool:
        if self._rows_per_file > 1:
            return not self._row_shape or header.shape != self._row_shape  # some formats keep no axis for a single row
        return len(header.shape) == self._n_axes and header.shape[:1] == (1,)

    def _row_of(self, header: ArrayHeader) -> ArrayHeader:
        return header._replace(shape=header.shape[1:]) if self._has_axis_of_rows(header) else header

    def _header_of(self, number: int, *, rows: int) -> ArrayHeader:
        """Return the header of a file that holds at least so many rows, and no more than it may."""
        path = self._path_of(number)
        header = self._format.describe(path)
        found = header.shape[0] if self._has_axis_of_rows(header) else 1
        if found > self._rows_per_file:
            raise ValueError(
                f"{path} holds {found} rows, but each file of the family should hold {self._rows_per_file}"
            )
        if found < rows:
            raise EndsEarly(f"{path} holds {found} rows, but {rows} of it were requested")
        return header

    def _read_part(self, part: _Part, expected: ArrayHeader, region: tuple[slice, ...]) -> None:
        path = self._path_of(part.file)
        if self._rows_per_file > 1:
            found = self._header_of(part.file, rows=part.rows.stop)
            self._row_of(expected).require(self._row_of(found), path)
            expected = found
        if self._has_axis_of_rows(expected):
            self._format.read(path, expected, out=part.out, region=(part.rows, *region))
        else:
            self._format.read(path, expected, out=part.out[0, ...], region=region)


@dataclass
class _Part:
    """Neighbouring rows of one file, and the part of the buffer that they fill."""

    file: int
    rows: slice
    out: Array


def _parts(out: Array, block: Block, rows_per_file: int) -> Iterator[_Part]:
    n_files = (block.stop - 1) // rows_per_file + 1
    for part, (file, rows) in lines_of(out, block, (n_files, rows_per_file)):
        yield _Part(file.start, rows, part)
