"""Layout 1, opened for writing: documents go in durably, corrections keep what was before.

Opened by ``writing`` and ``cli_admin`` alone. What does not belong here: how a document is put in (``insertion``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .connection.failures import asking
from .connection.location import (
    Collections,
    Location,
    open_collections,
    require_acknowledgement,
    time_limit,
    weaknesses,
)
from .insertion import (
    insertion,
)
from .insertion import revisions as corrections
from .normalized import NormalizedStore
from .protocol import Document, WritableStore
from .reports import IndexReport, SpoolReport, SummaryReport
from .upkeep import indexes, spool_reports, summaries
from .upkeep.privileges import lacking

_PATIENCE_SECONDS = 86400.0


class WritableNormalizedStore(NormalizedStore, WritableStore):
    """The same, and documents can be put into it, durably.

    Raises
    ------
    ConfigurationError
        The URI says ``w=0``: the server would not tell what it has stored.
    """

    def __init__(self, location: Location):
        require_acknowledgement(location)
        super().__init__(location)
        self._guards: dict[str, bool] = {}

    @property
    def collections(self) -> Collections:
        """The collections; what they acknowledge is in the journal of a majority."""
        return open_collections(self._location, durable=True)

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """The options of the URI that weaken what "stored" means, such as ``w=1``."""
        return weaknesses(self._location)

    def insert(self, name: str, documents: Sequence[Document], *, seconds: float | None = None) -> None:
        """Store documents of one kind; one that is already stored changes nothing."""
        limit = self._location.options.timeout_seconds
        with asking(f"store documents of kind {name}", self.address), time_limit(min(seconds or limit, limit)):
            insertion.insert(self.collections, name, documents, guards=self._guards)
            if name in ("start", "stop"):
                run_of = "uid" if name == "start" else "run_start"
                summaries.keep(self.collections, [document[run_of] for document in documents])

    def create_indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Make the indexes that are missing, and tell how all stand then."""
        with asking("make indexes", self.address):
            return indexes.create(self.collections, indexes.wanted(metadata=metadata, text=text))

    def rights_lacking_for_indexes(self, reports: Sequence[IndexReport]) -> list[str]:
        """Return what the account has no right to do of what `create_indexes` would, by the reports of a look."""
        with asking("read the rights of the account", self.address):
            return indexes.rights_lacking(self.collections, reports)

    def rights_lacking_for_summaries(self) -> list[str]:
        """Return what the account has no right to do of what `build_summaries` would."""
        collections = self.collections
        with asking("read the rights of the account", self.address):
            actions = ("createIndex", "insert", "update", "remove")
            return (
                []
                if collections.is_mock
                else lacking(collections.metadata, {collections.prefix + "run_summary": actions})
            )

    def report_spool(self, report: SpoolReport) -> None:
        """Leave a row about what waited on this machine."""
        with asking("tell what was spooled", self.address):
            spool_reports.leave_spool_report(self.collections, report)

    def build_summaries(self, *, apply: bool) -> SummaryReport:
        """Bring the summaries of runs up to date, or with ``apply=False`` tell what there is to do."""
        with asking("build the summaries of runs", self.address), time_limit(_PATIENCE_SECONDS):
            if apply:
                indexes.create(self.collections, indexes.OF_SUMMARIES)
            return summaries.build(self.collections, apply=apply)

    def correct(self, name: str, uid: str, change: Callable[[Document], Document]) -> None:
        """Change a stored document, keeping what it was as a revision, and what others change meanwhile."""
        with asking(f"correct a document of kind {name}", self.address):
            corrections.correct(self.collections, name, uid, change)


def writable(store: NormalizedStore) -> WritableNormalizedStore:
    """Return the same database, opened for writing."""
    return WritableNormalizedStore(store._location)
