"""One question of runs to a MongoDB server: where to begin, page by page, every page in a bounded time.

A question about the start document alone is one filter. Where other documents matter too, the side that few documents
answer to is asked first; what is left to know is asked of each page of runs at once. Pages go by key (time and
``_id``), so runs that are added meanwhile neither shift nor repeat what is still to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from ...documents import Document
from ...queries import NEWEST_FIRST, And, Query, Sort
from ..connection.collections import Collections
from ..connection.time_limit import TimeLimit
from ..lists import in_pages
from .filters import EVERY_RUN, Filter, Some, conjunction, has_duration, lower
from .joins import Joins
from .start_pages import Few, StartPages

SMALL_PAGE = 100
"""A question that limits itself to as many runs is asked in order at once."""

RUNS_AT_ONCE = 5000
"""As many runs are brought together with their other documents at once."""

PAGES_BEFORE_ALL = 4
"""After as many pages, it is quicker to read all that other documents say than to ask for each page."""


def search(collections: Collections, query: Query, fields: Sequence[str] = (), *, with_bytes: bool = False) -> Search:
    """Return how a query, in which nothing is left to resolve, is asked for these fields of the start documents.

    Raises
    ------
    QueryError
        When the question cannot be asked.
    """
    tree = lower(query)
    parts = tree.queries if isinstance(tree, And) else (tree,)
    on_start = next((part for part in parts if isinstance(part, Some) and part.document == "start"), EVERY_RUN)
    rest = [part for part in parts if part is not on_start]
    joined = conjunction(rest) if rest else None
    return Search(collections, query, on_start.filter, joined, _projection(fields), with_bytes)


def count_window(n_runs: int, skip: int, limit: int) -> int:
    """Return how many runs are left of some when `skip` are left out and, unless it is 0, at most `limit` taken."""
    return min(max(n_runs - skip, 0), limit or n_runs)


def is_by_time(sort: Sort) -> bool:
    """Tell whether runs are asked for in the order of time alone, in which pages go by key."""
    return len(sort) == 1 and sort[0][0] == "time"


def _projection(fields: Sequence[str]) -> dict[str, int]:
    """Return what to fetch; a field inside one that is fetched whole would be refused."""
    wanted = {*fields, "uid", "time"} if fields else set()
    parents = {name: {name[:at] for at, letter in enumerate(name) if letter == "."} for name in wanted}
    return {name: 1 for name in sorted(wanted) if not parents[name] & wanted}


@dataclass
class Search:
    """One question to a server: a filter on the start document, and what other documents must say."""

    collections: Collections
    query: Query
    filter: Filter
    joined: Query | None
    projection: dict[str, int]
    with_bytes: bool

    def __post_init__(self) -> None:
        seconds = self.collections.max_time_ms / 1000
        self._limit = TimeLimit(seconds, address=self.collections.address, joins=self.joined is not None)
        self.pages = StartPages(self.collections.run_start, self._limit, self.projection, with_bytes=self.with_bytes)

    def iterate_pages(self, sort: Sort, sizes: Sequence[int], *, skip: int, limit: int) -> Iterator[list[Document]]:
        """Yield the runs that answer, page by page; the time limit begins anew with each page."""
        if self.joined is not None:
            yield from in_pages(self.iterate(sort, sizes, skip=skip, limit=limit), sizes)
            return
        for page in filter(None, self._pages(sort, sizes, skip, limit)):
            yield page
            self._limit.restart()

    def iterate(self, sort: Sort, sizes: Sequence[int], *, skip: int, limit: int) -> Iterator[Document]:
        """Yield the runs that answer; the time limit begins anew with each."""
        if self.joined is None:
            starts = self.iterate_answers(sort, sizes, skip=skip, limit=limit)
        else:
            starts = islice(self.iterate_answers(sort, sizes), skip, skip + limit if limit else None)
        for start in starts:
            yield start
            self._limit.restart()

    def iterate_answers(self, sort: Sort, sizes: Sequence[int], *, skip: int = 0, limit: int = 0) -> Iterator[Document]:
        """Yield the runs that answer; `skip` and `limit` count runs whose start matches."""
        for page in self._pages(sort, sizes, skip, limit):
            yield from page if self.joined is None else self._joins.select(self.joined, page)

    def count(self, *, skip: int = 0, limit: int = 0) -> int:
        """Count the runs that answer."""
        if self.joined is None:
            return self.pages.count(self.filter, skip=skip, limit=limit)
        filter, few = self._beginning
        if few is None:
            pages = self.pages.iterate_uids(filter, size=RUNS_AT_ONCE, with_time=has_duration(self.joined))
        else:
            pages = self.pages.iterate_few(few, sort=NEWEST_FIRST, sizes=[RUNS_AT_ONCE])
        n_runs = 0
        for number, page in enumerate(pages):
            if number == PAGES_BEFORE_ALL:
                self._joins.prefetch(self.joined)
            n_runs += len(self._joins.select(self.joined, page))
        return count_window(n_runs, skip, limit)

    @property
    def is_narrow(self) -> bool:
        """Whether few documents, of one kind or another, leave few runs to be looked at."""
        filter, few = self._beginning
        return few is not None or filter is not self.filter

    @property
    def is_dense(self) -> bool:
        """Whether runs that answer are found soon, in whatever order: many documents of another kind match."""
        parts = self.joined.queries if isinstance(self.joined, And) else (self.joined,)
        return any(isinstance(part, Some) for part in parts)

    @cached_property
    def _joins(self) -> Joins:
        return Joins(self.collections, self._limit)

    def _pages(self, sort: Sort, sizes: Sequence[int], skip: int, limit: int) -> Iterator[list[Document]]:
        """Yield runs whose start matches, page by page."""
        direction = sort[0][1] if is_by_time(sort) else 0
        if self.joined is None and (not direction or 0 < limit <= SMALL_PAGE):
            filter, few = self.filter, None
        else:
            filter, few = self._beginning
        if not direction:
            listed = self.pages.list_ids(filter, sort=sort, skip=skip, limit=limit)
            yield from self.pages.iterate_list(listed, sizes=sizes)
        elif few is None:
            yield from self.pages.iterate_by_key(filter, direction=direction, sizes=sizes, skip=skip, limit=limit)
        else:
            yield from self.pages.iterate_few(few, sort=sort, sizes=sizes, skip=skip, limit=limit)

    @cached_property
    def _beginning(self) -> tuple[Filter, Few | None]:
        """Where to begin: a filter on the start, and what passes it if that is little.

        Unless few starts match, the filter lets only those runs pass that few other documents leave over.
        """
        few = self.pages.find_few(self.filter)
        uids = self._joins.find_candidates(self.joined) if few is None and self.joined is not None else None
        if uids is None:
            return self.filter, few
        filter: Filter = {"$and": [self.filter, {"uid": {"$in": list(uids)}}]}
        return filter, self.pages.find_few(filter)
