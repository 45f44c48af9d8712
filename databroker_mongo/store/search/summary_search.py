"""Questions that bring documents of several kinds together, asked of summaries where these know the answer.

What the summaries do not vouch for is asked of the documents: runs that are open, that were corrected, or that began
after the last build, unless our Writer summarised all of these. Summaries that lack older runs are not used, with a
warning.
"""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from ...documents import Document
from ...errors import CatalogWarning
from ...queries import And, Duration, HasDataKey, HasDevice, HasStream, Not, Or, Query, Sort
from ..connection.collections import Collections
from ..connection.failures import UNAUTHORIZED
from ..connection.time_limit import TimeLimit
from ..lists import in_pages
from ..order import is_time, order_key
from ..upkeep.summaries import COLLECTION, STATE, STATE_COLLECTION
from .filters import COMPARISONS, Filter, Leaves, Some, lower, stored_names
from .joins import MOST_CANDIDATES
from .search import Search, count_window, search
from .start_pages import StartPages

_LEAVES: Leaves = {
    # Summaries that were made before 2026-12 hold the empty names of descriptors, which are none.
    HasStream: lambda query: Some("summary", {"streams": {"$in": stored_names(query.name)}}),
    HasDataKey: lambda query: Some("summary", {"data_keys": query.name}),
    HasDevice: lambda query: Some("summary", {"devices": query.name}),
}


class SummarySearch:
    """One question, asked of summaries, and of the documents of those runs for which these do not vouch.

    Parameters
    ----------
    pages : StartPages
        Pages of summaries.
    filter : dict
        What a summary must match.
    unverified : list of str
        Uids of the runs for which the summaries do not vouch.
    rest : Search or None
        The same question for the other runs.
    limit : TimeLimit
        The time limit of each page.
    """

    def __init__(
        self, pages: StartPages, filter: Filter, *, unverified: Sequence[str], rest: Search | None, limit: TimeLimit
    ):
        self._pages = pages
        self._filter = filter
        self._of_unverified: Filter = {"$and": [filter, {"uid": {"$in": unverified}}]}
        self._settled: Filter = {"$and": [filter, {"uid": {"$nin": unverified}}]} if unverified else filter
        self._rest = rest
        self._limit = limit

    def iterate_pages(self, sort: Sort, sizes: Sequence[int], *, skip: int, limit: int) -> Iterator[list[Document]]:
        """Yield the runs that answer, in the order of time, page by page."""
        return in_pages(self.iterate(sort, sizes, skip=skip, limit=limit), sizes)

    def iterate(self, sort: Sort, sizes: Sequence[int], *, skip: int, limit: int) -> Iterator[Document]:
        """Yield the runs that answer, in the order of time; the time limit begins anew with each."""
        direction = sort[0][1]

        def place(start: Document) -> tuple[Any, ...]:
            # What has no time comes last in either direction.
            has_time = is_time(start.get("time"))
            return (has_time is (direction < 0), start["time"] if has_time else 0, order_key(start["_id"]))

        summaries = self._pages.iterate_by_key(self._settled, direction=direction, sizes=sizes)
        settled = (_start_of(summary) for page in summaries for summary in page)
        others = self._rest.iterate_answers(sort, sizes) if self._rest else iter(())
        merged = heapq.merge(settled, others, key=place, reverse=direction < 0)
        for start in islice(merged, skip, skip + limit if limit else None):
            yield start
            self._limit.restart()

    def count(self, *, skip: int, limit: int) -> int:
        """Count the runs that answer."""
        # An index counts what matches, and would not what matches beside those few.
        n_settled = self._pages.count(self._filter) - self._pages.count(self._of_unverified)
        return count_window(n_settled + (self._rest.count() if self._rest else 0), skip, limit)


def search_summaries(collections: Collections, query: Query, fields: Sequence[str]) -> SummarySearch | None:
    """Return how a question is asked of summaries; None where there are none, or they do not know the answer.

    Warns
    -----
    CatalogWarning
        There are summaries, but they lack runs, or have runs that are gone.
    """
    limit = TimeLimit(collections.max_time_ms / 1000, address=collections.address, joins=True)
    state = _state(collections, limit)
    asked = _filter(lower(query, _LEAVES)) if state is not None else None
    if state is None or asked is None:
        return None
    summaries = StartPages(collections.named(COLLECTION), limit, {"start": 1, "uid": 1, "time": 1})
    starts = StartPages(collections.run_start, limit, {})
    before, after = ({"time": {"$lt": state["until"]}}, {"time": {"$not": {"$lt": state["until"]}}})
    # A summary has the `_id` of its start, so equal numbers mean that no run lacks its summary and none is left over,
    # but where as many were removed as were added. An index counts them without looking at a document.
    if summaries.count(before) != starts.count(before):
        _warn(collections)
        return None
    # Of the runs after that, some may be summarised by their writers and some by nobody: all of them, or none count.
    knows_all = summaries.count(after) == starts.count(after)
    with limit.query():
        unverified = _list_unverified(collections)
    if len(unverified) > MOST_CANDIDATES:
        _warn(collections)
        return None
    settled: Filter = asked if knows_all else {"$and": [before, asked]}
    others = [*([] if knows_all else [after]), *([{"uid": {"$in": unverified}}] if unverified else [])]
    rest = search(collections, And((query, Some("start", {"$or": others}))), fields) if others else None
    return SummarySearch(summaries, settled, unverified=unverified, rest=rest, limit=limit)


def _state(collections: Collections, limit: TimeLimit) -> Document | None:
    """Return what is known of the summaries; None where there are none, or the account may not see them."""
    import pymongo.errors

    try:
        with limit.query():
            found: Document | None = collections.named(STATE_COLLECTION).find_one({"_id": STATE})
    except pymongo.errors.OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        return None
    return found


def _list_unverified(collections: Collections) -> list[str]:
    """Return the uids of runs that may have changed since they were summarised: the open, and the corrected."""
    found = collections.named(COLLECTION).find({"is_open": True}, {"uid": 1}, limit=MOST_CANDIDATES + 1)
    uids = {summary["uid"] for summary in found}
    for name, run_of in (("run_start", "uid"), ("run_stop", "run_start"), ("event_descriptor", "run_start")):
        uids.update(collections.named(f"{name}_revisions").distinct(f"document.{run_of}"))
    return sorted(uid for uid in uids if isinstance(uid, str))


def _warn(collections: Collections) -> None:
    warnings.warn(
        f"The summaries of runs at {collections.address} are out of date and are not used. "
        "databroker-mongo admin build-summaries --apply brings them up to date.",
        CatalogWarning,
        stacklevel=2,  # it is the database's: named by a line of ours, it is shown once, not at each line that searches
    )


def _start_of(summary: Document) -> Document:
    return {"_id": summary["_id"], **summary["start"]}


def _filter(tree: Query) -> Filter | None:
    """Return a lowered tree as one filter of summaries, or None if they do not hold what it asks."""
    if isinstance(tree, And | Or):
        parts = [_filter(part) for part in tree.queries]
        return None if None in parts else {"$and" if isinstance(tree, And) else "$or": parts}
    if isinstance(tree, Not):
        part = _filter(tree.query)
        return None if part is None else {"$nor": [part]}
    if isinstance(tree, Duration):
        return {"duration": {COMPARISONS[tree.operator]: tree.seconds}}
    assert isinstance(tree, Some)
    if tree.document == "summary":
        return tree.filter
    if tree.document == "descriptor":
        return None
    # A run without a stop is open, and summaries do not vouch for it.
    return _inside(tree.filter, tree.document)


def _inside(filter: Filter, document: str) -> Filter | None:
    """Return a filter on a document as one on a summary that holds it; None if it asks about the whole document."""
    inside: Filter = {}
    for key, condition in filter.items():
        if key in ("$and", "$or", "$nor"):
            parts = [_inside(part, document) for part in condition]
            if None in parts:
                return None
            inside[key] = parts
        elif key.startswith("$"):
            return None
        elif key == "_id" and document == "start":
            inside[key] = condition  # a summary has that of its start
        else:
            inside[f"{document}.{key}"] = condition
    return inside
