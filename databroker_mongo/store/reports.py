"""What a database tells of itself: how it answers a question, its indexes, its summaries, what was corrected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from .. import display

IndexKeys = tuple[tuple[str, int | str], ...]
IndexState = Literal["present", "missing", "differs", "extra", "unknown"]


@dataclass(frozen=True)
class Step:
    """How one collection is searched as a part of a query.

    Attributes
    ----------
    collection : str
        The collection.
    access : str
        The index that is used, or a note that none is used.
    n_examined : int
        How many documents are examined.
    n_found : int
        How many match.
    milliseconds : float
        How long the server takes.
    helpful : tuple of str
        Fields on which an index would help.
    is_scan : bool
        Whether each document of the collection is examined.
    """

    collection: str
    access: str
    n_examined: int
    n_found: int = 0
    milliseconds: float = 0.0
    helpful: tuple[str, ...] = ()
    is_scan: bool = False


@dataclass(frozen=True)
class Explanation:
    """How the runs that match a query are found.

    Attributes
    ----------
    steps : tuple of Step
        The parts of the query, the one on the start document first.
    joins : bool
        Whether documents of several kinds are joined, run by run.
    """

    steps: tuple[Step, ...]
    joins: bool

    def __repr__(self) -> str:
        return display.explanation_text([vars(step) for step in self.steps], joins=self.joins)


@dataclass(frozen=True)
class IndexReport:
    """How an index that there should be stands in a database; or one that is there beside.

    Attributes
    ----------
    collection : str
        The collection.
    keys : tuple of (str, int or str)
        Fields, each with 1, -1 or ``"text"``.
    state : str
        ``present``, ``missing``, ``differs`` (there is one of the same keys that is unique and should not be, or the
        other way round), ``extra`` or ``unknown`` (the account may not list indexes, or the collection is a view).
    detail : str
        The queries it serves, the difference, or why the state is unknown.
    """

    collection: str
    keys: IndexKeys
    state: IndexState
    detail: str

    @property
    def name(self) -> str:
        """The keys as text: ``(time -1, _id -1)``."""
        return f"({', '.join(f'{field} {direction}' for field, direction in self.keys)})"


@dataclass(frozen=True)
class SummaryReport:
    """What there was, or is, to do for the summaries of runs to be up to date.

    Attributes
    ----------
    n_runs : int
        Runs in the database.
    n_written : int
        Runs without a summary, or whose summary may have changed because they had not ended.
    n_removed : int
        Summaries of runs that are gone.
    """

    n_runs: int
    n_written: int
    n_removed: int


@dataclass
class ColumnarReport:
    """What there was, or is, to do for the columnar copies of events to be up to date.

    Attributes
    ----------
    n_descriptors, n_events : int
        Those in the database.
    n_copied_events : int
        Events that are in copies, or would be.
    n_kept, n_made, n_dropped : int
        Copies that are as they should be, that were or would be made, and of events that are gone.
    n_bytes : int
        Of the copies that were made, before they are compressed.
    n_columns_left_out : int
        Columns that copied events have in no copy, since a row of theirs takes more than a megabyte.
    reasons : Counter
        Events that are not copied, by the reason.
    without_datums : Counter
        Events that were copied now, but not what their datums say, by the reason.
    differing : list of str
        The descriptors whose copies were compared with their events and differ, each with what differs.
    """

    n_descriptors: int = 0
    n_events: int = 0
    n_copied_events: int = 0
    n_kept: int = 0
    n_made: int = 0
    n_dropped: int = 0
    n_bytes: int = 0
    n_columns_left_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)
    without_datums: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class SpoolReport:
    """What waited on a machine for the database.

    Attributes
    ----------
    path : str
        The folder.
    n_documents : int
        How many documents of it are stored, or refused, now.
    oldest : float or None
        When the first of them was spooled, by the clock of that machine, seconds since 1970.
    is_drained : bool
        Whether nothing is left there.
    """

    path: str
    n_documents: int
    oldest: float | None
    is_drained: bool


@dataclass(frozen=True)
class Revision:
    """A document as it was before a correction.

    Attributes
    ----------
    name : str
        Kind of the document: ``start``, ``stop`` or ``descriptor``.
    uid : str
        Its uid.
    number : int
        Counts the corrections of this document, from 0.
    document : dict
        Its contents before the correction, as they were stored.
    changed : tuple of str
        The fields that the correction changed; nested fields are joined by dots.
    """

    name: str
    uid: str
    number: int
    document: dict[str, Any]
    changed: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Revision {self.number} of the {self.name} {self.uid!r}, before {', '.join(self.changed)} changed>"


@dataclass(frozen=True)
class EventKind:
    """Events of one descriptor that have the same keys with values of the same types.

    Attributes
    ----------
    descriptor_uid : str
        The descriptor.
    types : dict of str to str
        For each key of ``data`` the type of its value: ``number``, ``integer``, ``string``, ``boolean``, ``array``,
        ``null`` or what MongoDB calls it.
    timestamps : frozenset of str
        The keys of ``timestamps``.
    n_events : int
        How many there are.
    first_seq_num : int
        The smallest ``seq_num`` among them.
    """

    descriptor_uid: str
    types: dict[str, str]
    timestamps: frozenset[str]
    n_events: int
    first_seq_num: int


@dataclass(frozen=True)
class Orphans:
    """Uids that documents name as what they belong to, and that are not in the database, with how many name each.

    Attributes
    ----------
    descriptors : dict of str to int
        Named by events.
    starts_of_descriptors, starts_of_stops : dict of str to int
        Named by descriptors and by stops.
    resources : dict of str to int
        Named by datums.
    stream_resources, descriptors_of_stream_datums : dict of str to int
        Named by stream datums.
    starts_of_stream_resources : dict of str to int
        Named by stream resources.
    stray_stream_resources : tuple of str
        Those that name no run, and that no stream datum names.
    """

    descriptors: dict[str, int] = field(default_factory=dict)
    starts_of_descriptors: dict[str, int] = field(default_factory=dict)
    starts_of_stops: dict[str, int] = field(default_factory=dict)
    resources: dict[str, int] = field(default_factory=dict)
    stream_resources: dict[str, int] = field(default_factory=dict)
    descriptors_of_stream_datums: dict[str, int] = field(default_factory=dict)
    starts_of_stream_resources: dict[str, int] = field(default_factory=dict)
    stray_stream_resources: tuple[str, ...] = ()


@dataclass(frozen=True)
class ViewPlan:
    """What there is to do for the views of a proposal, or was done.

    Attributes
    ----------
    new, changed, unchanged : tuple of str
        The names of views that are not there yet, that show other runs, and that are as they should be.
    role : str
        The role that may read them.
    lacks : tuple of str
        The views that the role may not read yet; all of them where there is no such role.
    n_runs : int or None
        How many runs they show now; None if the account may not count them.
    """

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    role: str
    lacks: tuple[str, ...]
    n_runs: int | None
