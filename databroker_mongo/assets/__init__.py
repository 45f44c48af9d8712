"""From a resource and its datums to numbers: handlers, roots, open files. Nothing here knows MongoDB.

::

    resource       what a document says of a file; ``places`` takes its path apart
    datums         which resource serves which rows, in little space; ``stream_datums`` joins them to rows
    opening        the reader of a catalog, by the settings of this machine
    reader         resource, datums and a region -> numbers in a buffer; whatever is wrong, with its facts
    roots          where a resource is here, and whether it may be read; ``mounts`` tells what is not there
    run_roots      the allowed roots of one run
    offline        which files are on tape
    registry       which class serves a spec; ``discovery``, ``loading``, ``known_distributions`` find and load it
    pool           handlers that are open, for as long as their files are the same (``file_state``)
    handler        the page of who writes a handler
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..doors import open_late
from .mounts import may_still_come
from .opening import open_reader
from .reader import AssetReader
from .registry import HandlerRegistry
from .resource import Resource
from .roots import Roots, require_ends

if TYPE_CHECKING:
    from .datums import DatumIds, DatumTable, Segment, pack_segments, unpack_segments
    from .handler import DatumStructure, DescribesDatum, Handler, Layout, ReadsRegions, RefersToFiles, TellsLayout
    from .loading import HandlerClass, keywords_of
    from .mounts import Absence
    from .offline import Rule
    from .places import Place
    from .pool import close_files
    from .stream_datums import Stored, join

__all__ = [
    "Absence",
    "AssetReader",
    "DatumIds",
    "DatumStructure",
    "DatumTable",
    "DescribesDatum",
    "Handler",
    "HandlerClass",
    "HandlerRegistry",
    "Layout",
    "Place",
    "ReadsRegions",
    "RefersToFiles",
    "Resource",
    "Roots",
    "Rule",
    "Segment",
    "Stored",
    "TellsLayout",
    "close_files",
    "join",
    "keywords_of",
    "may_still_come",
    "open_reader",
    "pack_segments",
    "require_ends",
    "unpack_segments",
]

if not TYPE_CHECKING:  # late: a catalog is opened, and its runs are looked up, without what reads files
    __getattr__ = open_late(
        __name__,
        {
            "datums": ("DatumIds", "DatumTable", "Segment", "pack_segments", "unpack_segments"),
            "handler": (
                "DatumStructure",
                "DescribesDatum",
                "Handler",
                "Layout",
                "ReadsRegions",
                "RefersToFiles",
                "TellsLayout",
            ),
            "loading": ("HandlerClass", "keywords_of"),
            "mounts": ("Absence",),
            "offline": ("Rule",),
            "places": ("Place",),
            "pool": ("close_files",),
            "stream_datums": ("Stored", "join"),
        },
    )
