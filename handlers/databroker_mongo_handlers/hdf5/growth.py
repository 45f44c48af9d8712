"""How many whole rows an HDF5 dataset has now, when HDF5 itself would fill what is missing with zeros.

A writer makes room before it writes; a virtual dataset is as long as its longest source, or as its author said. Rows
that are not there in full are not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .file import open_hdf5
from .links import find_source, missing_behind
from .written import written_rows

_NO_LIMIT = h5py.h5s.UNLIMITED


@dataclass(frozen=True)
class Extent:
    """``n_rows`` whole rows from the first on, and why there are no more (empty when the dataset simply ends).

    ``is_short`` tells that the next rows are in a file that is not there.
    """

    n_rows: int
    reason: str = ""
    is_short: bool = False


def whole_rows(dataset: h5py.Dataset, *, swmr: bool, axes_of_rows: int = 1) -> Extent:
    """Count the rows of a dataset that are there in full.

    Parameters
    ----------
    dataset : h5py.Dataset
        With at least one axis; refreshed by the caller.
    swmr : bool
        The file may be being written in SWMR mode.
    axes_of_rows : int
        How many of the first axes count rows, in C order; with 0 the dataset is one row.

    Raises
    ------
    OSError
        When a source of a virtual dataset is damaged or open for writing.
    """
    counting = dataset.shape[:axes_of_rows]
    n_rows = math.prod(counting) if counting or dataset.size else 0
    if dataset.is_virtual:
        found = _virtual_rows(dataset, swmr=swmr)
        if found.n_rows == len(dataset):
            return replace(found, n_rows=n_rows)
        return replace(found, n_rows=found.n_rows * math.prod(counting[1:]) if counting else 0)
    if not swmr or dataset.chunks is None:
        return Extent(n_rows)
    return _written_rows(dataset, counting)


def _written_rows(dataset: h5py.Dataset, counting: tuple[int, ...]) -> Extent:
    n_all = n_rows = math.prod(counting) if dataset.size else 0
    n_axes = len(counting)
    lengths = zip(dataset.shape[n_axes:], dataset.chunks[n_axes:], strict=True)
    inner = list(product(*(range(0, length, step) for length, step in lengths)))
    # Chunks that were never written have no place in the file. They are looked for from the end, where a writer that
    # makes room ahead leaves some, and no further than to a row that is there: of what comes before it, rows that were
    # never written are found when they are asked for.
    while n_rows > 0:
        last = np.unravel_index(n_rows - 1, counting) if counting else ()
        begin = tuple(int(at) // step * step for at, step in zip(last, dataset.chunks[:n_axes], strict=True))
        if all(dataset.id.get_chunk_info_by_coord((*begin, *corner)).byte_offset is not None for corner in inner):
            break
        n_rows -= int(last[-1]) - begin[-1] + 1 if counting else 1
    return Extent(n_rows, "" if n_rows == n_all else "the rest has not been written")


@dataclass(frozen=True)
class _Rows:
    """Rows that a hyperslab selects along the first axis: ``count`` blocks of ``block`` rows, ``stride`` apart."""

    start: int
    stride: int
    count: int
    block: int

    @classmethod
    def of(cls, space: h5py.h5s.SpaceID) -> _Rows:
        if space.get_select_type() == h5py.h5s.SEL_HYPERSLABS and space.is_regular_hyperslab():
            return cls(*(part[0] for part in space.get_regular_hyperslab()))
        # Whatever else is selected, as a union of hyperslabs: all rows that it spans, though it may leave some out.
        first, last = space.get_select_bounds()
        return cls(first[0], 1, 1, last[0] - first[0] + 1)

    @property
    def has_no_end(self) -> bool:
        """Whether all rows that there are, and will be, are selected."""
        return _NO_LIMIT in (self.count, self.block)

    @property
    def n_rows(self) -> int:
        """How many rows are selected."""
        return self.count * self.block

    def n_before(self, limit: int) -> int:
        """Count the selected rows before row ``limit``."""
        if limit <= self.start:
            return 0
        blocks, rest = divmod(limit - self.start, self._distance)
        return blocks * self.block + min(rest, self.block)

    def position(self, number: int) -> int | None:
        """Return the row that is selected as the one of that number, or None after the last."""
        blocks, rest = divmod(number, self.block)
        if not self.has_no_end and blocks >= self.count:
            return None
        return self.start + blocks * self._distance + rest

    @property
    def _distance(self) -> int:
        # That of a single block may be 1, of whatever length it is.
        return max(self.stride, self.block)


def _virtual_rows(dataset: h5py.Dataset, *, swmr: bool) -> Extent:
    found = Extent(len(dataset))
    for source in dataset.virtual_sources():
        if "%b" in source.file_name:
            continue  # HDF5 itself ends these rows before the first file that is missing (H5Pset_virtual_printf_gap)
        there = _rows_in_source(dataset, source, swmr=swmr)
        missing_from = _Rows.of(source.vspace).position(there.n_rows)
        if missing_from is not None and missing_from < found.n_rows:
            found = replace(there, n_rows=missing_from)
    return found


def _rows_in_source(dataset: h5py.Dataset, source: Any, *, swmr: bool) -> Extent:
    owner = dataset.file.filename
    if source.file_name == ".":
        return _mapped_rows(dataset.file, source, n_axes=dataset.ndim, swmr=swmr)
    path = find_source(owner, source.file_name)
    if not Path(path).exists():
        return Extent(0, f"the next ones are in {path}, which is missing", is_short=True)
    with open_hdf5(path, swmr=swmr) as file:
        return _mapped_rows(file, source, n_axes=dataset.ndim, swmr=swmr)


def _mapped_rows(file: h5py.File, source: Any, *, n_axes: int, swmr: bool) -> Extent:
    """Return how many of the rows taken from a source are there, and why there are no more."""
    try:
        data = file[source.dset_name]
    except (KeyError, OSError):
        lost = missing_behind(file, source.dset_name, swmr=swmr)
        where = ", ".join(lost) or f"{source.dset_name} of {file.filename}"
        return Extent(0, f"the next ones are in {where}, which is missing", is_short=True)
    n_rows = _whole_rows_of_source(data, swmr=swmr) if data.ndim else 1
    placed, taken = _Rows.of(source.vspace), source.src_space
    last: tuple[int, ...] = ()
    if taken.get_select_type() == h5py.h5s.SEL_ALL:
        selected = _Rows(0, 1, 1, placed.n_rows)
    else:
        selected = _Rows.of(taken)
        last = () if selected.has_no_end else taken.get_select_bounds()[1]
    # HDF5 would give the fill value for the pixels that a smaller source lacks.
    if any(high >= length for high, length in zip(last[1:], data.shape[1:], strict=False)):
        return Extent(0, f"{file.filename} holds rows of shape {data.shape[1:]}, too small for their place")
    if data.ndim == n_axes:
        return Extent(selected.n_before(n_rows), f"the next ones are not in {file.filename} yet")
    is_whole = not last or last[0] < n_rows
    return Extent(placed.n_rows if is_whole else 0, f"{file.filename} is not whole yet")


def _whole_rows_of_source(data: h5py.Dataset, *, swmr: bool) -> int:
    """Count the rows before the first that is not there: through a virtual dataset HDF5 would give a fill value."""
    n_rows = whole_rows(data, swmr=swmr).n_rows
    stored = written_rows(data)
    return n_rows if stored is None else min(n_rows, int(np.argmin(np.append(stored, False))))
