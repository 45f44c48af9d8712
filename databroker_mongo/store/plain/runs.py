"""Questions of runs whose documents are at hand: each run is looked at, by the lowered tree a server is asked with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ...documents import Document
from ...queries import NEWEST_FIRST, And, DocumentName, Duration, Not, Or, Query, Sort
from ..identifiers import as_shown
from ..order import order_key
from ..search.distinct import distinct_of_runs
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

    def list_documents(self, name: DocumentName) -> list[Document]:
        stops = [] if self.stop is None else [self.stop]
        return {"start": [self.start], "stop": stops, "descriptor": self.descriptors}[name]


class PlainRuns:
    """Runs out of plain documents, found, sorted and counted as MongoDB does it.

    None of the documents is changed; starts are given as shallow copies.

    Parameters
    ----------
    starts, stops, descriptors : iterable of dict
        The documents of all runs, in the order in which they came; an ``_id`` is taken for MongoDB's. Of several stops
        of a run the first by its time counts.
    """

    def __init__(
        self, starts: Iterable[Document], stops: Iterable[Document] = (), descriptors: Iterable[Document] = ()
    ):
        self._runs = [_Run({"_id": number, **start}) for number, start in enumerate(starts)]
        # A uid may be whatever another program stored, a list for example, which is no key of a dict.
        self._by_uid: dict[Any, _Run] = {}
        for run in self._runs:
            self._by_uid.setdefault(order_key(run.start.get("uid", NAMELESS)), run)
        for stop in pick_first_stops(stops):
            if (ended := self._run_of(stop)) is not None:
                ended.stop = stop
        for descriptor in descriptors:
            if (described := self._run_of(descriptor)) is not None:
                described.descriptors.append(descriptor)

    def find_starts(self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0) -> Iterator[Document]:
        """Yield the start documents that answer to ``query``, in order, with all their fields; ``limit=0`` means all.

        Raises
        ------
        QueryError
            For a filter that is not understood, or that only a server answers.
        """
        return (as_shown(dict(start)) for start in self._find(query, sort, skip, limit))

    def distinct(self, query: Query, key: str, *, counts: bool = False) -> list[tuple[Any, int]]:
        """Return the values of a field in the runs that answer to ``query``, and how many runs have each.

        As :meth:`databroker_mongo.store.RunSource.distinct` says.
        """
        return distinct_of_runs(self.find_starts(query, sort=NEWEST_FIRST), key, self._documents, counts=counts)

    def _find(self, query: Query, sort: Sort, skip: int, limit: int) -> Iterator[Document]:
        """Yield start documents with their ``_id``."""
        tree = lower(resolve(query, self._find))
        starts = [run.start for run in self._runs if _is_answer(tree, run)]
        return islice(sort_starts(starts, tuple(sort) or NEWEST_FIRST), skip, skip + limit if limit else None)

    def _documents(self, name: DocumentName, path: str, starts: list[Document]) -> list[Document]:
        runs = (self._by_uid.get(order_key(start["uid"])) for start in starts)
        return [document for run in runs if run is not None for document in run.list_documents(name)]

    def _run_of(self, document: Document) -> _Run | None:
        return self._by_uid.get(order_key(document.get("run_start")))


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
    assert tree.document != "summary"
    return any(is_match(tree.filter, document) for document in run.list_documents(tree.document))
