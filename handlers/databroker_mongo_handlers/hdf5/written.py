"""Which rows of an HDF5 dataset were never written, where HDF5 would give the fill value, zeros mostly, for pixels.

HDF5 makes room for a chunk, or for all of a contiguous dataset, when something is first written to it (the defaults of
H5Pset_alloc_time). A file says no more: room that was made early, and compact datasets, count as written. Rows beyond
the end of a dataset, and what virtual ones lack, do not belong here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, product

import h5py
import numpy as np

from ..rows import Array, Block

_CHUNKS_PER_CHUNK_ASKED = 16  # that HDF5 counts in the time in which it looks for one
_FEW_CHUNKS = 4096  # that it counts in the time in which it opens a file once more


def can_tell(dataset: h5py.Dataset) -> bool:
    """Tell whether rows that were never written can be told from others, and must be."""
    return not (dataset.is_virtual or dataset.size == 0 or dataset.external or _is_filled_with_nan(dataset))


def written_rows(dataset: h5py.Dataset, *, axes_of_rows: int = 1) -> Array | None:
    """Tell which rows are there in full.

    Parameters
    ----------
    dataset : h5py.Dataset
        With at least one axis.
    axes_of_rows : int
        How many of the first axes count rows, in C order; with 0 the dataset is one row.

    Returns
    -------
    numpy.ndarray or None
        ``(n_rows,)`` bool; None where all are, or cannot be told from written ones. The fill value NaN says itself that
        a value is missing.
    """
    if not can_tell(dataset):
        return None
    counting = dataset.shape[:axes_of_rows]
    if dataset.chunks is None:
        is_there = dataset.id.get_space_status() != h5py.h5d.SPACE_STATUS_NOT_ALLOCATED
        return None if is_there else np.zeros(math.prod(counting), bool)
    n_chunks = [-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    if dataset.id.get_num_chunks() >= math.prod(n_chunks):
        return None
    stored = np.zeros(n_chunks[:axes_of_rows], int)
    for place in _stored_chunks(dataset):
        stored[tuple(at // chunk for at, chunk in zip(place, dataset.chunks[:axes_of_rows], strict=False))] += 1
    is_whole: Array = stored == math.prod(n_chunks[axes_of_rows:])
    for axis, (length, chunk) in enumerate(zip(counting, dataset.chunks, strict=False)):
        is_whole = np.repeat(is_whole, chunk, axis=axis).take(range(length), axis=axis)
    return is_whole.reshape(-1)


def is_written(dataset: h5py.Dataset, block: Block, *, axes_of_rows: int = 1) -> bool | None:
    """Tell whether some rows are there in full, looking for their chunks one by one.

    Parameters
    ----------
    dataset : h5py.Dataset
        With at least one axis.
    block : Block
        The rows.
    axes_of_rows : int
        How many of the first axes count rows.

    Returns
    -------
    bool or None
        None where `written_rows` must be asked, or takes less.
    """
    if dataset.chunks is None or not can_tell(dataset) or not hasattr(dataset.id, "chunk_iter"):
        return None
    lengths = zip(dataset.shape[axes_of_rows:], dataset.chunks[axes_of_rows:], strict=True)
    inner = list(product(*(range(0, length, step) for length, step in lengths)))
    n_chunks = math.prod(-(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True))
    if max(block.count * block.size * len(inner) * _CHUNKS_PER_CHUNK_ASKED, _FEW_CHUNKS) >= n_chunks:
        return None
    counting = dataset.shape[:axes_of_rows]
    rows = (np.unravel_index(number, counting) if counting else () for number in block.numbers.flat)
    corners = {tuple(int(at) // step * step for at, step in zip(row, dataset.chunks, strict=False)) for row in rows}
    # Asked about a dataset that has no chunk at all, HDF5 2.0 says how long something else is.
    has_any = dataset.id.chunk_iter(lambda chunk: True) is not None
    return has_any and all(_is_there(dataset, (*corner, *rest)) for corner in corners for rest in inner)


def spans(numbers: Array | Sequence[int]) -> str:
    """Return row numbers in words: ``2 to 4, 7``."""
    breaks = [0, *(np.flatnonzero(np.diff(numbers) > 1) + 1).tolist(), len(numbers)]
    parts = [(int(numbers[start]), int(numbers[stop - 1])) for start, stop in pairwise(breaks)]
    named = [str(first) if first == last else f"{first} to {last}" for first, last in parts[:5]]
    return ", ".join([*named, "..."] if len(parts) > len(named) else named)


def _is_there(dataset: h5py.Dataset, corner: tuple[int, ...]) -> bool:
    """Look for one chunk as reading would, but give no room for its bytes."""
    try:
        dataset.id.read_direct_chunk(corner, out=bytearray())
    except ValueError:
        return True  # there are more than none
    except (OSError, RuntimeError):
        # There is none, or the way to it is damaged, which is raised here.
        return dataset.id.get_chunk_info_by_coord(corner).byte_offset is not None
    return True


def _stored_chunks(dataset: h5py.Dataset) -> list[tuple[int, ...]]:
    # h5py has chunk_iter where its HDF5 has it. Asked for a chunk by its number, HDF5 counts through those before it.
    if hasattr(dataset.id, "chunk_iter"):
        found: list[tuple[int, ...]] = []
        dataset.id.chunk_iter(lambda chunk: found.append(chunk.chunk_offset))
        return found
    return [dataset.id.get_chunk_info(number).chunk_offset for number in range(dataset.id.get_num_chunks())]


def _is_filled_with_nan(dataset: h5py.Dataset) -> bool:
    return dataset.dtype.kind in "fc" and bool(np.isnan(dataset.fillvalue))
