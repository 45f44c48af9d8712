"""Where the chunks of a dataset lie in its file, and how long they are there.

HDF5 looks for one chunk quickly, and tells where all of them are in the time of a thousand such looks; asked where one
is, it goes through those before it (H5D__get_chunk_info_by_coord_cb in H5Dchunk.c).
"""

from __future__ import annotations

import itertools
import math
import threading
import weakref
from collections import OrderedDict
from typing import Final

import h5py
import numpy as np

from ..rows import Array

NOT_WRITTEN: Final = -1
"""In the place of a chunk's first byte: there is no such chunk."""

UNUSUAL: Final = -2
"""There is one, but not as the dataset says of all: a filter was left out."""

_MOST_BYTES = 64 * 2**20  # of all tables of this process
_BYTES_PER_CHUNK = 12


class ChunkPlaces:
    """The places of all chunks, in C order of those axes that count rows.

    Parameters
    ----------
    dataset : h5py.Dataset
        Open; its chunks are whole along all other axes. Without chunks, it is one.
    axes_of_rows : int
        How many of the first axes count rows.

    Attributes
    ----------
    first_bytes : numpy.ndarray
        ``(n_chunks,)``: where each begins in the file, or `NOT_WRITTEN`, or `UNUSUAL`.
    n_bytes : numpy.ndarray
        ``(n_chunks,)``: how many bytes each has there.
    """

    def __init__(self, dataset: h5py.Dataset, *, axes_of_rows: int):
        n_chunks = n_chunks_of(dataset)
        self.first_bytes: Array = np.full(n_chunks, NOT_WRITTEN, np.int64)
        self.n_bytes: Array = np.zeros(n_chunks, np.uint32)
        if dataset.chunks is None:
            start = dataset.id.get_offset()
            self.first_bytes[:] = NOT_WRITTEN if start is None else start
            return
        steps = _steps(dataset, axes_of_rows)

        def note(chunk: h5py.h5d.StoreInfo) -> None:
            number = sum(at // length * step for at, (length, step) in zip(chunk.chunk_offset, steps, strict=False))
            self.first_bytes[number] = UNUSUAL if chunk.filter_mask else chunk.byte_offset
            self.n_bytes[number] = chunk.size

        dataset.id.chunk_iter(note)

    @property
    def size_bytes(self) -> int:
        """Of the table in memory."""
        return int(self.first_bytes.nbytes + self.n_bytes.nbytes)


class KeptPlaces:
    """A place for a table, which is taken back when this process has too many bytes of them.

    The one that was not used for the longest time goes first.
    """

    def __init__(self) -> None:
        self._number = next(_numbers)
        weakref.finalize(self, _tables.drop, self._number).atexit = False

    def get(self) -> ChunkPlaces | None:
        """Return the table, if there is one."""
        return _tables.get(self._number)

    def put(self, places: ChunkPlaces) -> None:
        """Keep a table, and give up older ones for it."""
        _tables.put(self._number, places)


class _Tables:
    """The tables of this process, in the order of their last use."""

    def __init__(self) -> None:
        # The garbage collector may drop one in the midst of all else.
        self._lock = threading.RLock()
        self._by_number: OrderedDict[int, ChunkPlaces] = OrderedDict()
        self._n_bytes = 0

    def get(self, number: int) -> ChunkPlaces | None:
        with self._lock:
            found = self._by_number.get(number)
            if found is not None:
                self._by_number.move_to_end(number)
            return found

    def put(self, number: int, places: ChunkPlaces) -> None:
        with self._lock:
            self.drop(number)
            self._by_number[number] = places
            self._n_bytes += places.size_bytes
            while self._n_bytes > _MOST_BYTES and len(self._by_number) > 1:
                self.drop(next(iter(self._by_number)))

    def drop(self, number: int) -> None:
        with self._lock:
            found = self._by_number.pop(number, None)
            self._n_bytes -= 0 if found is None else found.size_bytes


_numbers = itertools.count()
_tables = _Tables()


def n_chunks_of(dataset: h5py.Dataset) -> int:
    """Return how many chunks a dataset would have if all were written; one without chunks is one."""
    if dataset.chunks is None:
        return 1
    return math.prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True))


def can_be_kept(dataset: h5py.Dataset) -> bool:
    """Tell whether the places of all chunks can be found, and are few enough to remember."""
    return hasattr(dataset.id, "chunk_iter") and n_chunks_of(dataset) * _BYTES_PER_CHUNK <= _MOST_BYTES // 2


def _steps(dataset: h5py.Dataset, axes_of_rows: int) -> list[tuple[int, int]]:
    """Return, for each axis that counts rows, the length of a chunk, and how many chunks lie between neighbours."""
    pairs = list(zip(dataset.shape[:axes_of_rows], dataset.chunks, strict=False))
    counts = [-(-length // chunk) for length, chunk in pairs]
    return [(chunk, math.prod(counts[axis + 1 :])) for axis, (_, chunk) in enumerate(pairs)]
