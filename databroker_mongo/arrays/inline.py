"""Columns whose values are in the events: their dtype and shape, found without reading them where that is certain.

Descriptors say "number" or "array". What is certain without reading is told by the first events and by one question
whether all others are like them; anything else is read at once, so that a lazy column is never of another dtype than
its values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..store.protocol import MISSING, Values
from .columns import EventColumn
from .structure import DataKey, declared_dtype
from .values import as_array, kind_of

if TYPE_CHECKING:
    from .opening import StreamSource

Shaped = tuple[tuple[int, ...], np.dtype[Any]]

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
    n_rows = source.rows.snapshot.n_rows
    unread = [key for key in keys if key not in known]
    shaped = {key: _empty(data_keys[key]) for key in unread} if n_rows == 0 else _certain(source, data_keys, unread)
    uncertain = [key for key in unread if key not in shaped]
    values = {**known, **(source.rows.columns(uncertain) if uncertain else {})}
    return {key: _column(source, key, data_keys[key], shaped.get(key), values.get(key)) for key in keys}


def _column(
    source: StreamSource, key: str, data_key: DataKey, shaped: Shaped | None, values: Values | None
) -> EventColumn:
    declared = declared_dtype(data_key)
    n_rows = source.rows.snapshot.n_rows
    if shaped is not None:
        known, (row_shape, dtype) = None, shaped
    elif n_rows == 0:
        known, (row_shape, dtype) = None, _empty(data_key)
    else:
        assert values is not None
        known = as_array(values, declared=declared)
        row_shape, dtype = known.shape[1:], known.dtype
    return EventColumn(
        source.rows.store,
        source.rows.snapshot,
        key,
        section="data",
        declared=declared,
        shape=(n_rows, *row_shape),
        dtype=dtype,
        facts={**source.facts, "data_key": key},
        known=known,
    )


def _empty(data_key: DataKey) -> Shaped:
    """Return what a column without rows is: what the descriptor says, since nothing else is known."""
    shape = tuple(max(0, size or 0) for size in data_key.get("shape") or ())
    dtype = declared_dtype(data_key) or _EMPTY.get(str(data_key.get("dtype")), np.dtype(np.float64))
    return shape, dtype


def _certain(source: StreamSource, data_keys: Mapping[str, DataKey], keys: Sequence[str]) -> dict[str, Shaped]:
    """Return shape and dtype of the columns for which they are certain without reading them."""
    events = list(source.rows.first_events().values()) if keys else []
    sample: dict[str, Any] = {}
    shaped: dict[str, Shaped] = {}
    for key in keys:
        found = {_shaped(event["data"].get(key, MISSING)) for event in events}
        certain = found.pop() if len(found) == 1 else None
        declared = declared_dtype(data_keys[key])
        if certain is not None and declared in (None, certain[1]):
            sample[key], shaped[key] = events[0]["data"][key], certain
    if not sample or not source.rows.store.all_like(source.rows.snapshot, sample):
        return {}
    return shaped


def _shaped(value: Any) -> Shaped | None:
    """Return shape and dtype of a number, or of a list of numbers of one type; None for anything else."""
    if kind_of(value) in _PLAIN:
        return (), _PLAIN[kind_of(value)]
    if isinstance(value, list) and len({kind_of(element) for element in value}) == 1 and kind_of(value[0]) in _PLAIN:
        return (len(value),), _PLAIN[kind_of(value[0])]
    return None
