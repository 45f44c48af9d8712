"""Columns -> datasets of arrays that xarray itself reads when their values are asked for, without dask.

xarray makes dask arrays of them where it is told ``chunks``; the blocks are those of ``lazy``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from .column_set import OpenedColumns
from .columns import Column, EventColumn
from .dataset import as_they_are, make_dataset, structures_of
from .source import StreamSource
from .structure import ArrayStructure


def indexed_dataset(opened: OpenedColumns, source: StreamSource, *, as_dates: bool = False) -> xarray.Dataset:
    """Return a dataset whose columns are read when they are looked at; nothing is read.

    Parameters
    ----------
    opened : OpenedColumns
        The columns. Why some data keys have none is in the attribute ``unreadable``.
    source : StreamSource
        Their stream.
    as_dates : bool
        Whether the times of the rows are dates, rather than seconds.
    """
    columns = opened.columns
    variables = {
        structure.name: _variable(columns[key], structure) for key, structure in structures_of(columns, source).items()
    }
    return make_dataset(variables, opened, source, opened.absences, as_dates=as_dates)


def _variable(column: Column, structure: ArrayStructure) -> xarray.Variable:
    if structure.dtype == object and isinstance(column, EventColumn):
        return as_they_are(structure, column[...])
    data = indexing.LazilyIndexedArray(_Indexed(column))
    blocks = dict(zip(structure.dims, structure.chunks, strict=True))
    return xarray.Variable(structure.dims, data, structure.attrs, encoding={"preferred_chunks": blocks})


class _Indexed(BackendArray):
    """A column as xarray indexes what is not in memory."""

    def __init__(self, column: Column):
        self._column = column
        self.shape = column.shape
        self.dtype = column.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        found: NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read
        )
        return found

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self._column[key])
