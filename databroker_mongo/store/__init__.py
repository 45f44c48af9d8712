"""Everything that speaks to MongoDB: connections, layouts, indexes. No file format is known here.

pymongo is imported inside functions, for that takes 0.1 to 0.2 s, and a worker that computes a lazy array unpickles a
store but asks no server. bson takes a tenth of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..documents import Document
from ..doors import open_late
from .connection.decoding import PLAIN
from .connection.host_names import find_unknown_hosts
from .connection.location import ConnectionOptions, locate
from .connection.place import Place, is_same_database, place_of
from .kept import Kept
from .lists import drop_repeats, sort_stream_datums
from .normalized import NormalizedStore
from .opening import open_store, writable
from .protocol import (
    MISSING,
    UNNUMBERED,
    CopiedRuns,
    DocumentSource,
    EventIndex,
    RunSource,
    Section,
    Snapshot,
    Store,
    Values,
    WritableStore,
)
from .search.search import RUNS_AT_ONCE
from .stops import pick_first_stops, sort_by_time

if TYPE_CHECKING:
    from .plain.events import PlainEvents
    from .plain.runs import PlainRuns
    from .reports import EventKind, Explanation, Revision, SpoolReport
    from .union.members import Member
    from .union.union import UnionStore
    from .upkeep.views import view_pipeline

__all__ = [
    "CopiedRuns",
    "ConnectionOptions",
    "Document",
    "DocumentSource",
    "EventIndex",
    "EventKind",
    "Explanation",
    "Kept",
    "MISSING",
    "Member",
    "NormalizedStore",
    "PLAIN",
    "Place",
    "PlainEvents",
    "PlainRuns",
    "RUNS_AT_ONCE",
    "Revision",
    "RunSource",
    "Section",
    "Snapshot",
    "SpoolReport",
    "Store",
    "UNNUMBERED",
    "UnionStore",
    "Values",
    "WritableStore",
    "locate",
    "is_same_database",
    "open_store",
    "pick_first_stops",
    "place_of",
    "sort_by_time",
    "sort_stream_datums",
    "drop_repeats",
    "find_unknown_hosts",
    "view_pipeline",
    "writable",
]

if not TYPE_CHECKING:  # late: for other stores than those of this package, and for administrators
    __getattr__ = open_late(
        __name__,
        {
            "plain.events": ("PlainEvents",),
            "plain.runs": ("PlainRuns",),
            "reports": ("EventKind", "Explanation", "Revision", "SpoolReport"),
            "union.members": ("Member",),
            "union.union": ("UnionStore",),
            "upkeep.views": ("view_pipeline",),
        },
    )
