"""Rows along the first axis of one HDF5 dataset, or along its first axes, read by hyperslabs."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import h5py
import numpy as np

from ..rows import (
    Array,
    BeforeOpening,
    Block,
    EndsEarly,
    Layout,
    RowStructure,
    axes_of_rows,
    lines_of,
    require_dtype,
    whole_number,
)
from .file import OpenFile, acquire, reason_of, release
from .growth import Extent, whole_rows
from .links import files_behind, missing_behind
from .offsets import RowOffsets, is_plain, is_worthwhile
from .written import spans, written_rows

_SCRATCH_BYTES = 8 * 2**20  # of what is read aside and then copied


class HDF5Rows:
    """Rows of a dataset of one file, opened when it is first needed.

    Parameters
    ----------
    path : str
        The file.
    dataset : str
        Name of the dataset in the file.
    swmr : bool
        Follow a writer in SWMR mode: when rows beyond the known end are asked for, look again.
    row_axes : int, optional
        How many axes a row has, by default all but the first. A dataset that has no more is one row; the axes that it
        has before those of a row count rows in C order, as the axes of a grid do.
    fewest_row_axes : int, optional
        How many axes a row has at least, where ``row_axes`` is not given.
    is_fixed : bool, optional
        A row has as many axes as is said here, whatever a descriptor declares: for handlers that take no ``row_axes``.

    Raises
    ------
    ValueError
        When ``row_axes`` is no number of axes.
    """

    def __init__(
        self,
        path: str,
        dataset: str,
        *,
        swmr: bool = False,
        row_axes: int | None = None,
        fewest_row_axes: int = 0,
        is_fixed: bool = False,
    ):
        self._path = str(path)
        self._name = dataset
        self._swmr = swmr
        self._row_axes = None if row_axes is None else whole_number(row_axes, "row_axes")
        self._fewest = fewest_row_axes
        self._is_fixed = is_fixed
        self._file: OpenFile | None = None
        self._release: Callable[[], object] = lambda: None
        self._dataset: h5py.Dataset | None = None
        self._known = Extent(0)
        self._linked: list[str] | None = None
        self._is_plain: bool | None = None
        self._offsets: RowOffsets | None = None
        self._stored: tuple[Array | None] | None = None  # in a tuple, once it is known: `written_rows` may return None

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from the header alone.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or ends before the last of these rows.
        """
        with self._open().lock:
            dataset = self._with_rows(first, first + count)
            dataset = self._with_written(dataset, Block(first, count, count, 1))
            n_axes = self._axes_of_rows(dataset)
            return RowStructure(dataset.shape[n_axes:], _plain_dtype(dataset), _chunks_by_row(dataset, n_axes))

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the whole dataset, and how many rows it makes.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        with self._open().lock:
            self._look_again()
            dataset = self._current()
            row_axes = dataset.ndim - self._axes_of_rows(dataset)
            shape, dtype = dataset.shape, _plain_dtype(dataset)
            return Layout(shape, dtype, row_axes, n_rows=self._known.n_rows, is_fixed=self._is_fixed)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``, by one hyperslab.

        Raises
        ------
        OSError
            When the file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the dataset.
        """
        with self._open().lock:
            dataset = self._with_written(self._with_rows(block.first, block.stop), block)
            require_dtype(out, _plain_dtype(dataset), self._path)
            try:
                self._read(dataset, out, block, inner)
            except (OSError, RuntimeError) as error:
                asked = f"rows {block.first} to {block.stop} of {self._name}"
                raise OSError(f"{self._path}: {asked} cannot be read: {reason_of(error)}") from error

    def n_rows(self) -> int:
        """Return how many whole rows there are now.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        with self._open().lock:
            self._look_again()
            return self._known.n_rows

    def require_sources(self) -> None:
        """Refuse to take for all rows those of a virtual dataset that come before the first missing file.

        Raises
        ------
        OSError
            When such a file is missing.
        """
        with self._open().lock:
            self._look_again()
            if self._known.is_short:
                raise EndsEarly(f"{self._path}: {self._name} has {self._known.n_rows} rows; {self._known.reason}")

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files behind external links, virtual datasets and raw data kept outside, as absolute paths.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        if self._linked is not None and self._is_open():
            return self._linked
        if before_opening is not None:
            before_opening(self._path)
        with self._open().lock:
            if self._linked is None:
                opened = self._open().file
                self._linked = files_behind(opened, self._name, swmr=self._swmr, before_opening=before_opening)
            return self._linked

    def close(self) -> None:
        """Let go of the file."""
        self._file, self._dataset, self._known = None, None, Extent(0)
        self._linked, self._is_plain, self._offsets, self._stored = None, None, None, None
        self._release()

    def _read(self, dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
        n_axes = self._axes_of_rows(dataset)
        if n_axes != 1:
            is_text = h5py.check_string_dtype(dataset.dtype)
            for part, place in lines_of(out, block, dataset.shape[:n_axes]):
                found = dataset[(*place, *inner)].reshape(part.shape)
                part[...] = _as_text(found) if is_text else found
        elif not self._read_from_file(dataset, out, block, inner):
            _read_hyperslab(dataset, out, block, inner)

    def _axes_of_rows(self, dataset: h5py.Dataset) -> int:
        """Return how many of the first axes count rows."""
        where = f"{self._path}: {self._name}"
        return axes_of_rows(dataset.shape, self._row_axes, fewest=self._fewest, where=where)

    def _read_from_file(self, dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> bool:
        if self._is_plain is None:
            self._is_plain = is_plain(dataset)
        if self._is_plain and self._offsets is None and is_worthwhile(dataset, block):
            self._offsets = RowOffsets(dataset)
        return self._offsets is not None and self._offsets.read(out, block, inner)

    def _is_open(self) -> bool:
        return self._file is not None and self._file.is_open

    def _open(self) -> OpenFile:
        if self._file is None or not self._file.is_open:
            self.close()
            self._file = acquire(self._path, swmr=self._swmr)
            self._release = weakref.finalize(self, release, self._file)
        return self._file

    def _current(self) -> h5py.Dataset:
        """Return the dataset of the file as opened last, by whomever."""
        if not self._dataset:
            self._linked, self._is_plain, self._offsets, self._stored = None, None, None, None
            self._dataset = self._find_dataset(self._open())
            if self._dataset.ndim == 0:
                raise OSError(f"{self._path}: {self._name} is a single value and has no rows")
        return self._dataset

    def _find_dataset(self, file: OpenFile) -> h5py.Dataset:
        try:
            return file.dataset(self._name)
        except OSError as error:
            lost = missing_behind(file.file, self._name, swmr=self._swmr)
            if not lost:
                raise
            raise OSError(f"{error}; {lost[-1]} is missing") from error

    def _look_again(self) -> None:
        try:
            file, dataset = self._open(), self._current()
            # A file that is not followed was whole when it was opened, or `open_hdf5` would have refused it.
            if not file.is_fresh and (dataset.is_virtual or dataset.file.swmr_mode):
                file.look_again()
                dataset = self._current()
            file.is_fresh = False
            swmr = dataset.file.swmr_mode
            self._known = whole_rows(dataset, swmr=swmr, axes_of_rows=self._axes_of_rows(dataset))
        except RuntimeError as error:
            raise OSError(f"{self._path}: the length of {self._name} cannot be read: {reason_of(error)}") from error

    def _with_rows(self, first: int, stop: int) -> h5py.Dataset:
        if stop > self._known.n_rows:
            self._look_again()
        if stop > self._known.n_rows:
            asked = f"{self._path}: rows {first} to {stop} of {self._name} were requested"
            reasons = [self._known.reason, f"its shape is {self._current().shape}"]
            raise EndsEarly("; ".join(filter(None, [f"{asked}, but it has {self._known.n_rows}", *reasons])))
        return self._current()

    def _with_written(self, dataset: h5py.Dataset, block: Block) -> h5py.Dataset:
        """Refuse rows of which HDF5 has nothing, and would give the fill value for what was measured."""
        if not len(self._never_written(dataset, block)):
            return dataset
        if dataset.file.swmr_mode:
            self._look_again()
            dataset = self._current()
        lost = self._never_written(dataset, block)
        if len(lost):
            raise EndsEarly(
                f"{self._path}: rows {spans(lost)} of {self._name} were never written; HDF5 would give its fill value "
                f"{dataset.fillvalue} for them"
            )
        return dataset

    def _never_written(self, dataset: h5py.Dataset, block: Block) -> Array | tuple[()]:
        if self._stored is None:
            self._stored = (written_rows(dataset, axes_of_rows=self._axes_of_rows(dataset)),)
        (stored,) = self._stored
        if stored is None:
            return ()
        numbers = block.numbers().reshape(-1)
        return numbers[~stored[numbers]]


def _plain_dtype(dataset: h5py.Dataset) -> np.dtype[Any]:
    """Return the dtype without what h5py notes on it for variable-length values."""
    return np.dtype(object) if dataset.dtype == object else dataset.dtype


def _chunks_by_row(dataset: h5py.Dataset, n_axes: int) -> tuple[int, ...] | None:
    """Return the chunks of a dataset whose first axes count rows, as neighbours that a chunk holds, then the others."""
    if dataset.chunks is None:
        return None
    n_neighbours = 1
    for length, chunk in list(zip(dataset.shape, dataset.chunks, strict=True))[:n_axes][::-1]:
        n_neighbours *= chunk
        if chunk < length:
            break
    return (n_neighbours, *dataset.chunks[n_axes:])


def _read_hyperslab(dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
    # H5Dread knows no strides in memory; and objects are decoded on the way.
    if out.flags.c_contiguous and not dataset.dtype.hasobject:
        _select_and_read(dataset, out, block, inner)
        return
    groups = max(1, _SCRATCH_BYTES // max(1, out[:1].nbytes))
    for start in range(0, block.count, groups):
        part = out[start : start + groups]
        scratch = np.empty(part.shape, dataset.dtype)
        some = replace(block, first=block.first + start * block.step, count=len(part))
        _select_and_read(dataset, scratch, some, inner)
        part[...] = _as_text(scratch) if h5py.check_string_dtype(dataset.dtype) else scratch


def _as_text(values: Array) -> Array:
    """Decode strings of variable length; those of fixed length keep their bytes, which NumPy can hold."""
    if not values.dtype.hasobject:
        return values
    return np.array([value.decode() for value in values.flat], dtype=object).reshape(values.shape)


def _select_and_read(dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
    in_file = dataset.id.get_space()
    sizes = out.shape[2:]
    in_file.select_hyperslab(
        (block.first, *(part.start for part in inner)),
        (block.count, *sizes),
        stride=(max(block.step, block.size), *(part.step or 1 for part in inner)),
        block=(block.size, *(1 for _ in sizes)),
    )
    # Of the file's own rank: HDF5 copies element by element, 90 times slower, between spaces of different ranks.
    in_memory = h5py.h5s.create_simple((out.shape[0] * out.shape[1], *sizes))
    dataset.id.read(in_memory, in_file, out, h5py.h5t.py_create(dataset.dtype))
