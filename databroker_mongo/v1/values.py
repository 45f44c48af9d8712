"""The values of data keys, row by row, as they are stored or, where that is asked, as what their datums stand for.

What does not belong here: tables, documents, anything that knows a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from ..arrays import Column, OpenedColumns, StreamSource, is_held, open_columns
from ..documents import is_streamed
from ..errors import ColumnNotFound, DocumentWarning, stacklevel_of_caller
from ..store import MISSING, Values

BLOCK_BYTES: Final = 64_000_000
"""How much of external data is read at once, unless a single row is more."""


def stored_values(source: StreamSource, keys: Sequence[str]) -> dict[str, Values]:
    """Return the values in the events of a stream: numbers, texts and lists, NaN where an event has none.

    Keys whose values are in stream resources are left out: events have none of them.
    """
    found = source.rows.columns(keys) if keys else {}
    return {
        key: _without_gaps(values)
        for key, values in found.items()
        if not is_streamed(source.data_keys[key]) or is_held(values)
    }


def is_external(source: StreamSource, key: str) -> bool:
    """Tell whether the values of a data key are outside the events."""
    return "external" in source.data_keys[key]


def open_external(source: StreamSource, keys: Sequence[str]) -> OpenedColumns:
    """Open columns of external data, all of one length, and warn of what their documents got wrong.

    Raises
    ------
    ColumnNotFound
        The stream has no such data key.
    CatalogError
        What is wrong with the first that cannot be read.
    """
    for key in keys:
        if key not in source.data_keys:
            raise ColumnNotFound(f"the stream has no data key {key!r}", **source.facts, data_key=key)
    opened = open_columns(source, keys, eager=False)
    problems = {**opened.absent(), **opened.problems}
    for key in keys:
        if key in problems:
            raise problems[key]
    if opened.notes:
        told = "; ".join(f"{key!r}: {note}" for key, note in opened.notes.items())
        text = f"run {source.run_uid}, stream {source.facts.get('stream')!r}: {told}"
        warnings.warn(text, DocumentWarning, stacklevel=stacklevel_of_caller())
    return opened


def rows_of(column: Column) -> Iterator[Any]:
    """Yield the rows of a column, each an array of its own; few are in memory at once."""
    return column.rows(BLOCK_BYTES)


def _without_gaps(values: Values) -> Values:
    if isinstance(values, np.ndarray):
        return values
    return [np.nan if value is MISSING else value for value in values]
