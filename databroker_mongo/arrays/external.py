"""From the datum identifiers in events, or from stream datums, to segments: which resource serves which rows.

A fixed number of queries for all columns together. A missing or contradictory document costs its own column only.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..assets import DatumIds, DatumTable, Resource, Segment, Stored
from ..documents import DatumRun, is_streamed, spans_of
from ..errors import AssetError, CatalogError, DatumNotFound
from ..store import MISSING, CopiedRuns, Document, Store, Values
from .source import Transform

Transforms = Callable[[str], Transform]
Describe = Callable[[Resource], Mapping[str, object]]


def datum_segments(
    store: Store,
    columns: Mapping[str, Sequence[Any]],
    transforms: Transforms,
    *,
    describe: Describe,
    lost: dict[str, dict[int, CatalogError]] | None = None,
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
    lost : dict, optional
        If it is given, a missing document costs its own rows and not the column, unless none is left: they have no
        resource, and this is filled with the error of each, by data key and row.
    """
    ids = {each for column in columns.values() for each in column if isinstance(each, str)}
    datums = {uid: try_to_correct("datum", doc, transforms) for uid, doc in store.datums(sorted(ids)).items()}
    # Most identifiers begin with the uid of the resource; where a datum is not stored, that still tells the file.
    likely = {each.partition("/")[0] for each in ids - datums.keys() if "/" in each}
    names = sorted(
        {name for datum in datums.values() if isinstance(datum, dict) and (name := datum.get("resource"))} | likely
    )
    resources = _resources(store, names, transforms, describe)
    found: dict[str, tuple[Segment, ...] | CatalogError] = {}
    for key, ids_of_rows in columns.items():
        column = ids_of_rows
        try:
            if lost is not None:
                lost[key] = _lost_rows(column, datums, resources)
                _add_owners(lost[key].values(), column, datums, resources, describe)
                if len(lost[key]) < len(column):
                    column = [MISSING if row in lost[key] else each for row, each in enumerate(column)]
            found[key] = _segments(column, datums, resources)
        except CatalogError as error:
            _add_owners([error], column, datums, resources, describe)
            found[key] = error
    return found


def copied_segments(
    store: Store,
    runs: CopiedRuns,
    ids: Mapping[str, Values],
    transforms: Transforms,
    *,
    describe: Describe,
) -> dict[str, tuple[Segment, ...]]:
    """Return the segments of columns from what is copied of their datums, of those whose resources are all in order.

    Parameters
    ----------
    store : Store
        Where the resource documents are.
    runs : mapping of str to tuple of DatumRun
        What is copied of the datums, by data key.
    ids : mapping of str to list of str
        The identifiers of the datums of each column of which that does not tell them.
    transforms : callable
        Gives what is applied to each ``resource`` document.
    describe : callable
        Gives the facts of a resource, for errors.
    """
    names = sorted({run.resource_uid for each in runs.values() for run in each if run.resource_uid is not None})
    resources = _resources(store, names, transforms, describe)
    found: dict[str, tuple[Segment, ...]] = {}
    for key, of_key in runs.items():
        needed = {run.resource_uid for run in of_key if run.resource_uid is not None}
        if all(isinstance(resources.get(name), Resource) for name in needed):
            found[key] = tuple(_copied_segment(run, resources, ids.get(key, [])) for run in of_key)
    return found


def _copied_segment(run: DatumRun, resources: Mapping[str, Resource | CatalogError], ids: Values) -> Segment:
    owner = None if run.resource_uid is None else resources[run.resource_uid]
    resource = owner if isinstance(owner, Resource) else None
    return Segment(run.start, run.stop, resource, DatumTable.of_columns(run.kwargs), ids=_ids_of(run, ids))


def _ids_of(run: DatumRun, ids: Values) -> DatumIds:
    if run.numbering is not None:
        return DatumIds.numbered(*run.numbering)
    return DatumIds(list(ids[run.start : run.stop]) if run.resource_uid is not None else ())


def stored_in_streams(
    store: Store, descriptors: Sequence[Document], transforms: Transforms
) -> dict[str, Stored | CatalogError]:
    """Return, for each data key that has them, what the stream datums of these descriptors say, or what is wrong.

    A stream resource is found through its stream datums, because it need not say which run it belongs to.

    Parameters
    ----------
    store : Store
        Where the documents are.
    descriptors : sequence of dict
        The descriptors of the stream.
    transforms : callable
        Gives what is applied to each ``stream_resource`` document.
    """
    datums = store.stream_datums([descriptor["uid"] for descriptor in descriptors])
    datums = [datum for datum in datums if isinstance(datum.get("stream_resource"), str)]
    named = list(dict.fromkeys(datum["stream_resource"] for datum in datums))
    stored = {doc["uid"]: doc for doc in store.stream_resources(named)} if named else {}
    resources = {uid: try_to_correct("stream_resource", doc, transforms) for uid, doc in stored.items()}
    keys = {uid: (doc if isinstance(doc, dict) else stored[uid]).get("data_key", "") for uid, doc in resources.items()}
    by_key: dict[str, list[Document]] = {}
    for datum in datums:
        if datum["stream_resource"] in keys:
            key = keys[datum["stream_resource"]]
            # Another program may have stored a list, which names no data key.
            by_key.setdefault(str(key) if isinstance(key, list | dict) else key, []).append(datum)
    _adopt(by_key, descriptors)
    return {key: _stored(found, resources) for key, found in by_key.items()}


def n_known(store: Store, resource: Resource, descriptors: Sequence[Document]) -> int:
    """Count the datums that are stored of a resource, or the rows of a stream resource up to the last that is stored.

    The rows that are read at a time may be fewer.

    Parameters
    ----------
    store : Store
        Where the documents are.
    resource : Resource
        The resource.
    descriptors : sequence of dict
        The descriptors of the stream.
    """
    if not resource.is_stream:
        kwargs = (doc.get("datum_kwargs") for doc in store.resource_datums([resource.uid]))
        return len({repr(sorted(each.items())) for each in kwargs if isinstance(each, dict)})
    datums = store.stream_datums([descriptor["uid"] for descriptor in descriptors])
    indices = [doc.get("indices") for doc in datums if doc.get("stream_resource") == resource.uid]
    return max((int(each["stop"]) for each in indices if isinstance(each, dict)), default=0)


def correct(kind: str, document: Document, transforms: Transforms) -> Document:
    """Return a document as the catalog's transform corrects it.

    Raises
    ------
    AssetError
        The transform fails.
    """
    return _require_document(try_to_correct(kind, document, transforms))


def try_to_correct(kind: str, document: Document, transforms: Transforms) -> Document | AssetError:
    """Return a document as the catalog's transform corrects it, or the error that says that it fails."""
    try:
        return transforms(kind)(document)
    except Exception as error:
        uid = document.get("datum_id") or document.get("uid")
        wrong = AssetError(f"the catalog's transform of {kind} documents fails on {uid!r}: {error!r}")
        wrong.__cause__ = error
        return wrong


def _lost_rows(
    column: Sequence[Any],
    datums: Mapping[str, Document | AssetError],
    resources: Mapping[str, Resource | CatalogError],
) -> dict[int, CatalogError]:
    """Return why it is not known, of each row of which it is not, where its data are."""
    lost: dict[int, CatalogError] = {}
    for row, datum_id in enumerate(column):
        try:
            datum = datums.get(datum_id) if isinstance(datum_id, str) else None
            _require_datum_or_none(datum_id, datum)
            if isinstance(datum, dict):
                _known_resource(datum["resource"], resources, datum_id=datum_id, datum=datum["datum_kwargs"])
        except CatalogError as error:
            lost[row] = error
    return lost


def _add_owners(
    errors: Iterable[CatalogError],
    column: Sequence[Any],
    datums: Mapping[str, Document | AssetError],
    resources: Mapping[str, Resource | CatalogError],
    describe: Describe,
) -> None:
    """Add the facts of the resource that a missing datum most likely belonged to."""
    missing = [error for error in errors if isinstance(error, DatumNotFound)]
    known = [datums[each] for each in column if isinstance(each, str) and each in datums] if missing else []
    likely = {str(datum.get("resource")) for datum in known if isinstance(datum, dict)}
    for error in missing:
        owners = {str(error.datum_id).partition("/")[0]} & resources.keys() or likely
        owner = resources.get(next(iter(owners))) if len(owners) == 1 else None
        error.add_facts(**describe(owner) if isinstance(owner, Resource) else {})


def _require_document(document: Document | AssetError) -> Document:
    if isinstance(document, AssetError):
        raise copy.copy(document)
    return document


def _resources(
    store: Store, names: Sequence[str], transforms: Transforms, describe: Describe
) -> dict[str, Resource | CatalogError]:
    return {
        name: _resource(name, [try_to_correct("resource", doc, transforms) for doc in docs], describe)
        for name, docs in (store.resources(names) if names else {}).items()
    }


def _resource(name: str, documents: Sequence[Document | AssetError], describe: Describe) -> Resource | CatalogError:
    try:
        found = [Resource.from_document(_require_document(document), uid=name) for document in documents]
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


def _segments(
    column: Sequence[Any],
    datums: Mapping[str, Document | AssetError],
    resources: Mapping[str, Resource | CatalogError],
) -> tuple[Segment, ...]:
    documents = [datums.get(each) if isinstance(each, str) else None for each in column]
    # An empty name is no resource: the datum is refused below, with its identifier.
    names = [each.get("resource") or None if isinstance(each, dict) else None for each in documents]
    segments = []
    start = 0
    for name, group in itertools.groupby(names):
        stop = start + sum(1 for _ in group)
        ids, members = column[start:stop], documents[start:stop]
        of_datums = [each for each in members if name is not None and isinstance(each, dict)]
        kwargs: list[Any] = [each.get("datum_kwargs") for each in of_datums]
        if set(map(type, kwargs)) != {dict}:
            for pair in zip(ids, members, strict=True):
                _require_datum_or_none(*pair)
        resource = None if name is None else _known_resource(name, resources, datum_id=ids[0], datum=kwargs[0])
        segments.append(Segment(start, stop, resource, DatumTable(kwargs), ids=DatumIds(ids if kwargs else ())))
        start = stop
    return tuple(segments)


def _require_datum_or_none(datum_id: object, datum: Document | AssetError | None) -> None:
    """Insist that an event has no datum, or one that can be read."""
    if datum_id is MISSING or datum_id is None:
        return
    if not isinstance(datum_id, str):
        raise DatumNotFound(
            f"an event holds {_shown(datum_id)} where others hold the identifier of a datum; they cannot be one column",
            datum_id=_shown(datum_id),
        )
    if datum is None:
        raise DatumNotFound(
            f"the events name the datum {datum_id!r}, which is not stored. Without it its place is unknown.",
            datum_id=datum_id,
        )
    document = _require_document(datum)
    if not (isinstance(document.get("datum_kwargs"), Mapping) and document.get("resource")):
        raise DatumNotFound(
            f"the datum {datum_id!r} is stored without a resource or without datum_kwargs: {datum}", datum_id=datum_id
        )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _known_resource(
    name: str, resources: Mapping[str, Resource | CatalogError], *, datum_id: str, datum: Mapping[str, object]
) -> Resource:
    resource = resources.get(name)
    if resource is None:
        raise DatumNotFound(
            f"the datum {datum_id!r} names the resource {name!r}, which is not stored. Without it the file is unknown.",
            datum_id=datum_id,
            datum=str(datum),
            resource_uid=name,
        )
    if isinstance(resource, CatalogError):
        error = copy.copy(resource)
        error.add_facts(datum_id=datum_id, datum=str(datum))
        raise error
    return resource


def _adopt(by_key: dict[str, list[Document]], descriptors: Sequence[Document]) -> None:
    """Give stream datums whose resource names no data key, as old ones did, to the one data key that lacks any."""
    streamed = {key for each in descriptors for key, data_key in each["data_keys"].items() if is_streamed(data_key)}
    without = sorted(streamed - by_key.keys())
    if "" in by_key and len(without) == 1:
        by_key[without[0]] = by_key.pop("")


def _stored(datums: Sequence[Document], resources: Mapping[str, Document | AssetError]) -> Stored | CatalogError:
    uids = dict.fromkeys(datum["stream_resource"] for datum in datums)
    try:
        return Stored(
            spans_of(datums), {uid: Resource.from_stream_document(_require_document(resources[uid])) for uid in uids}
        )
    except CatalogError as error:
        return error
