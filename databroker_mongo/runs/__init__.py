"""What a person holds: a catalog of runs, a run, a stream.

::

    catalog        Catalog: queries, scopes, runs by key, tables of many
    selection      Selection: which runs it shows, in which order        views     its uids and runs in order
    keys           what may stand between its brackets                   tables    what many runs tell; run_table
    context        Context: what catalog, run and stream hand on         transforms   corrections of documents
    run            Run: its documents, streams, health and corrections
    stream         Stream: rows and columns of one stream, read or lazy; StreamData: its columns by name
    columns        one column of a stream as an object                   stream_columns   all, opened together
    configuration, timestamps   of a stream
    replay         the documents of a run again                          live      as they are stored
    many/          the rows of many runs as one dataset, and what a function makes of each
    field_hints    which names of a search no run has                    remedies  what to type instead

What does not belong here: how MongoDB is asked (``store/``), how files are read (``assets/``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..doors import open_late
from .catalog import Catalog
from .context import Context
from .keys import integers_of_slice, list_keys, show_slice
from .run import Run
from .transforms import import_transforms, transforms_of

if TYPE_CHECKING:
    from .stream import Stream
    from .stream_columns import OpenColumn, StreamColumns

__all__ = [
    "Catalog",
    "Context",
    "OpenColumn",
    "Run",
    "Stream",
    "StreamColumns",
    "import_transforms",
    "integers_of_slice",
    "list_keys",
    "show_slice",
    "transforms_of",
]

if not TYPE_CHECKING:  # late: a run is looked up without what reads its streams
    __getattr__ = open_late(__name__, {"stream": ("Stream",), "stream_columns": ("OpenColumn", "StreamColumns")})
