"""Rows along the first axis of one HDF5 dataset, read by hyperslabs.

What a datum is does not belong here, nor which dataset a detector writes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import h5py
import numpy as np

from .hdf5_file import OpenFile, acquire, open_hdf5, release
from .hdf5_links import files_behind
from .rows import Array, Block, RowStructure, require_dtype

_SCRATCH_BYTES = 8 * 2**20


class HDF5Rows:
    """Rows of a dataset of one file, opened at the first question.

    Parameters
    ----------
    path : str
        The file.
    dataset : str
        Name of the dataset in the file.
    swmr : bool
        Follow a writer in SWMR mode: when rows beyond the known end are asked for, look again.
    """

    def __init__(self, path: str, dataset: str, *, swmr: bool = False):
        self._path = str(path)
        self._name = dataset
        self._swmr = swmr
        self._file: OpenFile | None = None
        self._release: Callable[[], object] = lambda: None
        self._dataset: h5py.Dataset | None = None
        self._n_known = 0

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from the header alone.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or ends before the last of these rows.
        """
        dataset = self._with_rows(first, first + count)
        return RowStructure(dataset.shape[1:], _plain_dtype(dataset), dataset.chunks)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``, by one hyperslab.

        Raises
        ------
        OSError
            When the file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the dataset.
        """
        dataset = self._with_rows(block.first, block.stop)
        require_dtype(out, _plain_dtype(dataset), self._path)
        if out.size == 0:
            return
        try:
            _read_hyperslab(dataset, out, block, inner)
        except OSError as error:
            raise OSError(
                f"{self._path}: rows {block.first} to {block.stop} of {self._name} cannot be read: {error}"
            ) from error

    def n_rows(self) -> int:
        """Return how many whole rows there are now.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        self._look_again()
        return self._n_known

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self) -> list[str]:
        """Return the files behind external links, virtual datasets and raw data kept outside, as absolute paths.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        if self._file is not None and self._file.is_open:
            return files_behind(self._file.file, self._name, swmr=self._swmr)
        with open_hdf5(self._path, swmr=self._swmr) as file:
            return files_behind(file, self._name, swmr=self._swmr)

    def close(self) -> None:
        """Close the file."""
        self._file, self._dataset, self._n_known = None, None, 0
        self._release()

    def _open(self) -> h5py.Dataset:
        if self._file is None or not self._file.is_open:
            self.close()
            self._file = acquire(self._path, swmr=self._swmr)
            self._release = weakref.finalize(self, release, self._file)
        if self._dataset is None:
            self._dataset = self._file.dataset(self._name)
        return self._dataset

    def _look_again(self) -> None:
        dataset = self._open()
        if dataset.ndim == 0:
            raise OSError(f"{self._path}: {self._name} is a single value and has no rows")
        if dataset.file.swmr_mode:
            dataset.refresh()
        self._n_known = _n_whole_rows(dataset, swmr=self._swmr)

    def _with_rows(self, first: int, stop: int) -> h5py.Dataset:
        if stop > self._n_known:
            self._look_again()
        if stop > self._n_known:
            raise OSError(
                f"{self._path}: rows {first} to {stop} of {self._name} were asked for, and it has {self._n_known}"
            )
        return self._open()


def _n_whole_rows(dataset: h5py.Dataset, *, swmr: bool) -> int:
    """Leave out rows that a writer has made room for but not written: HDF5 would fill them with zeros."""
    n_rows = len(dataset)
    if not swmr or dataset.chunks is None:
        return n_rows
    rows_per_chunk, *inner_chunks = dataset.chunks
    inner = list(product(*(range(0, n, step) for n, step in zip(dataset.shape[1:], inner_chunks, strict=True))))
    while n_rows > 0:
        chunk_start = (n_rows - 1) // rows_per_chunk * rows_per_chunk
        if all(dataset.id.get_chunk_info_by_coord((chunk_start, *corner)).byte_offset is not None for corner in inner):
            break
        n_rows = chunk_start
    return n_rows


def _plain_dtype(dataset: h5py.Dataset) -> np.dtype[Any]:
    """Return the dtype without what h5py notes on it for variable-length values."""
    return np.dtype(object) if dataset.dtype == object else dataset.dtype


def _read_hyperslab(dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
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
    in_memory = h5py.h5s.create_simple(out.shape)
    dataset.id.read(in_memory, in_file, out, h5py.h5t.py_create(dataset.dtype))
