"""From an event stream to an xarray.Dataset: structure, columns, dataset. No MongoDB and no file format here.

::

    source         what is known of a stream before a column of it is opened
    opening        the columns of a stream, opened: where the values of each data key come from
    column_set     ... what came of each data key, and all of them together
    columns        one column, whose region of rows and pixels is read at once
    inline         ... from the events, which ``blocks`` fetch together
    external       ... from files, by datums or stream datums
    first_file     what the first file of a column holds
    fitting        ... whether that is what is declared; ``remedies`` says what a reader can do where it is not
    stored_rows    ... and how many rows of it make one of the stream
    structure      shape, dtype, dimensions, chunks
    indexing       steps, negatives, ellipsis -> regions
    rows           which rows a stream has      filling      documents with the values from files in them
    values         lists of values -> arrays                   joined    columns of many runs, one below the other
    dataset        columns -> xarray.Dataset
    lazy           ... of dask arrays, the only file that imports dask
    indexed        ... of arrays that xarray itself reads later

What does not belong here: specs and paths (``assets/``), collections (``store/``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..doors import open_late
from .column_set import OpenedColumn, OpenedColumns, read_rows
from .columns import AssetColumn, Column, EventColumn, KnownColumn
from .external import correct, try_to_correct
from .filling import RowsInFiles
from .joined import Joined, RunRows, join, refuse_external
from .opening import is_held, open_columns
from .rows import PageRows, StreamRows, TakenRows
from .source import StreamSource, Transform
from .structure import TIME_ATTRIBUTES, attributes, column_name, name_dims
from .values import as_array, as_moments, has_integers_beyond_floats

if TYPE_CHECKING:
    from .dataset import chunked, chunks_of, dataset_of_runs, load_dataset, table_of_rows, tree_of_streams
    from .indexed import indexed_dataset
    from .lazy import lazy_array, lazy_dataset, lazy_rows

__all__ = [
    "AssetColumn",
    "Column",
    "EventColumn",
    "Joined",
    "KnownColumn",
    "OpenedColumn",
    "OpenedColumns",
    "PageRows",
    "RowsInFiles",
    "RunRows",
    "StreamRows",
    "StreamSource",
    "TIME_ATTRIBUTES",
    "TakenRows",
    "Transform",
    "as_array",
    "as_moments",
    "attributes",
    "chunked",
    "chunks_of",
    "column_name",
    "correct",
    "dataset_of_runs",
    "has_integers_beyond_floats",
    "indexed_dataset",
    "is_held",
    "join",
    "lazy_array",
    "lazy_dataset",
    "lazy_rows",
    "load_dataset",
    "name_dims",
    "open_columns",
    "read_rows",
    "refuse_external",
    "table_of_rows",
    "tree_of_streams",
    "try_to_correct",
]


if not TYPE_CHECKING:  # late: xarray and dask take a second; what is read at once needs no dask, a Column neither
    __getattr__ = open_late(
        __name__,
        {
            "dataset": (
                "chunked",
                "chunks_of",
                "dataset_of_runs",
                "load_dataset",
                "table_of_rows",
                "tree_of_streams",
            ),
            "indexed": ("indexed_dataset",),
            "lazy": ("lazy_array", "lazy_dataset", "lazy_rows"),
        },
    )
