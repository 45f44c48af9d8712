"""What the keywords of ``db(...)`` and ``db.add_filter(...)`` ask, as queries."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

from ..errors import OldNameWarning, stacklevel_of_caller
from ..queries import FullText, HasDataKey, Query, Raw, TimeRange, conjunction

_OLD_NAMES: Final = {"start_time": "since", "stop_time": "until"}


def query_of_keywords(keywords: Mapping[str, Any], *, text: str | None = None) -> Query:
    """Return the query for all of the keywords.

    Parameters
    ----------
    keywords : mapping
        ``since`` and ``until``: when the run began, both ends included. ``data_key``: one that a stream has. All others
        are fields of the start document, in MongoDB's language.
    text : str, optional
        Words that occur in the start document.

    Raises
    ------
    QueryError
        It is not allowed, or not possible.
    TypeError
        An old and a new name of the same keyword.
    """
    fields = _with_new_names(keywords)
    since, until, data_key = (fields.pop(name, None) for name in ("since", "until", "data_key"))
    asked: list[Query] = []
    if not (_is_absent(since) and _is_absent(until)):
        asked.append(Raw({"time": _bounds(*(None if _is_absent(each) else each for each in (since, until)))}))
    if text is not None and not _is_absent(text):
        asked.append(FullText(text))
    if data_key is not None:
        asked.append(HasDataKey(data_key))
    if fields:
        asked.append(Raw(fields))
    return conjunction(asked)


def _is_absent(value: Any) -> bool:
    """Tell whether an argument stands for none, as in databroker 1: None, False, 0 and the empty text do."""
    return value is None or (isinstance(value, str | int | float) and not value)


def _with_new_names(keywords: Mapping[str, Any]) -> dict[str, Any]:
    renamed = dict(keywords)
    for old, new in _OLD_NAMES.items():
        if old not in renamed:
            continue
        if new in renamed:
            raise TypeError(f"db(...) takes {new!r} or its old name {old!r}, not both")
        told = f"The keyword {old!r} is an old name of {new!r}"
        warnings.warn(told, OldNameWarning, stacklevel=stacklevel_of_caller())
        renamed[new] = renamed.pop(old)
    return renamed


def _bounds(since: Any, until: Any) -> dict[str, float]:
    """Return the bounds of a time range: here the latest moment counts, while `TimeRange` ends before it."""
    moments = TimeRange(since=since, until=until)
    bounds = {"$gte": moments.since, "$lte": moments.until}
    return {operator: moment for operator, moment in bounds.items() if moment is not None}
