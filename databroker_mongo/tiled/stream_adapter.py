"""A stream as TiledWriter writes it: a table named ``internal`` of values in events, and an array for all else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tiled.structures.core import Spec

from ..runs import OpenColumn, Stream, StreamColumns
from .answers import Answers
from .arrays import ArrayAdapter
from .metadata import plain
from .nodes import Container, Node, name_segments
from .tables import TableAdapter, TableColumn, arrow_type

Array = NDArray[Any]

STREAM_SPEC = Spec("DatabrokerMongoStream", version="1")

_TABLE: Final = "internal"
_SEQ_NUM, _TIME = "seq_num", "time"
_OF_DESCRIPTORS = ("name", "object_keys", "run_start")


class StreamAdapter(Container):
    """A stream whose columns are opened when somebody asks for them.

    Parameters
    ----------
    stream : Stream
        The stream.
    count : callable
        Is told how many bytes opened columns take.
    """

    def __init__(self, stream: Stream, count: Callable[[int], None]):
        specs = [STREAM_SPEC, Spec("BlueskyEventStream", version="3.0"), Spec("composite")]
        super().__init__(plain(describe(stream)), specs)
        self.stream = stream
        self._count = count
        self._lock = threading.Lock()

    def find_children(self) -> Mapping[str, Node]:
        """Return its table and its arrays."""
        with self._lock:
            return self._children

    async def approx_len(self) -> int:
        """Return about how many there are, as the descriptors tell: no file is opened to list streams."""
        data_keys = self._metadata["data_keys"].values()
        return 1 + sum("external" in each or bool(each.get("shape")) for each in data_keys)

    @cached_property
    def _children(self) -> Mapping[str, Node]:
        columns = self.stream.columns()
        self._count(n_bytes_held(columns))
        types = {key: arrow_type(column.dtype, column.read) for key, column in columns.items() if _is_in_table(column)}
        told = {key: type for key, type in types.items() if type is not None and not key.startswith("_")}
        names = name_segments(columns, taken=(_TABLE, _SEQ_NUM, _TIME))
        others = {key: column for key, column in columns.items() if key not in told}
        arrays = {names[key]: array_of(column, columns, self.answers) for key, column in others.items()}
        return {_TABLE: _Internal(self.stream, columns, told, names, self.answers).table(), **arrays}


class _Internal:
    """The table of a stream in the making: numbers and times of its rows, values of events, and when each was taken."""

    def __init__(
        self,
        stream: Stream,
        columns: StreamColumns,
        types: Mapping[str, Any],
        names: Mapping[str, str],
        answers: Answers,
    ):
        self._answers = answers
        self._columns = columns
        self._types = types
        self._names = names
        self._keys = {names[key]: key for key in types}
        taken = [f"ts_{key}" for key in stream.timestamps] if columns.time is not None else []
        segments = name_segments(taken, taken=(_TABLE, *names.values()))
        self._stamps = {segments[name]: name.removeprefix("ts_") for name in taken}
        self._rows = {_SEQ_NUM: columns.seq_num, **({} if columns.time is None else {_TIME: columns.time})}

    def table(self) -> TableAdapter:
        """Return the table."""
        made = {name: self._column(name, arrow_type(values.dtype)) for name, values in self._rows.items()}
        made |= {name: self._column(name, self._types[key]) for name, key in self._keys.items()}
        made |= {name: self._column(name, arrow_type(np.dtype(np.float64))) for name in self._stamps}
        metadata = {"data_keys": {name: key for name, key in self._keys.items() if name != key}}
        return TableAdapter(made, self._read_rows, n_rows=self._columns.n_rows, metadata=metadata)

    def _column(self, name: str, type: Any) -> TableColumn:
        return TableColumn(type, partial(self._array, name))

    def _array(self, name: str) -> ArrayAdapter:
        if name in self._keys:
            return array_of(self._columns[self._keys[name]], self._columns, self._answers)
        values = self._read_rows(slice(0, self._columns.n_rows), [name])[name]
        return ArrayAdapter.of_array(values, dims=(_TIME,), metadata={})

    def _read_rows(self, rows: slice, wanted: Sequence[str]) -> Mapping[str, Array]:
        keys = {name: self._keys[name] for name in wanted if name in self._keys}
        stamps = {name: self._stamps[name] for name in wanted if name in self._stamps}
        values = self._columns.read_rows(rows, list(keys.values()))
        times = self._columns.read_timestamps(rows, list(stamps.values()))
        found = {name: values[key] for name, key in keys.items()} | {name: times[key] for name, key in stamps.items()}
        return found | {name: each[rows] for name, each in self._rows.items() if name in wanted}


def describe(stream: Stream) -> dict[str, Any]:
    """Return the first descriptor, with the data keys of all, and what others changed of the configuration."""
    first, *others = stream.descriptors
    updates = [
        {key: each[key] for key in ("uid", "time", "configuration") if each.get(key) is not None} for each in others
    ]
    return {
        **{key: value for key, value in first.items() if key not in _OF_DESCRIPTORS},
        "data_keys": stream.data_keys,
        "stream_name": stream.name,
        **({"_config_updates": updates} if updates else {}),
    }


def array_of(
    column: OpenColumn, columns: StreamColumns, answers: Answers, *, specs: Sequence[Spec] = ()
) -> ArrayAdapter:
    """Return a column as an array; one of which no shape is known is there too, and tells why when it is read."""
    if column.absence is not None:
        return ArrayAdapter(
            column,
            shape=(columns.n_rows,),
            dtype=np.dtype(np.float64),
            chunks=((columns.n_rows,),),
            dims=(_TIME,),
            metadata={"attrs": column.attrs, "unreadable": answers.told(column.absence)},
            specs=specs,
        )
    metadata: dict[str, Any] = {"attrs": plain(column.attrs)}
    if column.problem is not None:
        metadata["unreadable"] = answers.told(column.problem)
    if column.note:
        metadata["note"] = column.note
    if column.dtype.hasobject:
        return ArrayAdapter.of_array(column.read(), dims=column.dims, metadata=metadata, specs=specs)
    return ArrayAdapter(
        column,
        shape=column.shape,
        dtype=column.dtype,
        chunks=column.chunks,
        dims=column.dims,
        metadata=metadata,
        specs=specs,
    )


def n_bytes_held(columns: StreamColumns) -> int:
    """Return how much memory columns may take: rows, and values of events, which stay once they are read."""
    in_events = [column for column in columns.values() if column.is_in_events]
    return 24 * columns.n_rows + sum(column.nbytes for column in in_events)


def _is_in_table(column: OpenColumn) -> bool:
    return column.is_in_events and column.problem is None and column.ndim == 1
