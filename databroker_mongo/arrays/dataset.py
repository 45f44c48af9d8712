"""Columns -> xarray.Dataset. The only file that imports dask or xarray.

A column is handed whole to dask, which pushes slices down to it; the graph has one task a block, and no pixel is read
while it is built. Reading everything does not go through dask: one allocation a column, filled in place.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import dask.array
import dask.base
import dask.threaded
import numpy as np
import xarray
from numpy.typing import NDArray

from ..errors import CatalogError
from .column_set import OpenedColumns
from .columns import Column
from .joined import Joined, RunRows
from .rows import latest_of_repeats
from .source import StreamSource
from .structure import ArrayStructure, Chunks, attributes, column_name, name_dims, plan_chunks
from .values import as_array

Array = NDArray[Any]


def lazy_dataset(opened: OpenedColumns, source: StreamSource, *, dedupe: bool = False) -> xarray.Dataset:
    """Return a dataset of dask arrays; nothing is read.

    Parameters
    ----------
    opened : OpenedColumns
        The columns. Why some data keys have none is in the attribute ``unreadable``.
    source : StreamSource
        Their stream.
    dedupe : bool
        Whether of several rows of one ``seq_num`` only the latest is kept.
    """
    columns = opened.columns
    variables = {
        structure.name: (structure.dims, _lazy_as_they_are(columns[key], structure), structure.attrs)
        for key, structure in _structures(columns, source).items()
    }
    dataset = _dataset(variables, opened, source, opened.absences)
    return dataset.isel(time=latest_of_repeats(opened.seq_num)) if dedupe and _has_rows(dataset) else dataset


def load_dataset(
    opened: OpenedColumns, source: StreamSource, *, by_row: bool = False, dedupe: bool = False
) -> tuple[xarray.Dataset, dict[str, CatalogError]]:
    """Return a dataset of NumPy arrays, and why it lacks some columns.

    Parameters
    ----------
    opened : OpenedColumns
        The columns.
    source : StreamSource
        Their stream.
    by_row : bool
        Whether rows that one of the columns lacks are left out of all; a column is lacking only if none of its rows can
        be read. They are named in the attribute ``unreadable_rows``, and counted in ``n_rows_left_out``. Otherwise a
        column is lacking if any of its rows cannot be read.
    dedupe : bool
        Whether of several rows of one ``seq_num`` only the latest is kept.
    """
    columns, variables = opened.columns, {}
    failed: dict[str, CatalogError] = {}
    bad: dict[str, dict[int, CatalogError]] = {}
    for key, structure in _structures(columns, source).items():
        read = _by_row if by_row else _whole
        try:
            values, bad[key] = read(columns[key], opened.by_key[key].problem)
        except CatalogError as error:
            failed[key] = error
        else:
            variables[structure.name] = _as_they_are(structure, values)
    lacking = {**opened.absences, **failed}
    return _pick_rows(_dataset(variables, opened, source, lacking), opened, bad, dedupe=dedupe), lacking


def lazy_array(column: Column, name: str) -> dask.array.Array:
    """Return a column as a dask array, in the blocks that it has in a dataset."""
    return _lazy(column, name, _chunks(column))


def lazy_rows(column: Column) -> list[dask.array.Array]:
    """Return each row of a column as a dask array of its own."""
    chunks = ((1,) * column.shape[0], *((size,) for size in column.shape[1:]))
    whole = _lazy(column, f"{column.facts.get('data_key')}", chunks)
    return [whole[row] for row in range(column.shape[0])]


def table_of_rows(columns: Mapping[str, Array], dims: Mapping[str, tuple[str, ...]], time: Array) -> xarray.Dataset:
    """Return a dataset of arrays that are at hand, a row for each event."""
    variables = {column_name(name, columns): (("time", *dims[name]), values) for name, values in columns.items()}
    return xarray.Dataset(variables, {"time": ("time", time)})


def chunked(dataset: xarray.Dataset) -> xarray.Dataset:
    """Return the dataset with dask arrays of one block in place of NumPy arrays."""
    return dataset.chunk()


def dataset_of_runs(runs: Sequence[RunRows], columns: Sequence[Joined], *, stream: str) -> xarray.Dataset:
    """Return the rows of many runs, run after run, as one dataset.

    Parameters
    ----------
    runs : sequence of RunRows
        The runs.
    columns : sequence of Joined
        Their columns.
    stream : str
        The name of their stream.
    """
    n_rows = np.array(list(map(len, runs)), np.int64)
    told: dict[str, Any] = {
        "without_stream": [run.uid for run in runs if not run.has_stream],
        "lacking": {each.name: each.lacking for each in columns if each.lacking},
        "dtypes": {each.name: each.dtypes for each in columns if each.dtypes},
    }
    coords = {
        "time": ("time", np.concatenate([np.empty(0), *(run.time for run in runs)])),
        "run_number": ("time", np.repeat(np.arange(len(runs)), n_rows)),
        "uid": ("run", _of_runs([run.uid for run in runs])),
        "scan_id": ("run", _of_runs([run.scan_id for run in runs])),
        "n_rows": ("run", n_rows),
        "start_time": ("run", np.array([run.start_time for run in runs], np.float64)),
    }
    variables = {each.name: xarray.Variable(each.dims, each.values, each.attrs, fastpath=True) for each in columns}
    return xarray.Dataset(variables, coords, {"stream": stream, **{name: each for name, each in told.items() if each}})


def _whole(column: Column, _: CatalogError | None) -> tuple[Array, dict[int, CatalogError]]:
    """Return all rows of a column; one that has a problem raises it by itself."""
    return column.read_region(tuple(slice(0, size) for size in column.shape)), {}


def _by_row(column: Column, problem: CatalogError | None) -> tuple[Array, dict[int, CatalogError]]:
    """Return all rows of a column, and why some cannot be read; what stands in these means nothing."""
    if problem is not None:
        raise problem
    values, errors = column.read_rows()
    if errors and len(errors) == len(values):
        raise next(iter(errors.values()))
    return values, errors


def _pick_rows(
    dataset: xarray.Dataset, opened: OpenedColumns, bad: Mapping[str, Mapping[int, CatalogError]], *, dedupe: bool
) -> xarray.Dataset:
    """Leave out rows that are not wanted or that a column lacks; of repeats, the latest is chosen before."""
    if not _has_rows(dataset):
        return dataset
    wanted = (latest_of_repeats(opened.seq_num) if dedupe else np.arange(dataset.sizes["time"])).tolist()
    left_out = {row for errors in bad.values() for row in errors}.intersection(wanted)
    if left_out:
        dataset.attrs["n_rows_left_out"] = len(left_out)
        dataset.attrs["unreadable_rows"] = {
            key: {row: error.message for row, error in errors.items() if row in left_out}
            for key, errors in bad.items()
            if left_out.intersection(errors)
        }
    if not dedupe and not left_out:
        return dataset
    return dataset.isel(time=[row for row in wanted if row not in left_out])


def _has_rows(dataset: xarray.Dataset) -> bool:
    """Tell whether there is an axis of rows: not without any column, of a stream without events."""
    return "time" in dataset.sizes


def _structures(columns: Mapping[str, Column], source: StreamSource) -> dict[str, ArrayStructure]:
    """Return what each opened column will be in the dataset; axes are numbered through all data keys of the stream."""
    data_keys, devices = source.data_keys, source.devices
    dims = name_dims(data_keys, {key: column.shape[1:] for key, column in columns.items()})
    return {
        key: ArrayStructure(
            name=column_name(key, data_keys),
            dims=("time", *dims[key]),
            shape=column.shape,
            dtype=column.dtype,
            chunks=_chunks(column),
            attrs=attributes(data_keys[key], devices.get(key)),
        )
        for key, column in columns.items()
    }


def _chunks(column: Column) -> Chunks:
    return plan_chunks(column.shape, column.dtype, file_chunks=column.file_chunks, boundaries=column.boundaries())


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


def _lazy_as_they_are(column: Column, structure: ArrayStructure) -> dask.array.Array:
    lazy = _lazy(column, structure.name, structure.chunks)
    map_blocks: Any = lazy.map_blocks  # dask's annotation has one argument too many
    as_they_are: dask.array.Array = map_blocks(_as_objects, dtype=lazy.dtype) if lazy.dtype == object else lazy
    return as_they_are


def _as_they_are(structure: ArrayStructure, values: Array) -> xarray.Variable:
    """Return values as a variable of xarray, objects as they are."""
    # With fastpath, Variable does not call ``as_compatible_data``: see `_Objects`.
    return xarray.Variable(structure.dims, values, structure.attrs, fastpath=True)


class _Objects(np.ndarray[Any, Any]):
    """An array of objects that xarray takes as it is.

    What a block computes becomes part of a dataset again. ``as_compatible_data`` of xarray sends any plain array of
    objects through ``pandas.Series``, where None among texts becomes NaN, but leaves subclasses alone: it compares
    types with ``is``.
    """


def _as_objects(block: Array) -> Array:
    return block.view(_Objects)


def _dataset(
    variables: Mapping[str, Any], opened: OpenedColumns, source: StreamSource, lacking: Mapping[str, CatalogError]
) -> xarray.Dataset:
    coords = {} if opened.time is None else {"time": ("time", opened.time)}
    facts = {name: source.facts.get(name) for name in ("stream", "run_uid", "scan_id")}
    attrs: dict[str, Any] = {name: fact for name, fact in facts.items() if fact is not None}
    if lacking:
        attrs["unreadable"] = {key: str(error) for key, error in lacking.items()}
    return xarray.Dataset(variables, coords, attrs)


def _of_runs(values: list[Any]) -> Array:
    """Return a value for each run as a coordinate; what makes no array of one axis, as objects."""
    found = as_array(values)
    if found.ndim == 1:
        return found
    objects = np.empty(len(values), object)
    for number, value in enumerate(values):
        objects[number] = value
    return objects


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
