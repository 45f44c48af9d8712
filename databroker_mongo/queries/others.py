"""Queries of databroker 2 and Tiled, which clients make with the classes of these packages, as those of here.

They are known by the names of their classes and attributes; the packages need not be installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from ..errors import QueryError
from .fields import Comparison, Contains, Eq, Exists, In, NotEq, NotIn, Regex
from .runs import FullText, PartialUID, Raw, ScanID, ScanIDRange
from .times import TimeRange
from .tree import Query
from .words import from_json

_PACKAGES: Final = ("bluesky_tiled_plugins", "databroker", "tiled")


def RawMongo(*, start: Mapping[str, Any] | str) -> Raw:  # noqa: N802 that is what databroker 2 calls it
    """Return a raw filter on the start document, as in databroker 2; the same as ``Raw(start)``.

    Parameters
    ----------
    start : mapping or str
        The filter, or its JSON text.
    """
    return Raw(from_json(start) if isinstance(start, str) else start)


def query_of_others(query: object) -> Query | None:
    """Return what a query of another package asks; None where it is none of these packages'.

    Raises
    ------
    QueryError
        It asks what runs in MongoDB have no answer to.
    """
    kind = type(query)
    if kind.__module__.partition(".")[0] not in _PACKAGES or isinstance(query, Mapping):
        return None
    if kind.__name__ not in _QUERIES:
        raise QueryError(
            f"{query!r} cannot be used to search runs in MongoDB. The known queries are {', '.join(_QUERIES)}."
        )
    make, names = _QUERIES[kind.__name__]
    return make(*(_plain(attrgetter(name)(query)) for name in names))


def _plain(value: Any) -> Any:
    """Return the text that a member of an enumeration stands for, and any other value as it is."""
    return getattr(value, "value", value)


_QUERIES: Final[dict[str, tuple[Callable[..., Query], tuple[str, ...]]]] = {
    "Comparison": (Comparison, ("operator", "key", "value")),
    "Contains": (Contains, ("key", "value")),
    "Eq": (Eq, ("key", "value")),
    "FullText": (FullText, ("text",)),
    "In": (In, ("key", "value")),
    "KeyLookup": (lambda key: Eq("uid", key), ("key",)),
    "KeyPresent": (Exists, ("key", "exists")),
    "NotEq": (NotEq, ("key", "value")),
    "NotIn": (NotIn, ("key", "value")),
    "RawMongo": (lambda start: RawMongo(start=start), ("start",)),
    "Regex": (Regex, ("key", "pattern", "case_sensitive")),
    "ScanIDRange": (ScanIDRange, ("start_id", "end_id", "duplicates")),
    "TimeRange": (lambda since, until: TimeRange(since=since, until=until), ("since", "until")),
    "_PartialUID": (lambda uids: PartialUID(*uids), ("partial_uids",)),
    "_ScanID": (lambda scan_ids, duplicates: ScanID(*scan_ids, duplicates=duplicates), ("scan_ids", "duplicates")),
}
"""By the name of its class, what a query is here, and the attributes that tell it."""
