"""What other documents of a run say: which runs of a page answer, or which few runs can answer at all."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ...documents import Document
from ...queries import And, Duration, Not, Or, Query
from ..connection.collections import Collections
from ..connection.time_limit import TimeLimit
from ..order import is_time
from ..stops import FIRST_STOPS
from .filters import Filter, Some

MOST_CANDIDATES = 10_000
"""As many runs may be named in one filter; a side that more documents answer to is not selective."""

RUN_OF = {
    "start": ("run_start", "uid"),
    "stop": ("run_stop", "run_start"),
    "descriptor": ("event_descriptor", "run_start"),
}

NAMELESS = ""
"""In the place of the uid of a start that another program stored without one: no other document belongs to it."""


def is_of_duration(query: Duration, start: Document, stop: Document) -> bool:
    """Tell whether the time from start to stop is what the query asks for; without two times it is not."""
    if not (is_time(start.get("time")) and is_time(stop.get("time"))):
        return False
    seconds = stop["time"] - start["time"]
    return bool(getattr(operator, query.operator)(seconds, query.seconds))


class Joins:
    """Answers a lowered tree for the runs of a page, each question once for all of them."""

    def __init__(self, collections: Collections, limit: TimeLimit):
        self._collections = collections
        self._limit = limit
        self._prefetched: dict[int, set[str]] = {}

    def select(self, tree: Query, starts: list[Document]) -> list[Document]:
        """Return the start documents of those runs that answer, in their order."""
        answering = self._answering(tree, {start.get("uid", NAMELESS): start for start in starts})
        return [start for start in starts if start.get("uid", NAMELESS) in answering]

    def prefetch(self, tree: Query) -> None:
        """Read which runs answer to each part of a tree, so that nothing is left to ask for the pages to come."""
        if isinstance(tree, And | Or):
            for part in tree.queries:
                self.prefetch(part)
        elif isinstance(tree, Not):
            self.prefetch(tree.query)
        elif isinstance(tree, Some) and (tree.document != "stop" or not tree.filter or self._has_one_stop_a_run):
            # Of several stops of a run a later one may match, and only the first counts.
            # By identity, for a filter has no hash; the tree is held by whoever asks, as long as this.
            self._prefetched[id(tree)] = set(self._uids(tree, tree.filter))

    def find_candidates(self, tree: Query) -> set[str] | None:
        """Return uids of runs among which are all that answer, or None where they are not few."""
        if isinstance(tree, Some):
            return self._candidates(tree) if tree.filter else None
        if isinstance(tree, And):
            found = (self.find_candidates(part) for part in tree.queries)
            return next((uids for uids in found if uids is not None), None)
        if isinstance(tree, Or):
            each = [self.find_candidates(part) for part in tree.queries]
            together = set().union(*(uids for uids in each if uids is not None))
            return None if None in each or len(together) > MOST_CANDIDATES else together
        return None

    def _candidates(self, some: Some) -> set[str] | None:
        found = self._uids(some, some.filter, limit=MOST_CANDIDATES + 1)
        return None if len(found) > MOST_CANDIDATES else set(found)

    def _answering(self, tree: Query, starts: dict[str, Document]) -> set[str]:
        """Return the uids of those runs that answer."""
        if not starts:
            return set()
        if isinstance(tree, And):
            # Each part is asked only of the runs that the parts before it have left.
            for part in tree.queries:
                answering = self._answering(part, starts)
                starts = {uid: start for uid, start in starts.items() if uid in answering}
            return set(starts)
        if isinstance(tree, Or):
            answering = set()
            for part in tree.queries:
                others = {uid: start for uid, start in starts.items() if uid not in answering}
                answering |= self._answering(part, others)
            return answering
        if isinstance(tree, Not):
            return set(starts) - self._answering(tree.query, starts)
        if isinstance(tree, Duration):
            stops = self._first_stops(starts, {}, {"run_start": 1, "time": 1})
            return {stop["run_start"] for stop in stops if is_of_duration(tree, starts[stop["run_start"]], stop)}
        assert isinstance(tree, Some)
        return self._matching(tree, starts)

    def _matching(self, some: Some, starts: Iterable[str]) -> set[str]:
        if id(some) in self._prefetched:
            return self._prefetched[id(some)].intersection(starts)
        if some.document == "stop" and some.filter:
            return {stop["run_start"] for stop in self._first_stops(starts, some.filter, {"run_start": 1})}
        of_page = {RUN_OF[some.document][1]: {"$in": list(starts)}}
        return set(self._uids(some, {"$and": [of_page, some.filter]} if some.filter else of_page))

    def _uids(self, some: Some, filter: Filter, *, limit: int = 0) -> list[str]:
        """Return the run's uid of each document that matches."""
        collection, name = RUN_OF[some.document]
        with self._limit.query():
            found = getattr(self._collections, collection).find(filter, {name: 1, "_id": 0}, limit=limit)
            # In one batch with room to spare: a server that could send more keeps a cursor, and is asked once more.
            return [document[name] for document in found.batch_size(MOST_CANDIDATES + 2) if name in document]

    def _first_stops(self, uids: Iterable[str], filter: Filter, projection: dict[str, int]) -> list[dict[str, Any]]:
        """Return what matches among the first stops of these runs."""
        of_page: Filter = {"run_start": {"$in": list(uids)}}
        stops = self._collections.run_stop
        with self._limit.query():
            if self._has_one_stop_a_run:
                both = {"$and": [of_page, filter]} if filter else of_page
                return list(stops.find(both, {**projection, "_id": 0}).batch_size(MOST_CANDIDATES + 2))
            first = [{"$match": of_page}, *FIRST_STOPS, {"$match": filter}, {"$project": {**projection, "_id": 0}}]
            return list(stops.aggregate(first, allowDiskUse=True, batchSize=MOST_CANDIDATES + 2))

    @cached_property
    def _has_one_stop_a_run(self) -> bool:
        """Whether an index sees to it; an account that may not list indexes is answered the slower way."""
        import pymongo.errors

        try:
            indexes = self._collections.run_stop.index_information().values()
        except pymongo.errors.OperationFailure:
            return False
        return any(index.get("unique") and [name for name, _ in index["key"]] == ["run_start"] for index in indexes)
