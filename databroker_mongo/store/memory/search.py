"""Questions of runs on mongomock: every run is looked at, by the same lowered tree that a server is asked with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...documents import Document
from ...queries import NEWEST_FIRST, And, Duration, Not, Or, Query, Sort
from ..connection.collections import Collections
from ..order import order_key
from ..search.filters import Some, lower
from ..search.joins import NAMELESS, is_of_duration
from ..search.resolution import resolve
from ..search.start_order import sort_starts
from ..stops import pick_first_stops
from .matching import is_match


@dataclass
class _Run:
    start: Document
    stop: Document | None = None
    descriptors: list[Document] = field(default_factory=list)


def find_starts(
    collections: Collections, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0
) -> Iterator[Document]:
    """Yield the start documents that answer to ``query``, in order, with their ``_id``."""

    def find(query: Query, sort: Sort, skip: int, limit: int) -> Iterator[Document]:
        return find_starts(collections, query, sort=sort, skip=skip, limit=limit)

    tree = lower(resolve(query, find))
    starts = [run.start for run in _runs(collections) if _is_answer(tree, run)]
    return islice(sort_starts(starts, tuple(sort) or NEWEST_FIRST), skip, skip + limit if limit else None)


def _runs(collections: Collections) -> list[_Run]:
    runs = [_Run(start) for start in collections.run_start.find()]
    # A uid may be whatever another program stored, a list for example, which is no key of a dict.
    by_uid: dict[Any, _Run] = {}
    for run in runs:
        by_uid.setdefault(order_key(run.start.get("uid", NAMELESS)), run)
    for stop in pick_first_stops(collections.run_stop.find()):
        ended = by_uid.get(order_key(stop.get("run_start")))
        if ended is not None:
            ended.stop = stop
    for descriptor in collections.event_descriptor.find():
        described = by_uid.get(order_key(descriptor.get("run_start")))
        if described is not None:
            described.descriptors.append(descriptor)
    return runs


def _is_answer(tree: Query, run: _Run) -> bool:
    if isinstance(tree, And):
        return all(_is_answer(part, run) for part in tree.queries)
    if isinstance(tree, Or):
        return any(_is_answer(part, run) for part in tree.queries)
    if isinstance(tree, Not):
        return not _is_answer(tree.query, run)
    if isinstance(tree, Duration):
        return run.stop is not None and is_of_duration(tree, run.start, run.stop)
    assert isinstance(tree, Some)
    stops = [] if run.stop is None else [run.stop]
    documents = {"start": [run.start], "stop": stops, "descriptor": run.descriptors}[tree.document]
    return any(is_match(tree.filter, document) for document in documents)
