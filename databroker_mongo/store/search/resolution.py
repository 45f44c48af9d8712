"""Questions whose answer depends on other runs, replaced by the uids that answer: windows, and latest of a scan id."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import QueryError
from ...queries import (
    NEWEST_FIRST,
    And,
    In,
    Not,
    NotIn,
    Or,
    Query,
    ScanID,
    ScanIDRange,
    Sort,
    Window,
    conjunction,
    conjuncts,
)
from ..identifiers import uid_of

Find = Callable[[Query, Sort, int, int], Iterable[dict[str, Any]]]
"""Takes a query, sort, skip and limit; returns start documents in order, with ``uid``, ``_id`` and ``scan_id``."""


def resolve(query: Query, find: Find) -> Query:
    """Return a query that asks the same and holds no :class:`Window`, and no scan ids but those with all duplicates.

    Raises
    ------
    QueryError
        When a scan id is of several runs and its question says ``duplicates="error"``.
    """
    parts = [_without_windows(part, find) for part in conjuncts(query)]
    once = [part for part in parts if isinstance(part, ScanID | ScanIDRange) and part.duplicates != "all"]
    if not once:
        return conjunction(parts)
    with_all = conjunction(_with_all_duplicates(part) if part in once else part for part in parts)
    newest: dict[Any, str] = {}
    for start in find(with_all, NEWEST_FIRST, 0, 0):
        uid = uid_of(start)
        first = newest.setdefault(start["scan_id"], uid)
        if first != uid and any(part.duplicates == "error" for part in once):
            raise QueryError(
                f"The scan id {start['scan_id']} belongs to more than one run, which duplicates='error' refuses. "
                "Narrow the search, or use duplicates='latest'.",
                scan_id=start["scan_id"],
                candidates=[first, uid],
            )
    return conjunction([with_all, In("uid", list(newest.values()))])


def _without_windows(query: Query, find: Find) -> Query:
    if isinstance(query, And | Or):
        return type(query)(tuple(_without_windows(part, find) for part in query.queries))
    if isinstance(query, Not):
        return Not(_without_windows(query.query, find))
    if not isinstance(query, Window):
        return query
    inner = resolve(query.query, find)
    if query.limit:
        return In("uid", [uid_of(start) for start in find(inner, query.sort, query.skip, query.limit)])
    skipped = [uid_of(start) for start in find(inner, query.sort, 0, query.skip)] if query.skip else []
    return conjunction([inner, NotIn("uid", skipped)])


def _with_all_duplicates(query: Query) -> Query:
    if isinstance(query, ScanID):
        return ScanID(*query.scan_ids, duplicates="all")
    assert isinstance(query, ScanIDRange)
    return dataclasses.replace(query, duplicates="all")
