"""Queries of runs: a neutral tree of frozen dataclasses, readable and comparable.

``store/`` compiles the tree for its layout. Field names go to the start document; the prefixes ``stop.`` and
``descriptor.`` refer to the other documents of a run, and ``start.`` is the default. A field that holds a list matches
if one of its elements does. ``NotEq`` and ``NotIn`` are the exact opposites of ``Eq`` and ``In``: a run that lacks the
field, or the whole document, matches them. ``None`` is equal to a missing value.

What does not belong here: anything that knows MongoDB beyond the operators that a raw filter may hold.
"""

from .fields import Comparison, Contains, DocumentName, Eq, Exists, In, Key, NotEq, NotIn, Regex, plain_path, split_key
from .keywords import from_keywords, query_of, scope_of
from .others import RawMongo
from .patterns import n_unbounded
from .plain import plain_text, plain_value
from .refusals import plain_filter
from .runs import (
    Duplicates,
    Duration,
    FullText,
    HasDataKey,
    HasDevice,
    HasStream,
    InProgress,
    PartialUID,
    Raw,
    ScanID,
    ScanIDRange,
    TextQuery,
    Window,
    is_uid_beginning,
)
from .sorting import NEWEST_FIRST, Sort, Sorting, sort_of
from .tags import NO_RUN, PUBLIC, UNTAGGED, TagFields
from .times import TimeRange, zone_of
from .tree import All, And, Not, Or, Query, conjunction, conjuncts
from .words import from_json, from_words

__all__ = [
    "All",
    "And",
    "Comparison",
    "Contains",
    "DocumentName",
    "Duplicates",
    "Duration",
    "Eq",
    "Exists",
    "FullText",
    "HasDataKey",
    "HasDevice",
    "HasStream",
    "In",
    "InProgress",
    "Key",
    "NEWEST_FIRST",
    "NO_RUN",
    "Not",
    "NotEq",
    "NotIn",
    "Or",
    "PUBLIC",
    "PartialUID",
    "Query",
    "Raw",
    "RawMongo",
    "Regex",
    "ScanID",
    "ScanIDRange",
    "Sort",
    "Sorting",
    "TagFields",
    "TextQuery",
    "TimeRange",
    "UNTAGGED",
    "Window",
    "conjunction",
    "conjuncts",
    "from_json",
    "from_keywords",
    "from_words",
    "is_uid_beginning",
    "n_unbounded",
    "plain_filter",
    "plain_path",
    "plain_text",
    "plain_value",
    "query_of",
    "scope_of",
    "sort_of",
    "split_key",
    "zone_of",
]
