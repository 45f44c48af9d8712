"""Uncompressed HDF5 rows read from where they lie in the file.

HDF5 copies whole chunks to give a part of each: a small window of every frame costs as much as all frames. Where rows
are not compressed and each lies in one piece, the part that is asked for can be read alone. HDF5 is asked where the
rows are; everything that is not plain is left to it.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence

import h5py
import numpy as np

from ..rows import Array, Block, read_side_by_side
from .flags import is_open_for_writing

# To ask for the place of a chunk takes a sixteenth, or less, of the time that knowing it saves.
_CHUNKS_PER_ROW_ASKED = 16
_PIECE_BYTES = 4 * 2**20  # what one thread reads at once


def is_plain(dataset: h5py.Dataset) -> bool:
    """Tell whether each row lies in one piece in the file, as it would in memory, and no writer may change that."""
    file = dataset.file
    properties = dataset.id.get_create_plist()
    # Only "sec2" has a descriptor of one file for `_fill`. Until 2024 HDF5 forgot the user block in the addresses of
    # chunks (https://github.com/HDFGroup/hdf5/issues/3003). A type that h5py translates need not have NumPy's bytes.
    return (
        hasattr(os, "preadv")
        and hasattr(dataset.id, "chunk_iter")
        and file.mode == "r"
        and file.driver == "sec2"
        and file.userblock_size == 0
        and dataset.dtype.kind in "iuf"
        and dataset.id.get_type() == h5py.h5t.py_create(dataset.dtype)
        and properties.get_nfilters() == 0
        and not dataset.is_virtual
        and not dataset.external
        and (dataset.chunks is None or dataset.chunks[1:] == dataset.shape[1:])
        and not is_open_for_writing(file.filename)
    )


def is_worthwhile(dataset: h5py.Dataset, block: Block) -> bool:
    """Tell whether so many rows are asked for that finding all of them in the file takes less than it saves."""
    n_chunks = 1 if dataset.chunks is None else math.ceil(len(dataset) / dataset.chunks[0])
    return block.count * block.size * _CHUNKS_PER_ROW_ASKED >= n_chunks


class RowOffsets:
    """Where each row of a dataset begins in its file.

    Parameters
    ----------
    dataset : h5py.Dataset
        One that `is_plain`.
    """

    def __init__(self, dataset: h5py.Dataset):
        self._row_shape = dataset.shape[1:]
        self._dtype = dataset.dtype
        self._n_bytes = math.prod(self._row_shape) * self._dtype.itemsize
        self._file = h5py.h5i.get_file_id(dataset.id)
        self._offsets = _offsets(dataset, self._n_bytes)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> bool:
        """Fill ``out``, of shape ``(count, size, *inner)``, if all these rows are in the file.

        Returns
        -------
        bool
            False when HDF5 must be asked instead: a row was never written, or is stepped over.

        Raises
        ------
        OSError
            When the file is short.
        """
        offsets = self._offsets[block.numbers()]
        if (offsets < 0).any() or any(part.step not in (None, 1) for part in inner):
            return False
        is_whole = all(part == slice(0, n) for part, n in zip(inner, self._row_shape, strict=True))
        if is_whole and out.flags.c_contiguous:
            self._read_whole(out.reshape(-1).view(np.uint8).data, offsets.ravel())
        else:
            self._read_parts(out, offsets, inner)
        return True

    def _read_whole(self, view: memoryview, offsets: Array) -> None:
        """Read neighbours in the file at once, as far as that leaves something for a second thread."""
        breaks = np.flatnonzero(np.diff(offsets) != self._n_bytes) + 1
        at_most = max(1, _PIECE_BYTES // self._n_bytes)
        edges = sorted({*breaks.tolist(), *range(0, len(offsets), at_most), len(offsets)})
        descriptor = self._file.get_vfd_handle()

        def read_rows(span: tuple[int, int]) -> None:
            part = view[span[0] * self._n_bytes : span[1] * self._n_bytes]
            _fill(descriptor, part, int(offsets[span[0]]))

        read_side_by_side(read_rows, list(itertools.pairwise(edges)), n_bytes=len(view))

    def _read_parts(self, out: Array, offsets: Array, inner: Sequence[slice]) -> None:
        """Read, of each row, the bytes from the first to the last that is asked for."""
        strides = [math.prod(self._row_shape[axis + 1 :]) * self._dtype.itemsize for axis in range(len(inner))]
        first = sum(part.start * stride for part, stride in zip(inner, strides, strict=True))
        last = sum((part.stop - 1) * stride for part, stride in zip(inner, strides, strict=True))
        buffer = np.empty(last - first + self._dtype.itemsize, np.uint8)
        view, descriptor = buffer.data, self._file.get_vfd_handle()
        part: Array = np.ndarray(out.shape[2:], self._dtype, buffer, strides=strides)
        for place in np.ndindex(offsets.shape):
            _fill(descriptor, view, int(offsets[place]) + first)
            out[place] = part


def _fill(descriptor: int, view: memoryview, start: int) -> None:
    n_read = 0
    while n_read < len(view):
        n_more = os.preadv(descriptor, [view[n_read:]], start + n_read)
        if not n_more:
            raise OSError(f"the file ends {len(view) - n_read} bytes early")
        n_read += n_more


def _offsets(dataset: h5py.Dataset, bytes_per_row: int) -> Array:
    """Return where each row begins, -1 for those that are not in the file."""
    offsets = np.full(len(dataset), -1, np.int64)
    if dataset.chunks is None:
        start = dataset.id.get_offset()
        if start is not None:
            offsets[:] = start + np.arange(len(dataset)) * bytes_per_row
        return offsets
    rows_per_chunk = dataset.chunks[0]
    inside = np.arange(rows_per_chunk) * bytes_per_row

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        first = chunk.chunk_offset[0]
        rows = offsets[first : first + rows_per_chunk]
        rows[:] = chunk.byte_offset + inside[: len(rows)]

    dataset.id.chunk_iter(note)
    return offsets
