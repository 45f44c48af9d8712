"""Layout 1, opened for writing: documents go in durably, corrections keep what was before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from ..documents import Document
from .columnar import building
from .columnar.building import Progress
from .columnar.late_events import LateEvents
from .connection.collections import Collections
from .connection.connection import Connection
from .connection.location import Location
from .insertion.insertion import Insertion
from .insertion.revisions import Corrections
from .normalized import NormalizedStore
from .protocol import WritableStore
from .reports import ColumnarReport, IndexReport, SpoolReport, SummaryReport, ViewPlan
from .upkeep import indexes, spool_reports, summaries, views
from .upkeep.privileges import list_lacking

_PATIENCE_SECONDS = 86400.0


class WritableNormalizedStore(NormalizedStore, WritableStore):
    """The same, and documents can be put into it, durably.

    Raises
    ------
    ConfigurationError
        The URI says ``w=0``: the server would not tell what it has stored.
    """

    _insertion: ClassVar[type[Insertion]] = Insertion
    _corrections: ClassVar[type[Corrections]] = Corrections

    def __init__(self, location: Location):
        location.require_acknowledgement()
        super().__init__(location)
        self._guards: dict[str, bool] = {}
        self._inserts: Insertion | None = None
        self._late_events: LateEvents | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_inserts": None, "_late_events": None}

    def _connect(self) -> Connection:
        return Connection(self.location, is_durable=True)

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """The options of the URI that weaken what "stored" means, such as ``w=1``."""
        return self.location.weaknesses

    def insert(self, name: str, documents: Sequence[Document], *, seconds: float | None = None) -> None:
        """Store documents of one kind; one that is already stored changes nothing."""
        limit = self.location.options.timeout_seconds
        seconds = min(seconds or limit, limit)
        with self.connection.translate_errors(f"store documents of kind {name}", seconds=seconds) as collections:
            with self._minding_copies(collections, name, documents):
                self._insertion_into(collections).insert(name, documents)
            if name in ("start", "stop"):
                run_of = "uid" if name == "start" else "run_start"
                summaries.update(collections, [document[run_of] for document in documents])

    def _insertion_into(self, collections: Collections) -> Insertion:
        if self._inserts is None or self._inserts.collections is not collections:
            self._inserts = self._insertion(collections, self._guards)
        return self._inserts

    def _minding_copies(
        self, collections: Collections, name: str, documents: Sequence[Document]
    ) -> AbstractContextManager[None]:
        """See to the columnar copies of events, when such are stored, or a run ends."""
        events = self._late_events
        if events is None or events.collections is not collections:
            events = self._late_events = LateEvents(collections)
        if name == "stop":
            events.end_runs()
        late = events.find(documents) if name == "event" else []
        return events.storing(late) if late else nullcontext()

    def correct(self, name: str, uid: str, change: Callable[[Document], Document]) -> None:
        """Change a stored document, keeping what it was as a revision, and what others change meanwhile."""
        with self.connection.translate_errors(f"correct a document of kind {name}") as collections:
            self._corrections(self._insertion_into(collections)).correct(name, uid, change)

    def create_indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Make the indexes that are missing, and tell how all stand then."""
        with self.connection.translate_errors("make indexes") as collections:
            return indexes.create(collections, indexes.list_wanted(metadata=metadata, text=text))

    def rights_lacking_for_indexes(self, reports: Sequence[IndexReport]) -> list[str]:
        """Return what the account has no right to do of what `create_indexes` would, by the reports of a look."""
        with self.connection.translate_errors("read the rights of the account") as collections:
            return indexes.list_rights_lacking(collections, reports)

    def build_summaries(self, *, apply: bool) -> SummaryReport:
        """Bring the summaries of runs up to date, or with ``apply=False`` tell what there is to do."""
        with self.connection.translate_errors("build the summaries of runs", seconds=_PATIENCE_SECONDS) as collections:
            if apply:
                indexes.create(collections, indexes.OF_SUMMARIES)
            return summaries.build(collections, apply=apply)

    def rights_lacking_for_summaries(self) -> list[str]:
        """Return what the account has no right to do of what `build_summaries` would."""
        with self.connection.translate_errors("read the rights of the account") as collections:
            actions = ("createIndex", "insert", "update", "remove")
            return list_lacking(collections.metadata, {collections.prefix + "run_summary": actions})

    def build_columnar(
        self, *, apply: bool, rebuild: Collection[str] = (), advance: Progress = lambda n: None
    ) -> ColumnarReport:
        """Bring the columnar copies of events up to date, or with ``apply=False`` tell what there is to do."""
        with self.connection.translate_errors("build columnar copies", seconds=_PATIENCE_SECONDS) as collections:
            return building.build(collections, apply=apply, rebuild=rebuild, advance=advance)

    def copy_runs(self, run_uids: Sequence[str]) -> None:
        """Make columnar copies of the events of runs that have ended."""
        with self.connection.translate_errors("make columnar copies") as collections:
            building.build_runs(collections, run_uids)

    def check_columnar(self, *, advance: Progress = lambda n: None) -> ColumnarReport:
        """Compare the columnar copies with the events, and tell which events have none, and why."""
        with self.connection.translate_errors("check columnar copies", seconds=_PATIENCE_SECONDS) as collections:
            return building.check(collections, advance=advance)

    def drop_columnar(self) -> None:
        """Remove all columnar copies of events."""
        with self.connection.translate_errors("drop columnar copies") as collections:
            building.drop(collections)

    def rights_lacking_for_columnar(self) -> list[str]:
        """Return what the account has no right to do of what `build_columnar` would."""
        with self.connection.translate_errors("read the rights of the account") as collections:
            return building.list_rights_lacking(collections)

    def report_spool(self, report: SpoolReport) -> None:
        """Leave a row about what waited on this machine."""
        with self.connection.translate_errors("tell what was spooled") as collections:
            spool_reports.leave_spool_report(collections, report)

    def plan_views(self, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
        """Tell what there is to do for the views and the role of a proposal; see :func:`views.plan_views`."""
        with self.connection.translate_errors("make views and a role") as collections:
            return views.plan_views(collections, prefix=prefix, field=field, values=values)

    def create_views(self, *, prefix: str, field: str, values: Sequence[Any]) -> ViewPlan:
        """Make the views of a proposal, and a role named like them that may read them; return what was done."""
        with self.connection.translate_errors("make views and a role") as collections:
            return views.create_views(collections, prefix=prefix, field=field, values=values)
