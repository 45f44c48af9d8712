"""Which values a field has in the runs that answer to a question, and how many runs have each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from ...documents import Document
from ...queries import NEWEST_FIRST, DocumentName, Query, plain_path, split_key
from ..connection.collections import Collections
from ..fields import field_elements
from ..order import order_key
from ..stops import pick_first_stops
from . import starts
from .joins import RUN_OF

DocumentsOf = Callable[[DocumentName, str, list[Document]], list[Document]]
"""Takes a kind of document, the field that is needed and starts; returns the documents of their runs that count."""


def distinct(collections: Collections, query: Query, key: str, *, counts: bool) -> list[tuple[Any, int]]:
    """Return the values of a field, with the number of runs that have each.

    Parameters
    ----------
    collections : Collections
        Where.
    query : Query
        Which runs.
    key : str
        A dotted field; ``stop.`` and ``descriptor.`` reach other documents. Of a list, each element counts; null and
        missing values do not.
    counts : bool
        Whether to count; else the numbers are 1.

    Returns
    -------
    list of (value, int)
        The most frequent first, then in the order of the values.
    """
    document, path = _split(key)
    pairs = _of_server(collections, query, path, counts=counts) if document == "start" else None
    if pairs is not None:
        return _sorted(pairs)
    fields = (path,) if document == "start" else ("uid",)
    found = starts.find_starts(collections, query, sort=NEWEST_FIRST, fields=fields)
    return distinct_of_runs(found, key, partial(_documents, collections), counts=counts)


def distinct_of_runs(
    found: Iterator[Document], key: str, documents_of: DocumentsOf, *, counts: bool
) -> list[tuple[Any, int]]:
    """Return the values of a field in the runs of these starts, as `distinct` does, looking at page after page."""
    document, path = _split(key)
    known: dict[Any, tuple[Any, set[str]]] = {}
    run_of = RUN_OF[document][1]
    while page := list(islice(found, starts.PAGES_OF_FIELDS[-1])):
        for each in page if document == "start" else documents_of(document, path, page):
            for value in field_elements(each, path):
                known.setdefault(order_key(value), (value, set()))[1].add(each[run_of])
    return _sorted([(value, len(uids) if counts else 1) for value, uids in known.values()])


def _split(key: str) -> tuple[DocumentName, str]:
    document, path = split_key(plain_path(key))
    plain_path(path)
    return document, path


def _sorted(pairs: list[tuple[Any, int]]) -> list[tuple[Any, int]]:
    return sorted(pairs, key=lambda pair: (-pair[1], order_key(pair[0])))


def _of_server(collections: Collections, query: Query, path: str, *, counts: bool) -> list[tuple[Any, int]] | None:
    """Let the server count, where it knows by the start documents alone which runs these are."""
    found = starts.resolve_search(collections, query, ("uid",))
    if found.joined is not None:
        return None
    if not counts:
        return [(value, 1) for value in found.pages.distinct(found.filter, path) if value is not None]
    # Lists are taken apart once for all runs that have the same.
    elements = {"$cond": [{"$isArray": "$_id"}, {"$setUnion": ["$_id", []]}, "$_id"]}
    stages: list[dict[str, Any]] = [
        {"$group": {"_id": f"${path}", "n": {"$sum": 1}}},
        {"$project": {"value": elements, "n": 1}},
        {"$unwind": "$value"},
        {"$match": {"value": {"$ne": None}}},
        {"$group": {"_id": "$value", "n": {"$sum": "$n"}}},
    ]
    return [(group["_id"], group["n"]) for group in found.pages.aggregate(found.filter, stages)]


def _documents(collections: Collections, document: DocumentName, path: str, runs: list[Document]) -> list[Document]:
    """Return the stop documents (the first of each run) or the descriptors of these runs, as far as needed."""
    name, run_of = RUN_OF[document]
    uids = [start["uid"] for start in runs]
    projection = {key: 1 for key in (path, run_of, "time") if not key.startswith(f"{path}.")}
    found = getattr(collections, name).find({run_of: {"$in": uids}}, projection)
    return pick_first_stops(found) if document == "stop" else list(found)
