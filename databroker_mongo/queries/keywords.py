"""The queries that ``search`` takes: filters, and keywords, a closed list; and the fields of a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ..errors import QueryError
from .fields import In, split_key
from .others import query_of_others
from .plain import plain_bool, without_numpy
from .runs import Duration, HasDataKey, HasDevice, HasStream, InProgress, Raw
from .tree import Not, Query, conjunction


def from_keywords(**queries: Any) -> Query:
    """Return the query for all of the keywords.

    Parameters
    ----------
    **queries : object
        ``start``, ``stop``, ``descriptor``: a raw filter on that document, all of it on one descriptor.
        ``in_progress``: whether the run has no stop document.
        ``stream``, ``data_key``, ``device``: the name of one that the run has.
        ``duration_gt``, ``duration_ge``, ``duration_lt``, ``duration_le``: seconds from start to stop.

    Raises
    ------
    TypeError
        For any other keyword.
    QueryError
        For a value that cannot be queried.
    """
    unknown = sorted(set(queries) - set(_QUERIES))
    if unknown and unknown[0] in _OF_CURSORS:
        raise TypeError(
            f"search() does not take {unknown[0]!r}, which databroker 1 took: runs are fetched page by page, and no "
            "cursor stays open between two pages. Leave it out."
        )
    if unknown:
        is_time = unknown[0] in ("since", "until")
        asked = f"TimeRange({unknown[0]}=...)" if is_time else f"{{{unknown[0]!r}: ...}}"
        raise TypeError(
            f"search() has no keyword {', '.join(map(repr, unknown))}; its keywords are {', '.join(_QUERIES)}. "
            f"Query times with TimeRange, and metadata of the start document with a filter: search({asked})."
        )
    return conjunction(_QUERIES[name](value) for name, value in queries.items())


def query_of(given: Query | Mapping[str, Any]) -> Query:
    """Return what was given as a query: what is none, nor one of databroker 2, is a raw filter on the start document.

    Raises
    ------
    QueryError
        It is no mapping, or one that may not be asked.
    """
    if isinstance(given, Query):
        return given
    other = query_of_others(given)
    return Raw(given) if other is None else other


def scope_of(fields: Mapping[str, Any]) -> Query:
    """Return the query that a run is in a scope: in each field it has one of the values.

    Raises
    ------
    QueryError
        No field is given; or None as a value, which runs without the field would have.
    """
    if len(fields) == 0:
        raise QueryError("A scope needs at least one field, as in scoped(data_session=['pass-123456']).")
    scope = [In(name, _values(value)) for name, value in fields.items()]
    for part in scope:
        if any(value is None for value in part.value) or split_key(part.key)[0] != "start":
            raise QueryError("A scope lists values, not None, for fields of the start document.", field=part.key)
    return conjunction(scope)


def _values(given: Any) -> Any:
    """Return a value as a list of one; what gives several values, as it is."""
    values = without_numpy(given)
    is_one = isinstance(values, str | bytes | int) or getattr(values, "ndim", 1) == 0
    return [values] if is_one or not isinstance(values, Iterable) else values


_OF_CURSORS = ("allow_disk_use", "batch_size", "cursor_type", "max_time_ms", "no_cursor_timeout")
"""Options of the cursors of pymongo, which speak of how an answer is fetched and not of what is asked."""


def _in_progress(value: Any) -> Query:
    return InProgress() if plain_bool(value, name="in_progress") else Not(InProgress())


_QUERIES: dict[str, Callable[[Any], Query]] = {
    "start": Raw,
    "stop": partial(Raw, document="stop"),
    "descriptor": partial(Raw, document="descriptor"),
    "in_progress": _in_progress,
    "stream": HasStream,
    "data_key": HasDataKey,
    "device": HasDevice,
    **{f"duration_{operator}": partial(Duration, operator) for operator in ("gt", "ge", "lt", "le")},
}
