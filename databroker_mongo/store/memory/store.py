"""A database of runs in this process, over mongomock: what a server finds by an index is looked for here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from ...documents import Document
from ...errors import StoreError
from ...queries import NEWEST_FIRST, Query, Sort
from ..connection.collections import Collections
from ..events.changes import Changes
from ..events.rows import Rows
from ..insertion.insertion import Insertion
from ..insertion.revisions import Corrections
from ..kept import Kept
from ..normalized import NormalizedStore
from ..plain.runs import PlainRuns
from ..protocol import EventIndex, Store
from ..reports import ColumnarReport, Explanation, IndexReport, Step, SummaryReport, ViewPlan
from ..upkeep import views
from ..writable_normalized import WritableNormalizedStore
from .connection import MemoryConnection
from .examination import MemoryExamination
from .insertion import MemoryCorrections, MemoryInsertion
from .rows import MemoryRows


class MemoryStore(NormalizedStore):
    """The documents of the normalised layout in memory, read-only."""

    def _connect(self) -> MemoryConnection:
        return MemoryConnection(self.location)

    def find_starts(
        self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Yield the start documents that answer to ``query``, in order, with all their fields."""
        with self.connection.translate_errors("find runs") as collections:
            yield from _runs_of(collections).find_starts(query, sort=sort, skip=skip, limit=limit)

    def find_kept_pages(self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0) -> Iterator[list[Kept]]:
        """Yield what :meth:`find_starts` yields, to be copied: nothing here has bytes."""
        return Store.find_kept_pages(self, query, sort=sort, skip=skip, limit=limit)

    def kept_stops(self, run_uids: Sequence[str]) -> dict[str, Kept]:
        """Return what :meth:`stops` returns, to be copied."""
        return Store.kept_stops(self, run_uids)

    def count_starts(self, query: Query, *, skip: int = 0, limit: int = 0) -> int:
        """Count what :meth:`find_starts` would yield."""
        return sum(1 for _ in self.find_starts(query, sort=NEWEST_FIRST, skip=skip, limit=limit))

    def estimate_starts(self) -> int:
        """Count the runs."""
        return Store.estimate_starts(self)

    def distinct(self, query: Query, key: str, *, counts: bool = False) -> list[tuple[Any, int]]:
        """Return the values of a field in the runs that answer to ``query``, and how many runs have each."""
        with self.connection.translate_errors(f"find the values of {key}") as collections:
            return _runs_of(collections).distinct(query, key, counts=counts)

    def explain(self, query: Query) -> Explanation:
        """Tell that each run is looked at."""
        with self.connection.translate_errors("explain a query") as collections:
            n_runs = collections.run_start.count_documents({})
            return Explanation((Step("run_start", "in memory: each run is examined", n_examined=n_runs),), joins=False)

    def indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Tell that no indexes are needed."""
        return []

    def event_indexes(
        self, streams: Sequence[Sequence[str]], *, keys: Sequence[str] = ()
    ) -> list[EventIndex | StoreError]:
        """Take a snapshot of the rows of each stream by itself, for there is no network between."""
        return Store.event_indexes(self, streams, keys=keys)

    def events(self, descriptor_uids: Sequence[str]) -> Iterator[Document]:
        """Yield the events of these descriptors in the order of their time, and of one time in row order."""
        with self.connection.translate_errors("read events") as collections:
            yield from MemoryRows(collections).in_order_of_time(descriptor_uids)

    def _find(
        self,
        collection: str,
        query: dict[str, Any],
        projection: dict[str, Any] | None = None,
        *,
        with_bytes: bool = False,
    ) -> list[Document]:
        """Return documents one by one: mongomock has no batches of bytes."""
        with self.connection.translate_errors(f"read the collection {collection}") as collections:
            found = getattr(collections, collection)
            return list(found.find(query, {"_id": 0} if projection is None else projection))

    def changes(self, names: Sequence[str]) -> Changes:
        """Return what lets the time pass, for mongomock tells of no changes."""
        return Changes()

    def statistics(self) -> dict[str, Any]:
        """Return how many documents there are."""
        with self.connection.translate_errors("read statistics") as collections:
            database = collections.metadata
            counts = [database[name].count_documents({}) for name in database.list_collection_names()]
            return {"db": database.name, "collections": len(counts), "objects": sum(counts)}

    @property
    def examination(self) -> MemoryExamination:
        """What is asked by those who look for what is wrong."""
        return MemoryExamination(self.connection)

    def _rows(self, collections: Collections) -> Rows:
        return MemoryRows(collections)


class WritableMemoryStore(MemoryStore, WritableNormalizedStore):
    """The same, and documents can be put into it; they need no indexes, summaries or views to be found."""

    _insertion: ClassVar[type[Insertion]] = MemoryInsertion
    _corrections: ClassVar[type[Corrections]] = MemoryCorrections

    @property
    def is_persistent(self) -> bool:
        """Tell that all is gone with this process."""
        return False

    def create_indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Make none, for each run is looked at."""
        return []

    def rights_lacking_for_summaries(self) -> list[str]:
        """Tell that nobody needs a right."""
        return []

    def build_summaries(self, *, apply: bool) -> SummaryReport:
        """Make none, for each run is looked at."""
        return SummaryReport(0, 0, 0)

    def build_columnar(
        self, *, apply: bool, rebuild: Collection[str] = (), advance: Callable[[int], object] = lambda n: None
    ) -> ColumnarReport:
        """Make none: what is in memory is not read any faster from a copy."""
        return ColumnarReport()

    def copy_runs(self, run_uids: Sequence[str]) -> None:
        """Make none."""

    def check_columnar(self, *, advance: Callable[[int], object] = lambda n: None) -> ColumnarReport:
        """Tell that there are none."""
        return ColumnarReport()

    def drop_columnar(self) -> None:
        """Do nothing, for there are none."""

    def rights_lacking_for_columnar(self) -> list[str]:
        """Tell that nobody needs a right."""
        return []

    def _minding_copies(
        self, collections: Collections, name: str, documents: Sequence[Document]
    ) -> AbstractContextManager[None]:
        return nullcontext()

    def plan_views(self, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
        """Refuse: mongomock has no views."""
        views.require_names(prefix, field, values)
        views.refuse_views()

    def create_views(self, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
        """Refuse: mongomock has no views."""
        return self.plan_views(prefix=prefix, field=field, values=values)


def _runs_of(collections: Collections) -> PlainRuns:
    return PlainRuns(collections.run_start.find(), collections.run_stop.find(), collections.event_descriptor.find())
