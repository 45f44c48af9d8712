"""The questions that the rest of the package may ask of a database of runs, and the values that answer them.

A store answers which runs there are (:class:`RunSource`) and what is in one of them (:class:`DocumentSource`). The rest
it may refuse, with :class:`~databroker_mongo.errors.Unsupported`: what derives from :class:`Store` does so for whatever
it does not have itself.

Every question is bulk: how many there are never grows with rows, columns or runs on a page. A long answer may come in
several batches, and a long list of identifiers may be split by its size. Rows are 0-based and in the order of their
``seq_num``, then ``time``; ``seq_num`` itself stays below this line.

What does not belong here: anything that imports pymongo, or that knows a layout.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from ..documents import Document
from ..errors import StoreError, Unsupported
from ..queries import All, Query, Sort
from .connection.place import Place, place_of
from .kept import Kept
from .lists import PAGES, in_pages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..documents import DatumRun
    from .reports import EventKind, Explanation, IndexReport, Orphans, Revision, SpoolReport, SummaryReport

Section = Literal["data", "timestamps"]


class Missing(enum.Enum):
    """The value of a key that an event does not have."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing.MISSING

UNNUMBERED = -(2**63)
"""In the place of a ``seq_num`` that is missing or no whole number, for those who look for what is wrong."""

Values: TypeAlias = "NDArray[Any] | list[Any]"
"""One column: an array ``(n_rows, ...)`` where all values are numbers of one type and shape, else a list of values."""

CopiedRuns: TypeAlias = "Mapping[str, tuple[DatumRun, ...]]"
"""What the datums of columns say, for all rows, by key: as `DocumentSource.datums` would tell now."""


@dataclass(frozen=True)
class Snapshot:
    """Which events of a stream count as its rows: those there were when the stream was first looked at.

    Attributes
    ----------
    descriptor_uids : tuple of str
        The descriptors of the stream.
    n_rows : int
        Number of events.
    last_seq_num : int
        The largest ``seq_num`` among them; 0 when there are none.
    last_time : float
        The latest event time among them, seconds since 1970; 0.0 when there are none.
    is_consecutive : bool
        Whether ``seq_num`` is 1, 2, ..., ``n_rows``, so that a row is found by its ``seq_num``.
    has_times : bool
        Whether the time of every event is a number.
    copies : tuple of str
        The columnar copies that they were taken from, in the place of events; none, if they are from the events.
    """

    descriptor_uids: tuple[str, ...]
    n_rows: int
    last_seq_num: int
    last_time: float
    is_consecutive: bool
    has_times: bool = True
    copies: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class EventIndex:
    """Where each row of a stream comes from, in row order, and the columns that were asked for along with it.

    Attributes
    ----------
    snapshot : Snapshot
        The rows that this index describes.
    descriptor : numpy.ndarray
        ``(n_rows,)`` intp: position in ``snapshot.descriptor_uids``.
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64, counted from 1; may repeat.
    time : numpy.ndarray
        ``(n_rows,)`` float64, seconds since 1970; NaN where the time of an event is missing or no number.
    data : dict
        Columns of the section ``data``, by key.
    """

    snapshot: Snapshot
    descriptor: NDArray[np.intp]
    seq_num: NDArray[np.int64]
    time: NDArray[np.float64]
    data: dict[str, Values] = field(default_factory=dict)


class Changes(Protocol):
    """What is stored while it is open; a hint, and not all of it."""

    def wait(self, seconds: float) -> list[Document]:
        """Return documents as soon as some are stored; none when the time is over."""
        ...

    def __enter__(self) -> Changes: ...

    def __exit__(self, *_: Any) -> None: ...


class NewEvents(Protocol):
    """The events of a stream, each once."""

    def fetch(self, descriptor_uids: Sequence[str], *, is_last: bool = False) -> list[Document]:
        """Return the events that were not there before, in row order; at last, all that were never returned."""
        ...


class Examination(Protocol):
    """What is asked by those who look for what is wrong; each question is answered at once, whatever its answer."""

    @abstractmethod
    def event_kinds(self, descriptor_uids: Sequence[str]) -> list[EventKind]:
        """Sort the events of these descriptors by their keys and the types of their values."""

    @abstractmethod
    def rows(self, descriptor_uids: Sequence[str], keys: Sequence[str] = ()) -> EventIndex:
        """Return the rows of a stream, with some columns of its data, also where their order is not known.

        A ``seq_num`` that is missing or no whole number is ``UNNUMBERED``.
        """

    @abstractmethod
    def repeated_events(self, descriptor_uids: Sequence[str]) -> dict[str, int]:
        """Return the uids of events that are stored more than once, and how often."""

    @abstractmethod
    def duplicates(self) -> dict[str, dict[str, int]]:
        """Return the uids under which more than one document is stored, and how many, by kind of document.

        Stops and events are left to the examination of each run.
        """

    @abstractmethod
    def other_stops(self, run_uid: str) -> list[Document]:
        """Return the stops of a run beyond the first."""

    @abstractmethod
    def descriptors(self, run_uid: str) -> list[tuple[Document, list[str]]]:
        """Return the descriptors of a run as they are read, in the order of their time, each with its broken fields."""

    @abstractmethod
    def revisions(self, name: str, uid: str) -> list[Document]:
        """Return the earlier contents of a corrected start, stop or descriptor, the oldest first."""

    @abstractmethod
    def run_revisions(self, run_uid: str) -> list[Revision]:
        """Return what the documents of a run were before each of their corrections."""

    @abstractmethod
    def orphans(self) -> Orphans:
        """Find what documents name as theirs and is not there, in the whole database."""


class RunSource(Protocol):
    """Which runs there are, and what is told of many of them at once."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the runs are, as a URI without any password."""

    @abstractmethod
    def find_starts(
        self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Yield the start documents that answer to ``query``, in order; ``limit=0`` means all.

        With ``fields`` they hold at least these, the uid and the time; else everything.
        """

    def find_kept_pages(self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0) -> Iterator[list[Kept]]:
        """Yield what :meth:`find_starts` yields, page by page; whoever wants one may be given it more than once."""
        return in_pages(map(Kept, self.find_starts(query, sort=sort, skip=skip, limit=limit)), PAGES)

    @abstractmethod
    def count_starts(self, query: Query, *, skip: int = 0, limit: int = 0) -> int:
        """Count what :meth:`find_starts` would yield."""

    def estimate_starts(self) -> int:
        """Return about how many runs there are in all, at no cost. Here they are counted."""
        return self.count_starts(All())

    @abstractmethod
    def distinct(self, query: Query, key: str, *, counts: bool = False) -> list[tuple[Any, int]]:
        """Return the values of a field in the runs that answer to ``query``, and how many runs have each.

        The most frequent come first; without ``counts`` all numbers are 1. Of a list each element counts; null and
        missing values do not.
        """

    def explain(self, query: Query) -> Explanation:
        """Tell how the runs that answer to ``query`` are found."""
        raise _unsupported(self, "explain a query")

    @abstractmethod
    def stops(self, run_uids: Sequence[str]) -> dict[str, Document]:
        """Return the stop document of each run that has one (the first by its time, should there be several)."""

    def kept_stops(self, run_uids: Sequence[str]) -> dict[str, Kept]:
        """Return what :meth:`stops` returns; whoever wants one may be given it more than once."""
        return {uid: Kept(stop) for uid, stop in self.stops(run_uids).items()}

    @abstractmethod
    def streams(self, run_uids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return, for each run, the uids of the descriptors of each of its streams, in the order of their time."""

    @abstractmethod
    def count_events(self, descriptor_uids: Sequence[str]) -> dict[str, int]:
        """Count the events of each descriptor."""


class DocumentSource(Protocol):
    """What is in a run: its descriptors, events, datums and resources."""

    @abstractmethod
    def descriptors(self, run_uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the descriptors of each run, in the order of their time."""

    @abstractmethod
    def event_index(
        self, descriptor_uids: Sequence[str], *, keys: Sequence[str] = (), n_expected: int | None = None
    ) -> EventIndex:
        """Take a snapshot of the rows of a stream, with some columns of its data.

        To say about how many rows there are saves questions.
        """

    def event_index_with_datums(
        self,
        descriptor_uids: Sequence[str],
        *,
        keys: Sequence[str],
        datum_keys: Sequence[str],
        n_expected: int | None = None,
    ) -> tuple[EventIndex, CopiedRuns]:
        """Take a snapshot of the rows of a stream, and of some of its columns what their datums say, if it is copied.

        Columns of ``datum_keys`` of which that is not copied, or not what the datums are called, are in the snapshot
        like those of ``keys``. Here none is copied.
        """
        return self.event_index(descriptor_uids, keys=[*keys, *datum_keys], n_expected=n_expected), {}

    def copied_datums(self, snapshot: Snapshot, keys: Sequence[str]) -> CopiedRuns:
        """Return what the datums of columns of a snapshot say, of those of which it is copied: here of none."""
        return {}

    def event_indexes(
        self, streams: Sequence[Sequence[str]], *, keys: Sequence[str] = ()
    ) -> list[EventIndex | StoreError]:
        """Take a snapshot of the rows of several streams at once: of each what :meth:`event_index` would.

        Where the order of its rows is not known, there is the error that says so. Here each is asked for by itself.
        """
        found: list[EventIndex | StoreError] = []
        for descriptor_uids in streams:
            try:
                found.append(self.event_index(descriptor_uids, keys=keys))
            except StoreError as error:
                if error.facts.get("field") != "seq_num":
                    raise
                found.append(error)
        return found

    @abstractmethod
    def event_columns(
        self, snapshot: Snapshot, keys: Sequence[str], *, section: Section = "data", rows: slice | None = None
    ) -> dict[str, Values]:
        """Return columns of a snapshot, in row order: those of ``rows`` (step 1, in bounds) or all."""

    @abstractmethod
    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""

    @abstractmethod
    def first_events(self, index: EventIndex) -> dict[str, Document]:
        """Return the first event of each descriptor that has any, by descriptor uid."""

    @abstractmethod
    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each of these keys holds the type and length of its sample value in every event.

        False also means: it cannot be told more cheaply than by reading the columns.
        """

    @abstractmethod
    def events(self, descriptor_uids: Sequence[str]) -> Iterator[Document]:
        """Yield the events of these descriptors in the order of their time, holding few at once.

        Those of one time come by descriptor, in the given order, and ``seq_num``, if there are not many thousands.
        """

    @abstractmethod
    def datums(self, datum_ids: Iterable[str]) -> dict[str, Document]:
        """Return the datum documents of these identifiers; an unknown one is left out."""

    @abstractmethod
    def resources(self, uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the resources that datums name as theirs, by that name; an unknown one is left out.

        More than one for a name means that documents of different contents are stored for it.
        """

    @abstractmethod
    def run_resources(self, run_uid: str, *, name: str = "resource") -> list[Document]:
        """Return the documents of this kind, ``resource`` or ``stream_resource``, that say they belong to the run."""

    @abstractmethod
    def resource_datums(self, resource_uids: Sequence[str]) -> Iterator[Document]:
        """Yield all datums of these resources; some of them twice, if the server is lost on the way."""

    @abstractmethod
    def stream_resources(self, uids: Sequence[str]) -> list[Document]:
        """Return the stream resources of these uids; they need not say which run they belong to."""

    @abstractmethod
    def stream_datums(self, descriptor_uids: Sequence[str]) -> list[Document]:
        """Return the stream datums of these descriptors, in the order in which their rows were written.

        That is descriptor by descriptor as given, within each resource by resource as they came, each by its indices.
        """


class Store(RunSource, DocumentSource, Protocol):
    """A database of runs, read-only. It pickles as its address, without credentials.

    A pickle holds no documents, for each task of a lazy array carries one: what it becomes elsewhere asks there, at its
    first query. A store whose data one process holds, and which have no address, gives them a name and pickles as that;
    in another process it has no runs or refuses. If tasks are to run elsewhere, such data belong in a file.

    A class that derives from it has what is in `RunSource` and `DocumentSource`. What is here it may leave out.
    """

    @property
    def places(self) -> tuple[Place, ...]:
        """Which databases these are, by whichever account and options they are opened: by default as the address says.

        What waits on a machine for these is theirs, whoever left it.
        """
        return (place_of(self.address),)

    @property
    def absent(self) -> tuple[str, ...]:
        """The addresses of databases that did not answer when they were asked last, and were left out: here none."""
        return ()

    def reading_events(self) -> Store:
        """Return the same database, of which events are read even if it has columnar copies of them."""
        return self

    def changes(self, names: Sequence[str]) -> Changes:
        """Listen to what is stored of these kinds from now on; close it in the end."""
        raise _unsupported(self, "be followed")

    def new_events(self) -> NewEvents:
        """Return what gives the events of a stream, each once, in several portions."""
        raise _unsupported(self, "be followed")

    @property
    def examination(self) -> Examination:
        """What is asked by those who look for what is wrong."""
        raise _unsupported(self, "be examined")

    def indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Tell which indexes the database has and lacks.

        ``metadata`` are fields of the start document that the site asks about (``"$**"`` is all of them); ``text`` says
        whether the full text is searched.
        """
        raise _unsupported(self, "list indexes")

    def statistics(self) -> dict[str, Any]:
        """Return what the server says of the size of the database of run documents."""
        raise _unsupported(self, "tell its size")


class WritableStore(Store, Protocol):
    """A database of runs that documents can be put into."""

    @property
    def is_persistent(self) -> bool:
        """Whether what is stored outlives this process; for a store that does not, nothing waits on a disk."""
        return True

    @property
    @abstractmethod
    def weaknesses(self) -> tuple[str, ...]:
        """The options of the URI that weaken what "stored" means, as they are written there."""

    @abstractmethod
    def insert(self, name: str, documents: Sequence[Document], *, seconds: float | None = None) -> None:
        """Store documents of one kind (never a page), durably; a document that is already stored changes nothing.

        Parameters
        ----------
        name : str
            Kind of the documents.
        documents : sequence of dict
            Of plain values, as ``documents.checked`` gives them.
        seconds : float, optional
            A time limit below that of the store.

        Raises
        ------
        InvalidDocument
            When a document is too large, or the server refuses it.
        DuplicateDocument
            When a document of the same uid with other contents is stored.
        StoreUnavailable
            When no server acknowledges within the time limit.
        """

    def copy_runs(self, run_uids: Sequence[str]) -> None:
        """Make columnar copies of the events of runs that have ended, if this kind of store has any."""

    @abstractmethod
    def correct(self, name: str, uid: str, change: Callable[[Document], Document]) -> None:
        """Change a stored start, stop or descriptor, keeping what it was as a revision.

        Parameters
        ----------
        name, uid : str
            Kind and uid of the document.
        change : callable
            Is given the document as it is stored and returns what it is to be; called again whenever somebody else
            corrected the document in between.

        Raises
        ------
        InvalidDocument
            When there is no such document.
        """

    @abstractmethod
    def create_indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Make the indexes that are missing, however long it takes, and tell how all stand then.

        Raises
        ------
        StoreError
            One cannot be made, as a unique one where two documents have the same value; those before it are made.
        """

    @abstractmethod
    def build_summaries(self, *, apply: bool) -> SummaryReport:
        """Bring the summaries of runs up to date, or with ``apply=False`` tell what there is to do."""

    @abstractmethod
    def report_spool(self, report: SpoolReport) -> None:
        """Leave a row about documents that waited on this machine."""


def _unsupported(store: RunSource, operation: str) -> Unsupported:
    return Unsupported(f"the database of runs at {store.address} cannot {operation}", address=store.address)
