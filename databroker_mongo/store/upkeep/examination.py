"""Questions that only somebody asks who looks for what is wrong with a run: each answered by the server, once.

What does not belong here: what counts as wrong (``health``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...documents import Document, broken_fields, readable_descriptor
from ..connection.collections import Collections
from ..connection.connection import Connection
from ..events.rows import EventRows, Rows
from ..identifiers import object_ids
from ..insertion import revisions
from ..insertion.insertion import COLLECTIONS, identity_field
from ..protocol import EventIndex, Examination
from ..reports import EventKind, Orphans, Revision
from ..stops import sort_by_time

if TYPE_CHECKING:
    from pymongo.collection import Collection

_NAMES_AT_ONCE = 10_000  # a query is a document, of 16 MB at most
_PATIENCE_SECONDS = 3600.0
_TYPES: dict[str, str] = {
    "double": "number",
    "int": "integer",
    "long": "integer",
    "bool": "boolean",
}


class NormalizedExamination(Examination):
    """The questions, asked of the normalised layout.

    Parameters
    ----------
    connection : Connection
        Where.
    """

    def __init__(self, connection: Connection):
        self._connection = connection

    def event_kinds(self, descriptor_uids: Sequence[str]) -> list[EventKind]:
        """Sort the events of these descriptors by their keys and the types of their values."""
        with self._connection.translate_errors("sort events by their types") as collections:
            groups = collections.event.aggregate(_by_types(descriptor_uids), allowDiskUse=True)
            return [_event_kind(group) for group in groups]

    def rows(self, descriptor_uids: Sequence[str], keys: Sequence[str] = ()) -> EventIndex:
        """Return the rows of a stream, with some columns of its data, also where their order is not known.

        A ``seq_num`` that is missing or no whole number is ``UNNUMBERED``.
        """
        with self._connection.translate_errors("read the events of a stream") as collections:
            return self._rows(collections).read_index(descriptor_uids, keys, is_strict=False)

    def repeated_events(self, descriptor_uids: Sequence[str]) -> dict[str, int]:
        """Return the uids of events that are stored more than once, and how often."""
        pipeline: list[Document] = [
            {"$match": {"descriptor": {"$in": list(descriptor_uids)}}},
            {"$group": {"_id": "$uid", "n": {"$sum": 1}}},
            {"$match": {"n": {"$gt": 1}}},
        ]
        with self._connection.translate_errors("find repeated events") as collections:
            groups = collections.event.aggregate(pipeline, allowDiskUse=True)
            return {group["_id"]: group["n"] for group in groups}

    def duplicates(self) -> dict[str, dict[str, int]]:
        """Return the uids under which more than one document is stored, and how many, by kind of document.

        Stops and events are left to the examination of each run.
        """
        with self._connection.translate_errors("find duplicates", seconds=_PATIENCE_SECONDS) as collections:
            found = {}
            for kind in ("start", "descriptor", "resource", "datum", "stream_resource", "stream_datum"):
                key = identity_field(kind)
                pipeline = [
                    {"$match": {key: {"$exists": True}}},
                    {"$group": {"_id": f"${key}", "n": {"$sum": 1}}},
                    {"$match": {"n": {"$gt": 1}}},
                ]
                groups = getattr(collections, COLLECTIONS[kind]).aggregate(pipeline, allowDiskUse=True)
                found[kind] = {str(group["_id"]): group["n"] for group in groups}
            return {kind: copies for kind, copies in found.items() if copies}

    def other_stops(self, run_uid: str) -> list[Document]:
        """Return the stops of a run beyond the first: those kept beside, and those another program stored."""
        with self._connection.translate_errors("find the stops of a run") as collections:
            stops = sort_by_time(collections.run_stop.find({"run_start": run_uid}, {"_id": 0}))
            kept = collections.named("run_stop_revisions").find({"document.run_start": run_uid}, {"_id": 0})
            known = [stop.get("uid") for stop in stops]
            return stops[1:] + [each["document"] for each in kept if each["document"]["uid"] not in known]

    def descriptors(self, run_uid: str) -> list[tuple[Document, list[str]]]:
        """Return the descriptors of a run as they are read, in the order of their time, each with its broken fields."""
        with self._connection.translate_errors("read the descriptors of a run") as collections:
            stored = list(collections.event_descriptor.find({"run_start": run_uid}, {"_id": 0}))
        return [(readable_descriptor(each), broken_fields(each)) for each in sort_by_time(stored)]

    def revisions(self, name: str, uid: str) -> list[Document]:
        """Return the earlier contents of a corrected start, stop or descriptor, the oldest first."""
        with self._connection.translate_errors("read the revisions of a document") as collections:
            return revisions.list_revisions(collections, name, uid)

    def run_revisions(self, run_uid: str) -> list[Revision]:
        """Return what the documents of a run were before each of their corrections."""
        with self._connection.translate_errors("read the revisions of a run") as collections:
            return revisions.list_run_revisions(collections, run_uid)

    def orphans(self) -> Orphans:
        """Find what documents name as theirs and is not there, in the whole database."""
        with self._connection.translate_errors("find orphans", seconds=_PATIENCE_SECONDS) as collections:
            return Orphans(
                descriptors=_unknown(collections.event, "descriptor", collections.event_descriptor),
                starts_of_descriptors=_unknown(collections.event_descriptor, "run_start", collections.run_start),
                starts_of_stops=_unknown(collections.run_stop, "run_start", collections.run_start),
                resources=_unknown(collections.datum, "resource", collections.resource),
                stream_resources=_unknown(collections.stream_datum, "stream_resource", collections.stream_resource),
                descriptors_of_stream_datums=_unknown(
                    collections.stream_datum, "descriptor", collections.event_descriptor
                ),
                starts_of_stream_resources=_unknown(collections.stream_resource, "run_start", collections.run_start),
                stray_stream_resources=_stray(collections.stream_resource, collections.stream_datum),
            )

    def _rows(self, collections: Collections) -> Rows:
        return EventRows(collections)


def _by_types(descriptor_uids: Sequence[str]) -> list[Document]:
    entry = {"key": "$$entry.k", "type": {"$type": "$$entry.v"}}
    keys = {
        "descriptor": "$descriptor",
        "data": {"$map": {"input": _entries_of("data"), "as": "entry", "in": entry}},
        "timestamps": {"$map": {"input": _entries_of("timestamps"), "as": "entry", "in": "$$entry.k"}},
    }
    return [
        {"$match": {"descriptor": {"$in": list(descriptor_uids)}}},
        {"$group": {"_id": keys, "n": {"$sum": 1}, "first": {"$min": "$seq_num"}}},
    ]


def _entries_of(section: str) -> Document:
    """Return what gives the entries of a section; none where it is no mapping, for which the server has no answer."""
    is_mapping = {"$eq": [{"$type": f"${section}"}, "object"]}
    return {"$objectToArray": {"$cond": [is_mapping, f"${section}", {}]}}


def _event_kind(group: Document) -> EventKind:
    kind = group["_id"]
    types = {entry["key"]: _TYPES.get(entry["type"], entry["type"]) for entry in kind["data"]}
    return EventKind(kind["descriptor"], types, frozenset(kind["timestamps"]), group["n"], group["first"])


def _stray(stream_resources: Collection[Document], stream_datums: Collection[Document]) -> tuple[str, ...]:
    uids = [each["uid"] for each in stream_resources.find({"run_start": None}, {"uid": 1})]
    return tuple(uid for uid in uids if stream_datums.find_one({"stream_resource": uid}, {"_id": 1}) is None)


def _unknown(children: Collection[Document], field: str, parents: Collection[Document]) -> dict[str, int]:
    """Return the names that children give their parents and no parent has, with how many children give each.

    Before 2016 a datum named its resource by the ``_id``, in itself or as a text.
    """
    names = [group["_id"] for group in children.aggregate([{"$group": {"_id": f"${field}"}}], allowDiskUse=True)]
    unknown: dict[str, list[Any]] = {}
    for name in names:
        if name is not None:
            unknown.setdefault(str(name), []).append(name)
    for first in range(0, len(names), _NAMES_AT_ONCE):
        portion = names[first : first + _NAMES_AT_ONCE]
        ids = [*portion, *object_ids(portion).values()]
        for parent in parents.find({"$or": [{"uid": {"$in": portion}}, {"_id": {"$in": ids}}]}, {"uid": 1}):
            for name in (parent.get("uid"), parent["_id"]):
                unknown.pop(str(name), None)
    return {text: children.count_documents({field: {"$in": several}}) for text, several in unknown.items()}
