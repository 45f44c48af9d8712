"""Rows: what every format of this package looks like to its handler, whatever the files are.

A source of rows is a long array of unknown length whose first axis is read in blocks: the frames of an HDF5 dataset,
of a family of TIFF files, of several files one after the other. Handlers turn datum keywords into row numbers and
leave the rest to the source. What a datum keyword means does not belong here, nor does any file format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

BeforeOpening = Callable[[str], object]
"""Is called with the path of a file that is about to be opened, and may raise."""

Array = np.ndarray[Any, Any]


class Structure(NamedTuple):
    """Shape, dtype and file chunks (None where the file has none) of one datum; chunks count ``(datums, *axes)``."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None


class Layout(NamedTuple):
    """How a datum lies in the array of a file; ``databroker_mongo.assets.handler`` says what each field means."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    row_axes: int
    frames: int | None = None
    n_rows: int = 1
    is_fixed: bool = True


class RowStructure(NamedTuple):
    """Shape of one row, its dtype, and the chunks of the file counted in ``(rows, *axes of one row)``."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None


class EndsEarly(OSError, EOFError):
    """A file that ends before what was asked of it. While it is written, the rest may still come."""


@dataclass(frozen=True)
class Block:
    """Which rows: ``count`` groups of ``size`` neighbours each, the groups ``step`` rows apart."""

    first: int
    size: int
    step: int
    count: int

    @property
    def stop(self) -> int:
        """One more than the last row."""
        return self.first + (self.count - 1) * self.step + self.size

    @cached_property
    def numbers(self) -> Array:
        """The numbers of the rows, ``(count, size)``."""
        return np.add.outer(self.first + np.arange(self.count) * self.step, np.arange(self.size))


class Rows(Protocol):
    """A source of rows. Nothing is opened before it is needed."""

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from headers alone.

        Raises
        ------
        OSError
            When a file is missing or damaged, or ends before the last of these rows.
        """
        ...

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)`` and the rows' dtype, with a region of a block of rows.

        Nobody asks for no rows, or for none of a row.

        Raises
        ------
        OSError
            When a file is missing, damaged or short.
        ValueError
            When rows differ in shape or dtype.
        """
        ...

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the files that these rows are read from, each once, opening none."""
        ...

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files that the files of these rows themselves refer to, from headers alone.

        ``before_opening`` is called with the path of each file that is opened to find out; what it raises is passed on.

        Raises
        ------
        OSError
            When a file is missing or damaged.
        """
        ...

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        ...


def axes_of_rows(shape: tuple[int, ...], row_axes: int | None, *, fewest: int = 0, where: str) -> int:
    """Return how many of the first axes of an array count its rows.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array.
    row_axes : int or None
        How many axes a row has; by default all but the first.
    fewest : int
        How many a row has at least by default: an array of no more is one row.
    where : str
        The place of the array, for errors.

    Raises
    ------
    OSError
        When the array has fewer axes than a row was to have.
    """
    if row_axes is None:
        return int(len(shape) > fewest)
    if row_axes > len(shape):
        raise OSError(f"{where}: a row should have {row_axes} axes, but the array has the shape {shape}")
    return len(shape) - row_axes


def lines_of(out: Array, block: Block, counting: tuple[int, ...]) -> Iterator[tuple[Array, tuple[slice, ...]]]:
    """Yield neighbouring rows of an array whose first axes count them in C order, a line of the last axis at most.

    Parameters
    ----------
    out : numpy.ndarray
        Shape ``(count, size, *inner)``, as of `Rows.read`.
    block : Block
        Which rows.
    counting : tuple of int
        The lengths of the axes that count the rows; of an array that is one row, none.

    Yields
    ------
    part : numpy.ndarray
        What is to be filled, ``(rows, *inner)``, or ``inner`` where no axis counts rows.
    place : tuple
        Where these rows are in the array: a slice for each axis that counts them, all but the last of length 1.
    """
    if not counting:
        yield from ((out[group, 0, ...], ()) for group in range(block.count))
        return
    if block.size == block.step == 1:  # single neighbours, as of a datum each, are one group
        out, block = out[np.newaxis, :, 0], Block(block.first, block.count, block.count, 1)
    for group in range(block.count):
        start = position = block.first + group * block.step
        while position < start + block.size:
            *line, at = map(int, np.unravel_index(position, counting))
            n = min(counting[-1] - at, start + block.size - position)
            place = (*(slice(index, index + 1) for index in line), slice(at, at + n))
            yield out[group, position - start : position - start + n], place
            position += n


def way_of(rows: Rows, number: int) -> str:
    """Return how a row is read, in words; empty where its format knows but one way."""
    tell = getattr(rows, "way", None)
    return "" if tell is None else str(tell(number))


def chunks_by_datum(chunks: tuple[int, ...] | None, rows_per_datum: int) -> tuple[int, ...] | None:
    """Turn chunks counted in ``(rows, *axes)`` into chunks counted in ``(datums, rows of a datum, *axes)``."""
    if chunks is None:
        return None
    rows, *inner = chunks
    return (max(1, rows // rows_per_datum), min(rows, rows_per_datum), *inner)


def whole_layout(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Layout:
    """Return the layout of a datum that is all of an array: a stack of images is as many frames."""
    return Layout(shape, dtype, 2, frames=shape[0]) if len(shape) == 3 else Layout(shape, dtype, len(shape))


def require_dtype(out: Array, dtype: np.dtype[Any], path: str) -> None:
    """Refuse to convert values on the way into ``out``.

    Raises
    ------
    ValueError
        When ``out`` has another dtype.
    """
    if out.dtype != dtype:
        raise ValueError(f"{path} holds {dtype}, but {out.dtype} was requested")
