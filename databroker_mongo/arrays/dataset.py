"""Columns -> xarray.Dataset, of NumPy arrays here and of dask arrays in ``lazy``; no other file imports xarray.

Reading everything does not go through dask: one allocation a column, filled in place.

What does not belong here: dask, which takes a tenth of a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
import xarray
from numpy.typing import NDArray

from ..errors import CatalogError
from ..printable import as_json
from ..store import Document
from .column_set import OpenedColumns
from .columns import Column
from .joined import Joined, RunRows
from .rows import latest_of_repeats
from .source import StreamSource
from .structure import (
    TIME_ATTRIBUTES,
    ArrayStructure,
    Chunks,
    as_attribute,
    attributes,
    column_name,
    name_dims,
    plan_chunks,
)
from .values import as_array, as_moments

Array = NDArray[Any]


def load_dataset(
    opened: OpenedColumns,
    source: StreamSource,
    *,
    by_row: bool = False,
    dedupe: bool = False,
    as_dates: bool = False,
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
    as_dates : bool
        Whether the times of the rows are dates, rather than seconds.
    """
    columns, variables = opened.columns, {}
    failed: dict[str, CatalogError] = {}
    bad: dict[str, dict[int, CatalogError]] = {}
    for key, structure in structures_of(columns, source).items():
        read = _by_row if by_row else _whole
        try:
            values, bad[key] = read(columns[key], opened.by_key[key].problem)
        except CatalogError as error:
            failed[key] = error
        else:
            variables[structure.name] = as_they_are(structure, values)
    lacking = {**opened.absences, **failed}
    dataset = make_dataset(variables, opened, source, lacking, as_dates=as_dates)
    return _pick_rows(dataset, opened, bad, dedupe=dedupe), lacking


def table_of_rows(
    columns: Mapping[str, Array],
    dims: Mapping[str, tuple[str, ...]],
    time: Array,
    attrs: Mapping[str, Mapping[str, Any]],
) -> xarray.Dataset:
    """Return a dataset of arrays that are at hand, a row for each event."""
    variables = {
        column_name(name, columns): (("time", *dims[name]), values, attrs[name]) for name, values in columns.items()
    }
    return xarray.Dataset(variables, {"time": ("time", time, TIME_ATTRIBUTES)})


def chunked(dataset: xarray.Dataset) -> xarray.Dataset:
    """Return the dataset with dask arrays of one block in place of NumPy arrays."""
    return dataset.chunk()


def tree_of_streams(datasets: Mapping[str, xarray.Dataset], start: Document, stop: Document | None) -> xarray.DataTree:
    """Return the datasets of the streams of a run as a tree, whose root has the documents of the run as attributes."""
    documents = {"start": start, **({} if stop is None else {"stop": stop})}
    root = xarray.Dataset(attrs={name: as_json(document) for name, document in documents.items()})
    return xarray.DataTree.from_dict({"/": root, **datasets})


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
        "lacking": _told({each.name: each.lacking for each in columns if each.lacking}),
        "dtypes": _told({each.name: each.dtypes for each in columns if each.dtypes}),
    }
    coords = {
        "time": ("time", np.concatenate([np.empty(0), *(run.time for run in runs)]), TIME_ATTRIBUTES),
        "run_number": ("time", np.repeat(np.arange(len(runs)), n_rows)),
        "uid": ("run", _of_runs([run.uid for run in runs])),
        "scan_id": ("run", _of_runs([run.scan_id for run in runs])),
        "n_rows": ("run", n_rows),
        "start_time": ("run", np.array([run.start_time for run in runs], np.float64), TIME_ATTRIBUTES),
    }
    variables = {each.name: xarray.Variable(each.dims, each.values, each.attrs, fastpath=True) for each in columns}
    return xarray.Dataset(variables, coords, {"stream": stream, **{name: each for name, each in told.items() if each}})


def _whole(column: Column, _: CatalogError | None) -> tuple[Array, dict[int, CatalogError]]:
    """Return all rows of a column; one that has a problem raises it by itself."""
    return column.take(), {}


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
    if not has_rows(dataset) or not (dedupe or any(bad.values())):
        return dataset
    wanted = (latest_of_repeats(opened.seq_num) if dedupe else np.arange(dataset.sizes["time"])).tolist()
    left_out = {row for errors in bad.values() for row in errors}.intersection(wanted)
    if left_out:
        dataset.attrs["n_rows_left_out"] = len(left_out)
        dataset.attrs["unreadable_rows"] = _told(
            {
                key: {row: error.message for row, error in errors.items() if row in left_out}
                for key, errors in bad.items()
                if left_out.intersection(errors)
            }
        )
    return dataset.isel(time=[row for row in wanted if row not in left_out])


def has_rows(dataset: xarray.Dataset) -> bool:
    """Tell whether there is an axis of rows: not without any column, of a stream without events."""
    return "time" in dataset.sizes


def structures_of(columns: Mapping[str, Column], source: StreamSource) -> dict[str, ArrayStructure]:
    """Return what each opened column will be in the dataset; axes are numbered through all data keys of the stream."""
    data_keys, devices = source.data_keys, source.devices
    dims = name_dims(data_keys, {key: column.shape[1:] for key, column in columns.items()})
    return {
        key: ArrayStructure(
            name=column_name(key, data_keys),
            dims=("time", *dims[key]),
            shape=column.shape,
            dtype=column.dtype,
            chunks=chunks_of(column),
            attrs=attributes(data_keys[key], devices.get(key)),
        )
        for key, column in columns.items()
    }


def chunks_of(column: Column) -> Chunks:
    """Return the blocks in which a column is read lazily."""
    return plan_chunks(column.shape, column.dtype, file_chunks=column.file_chunks, boundaries=column.boundaries())


def as_they_are(structure: ArrayStructure, values: Array) -> xarray.Variable:
    """Return values as a variable of xarray, objects as they are."""
    # With fastpath, Variable does not call ``as_compatible_data``: see `_Objects`.
    return xarray.Variable(structure.dims, values, structure.attrs, fastpath=True)


def make_dataset(
    variables: Mapping[str, Any],
    opened: OpenedColumns,
    source: StreamSource,
    lacking: Mapping[str, CatalogError],
    *,
    as_dates: bool,
) -> xarray.Dataset:
    """Return variables as a dataset with the times of its rows, and with why it lacks some columns."""
    coords = {} if opened.time is None else {"time": _times(opened.time, as_dates=as_dates)}
    facts = {name: source.facts.get(name) for name in ("stream", "run_uid", "scan_id")}
    attrs: dict[str, Any] = {name: as_attribute(fact) for name, fact in facts.items() if fact is not None}
    if source.rows.are_copied:
        attrs["read_from"] = "columnar copies"
    if lacking:
        attrs["unreadable"] = _told({key: str(error) for key, error in lacking.items()})
    return xarray.Dataset(variables, coords, attrs)


def _times(seconds: NDArray[np.float64], *, as_dates: bool) -> tuple[str, pandas.Index[Any], dict[str, str]]:
    """Return the times of rows as a coordinate; of dates, xarray writes the units itself."""
    # Of an array xarray makes the same index, but asks first whether it is one of dask's, and imports dask for that.
    if as_dates:
        return "time", as_moments(seconds), {"long_name": "time in UTC"}
    return "time", pandas.Index(seconds), TIME_ATTRIBUTES


def _told(of_columns: Mapping[str, object]) -> str:
    """Return what there is to tell of columns as JSON, for files keep no mappings as attributes; empty if nothing."""
    return as_json(of_columns) if of_columns else ""


def _of_runs(values: list[Any]) -> Array:
    """Return a value for each run as a coordinate; what makes no array of one axis, as objects."""
    found = as_array(values)
    if found.ndim == 1:
        return found
    objects = np.empty(len(values), object)
    for number, value in enumerate(values):
        objects[number] = value
    return objects
