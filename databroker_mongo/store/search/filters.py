"""From the neutral tree of questions to filters on the documents of a run.

:func:`lower` leaves a tree of ``And``, ``Or``, ``Not`` and ``Duration`` over :class:`Some`: "some document of that kind
matches this MongoDB filter". Questions about the same document are merged, so what asks only the start document becomes
a single filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import bson
from bson.errors import BSONError

from ...documents import NAMELESS_STREAM
from ...errors import QueryError
from ...queries import (
    All,
    And,
    Comparison,
    Contains,
    DocumentName,
    Duration,
    Eq,
    Exists,
    FullText,
    HasDataKey,
    HasDevice,
    HasStream,
    In,
    InProgress,
    Not,
    NotEq,
    NotIn,
    Or,
    PartialUID,
    Query,
    Raw,
    Regex,
    ScanID,
    ScanIDRange,
    TextQuery,
    TimeRange,
    plain_filter,
    split_key,
)
from ..identifiers import object_ids

Filter = dict[str, Any]
Leaves = Mapping[type[Query], Callable[[Any], Query]]


@dataclass(frozen=True)
class Some(Query):
    """Some document of this kind, of the run, matches the filter; of several stop documents only the first counts."""

    document: DocumentName | Literal["summary"]
    filter: Filter


EVERY_RUN = Some("start", {})
NO_RUN = Some("start", {"uid": {"$in": []}})
_HAS_NO_UID: Filter = {"uid": {"$not": {"$type": "string"}}}
COMPARISONS = {"lt": "$lt", "le": "$lte", "gt": "$gt", "ge": "$gte"}
"""MongoDB's operator for each of a query's."""


def lower(query: Query, leaves: Leaves | None = None) -> Query:
    """Return what ``query`` asks as a tree over :class:`Some`.

    Parameters
    ----------
    query : Query
        What is asked, with nothing left to resolve.
    leaves : mapping, optional
        Other ways to ask single questions, by their type.

    Raises
    ------
    QueryError
        For a full-text question that is combined by other than ``&``, or is asked of another document than the start.
    """
    if isinstance(query, And):
        return conjunction(lower(part, leaves) for part in query.queries)
    if isinstance(query, Or):
        return disjunction(lower(part, leaves) for part in query.queries)
    if isinstance(query, Not):
        return negation(lower(query.query, leaves))
    return (leaves or _LEAVES).get(type(query), _LEAVES[type(query)])(query)


def conjunction(parts: Iterable[Query]) -> Query:
    """Return the tree that asks all of these; filters on the start, and those on the stop, become one each."""
    flat = [leaf for part in parts for leaf in (part.queries if isinstance(part, And) else (part,))]
    if NO_RUN in flat:
        return NO_RUN
    # Not those on descriptors, of which a run has several: one may match one filter, and another the other.
    merged = _merge([part for part in flat if part != EVERY_RUN], "$and", ("start", "stop"))
    return (merged[0] if len(merged) == 1 else And(tuple(merged))) if merged else EVERY_RUN


def disjunction(parts: Iterable[Query]) -> Query:
    """Return the tree that asks at least one of these; filters on documents of one kind become one."""
    flat = [leaf for part in parts for leaf in (part.queries if isinstance(part, Or) else (part,))]
    if len(flat) > 1:
        _refuse_text(flat)
    if EVERY_RUN in flat:
        return EVERY_RUN
    merged = _merge([part for part in flat if part != NO_RUN], "$or", ("start", "stop", "descriptor"))
    return (merged[0] if len(merged) == 1 else Or(tuple(merged))) if merged else NO_RUN


def negation(part: Query) -> Query:
    """Return the tree that asks the opposite."""
    _refuse_text([part])
    if isinstance(part, Not):
        return part.query
    if part == EVERY_RUN:
        return NO_RUN
    if part == NO_RUN:
        return EVERY_RUN
    if isinstance(part, Some) and part.document == "start":
        return Some("start", {"$nor": [part.filter]})
    # There may be several of any other document, or none, so that "no document matches" is no filter on one.
    return Not(part)


def has_text(part: Any) -> bool:
    """Tell whether a tree or a filter holds a full-text question."""
    if isinstance(part, Some):
        return has_text(part.filter)
    if isinstance(part, And | Or):
        return any(map(has_text, part.queries))
    if isinstance(part, Not):
        return has_text(part.query)
    if isinstance(part, Mapping):
        return "$text" in part or any(map(has_text, part.values()))
    return isinstance(part, list) and any(map(has_text, part))


def has_duration(tree: Query) -> bool:
    """Tell whether a lowered tree asks how long runs took."""
    if isinstance(tree, And | Or):
        return any(map(has_duration, tree.queries))
    return has_duration(tree.query) if isinstance(tree, Not) else isinstance(tree, Duration)


def _merge(parts: list[Query], operator: str, documents: tuple[str, ...]) -> list[Query]:
    """Join the filters on each of `documents` by `operator`, in the place of the first of them."""
    merged: dict[Any, Query] = {}
    for number, part in enumerate(parts):
        mergeable = isinstance(part, Some) and part.document in documents
        # MongoDB takes one full-text question at a time; a second is asked by itself.
        key = part.document if isinstance(part, Some) and mergeable else number
        earlier = merged.get(key)
        if isinstance(earlier, Some) and isinstance(part, Some):
            if has_text(earlier) and has_text(part):
                merged[number] = part
                continue
            part = Some(part.document, _joined(earlier.filter, part.filter, operator))
        merged[key] = part
    return list(merged.values())


def _joined(first: Filter, second: Filter, operator: str) -> Filter:
    if operator == "$and" and not (first and second):
        return first or second  # the empty filter asks nothing
    parts = [part for each in (first, second) for part in (each[operator] if list(each) == [operator] else [each])]
    return {operator: parts}


def _refuse_text(parts: Iterable[Query]) -> None:
    if any(map(has_text, parts)):
        raise QueryError("A full-text query can be combined with others only by &, not by | or ~.")


def _some(place: tuple[DocumentName, str], condition: Any, *, matches_missing: bool = False) -> Query:
    """Return the question that a field fulfils a condition; a missing document lacks each of its fields."""
    document, path = place
    some = Some(document, {path: condition})
    if matches_missing and document != "start":
        return disjunction((some, negation(Some(document, {}))))
    return some


def _equal(query: Eq | NotEq) -> Query:
    place = split_key(query.key)
    asked = _some(place, {"$eq": query.value}, matches_missing=query.value is None)
    return _or_nameless(asked, place, [query.value])


def _member(query: In | NotIn) -> Query:
    # Among other values MongoDB takes a regular expression as one to match texts with, not as a value.
    patterns = [value for value in query.value if hasattr(value, "pattern")]
    others = [value for value in query.value if not hasattr(value, "pattern")]
    has_none = any(value is None for value in others)
    place = split_key(query.key)
    asked = _some(place, {"$in": others}, matches_missing=has_none)
    if patterns:
        asked = disjunction([asked, *(_some(place, {"$eq": pattern}) for pattern in patterns)])
    return _or_nameless(asked, place, others)


def _or_nameless(asked: Query, place: tuple[DocumentName, str], values: Iterable[Any]) -> Query:
    """Return the question that also finds a start without a uid by its ``_id``, which is shown in that place."""
    if place != ("start", "uid"):
        return asked
    ids = list(object_ids(values).values())
    return disjunction((asked, Some("start", {"_id": {"$in": ids}, **_HAS_NO_UID}))) if ids else asked


def _comparison(query: Comparison) -> Query:
    return _some(split_key(query.key), {COMPARISONS[query.operator]: query.value})


def _contains(query: Contains) -> Query:
    document, path = split_key(query.key)
    # With "$elemMatch", which looks into lists alone: {path: value} would find a field that is the value itself, too.
    has_element: Filter = {path: {"$elemMatch": {"$eq": query.value}}}
    if not isinstance(query.value, str):
        return Some(document, has_element)
    has_part = {"$and": [{path: {"$regex": re.escape(query.value)}}, {path: {"$not": {"$type": "array"}}}]}
    return Some(document, {"$or": [has_element, has_part]})


def _regex(query: Regex) -> Query:
    options = {} if query.case_sensitive else {"$options": "i"}
    return _some(split_key(query.key), {"$regex": query.pattern, **options})


def _exists(query: Exists) -> Query:
    exists = _some(split_key(query.key), {"$exists": True})
    return exists if query.exists else negation(exists)


def _raw(query: Raw) -> Query:
    if query.document != "start" and has_text(query.filter):
        raise QueryError("A full-text query applies to the start document.", document=query.document)
    filter = plain_filter(query.filter, document=query.document)  # it may have been changed since it was made
    _require_encodable(filter)
    return Some(query.document, filter)


def _require_encodable(filter: Filter) -> None:
    try:
        bson.encode(filter)
    except (BSONError, ValueError, TypeError, OverflowError) as error:
        raise QueryError(f"MongoDB cannot use this filter: {error}.") from error


def _partial_uid(query: PartialUID) -> Query:
    # A range of the index, not a pattern: all texts from the prefix up to the prefix with its last character raised.
    ranges = [{"uid": {"$gte": text, "$lt": text[:-1] + chr(ord(text[-1]) + 1)}} for text in query.partial_uids]
    return disjunction(Some("start", each) for each in ranges)


def _scan_ids(query: ScanID | ScanIDRange) -> Query:
    if query.duplicates != "all":
        raise QueryError(f"{query!r} can be combined with others only by &; use duplicates='all' under | and ~.")
    if isinstance(query, ScanID):
        return Some("start", {"scan_id": {"$in": list(query.scan_ids)}})
    return Some("start", {"scan_id": {"$gte": query.start_id, "$lt": query.end_id}})


def _has_stream(query: HasStream) -> Query:
    # MongoDB looks into lists, for a text as for the type of one.
    names: Filter = {"name": {"$in": stored_names(query.name), "$not": {"$type": "array"}}}
    if query.name != NAMELESS_STREAM:
        return Some("descriptor", names)
    is_no_text = [{"name": {"$not": {"$type": "string"}}}, {"name": {"$type": "array"}}]
    return Some("descriptor", {"$or": [names, *is_no_text]})


def stored_names(stream: str) -> list[str]:
    """Return the texts that name a stream where they are stored, as `stream_of` reads them: an empty one is no name."""
    return [stream, ""] if stream == NAMELESS_STREAM else [stream]


def _has_device(query: HasDevice) -> Query:
    places = [{f"{place}.{query.name}": {"$exists": True}} for place in ("object_keys", "configuration")]
    return Some("descriptor", {"$or": places})


_LEAVES: Leaves = {
    All: lambda query: EVERY_RUN,
    Eq: _equal,
    NotEq: lambda query: negation(_equal(query)),
    In: _member,
    NotIn: lambda query: negation(_member(query)),
    Comparison: _comparison,
    Contains: _contains,
    Regex: _regex,
    Exists: _exists,
    Raw: _raw,
    FullText: lambda query: Some("start", query.query),
    TextQuery: lambda query: Some("start", query.query),
    TimeRange: lambda query: Some("start", query.query),
    PartialUID: _partial_uid,
    ScanID: _scan_ids,
    ScanIDRange: _scan_ids,
    InProgress: lambda query: negation(Some("stop", {})),
    HasStream: _has_stream,
    HasDataKey: lambda query: Some("descriptor", {f"data_keys.{query.name}": {"$exists": True}}),
    HasDevice: _has_device,
    Duration: lambda query: query,
    Some: lambda query: query,
}
