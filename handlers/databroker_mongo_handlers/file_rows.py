"""Rows of which each is a file of its own: families of TIFF, NumPy, CBF files and the like.

What is in a file is the format's business, and which files there are the handler's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np

from .rows import Array, Block, RowStructure, require_dtype

_WORTH_A_THREAD_BYTES = 2 * 2**20


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
    """Row ``i`` is the whole array of file ``path_of(i)``.

    Rows are read only while they are like the row described last, or like the first one read.

    Parameters
    ----------
    file_format : ArrayFormat
        Reads one file.
    path_of : callable
        From the number of a row to its path.
    n_threads : int, optional
        How many files are read side by side, when there is enough to read.
    """

    def __init__(self, file_format: ArrayFormat, path_of: Callable[[int], str], *, n_threads: int = 1):
        self._format = file_format
        self._path_of = path_of
        self._n_threads = n_threads
        self._expected: ArrayHeader | None = None

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of the first of these rows, having looked at the header of each.

        Raises
        ------
        OSError
            When a file is missing, damaged or short.
        ValueError
            When they differ in shape or dtype.
        """
        header = self._format.describe(self._path_of(first))
        for number in range(first + 1, first + count):
            path = self._path_of(number)
            header.require(self._format.describe(path), path)
        self._expected = header
        return RowStructure(header.shape, header.dtype, (1, *header.shape))

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
            self._expected = self._format.describe(self._path_of(block.first))
        expected, region = self._expected, tuple(inner)
        require_dtype(out, expected.dtype, self._path_of(block.first))

        def read_one(place: tuple[int, Array]) -> None:
            self._format.read(self._path_of(place[0]), expected, out=place[1], region=region)

        if self._n_threads > 1 and out.nbytes >= _WORTH_A_THREAD_BYTES:
            with ThreadPoolExecutor(self._n_threads) as pool:
                list(pool.map(read_one, _places(out, block)))
        else:
            for place in _places(out, block):
                read_one(place)

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the file of each row, opening none."""
        return list(dict.fromkeys(self._path_of(number) for number in numbers))

    def linked_files(self) -> list[str]:
        """Return nothing: files of these formats refer to no others."""
        return []

    def close(self) -> None:
        """Do nothing: each file is closed as soon as it is read."""


def _places(out: Array, block: Block) -> Iterator[tuple[int, Array]]:
    for group in range(block.count):
        for position in range(block.size):
            yield block.first + group * block.step + position, out[group, position, ...]
