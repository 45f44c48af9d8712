"""From a resource and its datums to numbers: handlers, roots, open files. Nothing here knows MongoDB."""

from .datums import DatumIds, DatumTable, Segment, packed, unpacked
from .handler import DatumStructure, DescribesDatum, Handler, Layout, ReadsRegions, RefersToFiles, TellsLayout
from .loading import HandlerClass, keywords_of
from .mounts import Absence
from .offline import Rule
from .opening import open_reader
from .places import Place
from .pool import close_files
from .reader import AssetReader, may_still_come
from .registry import HandlerRegistry
from .resource import Resource
from .roots import Roots, require_ends
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
    "packed",
    "require_ends",
    "unpacked",
]
