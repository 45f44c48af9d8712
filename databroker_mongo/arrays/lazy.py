"""Columns -> dask arrays, and datasets of them. The only file that imports dask.

A column is handed whole to dask, which pushes slices down to it; the graph has one task a block, and no pixel is read
while it is built.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import dask.array
import dask.base
import dask.threaded
import numpy as np
import xarray
from numpy.typing import NDArray

from .column_set import OpenedColumns
from .columns import Column, EventColumn
from .dataset import as_they_are, chunks_of, has_rows, make_dataset, structures_of
from .rows import latest_of_repeats
from .source import StreamSource
from .structure import ArrayStructure, Chunks

Array = NDArray[Any]


def lazy_dataset(
    opened: OpenedColumns, source: StreamSource, *, dedupe: bool = False, as_dates: bool = False
) -> xarray.Dataset:
    """Return a dataset of dask arrays; nothing is read.

    Parameters
    ----------
    opened : OpenedColumns
        The columns. Why some data keys have none is in the attribute ``unreadable``.
    source : StreamSource
        Their stream.
    dedupe : bool
        Whether of several rows of one ``seq_num`` only the latest is kept.
    as_dates : bool
        Whether the times of the rows are dates, rather than seconds.
    """
    columns = opened.columns
    variables = {
        structure.name: _variable(columns[key], structure) for key, structure in structures_of(columns, source).items()
    }
    dataset = make_dataset(variables, opened, source, opened.absences, as_dates=as_dates)
    return _pick_rows(dataset, latest_of_repeats(opened.seq_num)) if dedupe and has_rows(dataset) else dataset


def _pick_rows(dataset: xarray.Dataset, rows: NDArray[np.intp]) -> xarray.Dataset:
    """Return some rows, in blocks of one size again, though fewer are left of some than of others."""
    picked = dataset.isel(time=rows)
    lazy = {name: each for name, each in picked.data_vars.items() if each.chunks}
    return picked.assign({name: each.chunk({"time": max(1, *each.chunksizes["time"])}) for name, each in lazy.items()})


def lazy_array(column: Column, name: str) -> dask.array.Array:
    """Return a column as a dask array, in the blocks that it has in a dataset."""
    return _lazy(column, name, chunks_of(column))


def lazy_rows(column: Column) -> list[dask.array.Array]:
    """Return each row of a column as a dask array of its own."""
    chunks = ((1,) * column.shape[0], *((size,) for size in column.shape[1:]))
    whole = _lazy(column, f"{column.facts.get('data_key')}", chunks)
    return [whole[row] for row in range(column.shape[0])]


def _lazy(column: Column, name: str, chunks: Chunks) -> dask.array.Array:
    from_array: Any = dask.array.from_array  # it has no annotations
    lazy: dask.array.Array = from_array(
        column,
        chunks=chunks,
        name=f"{name}-{dask.base.tokenize(column.identity())}",
        meta=np.empty((0,) * column.ndim, column.dtype),
        asarray=True,
    )
    return lazy


def _variable(column: Column, structure: ArrayStructure) -> xarray.Variable:
    """Return a column as a variable, lazy unless it is of objects that were read already, to know that they are."""
    # Who saves lazy objects is warned by xarray that it has to load them, to find what a file could hold.
    if structure.dtype == object and isinstance(column, EventColumn):
        return as_they_are(structure, column[...])
    return xarray.Variable(structure.dims, _lazy_as_they_are(column, structure), structure.attrs)


def _lazy_as_they_are(column: Column, structure: ArrayStructure) -> dask.array.Array:
    lazy = _lazy(column, structure.name, structure.chunks)
    map_blocks: Any = lazy.map_blocks  # dask's annotation has one argument too many
    objects: dask.array.Array = map_blocks(_as_objects, dtype=lazy.dtype) if lazy.dtype == object else lazy
    return objects


class _Objects(np.ndarray[Any, Any]):
    """An array of objects that xarray takes as it is.

    What a block computes becomes part of a dataset again. ``as_compatible_data`` of xarray sends any plain array of
    objects through ``pandas.Series``, where None among texts becomes NaN, but leaves subclasses alone: it compares
    types with ``is``.
    """


def _as_objects(block: Array) -> Array:
    return block.view(_Objects)


def _forget_threads_of_the_parent() -> None:
    """Let dask start threads of its own in a forked process, since those of its parent are not there.

    ``dask.threaded.get`` keeps its pools in these globals and does not look at the process: it would hand tasks to
    threads that do not run, or wait for a lock that one of them holds.
    """
    threaded: Any = dask.threaded
    threaded.pools_lock = threading.Lock()
    threaded.default_pool = None
    threaded.pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads_of_the_parent)
