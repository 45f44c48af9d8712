"""Rows of an HDF5 dataset read past HDF5, from where they lie in the file.

HDF5 copies whole chunks to give a part of each, and lets one thread of a process work at a time. Where each chunk is so
many whole rows, the part that is asked for can be read without it. HDF5 is asked once where the chunks are; everything
that is unusual is left to it.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence

import h5py
import numpy as np

from ..rows import Array, Block, FileIdentity, read_side_by_side
from .flags import is_open_for_writing
from .places import NOT_WRITTEN, ChunkPlaces, KeptPlaces, can_be_kept, n_chunks_of

# Finding all chunks takes so many times less than to look one up, and less than to open the file once more.
_CHUNKS_PER_ROW_ASKED = 16
_CHUNKS_PER_OPENING = 256
_PIECE_BYTES = 4 * 2**20  # what one thread reads at once


class RowChunks:
    """The chunks of a dataset, each of whole rows that lie in the file as they would in memory; it holds nothing open.

    Parameters
    ----------
    dataset : h5py.Dataset
        One that is as `of` wants it.
    axes_of_rows : int
        How many of its first axes count rows.
    """

    @classmethod
    def of(cls, dataset: h5py.Dataset, *, axes_of_rows: int) -> RowChunks | None:
        """Return the chunks of a dataset; None where HDF5 alone can read it, or a writer may change it.

        Parameters
        ----------
        dataset : h5py.Dataset
            With at least one axis.
        axes_of_rows : int
            How many of its first axes count rows, in C order; with 0 the dataset is one row.
        """
        file = dataset.file
        # Only "sec2" has a descriptor of one file. Until 2024 HDF5 forgot the user block in the addresses of chunks
        # (https://github.com/HDFGroup/hdf5/issues/3003). A type that h5py translates need not have NumPy's bytes.
        is_usual = (
            hasattr(os, "preadv")
            and dataset.dtype.kind in "iuf"
            and not dataset.is_virtual
            and not dataset.external
            and _has_whole_rows(dataset, axes_of_rows)
            and can_be_kept(dataset)
            and file.mode == "r"
            and file.driver == "sec2"
            and file.userblock_size == 0
            and dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
            and dataset.id.get_create_plist().get_nfilters() == 0
            and not is_open_for_writing(file.filename)
        )
        return cls(dataset, axes_of_rows=axes_of_rows) if is_usual else None

    def __init__(self, dataset: h5py.Dataset, *, axes_of_rows: int):
        self._path = dataset.file.filename
        self._axes_of_rows = axes_of_rows
        self._n_rows = math.prod(dataset.shape[:axes_of_rows])
        self._row_shape = dataset.shape[axes_of_rows:]
        self._dtype = dataset.dtype
        self._row_bytes = math.prod(self._row_shape) * self._dtype.itemsize
        self._rows_per_chunk = self._n_rows if dataset.chunks is None else math.prod(dataset.chunks[:axes_of_rows])
        self._n_chunks = n_chunks_of(dataset)
        self._places = KeptPlaces()
        self._identity: FileIdentity | None = None
        self._n_lost = 0

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
        identity = FileIdentity.of_descriptor(h5py.h5i.get_file_id(dataset.id).get_vfd_handle())
        n_lost = self._n_lost + block.count * block.size * _CHUNKS_PER_ROW_ASKED
        if n_lost < self._n_chunks or not identity.is_settled(opened_ns):
            return None
        self._identity = identity
        places = ChunkPlaces(dataset, axes_of_rows=self._axes_of_rows)
        self._places.put(places)
        return places

    def count_read_by_hdf5(self, block: Block) -> None:
        """Take down that its file was opened and HDF5 asked for rows that could be read past it, were they located."""
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
            False when HDF5 must be asked instead: places are not known, or the file has changed since; a row was never
            written, or is stepped over.

        Raises
        ------
        OSError
            When the file is missing or short.
        """
        places = self._places.get()
        if places is None or any(part.step not in (None, 1) for part in inner):
            return False
        numbers = block.numbers()
        starts = places.first_bytes[numbers // self._rows_per_chunk]
        if (starts < 0).any():
            return False
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            if not self._is_unchanged(descriptor):
                return False
            try:
                self._read_plain(descriptor, out, starts + numbers % self._rows_per_chunk * self._row_bytes, inner)
            except OSError:
                if self._is_unchanged(descriptor):
                    raise
            return self._is_unchanged(descriptor)
        finally:
            os.close(descriptor)

    def _is_unchanged(self, descriptor: int) -> bool:
        return FileIdentity.of_descriptor(descriptor) == self._identity

    def _read_plain(self, descriptor: int, out: Array, offsets: Array, inner: Sequence[slice]) -> None:
        is_whole = all(part == slice(0, n) for part, n in zip(inner, self._row_shape, strict=True))
        if is_whole and out.flags.c_contiguous:
            self._read_whole(descriptor, out.reshape(-1).view(np.uint8).data, offsets.ravel())
        else:
            self._read_parts(descriptor, out, offsets, inner)

    def _read_whole(self, descriptor: int, view: memoryview, offsets: Array) -> None:
        """Read neighbours in the file at once, as far as that leaves something for a second thread."""
        breaks = np.flatnonzero(np.diff(offsets) != self._row_bytes) + 1
        at_most = max(1, _PIECE_BYTES // self._row_bytes)
        edges = sorted({*breaks.tolist(), *range(0, len(offsets), at_most), len(offsets)})

        def read_rows(span: tuple[int, int]) -> None:
            part = view[span[0] * self._row_bytes : span[1] * self._row_bytes]
            _fill(descriptor, part, int(offsets[span[0]]))

        spans = list(itertools.pairwise(edges))
        if len(spans) == 1:
            read_rows(spans[0])
        else:
            read_side_by_side(read_rows, spans, n_bytes=len(view))

    def _read_parts(self, descriptor: int, out: Array, offsets: Array, inner: Sequence[slice]) -> None:
        """Read, of each row, the bytes from the first to the last that is asked for."""
        strides = [math.prod(self._row_shape[axis + 1 :]) * self._dtype.itemsize for axis in range(len(inner))]
        first = sum(part.start * stride for part, stride in zip(inner, strides, strict=True))
        last = sum((part.stop - 1) * stride for part, stride in zip(inner, strides, strict=True))
        buffer = np.empty(last - first + self._dtype.itemsize, np.uint8)
        part: Array = np.ndarray(out.shape[2:], self._dtype, buffer, strides=strides)
        for place in np.ndindex(offsets.shape):
            _fill(descriptor, buffer.data, int(offsets[place]) + first)
            out[place] = part


def _has_whole_rows(dataset: h5py.Dataset, axes_of_rows: int) -> bool:
    if dataset.chunks is None:
        return True
    is_whole = dataset.chunks[axes_of_rows:] == dataset.shape[axes_of_rows:]
    return bool(is_whole) and (axes_of_rows == 1 or all(length == 1 for length in dataset.chunks[:axes_of_rows]))


def _fill(descriptor: int, view: memoryview, start: int) -> None:
    n_read = 0
    while n_read < len(view):
        n_more = os.preadv(descriptor, [view[n_read:]], start + n_read)
        if not n_more:
            raise OSError(f"the file ends {len(view) - n_read} bytes early")
        n_read += n_more
