"""Rows of an HDF5 dataset read past HDF5, from where they lie in the file.

HDF5 copies and decodes whole chunks to give a part of each, and lets one thread of a process work at a time. Where each
chunk is so many whole rows, the part that is asked for can be read without it. HDF5 is asked once where the chunks are;
everything that is unusual is left to it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from ..decoding import DecodingError, decoder_of
from ..rows import Array, Block, FileIdentity
from .decoded import DecodedRows, Scratch
from .flags import is_open_for_writing
from .places import NOT_WRITTEN, UNUSUAL, ChunkPlaces, KeptPlaces, can_be_kept, n_chunks_of
from .plain import PlainRows, fill

# Finding all chunks takes so many times less than to look one up, and less than to open the file once more.
_CHUNKS_PER_ROW_ASKED = 16
_CHUNKS_PER_OPENING = 256


class DamagedChunk(OSError):
    """A chunk that cannot be decoded.

    Attributes
    ----------
    path, dataset : str
        Whose chunk it is.
    chunk : tuple of int
        The place of its first element in the dataset.
    reason : str
        What is wrong with it.
    """

    def __init__(self, path: str, dataset: str, chunk: tuple[int, ...], reason: str):
        super().__init__(f"{path}: the chunk of {dataset} that begins at {chunk} is damaged: {reason}")
        self.path, self.dataset, self.chunk, self.reason = path, dataset, chunk, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.dataset, self.chunk, self.reason)


def obstacle(dataset: h5py.Dataset, file: h5py.File, *, axes_of_rows: int) -> str:
    """Return why HDF5 alone can read a dataset, in words; empty where its rows can be read past HDF5.

    Parameters
    ----------
    dataset : h5py.Dataset
        With at least one axis.
    file : h5py.File
        The file that it is in.
    axes_of_rows : int
        How many of its first axes count rows, in C order; with 0 the dataset is one row.
    """
    # Only "sec2" has a descriptor of one file. Until 2024 HDF5 forgot the user block in the addresses of chunks
    # (https://github.com/HDFGroup/hdf5/issues/3003). A type that h5py translates need not have NumPy's bytes.
    is_native = dataset.dtype.kind in "iuf" and dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
    obstacles = {
        "it is a virtual dataset": dataset.is_virtual,
        "its values are kept outside the file": bool(dataset.external),
        f"its type {dataset.dtype} is translated": not is_native,
        f"its chunks {dataset.chunks} cut its rows": not _has_whole_rows(dataset, axes_of_rows),
        "it has too many chunks to remember where they are": not can_be_kept(dataset),
        "the file is open for writing": file.mode != "r" or is_open_for_writing(file.filename),
        "the file has a user block, or more than one part": not _is_one_piece(file.id),
        "this system has no preadv": not hasattr(os, "preadv"),
    }
    return next((reason for reason, is_in_the_way in obstacles.items() if is_in_the_way), "")


class RowChunks:
    """The chunks of a dataset, each of whole rows; it holds nothing open.

    Parameters
    ----------
    dataset : h5py.Dataset
        One without an `obstacle`.
    path : str
        The file that it is in.
    axes_of_rows : int
        How many of its first axes count rows.

    Attributes
    ----------
    obstacle : str
        Why they cannot be decoded here, in words; else empty.
    """

    def __init__(self, dataset: h5py.Dataset, path: str, *, axes_of_rows: int):
        self._path, self._name = path, dataset.name
        self._counting, self._row_shape = dataset.shape[:axes_of_rows], dataset.shape[axes_of_rows:]
        self._n_rows = math.prod(self._counting)
        self._row_bytes = math.prod(self._row_shape) * dataset.dtype.itemsize
        self._rows_per_chunk = self._n_rows if dataset.chunks is None else math.prod(dataset.chunks[:axes_of_rows])
        self._n_chunks = n_chunks_of(dataset)
        self._plain = PlainRows(self._row_shape, dataset.dtype)
        self.obstacle = ""
        self._decoded = self._rows_to_decode(dataset)
        self._places = KeptPlaces()
        self._identity: FileIdentity | None = None
        self._n_lost = 0

    @property
    def way(self) -> str:
        """How rows are read, in words."""
        return "past HDF5, as they are" if self._decoded is None else "past HDF5, decoded"

    def locate(self, dataset: h5py.Dataset, block: Block, *, opened_ns: int) -> ChunkPlaces | None:
        """Find out where all chunks are, if that takes less than it saves for these rows and was lost on others.

        Parameters
        ----------
        dataset : h5py.Dataset
            The dataset, open.
        block : Block
            The rows that are asked for.
        opened_ns : int
            When its file was opened at the earliest, in nanoseconds since 1970.

        Returns
        -------
        ChunkPlaces or None
            None where they are not known: never those of a file that changed not long before it was opened, or later.
        """
        places = self._places.get()
        if places is not None:
            return places
        if self._n_lost + block.count * block.size * _CHUNKS_PER_ROW_ASKED < self._n_chunks:
            return None
        identity = FileIdentity.of_descriptor(h5py.h5i.get_file_id(dataset.id).get_vfd_handle())
        if not identity.is_settled(opened_ns):
            return None
        places = ChunkPlaces(dataset, axes_of_rows=len(self._counting))
        if self._may_be_undecoded(self._n_chunks - 1, int(places.n_bytes[-1])):
            places.first_bytes[-1] = UNUSUAL
        self._identity = identity
        self._places.put(places)
        return places

    def count_opening(self, block: Block) -> None:
        """Take down that the file had to be opened for rows, which would not have been if all chunks were located."""
        self._n_lost += block.count * block.size * _CHUNKS_PER_ROW_ASKED + _CHUNKS_PER_OPENING

    def stored_rows(self, places: ChunkPlaces) -> Array | None:
        """Tell which rows are in the file, ``(n_rows,)`` bool; None where all are."""
        is_there = places.first_bytes != NOT_WRITTEN
        found: Array = np.repeat(is_there, self._rows_per_chunk)[: self._n_rows]
        return None if is_there.all() else found

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> bool:
        """Fill ``out``, of shape ``(count, size, *inner)``, if all these rows are where they were found.

        Returns
        -------
        bool
            False when HDF5 must be asked instead: chunks are not located, or the file has changed since; a row was
            never written, or is stepped over.

        Raises
        ------
        OSError
            When the file is missing or short, or a chunk damaged.
        """
        places = self._places.get()
        if places is None or _has_steps(inner):
            return False
        numbers = block.numbers
        if (places.first_bytes[numbers // self._rows_per_chunk] < 0).any():
            return False
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            if FileIdentity.of_descriptor(descriptor) != self._identity:
                return False
            try:
                self._read_from(descriptor, places, out, numbers, inner)
            except OSError:
                if FileIdentity.of_descriptor(descriptor) == self._identity:
                    raise
            return FileIdentity.of_descriptor(descriptor) == self._identity
        finally:
            os.close(descriptor)

    def read_through(self, dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> bool:
        """Fill ``out`` from compressed chunks whose bytes HDF5 looks up, and leaves as they are.

        Parameters
        ----------
        dataset : h5py.Dataset
            The dataset, open.
        out, block, inner
            As of `read`.

        Returns
        -------
        bool
            False when HDF5 must decode them: nothing is compressed, a filter was left out, a row was never written or
            is stepped over.

        Raises
        ------
        OSError
            When a chunk is damaged.
        """
        # Asked about a dataset that has no chunk at all, HDF5 2.0 says how long something else is.
        has_chunks = self._decoded is not None and dataset.id.chunk_iter(lambda chunk: True) is not None
        if self._decoded is None or not has_chunks or _has_steps(inner):
            return False

        def fetch(number: int, scratch: Scratch, share: float) -> Array:
            mask, chunk = dataset.id.read_direct_chunk(self._place_of(number))
            if mask or self._may_be_undecoded(number, len(chunk)):
                raise _LeftToHDF5Error
            return np.frombuffer(chunk, np.uint8)

        try:
            self._decoded.read(fetch, out, block.numbers, inner, damaged=self._damaged)
        except (_LeftToHDF5Error, RuntimeError):  # h5py's error where there is no such chunk
            return False
        return True

    def _read_from(
        self, descriptor: int, places: ChunkPlaces, out: Array, numbers: Array, inner: Sequence[slice]
    ) -> None:
        if self._decoded is None:
            chunks, rows = np.divmod(numbers, self._rows_per_chunk)
            self._plain.read(descriptor, out, places.first_bytes[chunks] + rows * self._row_bytes, inner)
            return
        file_bytes = os.fstat(descriptor).st_size

        def fetch(number: int, scratch: Scratch, share: float) -> Array:
            start, n_bytes = int(places.first_bytes[number]), int(places.n_bytes[number])
            if start + n_bytes > file_bytes:  # a damaged index may tell of any number of bytes
                raise OSError(f"the file ends {start + n_bytes - file_bytes} bytes early")
            chunk = scratch.of(math.ceil(n_bytes * share))
            fill(descriptor, chunk.data, start)
            return chunk

        self._decoded.read(fetch, out, numbers, inner, damaged=self._damaged)

    def _rows_to_decode(self, dataset: h5py.Dataset) -> DecodedRows | None:
        """Return what decodes the chunks; None where nothing has to, or HDF5 alone can."""
        properties = dataset.id.get_create_plist()
        filters = [properties.get_filter(number) for number in range(properties.get_nfilters())]
        if not filters:
            return None
        decoder = decoder_of(
            [(number, values) for number, _, values, _ in filters],
            itemsize=dataset.dtype.itemsize,
            n_bytes=self._rows_per_chunk * self._row_bytes,
        )
        if decoder is None:
            names = ", ".join(name.decode(errors="replace").partition(";")[0] for *_, name in filters)
            self.obstacle = f"its filters ({names}) are left to it"
            return None
        return DecodedRows(decoder, row_shape=self._row_shape, dtype=dataset.dtype, rows_per_chunk=self._rows_per_chunk)

    def _may_be_undecoded(self, number: int, n_bytes: int) -> bool:
        """Tell whether a chunk that ends beyond the dataset may be stored without its filters.

        Files may ask for that (H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS), and h5py does not tell whether they do.
        """
        is_cut = number == self._n_chunks - 1 and self._n_rows % self._rows_per_chunk > 0
        return self._decoded is not None and is_cut and n_bytes == self._rows_per_chunk * self._row_bytes

    def _place_of(self, number: int) -> tuple[int, ...]:
        """Return where the chunk of a number begins in the dataset."""
        first = np.unravel_index(number * self._rows_per_chunk, self._counting) if self._counting else ()
        return (*map(int, first), *(0 for _ in self._row_shape))

    def _damaged(self, number: int, error: DecodingError) -> DamagedChunk:
        return DamagedChunk(self._path, self._name, self._place_of(number), error.reason)


class _LeftToHDF5Error(Exception):
    """A chunk is not as the dataset says of all."""


def _is_one_piece(file: h5py.h5f.FileID) -> bool:
    is_one_file = file.get_access_plist().get_driver() == h5py.h5fd.SEC2
    return bool(is_one_file and file.get_create_plist().get_userblock() == 0)


def _has_whole_rows(dataset: h5py.Dataset, axes_of_rows: int) -> bool:
    if dataset.chunks is None:
        return True
    is_whole = dataset.chunks[axes_of_rows:] == dataset.shape[axes_of_rows:]
    return bool(is_whole) and (axes_of_rows == 1 or all(length == 1 for length in dataset.chunks[:axes_of_rows]))


def _has_steps(inner: Sequence[slice]) -> bool:
    return any(part.step not in (None, 1) for part in inner)
