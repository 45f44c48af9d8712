"""Questions of runs to the normalised layout on a server: what a store is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import bson

from ...documents import Document
from ...queries import NEWEST_FIRST, Query, Sort
from ..connection.collections import Collections
from ..connection.retries import BYTES, run_read_command
from ..connection.time_limit import TimeLimit
from ..identifiers import as_shown
from ..kept import Kept
from ..lists import PAGES
from . import summary_search
from .resolution import resolve
from .search import Search, is_by_time, search

PAGES_OF_FIELDS = (1000, 5000)
"""How many are fetched at once where only a few fields of each are wanted."""


def find_starts(
    collections: Collections,
    query: Query,
    *,
    sort: Sort = NEWEST_FIRST,
    skip: int = 0,
    limit: int = 0,
    fields: Sequence[str] = (),
) -> Iterator[Document]:
    """Find the start documents that answer to ``query``, in order; one without a uid has its ``_id`` in that place.

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
    fields : sequence of str, optional
        The fields that are needed; more may come with them. Whole documents when left out.

    Raises
    ------
    QueryError
        When the question cannot be asked.
    StoreUnavailable
        When the server needs longer than the time limit to find the next page.
    """
    return map(as_shown, _find(collections, query, tuple(sort) or NEWEST_FIRST, skip, limit, fields))


def find_kept_pages(
    collections: Collections, query: Query, *, sort: Sort = NEWEST_FIRST, skip: int = 0, limit: int = 0
) -> Iterator[list[Kept]]:
    """Find what :func:`find_starts` finds, page by page; whoever wants one may be given it more than once."""
    options = collections.run_start.codec_options

    def decode(raw: bytes) -> Document:
        return as_shown(bson.decode(raw, options))

    def keep(start: Document) -> Kept:
        raw = start.pop(BYTES, None)  # where few documents of another kind decide, runs come without
        return Kept(as_shown(start)) if raw is None else Kept(as_shown(start), raw, decode)

    sort = tuple(sort) or NEWEST_FIRST
    found = _search(collections, query, sort, (), with_bytes=True)
    for page in found.iterate_pages(sort, PAGES, skip=skip, limit=limit):
        yield list(map(keep, page))


def count_starts(collections: Collections, query: Query, *, skip: int = 0, limit: int = 0) -> int:
    """Count what :func:`find_starts` would yield, exactly."""
    found = resolve_search(collections, query, ("uid",))
    if found.joined is not None and not found.is_narrow:
        summaries = summary_search.search_summaries(collections, found.query, ("uid",))
        if summaries is not None:
            return summaries.count(skip=skip, limit=limit)
    return found.count(skip=skip, limit=limit)


def estimate_starts(collections: Collections) -> int:
    """Return how many runs there are by the bookkeeping of the server; a view has none, and counts."""
    command = {"count": collections.run_start.name}
    with TimeLimit(collections.max_time_ms / 1000, address=collections.address, joins=False).query():
        return int(run_read_command(collections.run_start.database, command)["n"])


def resolve_search(
    collections: Collections, query: Query, fields: Sequence[str], *, with_bytes: bool = False
) -> Search:
    """Return how a query is asked of a server; what it depends on is asked at once."""

    def find(query: Query, sort: Sort, skip: int, limit: int) -> Iterator[Document]:
        return _find(collections, query, sort, skip, limit, ("uid", "scan_id"))

    return search(collections, resolve(query, find), fields, with_bytes=with_bytes)


def _find(
    collections: Collections, query: Query, sort: Sort, skip: int, limit: int, fields: Sequence[str]
) -> Iterator[Document]:
    found = _search(collections, query, sort, fields)
    return found.iterate(sort, PAGES_OF_FIELDS if fields else PAGES, skip=skip, limit=limit)


def _search(
    collections: Collections, query: Query, sort: Sort, fields: Sequence[str], *, with_bytes: bool = False
) -> Search | summary_search.SummarySearch:
    """Return how runs are found in order: by the documents, or by summaries where these answer sooner."""
    wanted = [*fields, *(name for name, _ in sort)] if fields else []
    found = resolve_search(collections, query, wanted, with_bytes=with_bytes)
    if found.joined is not None and is_by_time(sort) and not (found.is_dense or found.is_narrow):
        summaries = summary_search.search_summaries(collections, found.query, wanted)
        if summaries is not None:
            return summaries
    return found
