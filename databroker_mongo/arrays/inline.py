"""Columns whose values are in the events: their dtype and shape, found without reading them where that is certain.

Descriptors say "number" or "array". What is certain without reading is told by the first events and by one query
whether all others are like them; anything else is read at once, so that a lazy column is never of another dtype than
its values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..store import MISSING, Values
from .blocks import EventBlock
from .columns import EventColumn
from .source import StreamSource
from .structure import DataKey, declared_dtype, is_whole_shape
from .values import as_array, kind_of

RowStructure = tuple[tuple[int, ...], np.dtype[Any]]

_FEW_VALUES = 1_000_000
_GROUP_BYTES = 32_000_000  # a group is in memory as a whole as soon as one of its columns is read

_PLAIN = {float: np.dtype(np.float64), int: np.dtype(np.int64), bool: np.dtype(bool)}
_EMPTY = {"integer": np.dtype(np.int64), "boolean": np.dtype(bool), "string": np.dtype("<U1")}


def open_inline(
    source: StreamSource, data_keys: Mapping[str, DataKey], keys: Sequence[str], known: Mapping[str, Values]
) -> dict[str, EventColumn]:
    """Open columns of events.

    Parameters
    ----------
    source : StreamSource
        The stream.
    data_keys : mapping
        Their declarations.
    keys : sequence of str
        Which.
    known : mapping
        The values of those that have been read already.
    """
    rows = source.rows
    declared = {key: declared_dtype(data_keys[key]) for key in keys}
    unread = [key for key in keys if key not in known]
    shaped = _structures_without_reading(source, data_keys, unread)
    uncertain = [key for key in unread if key not in shaped]
    values = {key: known[key] for key in keys if key in known}
    values |= rows.columns(uncertain) if uncertain else {}
    if rows.snapshot.n_rows == 0:
        shaped |= {key: structure_of_no_rows(data_keys[key]) for key in values}
    arrays = {key: as_array(values[key], declared=declared[key]) for key in values if key not in shaped}
    read = EventBlock(rows.store, rows.snapshot, {key: declared[key] for key in arrays}, arrays)
    block_of = dict.fromkeys(arrays, read)
    for group in _groups(shaped, rows.snapshot.n_rows):
        block_of |= dict.fromkeys(group, EventBlock(rows.store, rows.snapshot, {key: declared[key] for key in group}))
    shaped |= {key: (array.shape[1:], array.dtype) for key, array in arrays.items()}
    return {
        key: EventColumn(
            block_of[key],
            key,
            shape=(rows.snapshot.n_rows, *shaped[key][0]),
            dtype=shaped[key][1],
            facts={**source.facts, "data_key": key},
        )
        for key in keys
    }


def contradicted_shapes(data_keys: Mapping[str, DataKey], columns: Mapping[str, EventColumn]) -> dict[str, str]:
    """Return a sentence for each column whose rows have not the declared shape, axes of length one aside."""
    return {
        key: f"shape {list(declared)} is declared, and the events hold {_rows_of(column)}"
        for key, column in columns.items()
        if len(column) and is_whole_shape(declared := data_keys[key].get("shape")) and not _has_rows(column, declared)
    }


def _rows_of(column: EventColumn) -> str:
    return "rows of different shapes" if column.dtype.hasobject else f"rows of shape {list(column.shape[1:])}"


def _has_rows(column: EventColumn, declared: Sequence[int]) -> bool:
    if column.dtype.hasobject:
        return not declared
    return [size for size in declared if size != 1] == [size for size in column.shape[1:] if size != 1]


def _structures_without_reading(
    source: StreamSource, data_keys: Mapping[str, DataKey], keys: Sequence[str]
) -> dict[str, RowStructure]:
    """Return shape and dtype of the columns that need not be read for them."""
    n_rows = source.rows.snapshot.n_rows
    if n_rows == 0:
        return {key: structure_of_no_rows(data_keys[key]) for key in keys}
    return {} if is_cheap_to_read(data_keys, keys, n_rows) else _uniform_structures(source, data_keys, keys)


def is_cheap_to_read(data_keys: Mapping[str, DataKey], keys: Sequence[str], n_rows: int | None) -> bool:
    """Tell whether columns of about so many rows are better read at once than asked about.

    To compare the types of all events, the server takes as long as to hand them out. Only the space that the values
    take speaks against that.
    """
    return (
        n_rows is not None
        and n_rows * sum(math.prod(structure_of_no_rows(data_keys[key])[0]) for key in keys) <= _FEW_VALUES
    )


def _groups(shaped: Mapping[str, RowStructure], n_rows: int) -> Iterator[list[str]]:
    """Yield the columns that are fetched together: numbers, up to a size; an array by itself."""
    group: list[str] = []
    for key, (row_shape, dtype) in shaped.items():
        if row_shape:
            yield [key]
            continue
        if (len(group) + 1) * n_rows * dtype.itemsize > _GROUP_BYTES and group:
            yield group
            group = []
        group.append(key)
    if group:
        yield group


def structure_of_no_rows(data_key: DataKey) -> RowStructure:
    """Return shape of a row and dtype of a column without rows: what the descriptor says, as nothing else is known."""
    shape = tuple(max(0, size or 0) for size in data_key.get("shape") or ())
    dtype = declared_dtype(data_key) or _EMPTY.get(str(data_key.get("dtype")), np.dtype(np.float64))
    return shape, dtype


def _uniform_structures(
    source: StreamSource, data_keys: Mapping[str, DataKey], keys: Sequence[str]
) -> dict[str, RowStructure]:
    """Return shape and dtype of the columns for which they are certain without reading them."""
    events = list(source.rows.first_events().values()) if keys else []
    sample: dict[str, Any] = {}
    shaped: dict[str, RowStructure] = {}
    for key in keys:
        found = {_structure_of(event["data"].get(key, MISSING)) for event in events}
        certain = found.pop() if len(found) == 1 else None
        declared = declared_dtype(data_keys[key])
        # No "in": NumPy takes None for float64.
        if certain is not None and (declared is None or declared == certain[1]):
            sample[key], shaped[key] = events[0]["data"][key], certain
    if not sample or not source.rows.store.is_uniform(source.rows.snapshot, sample):
        return {}
    return shaped


def _structure_of(value: Any) -> RowStructure | None:
    """Return shape and dtype of a number, or of a list of numbers of one type; None for anything else."""
    if kind_of(value) in _PLAIN:
        return (), _PLAIN[kind_of(value)]
    if isinstance(value, list) and len({kind_of(element) for element in value}) == 1 and kind_of(value[0]) in _PLAIN:
        return (len(value),), _PLAIN[kind_of(value[0])]
    return None
