"""Questions of runs to a MongoDB server: where to begin, page by page, every page in a bounded time.

A question about the start document alone is one filter. Where other documents matter too, the side that few documents
answer to is asked first; what is left to know is asked of each page of runs at once. Pages go by key (time and
``_id``), so runs that are added meanwhile neither shift nor repeat what is still to come.

What does not belong here: what a question means (``filters``), and mongomock (``memory``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..queries import And, Query
from . import memory
from .filters import EVERY_RUN, Filter, Some, conjunction, lower
from .joining import Joins
from .pages import StartPages
from .protocol import Document, Sort
from .resolution import NEWEST_FIRST, resolve
from .time_limit import TimeLimit

if TYPE_CHECKING:
    from .connection import Collections

SMALL_PAGE = 100
"""A question that limits itself to as many runs is asked in order at once."""

PAGE_SIZES = (SMALL_PAGE, 900, 2000)
COUNT_PAGE = 5000
_FOR_RESOLUTION = {"uid": 1, "time": 1, "scan_id": 1}
_FOR_COUNT = {"uid": 1, "time": 1}


def find_starts(
    collections: Collections, query: Query, *, sort: Sort = NEWEST_FIRST, skip: int = 0, limit: int = 0
) -> Iterator[Document]:
    """Yield the start documents that answer to ``query``, in order.

    Parameters
    ----------
    collections : Collections
        Where.
    query : Query
        What is asked.
    sort : sequence of (str, int), optional
        Fields of the start document, each with 1 or -1; the newest first when left out. Equal runs are in the order
        of their ``_id``, and runs whose time is no number come after all others.
    skip, limit : int, optional
        How many to leave out, and how many to yield after them; 0 yields all.

    Raises
    ------
    QueryError
        When the question cannot be asked.
    StoreUnavailable
        When the server needs longer than the time limit to find the next page.
    """
    for start in _find(collections, query, tuple(sort) or NEWEST_FIRST, skip, limit, {}):
        start.pop("_id", None)
        yield start


def count_starts(collections: Collections, query: Query, *, skip: int = 0, limit: int = 0) -> int:
    """Count what :func:`find_starts` would yield, exactly."""
    if collections.is_mock:
        return sum(1 for _ in memory.find_starts(collections, query, sort=NEWEST_FIRST, skip=skip, limit=limit))
    search = _search(collections, query, _FOR_COUNT)
    if search.joined is None:
        return search.pages.count(search.filter, skip=skip, limit=limit)
    found = sum(1 for _ in search.in_order(NEWEST_FIRST, (COUNT_PAGE,)))
    return min(max(found - skip, 0), limit or found)


def _find(
    collections: Collections, query: Query, sort: Sort, skip: int, limit: int, projection: dict[str, int]
) -> Iterator[Document]:
    if collections.is_mock:
        return memory.find_starts(collections, query, sort=sort, skip=skip, limit=limit)
    if projection:
        projection = {**projection, **{name: 1 for name, _ in sort}}
    search = _search(collections, query, projection)
    return search.handed_out(sort, skip=skip, limit=limit)


def _search(collections: Collections, query: Query, projection: dict[str, int]) -> _Search:
    def find(query: Query, sort: Sort, skip: int, limit: int) -> Iterator[Document]:
        return _find(collections, query, sort, skip, limit, _FOR_RESOLUTION)

    tree = lower(resolve(query, find))
    parts = tree.queries if isinstance(tree, And) else (tree,)
    on_start = next((part for part in parts if isinstance(part, Some) and part.document == "start"), EVERY_RUN)
    rest = [part for part in parts if part is not on_start]
    return _Search(collections, on_start.filter, conjunction(rest) if rest else None, projection)


@dataclass
class _Search:
    """One question to a server: a filter on the start document, and what other documents must say."""

    collections: Collections
    filter: Filter
    joined: Query | None
    projection: dict[str, int]

    def __post_init__(self) -> None:
        seconds = self.collections.max_time_ms / 1000
        self._limit = TimeLimit(seconds, address=self.collections.address, joins=self.joined is not None)
        self._joins = Joins(self.collections, self._limit)
        self.pages = StartPages(self.collections, self._limit, self.projection)

    def handed_out(self, sort: Sort, *, skip: int, limit: int) -> Iterator[Document]:
        """Yield the runs that answer; the time limit begins anew with each."""
        if self.joined is None:
            starts = self.in_order(sort, PAGE_SIZES, skip=skip, limit=limit)
        else:
            starts = islice(self.in_order(sort, PAGE_SIZES), skip, skip + limit if limit else None)
        for start in starts:
            yield start
            self._limit.restart()

    def in_order(self, sort: Sort, sizes: Sequence[int], *, skip: int = 0, limit: int = 0) -> Iterator[Document]:
        """Yield the runs that answer; `skip` and `limit` count runs whose start matches."""
        for page in self._pages(sort, sizes, skip, limit):
            yield from page if self.joined is None else self._joins.keep(self.joined, page)

    def _pages(self, sort: Sort, sizes: Sequence[int], skip: int, limit: int) -> Iterator[list[Document]]:
        """Yield runs whose start matches, page by page, beginning with what few documents answer to."""
        filter, few = self.filter, None
        if self.joined is not None or not 0 < limit <= SMALL_PAGE:
            few = self.pages.few(filter)
        if few is None and self.joined is not None:
            uids = self._joins.candidates(self.joined)
            if uids is not None:
                filter = {"$and": [filter, {"uid": {"$in": list(uids)}}]}
                few = self.pages.few(filter)
        if few is not None:
            yield memory.in_order(few, sort)[skip : skip + limit if limit else None]
        elif len(sort) == 1 and sort[0][0] == "time":
            yield from self.pages.by_key(filter, direction=sort[0][1], sizes=sizes, skip=skip, limit=limit)
        else:
            yield from self.pages.of_list(filter, sort=sort, sizes=sizes, skip=skip, limit=limit)
