"""Everything that speaks to MongoDB: connections, layouts, indexes. No file format is known here.

pymongo is imported inside functions, for that takes 0.1 to 0.2 s, and a worker that computes a lazy array unpickles a
store but asks no server. bson takes a tenth of that.
"""

from ..documents import Document
from .connection.decoding import PLAIN
from .connection.host_names import find_unknown_hosts
from .connection.location import ConnectionOptions, locate
from .connection.place import Place, is_same_database, place_of
from .normalized import NormalizedStore
from .opening import open_store, writable
from .protocol import (
    MISSING,
    UNNUMBERED,
    DocumentSource,
    EventIndex,
    RunSource,
    Section,
    Snapshot,
    Store,
    Values,
    WritableStore,
)
from .reports import EventKind, Explanation, Revision, SpoolReport
from .search.search import RUNS_AT_ONCE
from .search.starts import PAGES
from .upkeep.views import view_pipeline

__all__ = [
    "ConnectionOptions",
    "Document",
    "DocumentSource",
    "EventIndex",
    "EventKind",
    "Explanation",
    "MISSING",
    "NormalizedStore",
    "PAGES",
    "PLAIN",
    "Place",
    "RUNS_AT_ONCE",
    "Revision",
    "RunSource",
    "Section",
    "Snapshot",
    "SpoolReport",
    "Store",
    "UNNUMBERED",
    "Values",
    "WritableStore",
    "locate",
    "is_same_database",
    "open_store",
    "place_of",
    "find_unknown_hosts",
    "view_pipeline",
    "writable",
]
