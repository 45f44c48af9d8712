"""Columns -> xarray.Dataset. The only file that imports dask or xarray.

A column is handed whole to dask, which pushes slices down to it; the graph has one task a block, and no pixel is read
while it is built. Reading everything does not go through dask: one allocation a column, filled in place.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import dask.array
import dask.base
import dask.threaded
import numpy as np
import xarray
from numpy.typing import NDArray

from ..errors import CatalogError
from .column_set import OpenedColumns
from .columns import AssetColumn, Column
from .structure import ArrayStructure, DataKey, attributes, column_name, name_dims, plan_chunks

Array = NDArray[Any]


def structures(
    opened: OpenedColumns, data_keys: Mapping[str, DataKey], devices: Mapping[str, str]
) -> dict[str, ArrayStructure]:
    """Return what each opened column will be in the dataset.

    Parameters
    ----------
    opened : OpenedColumns
        The columns.
    data_keys : mapping
        All data keys of the stream, in stored order: axes are numbered through all of them.
    devices : mapping
        The device of each data key.
    """
    dims = name_dims(data_keys, {key: column.shape[1:] for key, column in opened.columns.items()})
    return {
        key: ArrayStructure(
            name=column_name(key, data_keys),
            dims=("time", *dims[key]),
            shape=column.shape,
            dtype=column.dtype,
            chunks=_chunks(column, opened.file_chunks.get(key)),
            attrs=attributes(data_keys[key], devices.get(key)),
        )
        for key, column in opened.columns.items()
    }


def _chunks(column: Column, file_chunks: tuple[int, ...] | None) -> tuple[tuple[int, ...], ...]:
    edges = [segment.start for segment in column.segments] if isinstance(column, AssetColumn) else []
    return plan_chunks(column.shape, column.dtype, file_chunks=file_chunks, boundaries=edges)


def lazy_dataset(
    opened: OpenedColumns, planned: Mapping[str, ArrayStructure], attrs: Mapping[str, Any]
) -> xarray.Dataset:
    """Return a dataset of dask arrays; nothing is read."""
    variables = {
        structure.name: (
            structure.dims,
            _lazy_as_they_are(opened.columns[key], structure),
            structure.attrs,
        )
        for key, structure in planned.items()
    }
    return _dataset(variables, opened, attrs)


def _lazy(column: Column, name: str, chunks: Any) -> Any:
    from_array: Any = dask.array.from_array
    return from_array(
        column,
        chunks=chunks,
        name=f"{name}-{dask.base.tokenize(column.identity())}",
        meta=np.empty((0,) * column.ndim, column.dtype),
        asarray=True,
    )


class _Objects(np.ndarray[Any, Any]):
    """Objects as they are: what is computed becomes part of a dataset again, and pandas would make None NaN there."""


def _lazy_as_they_are(column: Column, structure: ArrayStructure) -> Any:
    lazy = _lazy(column, structure.name, structure.chunks)
    return lazy.map_blocks(_as_objects, dtype=lazy.dtype) if lazy.dtype == object else lazy


def _as_objects(block: Array) -> Array:
    return block.view(_Objects)


def lazy_array(column: Column, name: str, file_chunks: tuple[int, ...] | None) -> Any:
    """Return a column as a dask array, in the blocks that it has in a dataset."""
    return _lazy(column, name, _chunks(column, file_chunks))


def _as_they_are(structure: ArrayStructure, values: Array) -> xarray.Variable:
    """Return values as a variable that takes no objects for what pandas would make of them: None among texts NaN."""
    return xarray.Variable(structure.dims, values, structure.attrs, fastpath=True)


def loaded_dataset(
    opened: OpenedColumns, planned: Mapping[str, ArrayStructure], attrs: Mapping[str, Any]
) -> tuple[xarray.Dataset, dict[str, CatalogError]]:
    """Return a dataset of NumPy arrays, and why those columns that it lacks cannot be read."""
    variables = {}
    problems: dict[str, CatalogError] = {}
    for key, structure in planned.items():
        column = opened.columns[key]
        try:
            values = column.read_region(tuple(slice(0, size) for size in column.shape))
        except CatalogError as error:
            problems[key] = error
        else:
            variables[structure.name] = _as_they_are(structure, values)
    return _dataset(variables, opened, attrs), problems


def loaded_by_rows(
    opened: OpenedColumns, planned: Mapping[str, ArrayStructure], attrs: Mapping[str, Any]
) -> tuple[xarray.Dataset, dict[str, CatalogError], dict[str, dict[int, CatalogError]]]:
    """Return a dataset of NumPy arrays, why it lacks some columns, and why some rows of the others cannot be read.

    The dataset has all rows; what stands in those that cannot be read means nothing. A column is lacking if not one of
    its rows can be read.
    """
    variables = {}
    problems: dict[str, CatalogError] = {}
    bad: dict[str, dict[int, CatalogError]] = {}
    for key, structure in planned.items():
        try:
            if key in opened.problems:
                raise opened.problems[key]
            values, errors = opened.columns[key].read_rows()
            if errors and len(errors) == len(values):
                raise next(iter(errors.values()))
        except CatalogError as error:
            problems[key] = error
        else:
            variables[structure.name] = _as_they_are(structure, values)
            bad[key] = errors
    return _dataset(variables, opened, attrs), problems, {key: errors for key, errors in bad.items() if errors}


def _dataset(variables: Mapping[str, Any], opened: OpenedColumns, attrs: Mapping[str, Any]) -> xarray.Dataset:
    coords = {} if opened.time is None else {"time": ("time", opened.time)}
    return xarray.Dataset(variables, coords, dict(attrs))


def table_of_rows(columns: Mapping[str, Array], dims: Mapping[str, tuple[str, ...]], time: Array) -> xarray.Dataset:
    """Return a dataset of arrays that are at hand, a row for each event."""
    variables = {column_name(name, columns): (("time", *dims[name]), values) for name, values in columns.items()}
    return xarray.Dataset(variables, {"time": ("time", time)})


def pick_rows(dataset: xarray.Dataset, rows: NDArray[np.intp]) -> xarray.Dataset:
    """Return the dataset with these rows alone."""
    return dataset.isel(time=rows)


def chunked(dataset: xarray.Dataset) -> xarray.Dataset:
    """Return the dataset with dask arrays of one block in place of NumPy arrays."""
    return dataset.chunk()


def lazy_rows(column: Column) -> list[Any]:
    """Return each row of a column as a dask array of its own."""
    whole = _lazy(column, f"{column.facts.get('data_key')}", ((1,) * column.shape[0], *column.shape[1:]))
    return [whole[row] for row in range(column.shape[0])]


def _forget_threads_of_the_parent() -> None:
    """Let dask start threads of its own in a forked process; those of its parent are not there, and it would wait."""
    threaded: Any = dask.threaded
    threaded.pools_lock = threading.Lock()
    threaded.default_pool = None
    threaded.pools.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads_of_the_parent)
