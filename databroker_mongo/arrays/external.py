"""From the datum identifiers in events, or from stream datums, to segments: which resource serves which rows.

A fixed number of questions for all columns together. A missing or contradictory document costs its own column only.
What does not belong here: opening files.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..assets.datums import DatumTable, Segment
from ..assets.resource import Resource
from ..assets.stream_datums import Piece, pieces
from ..errors import AssetError, CatalogError, DatumNotFound
from ..store.protocol import MISSING, Document, Store

Transform = Callable[[Document], Document]
Row = tuple[Resource | None, Mapping[str, Any]]


def datum_segments(
    store: Store, columns: Mapping[str, Sequence[Any]], transform: Transform
) -> dict[str, tuple[Segment, ...] | CatalogError]:
    """Return for each column its segments, or the error that says which document is missing.

    Parameters
    ----------
    store : Store
        Where the datum and resource documents are.
    columns : mapping of str to sequence of str
        The datum identifier of each row, ``MISSING`` where an event has none.
    transform : callable
        Applied to each resource document.
    """
    ids = {str(each) for column in columns.values() for each in column if each is not MISSING and each is not None}
    datums = store.datums(sorted(ids))
    names = sorted({datum["resource"] for datum in datums.values()})
    resources = {name: _resource(name, docs, transform) for name, docs in store.resources(names).items()}
    found: dict[str, tuple[Segment, ...] | CatalogError] = {}
    for key, column in columns.items():
        try:
            found[key] = _segments([_row(each, datums, resources) for each in column])
        except CatalogError as error:
            found[key] = error
    return found


def _resource(name: str, documents: Sequence[Document], transform: Transform) -> Resource | CatalogError:
    try:
        if len(documents) > 1:
            raise AssetError(
                f"{len(documents)} resource documents of different contents are stored under one uid; remove the "
                "wrong one",
                resource_uid=name,
            )
        return Resource.from_document(transform(documents[0]), uid=name)
    except CatalogError as error:
        return error


def _row(datum_id: Any, datums: Mapping[str, Document], resources: Mapping[str, Resource | CatalogError]) -> Row:
    if datum_id is MISSING or datum_id is None:
        return None, {}
    datum = datums.get(str(datum_id))
    if datum is None:
        raise DatumNotFound(
            f"the events name the datum {datum_id!r}, which is not stored. Without it the file is unknown.",
            datum_id=datum_id,
        )
    resource = resources.get(datum["resource"])
    if resource is None:
        raise DatumNotFound(
            f"the datum {datum_id!r} names the resource {datum['resource']!r}, which is not stored.",
            datum_id=datum_id,
            resource_uid=datum["resource"],
        )
    if isinstance(resource, CatalogError):
        raise copy.copy(resource)
    return resource, datum["datum_kwargs"]


def _segments(rows: Sequence[Row]) -> tuple[Segment, ...]:
    segments = []
    start = 0
    for _, group in itertools.groupby(rows, key=lambda row: row[0].uid if row[0] is not None else None):
        members = list(group)
        stop = start + len(members)
        segments.append(Segment(start, stop, members[0][0], DatumTable([kwargs for _, kwargs in members])))
        start = stop
    return tuple(segments)


def stream_pieces(
    store: Store, run_uid: str, descriptor_uids: Iterable[str], transform: Transform
) -> dict[str, list[Piece]]:
    """Return, for each data key that has them, what the stream datums of these descriptors say."""
    documents = {doc["uid"]: transform(doc) for doc in store.stream_resources(run_uid)}
    wanted = set(descriptor_uids)
    datums = [doc for doc in store.stream_datums(list(documents)) if doc["descriptor"] in wanted] if documents else []
    found: dict[str, list[Piece]] = {}
    for key in {documents[datum["stream_resource"]].get("data_key", "") for datum in datums}:
        own = {uid: Resource.from_stream_document(doc) for uid, doc in documents.items() if doc.get("data_key") == key}
        found[key] = pieces((datum for datum in datums if datum["stream_resource"] in own), own)
    return found
