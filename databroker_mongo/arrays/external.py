"""From the datum identifiers in events, or from stream datums, to segments: which resource serves which rows.

A fixed number of questions for all columns together. A missing or contradictory document costs its own column only.
What does not belong here: opening files.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..assets.datums import DatumIds, DatumTable, Segment
from ..assets.resource import Resource
from ..assets.stream_datums import Piece, pieces
from ..errors import AssetError, CatalogError, DatumNotFound, InvalidDocument
from ..store.protocol import MISSING, Document, Store
from .structure import is_streamed

Transform = Callable[[Document], Document]
Transforms = Callable[[str], Transform]
Describe = Callable[[Resource], Mapping[str, Any]]


class _Row(NamedTuple):
    """What serves one row: no resource where an event lacks the key."""

    resource: Resource | None
    datum: Mapping[str, Any]
    datum_id: str


def datum_segments(
    store: Store, columns: Mapping[str, Sequence[Any]], transforms: Transforms, *, describe: Describe
) -> dict[str, tuple[Segment, ...] | CatalogError]:
    """Return for each column its segments, or the error that says which document is missing.

    Parameters
    ----------
    store : Store
        Where the datum and resource documents are.
    columns : mapping of str to sequence of str
        The datum identifier of each row, ``MISSING`` where an event has none.
    transforms : callable
        Gives what is applied to each ``resource`` and each ``datum`` document.
    describe : callable
        Gives the facts of a resource, for errors.
    """
    ids = {str(each) for column in columns.values() for each in column if each is not MISSING and each is not None}
    datums = {uid: corrected("datum", doc, transforms) for uid, doc in store.datums(sorted(ids)).items()}
    # Most identifiers begin with the uid of the resource; where a datum is not stored, that still tells the file.
    likely = {each.partition("/")[0] for each in ids - datums.keys() if "/" in each}
    names = sorted(
        {name for datum in datums.values() if isinstance(datum, dict) and (name := datum.get("resource"))} | likely
    )
    resources = {
        name: _resource(name, [corrected("resource", doc, transforms) for doc in docs], describe)
        for name, docs in (store.resources(names) if names else {}).items()
    }
    found: dict[str, tuple[Segment, ...] | CatalogError] = {}
    for key, column in columns.items():
        try:
            found[key] = _segments([_row(each, datums, resources) for each in column])
        except DatumNotFound as error:
            known = [datums[each] for each in map(str, column) if each in datums]
            owners = {str(datum.get("resource")) for datum in known if isinstance(datum, dict)}
            owners = {str(error.datum_id).partition("/")[0]} & resources.keys() or owners
            owner = resources.get(owners.pop()) if len(owners) == 1 else None
            error.add_facts(**describe(owner) if isinstance(owner, Resource) else {})
            found[key] = error
        except CatalogError as error:
            found[key] = error
    return found


def corrected(kind: str, document: Document, transforms: Transforms) -> Document | AssetError:
    """Return a document as the catalog's transform corrects it, or the error that says that it fails."""
    try:
        return transforms(kind)(document)
    except Exception as error:
        uid = document.get("datum_id") or document.get("uid")
        wrong = AssetError(f"the catalog's transform of {kind} documents fails on {uid!r}: {error!r}")
        wrong.__cause__ = error
        return wrong


def _usable(document: Document | AssetError) -> Document:
    if isinstance(document, AssetError):
        raise copy.copy(document)
    return document


def _resource(name: str, documents: Sequence[Document | AssetError], describe: Describe) -> Resource | CatalogError:
    try:
        found = [Resource.from_document(_usable(document), uid=name) for document in documents]
    except CatalogError as error:
        return error
    if len(found) == 1:
        return found[0]
    places = [str(each.place) for each in found]
    return AssetError(
        f"{len(found)} resource documents of different contents are stored under one uid, for {', '.join(places)}; "
        "remove the wrong one",
        **describe(found[0]),
        document_paths=places,
    )


def _row(
    datum_id: Any, datums: Mapping[str, Document | AssetError], resources: Mapping[str, Resource | CatalogError]
) -> _Row:
    if datum_id is MISSING or datum_id is None:
        return _Row(None, {}, "")
    if not isinstance(datum_id, str):
        raise DatumNotFound(
            f"an event holds {_shown(datum_id)} where others hold the identifier of a datum; they cannot be one column",
            datum_id=_shown(datum_id),
        )
    datum = _usable(datums[datum_id]) if datum_id in datums else None
    if datum is not None and not (isinstance(datum.get("datum_kwargs"), Mapping) and datum.get("resource")):
        raise DatumNotFound(
            f"the datum {datum_id!r} is stored without a resource or without datum_kwargs: {datum}", datum_id=datum_id
        )
    if datum is None:
        raise DatumNotFound(
            f"the events name the datum {datum_id!r}, which is not stored. Without it its place is unknown.",
            datum_id=datum_id,
        )
    resource = resources.get(datum["resource"])
    if resource is None:
        raise DatumNotFound(
            f"the datum {datum_id!r} names the resource {datum['resource']!r}, which is not stored. Without it the "
            "file is unknown.",
            datum_id=datum_id,
            datum=str(datum["datum_kwargs"]),
            resource_uid=datum["resource"],
        )
    if isinstance(resource, CatalogError):
        error = copy.copy(resource)
        error.add_facts(datum_id=datum_id, datum=str(datum["datum_kwargs"]))
        raise error
    return _Row(resource, datum["datum_kwargs"], str(datum_id))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _segments(rows: Sequence[_Row]) -> tuple[Segment, ...]:
    segments = []
    start = 0
    for _, group in itertools.groupby(rows, key=lambda row: row.resource.uid if row.resource is not None else None):
        members = list(group)
        stop = start + len(members)
        table, ids = DatumTable([row.datum for row in members]), DatumIds([row.datum_id for row in members])
        segments.append(Segment(start, stop, members[0].resource, table, ids=ids))
        start = stop
    return tuple(segments)


def stream_pieces(
    store: Store, run_uid: str, descriptors: Sequence[Document], transforms: Transforms
) -> dict[str, list[Piece] | CatalogError]:
    """Return, for each data key that has them, what the stream datums of these descriptors say, or what is wrong.

    Parameters
    ----------
    store : Store
        Where the documents are.
    run_uid : str
        The run.
    descriptors : sequence of dict
        The descriptors of the stream.
    transforms : callable
        Gives what is applied to each ``stream_resource`` document.
    """
    stored = {doc["uid"]: doc for doc in store.stream_resources(run_uid)}
    resources = {uid: corrected("stream_resource", doc, transforms) for uid, doc in stored.items()}
    keys = {uid: (doc if isinstance(doc, dict) else stored[uid]).get("data_key", "") for uid, doc in resources.items()}
    wanted = {descriptor["uid"] for descriptor in descriptors}
    datums = store.stream_datums(list(resources)) if resources else []
    by_key: dict[str, list[Document]] = {}
    for datum in datums:
        if datum.get("descriptor") in wanted:
            by_key.setdefault(keys[datum["stream_resource"]], []).append(datum)
    _adopt(by_key, descriptors)
    return {key: _pieces(found, resources) for key, found in by_key.items()}


def _adopt(by_key: dict[str, list[Document]], descriptors: Sequence[Document]) -> None:
    """Give stream datums whose resource names no data key, as old ones did, to the one data key that lacks any."""
    streamed = {key for each in descriptors for key, data_key in each["data_keys"].items() if is_streamed(data_key)}
    without = sorted(streamed - by_key.keys())
    if "" in by_key and len(without) == 1:
        by_key[without[0]] = by_key.pop("")


def _pieces(datums: Sequence[Document], resources: Mapping[str, Document | AssetError]) -> list[Piece] | CatalogError:
    uids = dict.fromkeys(datum["stream_resource"] for datum in datums)
    try:
        return pieces(datums, {uid: Resource.from_stream_document(_usable(resources[uid])) for uid in uids})
    except CatalogError as error:
        return error
    except (KeyError, TypeError) as error:
        return InvalidDocument(
            f"a stream datum has no usable seq_nums and indices: {error!r}", resource_uid=", ".join(uids)
        )
