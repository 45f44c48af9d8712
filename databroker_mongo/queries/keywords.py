"""The questions that ``search`` takes: filters, and keywords, a closed list; and the fields of a scope.

What does not belong here: what the questions mean (``runs``), and how they are answered (``store/``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ..errors import QueryError
from .fields import In, split_key
from .others import question_of_others
from .plain import truth, without_numpy
from .runs import Duration, HasDataKey, HasDevice, HasStream, InProgress, Raw
from .tree import Not, Query, conjunction


def from_keywords(**questions: Any) -> Query:
    """Return the query for all of the keywords.

    Parameters
    ----------
    **questions : object
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
    unknown = sorted(set(questions) - set(_QUESTIONS))
    if unknown and unknown[0] in _OF_CURSORS:
        raise TypeError(
            f"search() does not take {unknown[0]!r}, which databroker 1 took: runs are fetched page by page, and no "
            "cursor stays open between two pages. Leave it out."
        )
    if unknown:
        is_time = unknown[0] in ("since", "until")
        asked = f"TimeRange({unknown[0]}=...)" if is_time else f"{{{unknown[0]!r}: ...}}"
        raise TypeError(
            f"search() has no keyword {', '.join(map(repr, unknown))}; its keywords are {', '.join(_QUESTIONS)}. "
            f"Query times with TimeRange, and metadata of the start document with a filter: search({asked})."
        )
    return conjunction(_QUESTIONS[name](value) for name, value in questions.items())


def query_of(question: Query | Mapping[str, Any]) -> Query:
    """Return a question as a query: what is none, nor one of databroker 2, is a raw filter on the start document.

    Raises
    ------
    QueryError
        It is no mapping, or one that may not be asked.
    """
    if isinstance(question, Query):
        return question
    other = question_of_others(question)
    return Raw(question) if other is None else other


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
    return InProgress() if truth(value, name="in_progress") else Not(InProgress())


_QUESTIONS: dict[str, Callable[[Any], Query]] = {
    "start": Raw,
    "stop": partial(Raw, document="stop"),
    "descriptor": partial(Raw, document="descriptor"),
    "in_progress": _in_progress,
    "stream": HasStream,
    "data_key": HasDataKey,
    "device": HasDevice,
    **{f"duration_{operator}": partial(Duration, operator) for operator in ("gt", "ge", "lt", "le")},
}
