"""Putting documents into the collections of the normalised layout, so that sending one again changes nothing.

The ``_id`` of a document is made from its uid (of a stop, from the uid of its run: a run has one stop that counts), so
the one index that every collection has recognises what is stored already. A document that another program stored under
an ``_id`` of its own is recognised through an index of its uid, where there is one.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import bson
from bson import ObjectId

from ...documents import Document, facts_of
from ...errors import CatalogWarning, DuplicateDocument, InvalidDocument, StoreUnavailable, stacklevel_of_caller
from ...values import are_equal, differences
from ..connection.collections import Collections
from ..connection.failures import TRANSIENT
from . import bson_values  # noqa: F401 (makes values of BSON known, which documents may hold)

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.errors import BulkWriteError

COLLECTIONS = {
    "start": "run_start",
    "stop": "run_stop",
    "descriptor": "event_descriptor",
    "event": "event",
    "resource": "resource",
    "datum": "datum",
    "stream_resource": "stream_resource",
    "stream_datum": "stream_datum",
}
"""The collection of each kind of document."""

_LARGEST_DOCUMENT = 16 * 1024 * 1024  # "BSON Document Size" in MongoDB's limits and thresholds
_NAMES_AT_ONCE = 1000
_KEPT_TOGETHER_BY = {"event": "descriptor", "datum": "datum_id"}
"""By which field a cluster would spread the largest collections: who names it asks the one server that has them."""
_DUPLICATE_KEY = 11000  # DuplicateKey in MongoDB's error_codes.yml


def identity_field(name: str) -> str:
    """Return the field of which there is one document of this kind."""
    return {"datum": "datum_id", "stop": "run_start"}.get(name, "uid")


def make_id(*names: str) -> ObjectId:
    """Return the ``_id`` for what goes by these names: an ObjectId, as all tools for these databases expect."""
    return _make_ids(["\0".join(names)])[0]


def _make_ids(names: Iterable[str]) -> list[ObjectId]:
    return [ObjectId(hashlib.blake2b(name.encode(), digest_size=12).digest()) for name in names]


class Insertion:
    """Puts documents into the collections of a database.

    Parameters
    ----------
    collections : Collections
        Where to.
    guards : dict
        What is known of the collections' indexes; filled on first use, the same dict each time.
    """

    def __init__(self, collections: Collections, guards: dict[str, bool]):
        self.collections = collections
        self._guards = guards

    def insert(self, name: str, documents: Sequence[Document]) -> None:
        """Store documents of one kind; one that is stored already changes nothing.

        A second, different stop of a run is kept beside, in ``run_stop_revisions``.

        Parameters
        ----------
        name : str
            Kind of the documents.
        documents : sequence of dict
            Single documents of plain values.

        Raises
        ------
        InvalidDocument
            A document is too large, or the server refuses it; the others may be stored or not.
        DuplicateDocument
            A document of that uid is stored with other contents; the others are stored.
        StoreUnavailable
            The server could not acknowledge all of them; some may be stored.
        """
        collection = getattr(self.collections, COLLECTIONS[name])
        key = identity_field(name)
        ids = _make_ids([document[key] for document in documents])
        sent = [{"_id": _id, **document} for _id, document in zip(ids, documents, strict=True)]
        stored = _stored_already(collection, name, sent) if self._must_look_up(name, collection) else {}
        pairs = [(document, stored[document[key]]) for document in sent if document[key] in stored]
        unsent = [document for document in sent if document[key] not in stored] if stored else sent
        pairs += self.put(collection, name, unsent)
        for document, found in pairs:
            if name == "stop" and document["uid"] != found["uid"]:
                self._keep_beside(document)
            else:
                require_equal(name, document, found)

    def put(
        self, collection: Collection[Document], name: str, documents: list[Document]
    ) -> list[tuple[Document, Document]]:
        """Insert documents that have an ``_id``; return those that met a stored one of the same key, with that one."""
        import pymongo.errors

        if not documents:
            return []
        try:
            collection.insert_many(documents, ordered=False)
        except pymongo.errors.PyMongoError as error:
            self._require_sizes(name, documents, error)
            if not isinstance(error, pymongo.errors.BulkWriteError):
                raise
            conflicts = _duplicates(name, documents, error)
        else:
            return []
        # A secondary may not have it yet; the error that told of the conflict came from the primary.
        return _met(collection.with_options(read_preference=pymongo.ReadPreference.PRIMARY), name, conflicts)

    def _require_sizes(self, name: str, documents: list[Document], error: Exception) -> None:
        require_sizes(name, documents, error)

    def _must_look_up(self, name: str, collection: Collection[Document]) -> bool:
        """Tell whether documents of a kind are to be looked up by an index, for that of ``_id`` is not enough."""
        if name not in self._guards:
            self._guards[name] = _has_index_that_accepts_seconds(collection, name, self.collections.address)
        return self._guards[name]

    def _keep_beside(self, stop: Document) -> None:
        document = {key: value for key, value in stop.items() if key != "_id"}
        revision = {"_id": make_id(stop["uid"], "0"), "revision": 0, "document": document}
        for _, stored in self.put(self.collections.named("run_stop_revisions"), "stop", [revision]):
            require_equal("stop", document, stored["document"])


def list_operators(document: Document) -> list[str]:
    """Return the fields of a document that an update would take for operators."""
    return [key for key in document if key.startswith("$")]


def require_sizes(name: str, documents: list[Document], error: Exception) -> None:
    """Raise when an error comes of a document that is too large: server and driver tell it in three ways."""
    for document in documents:
        size = len(bson.encode(document))
        if size > _LARGEST_DOCUMENT:
            parts = document["data"] if name == "event" else document
            sizes = {key: len(bson.encode({key: value})) for key, value in parts.items()}
            largest = max(sizes, key=sizes.__getitem__)
            raise InvalidDocument(
                f"The {name} document takes {size:,} bytes, of which {largest!r} takes {sizes[largest]:,}; MongoDB "
                "stores at most 16 MB. Write large arrays to a file and refer to it with resource and datum documents.",
                **facts_of(name, document),
                data_key=largest if name == "event" else None,
                size_bytes=size,
            ) from error


def _duplicates(name: str, documents: list[Document], error: BulkWriteError) -> list[tuple[Document, dict[str, Any]]]:
    """Return the documents that met one of the same key, with that key; raise what else went wrong."""
    faults = error.details["writeErrors"]
    delayed = [*error.details.get("writeConcernErrors", ()), *(each for each in faults if each["code"] in TRANSIENT)]
    if delayed:
        text = f"MongoDB did not acknowledge all {name} documents ({delayed[0].get('errmsg')}); send them again"
        raise StoreUnavailable(text) from error
    conflicts = []
    for fault in faults:
        document = documents[fault["index"]]
        if fault["code"] != _DUPLICATE_KEY:
            raise InvalidDocument(
                f"MongoDB refuses the {name} document: {fault.get('errmsg')} (code {fault['code']}).",
                **facts_of(name, document),
            ) from error
        conflicts.append((document, dict(fault.get("keyValue") or {"_id": document["_id"]})))
    return conflicts


def _met(
    primary: Collection[Document], name: str, conflicts: list[tuple[Document, dict[str, Any]]]
) -> list[tuple[Document, Document]]:
    within = _places_of(name, [document for document, _ in conflicts])
    found = _find_met(primary, conflicts, within)
    missing = [each for each in conflicts if (*each[1], *each[1].values()) not in found]
    if missing and within:  # the uid may be that of an event of another stream
        found |= _find_met(primary, missing, {})
    pairs = []
    for document, key in conflicts:
        met = found.get((*key, *key.values()))
        if met is None:
            raise StoreUnavailable(f"A document with {key} was removed while it was sent again; send it once more.")
        pairs.append((document, met))
    return pairs


def _find_met(
    primary: Collection[Document], conflicts: list[tuple[Document, dict[str, Any]]], within: Document
) -> dict[tuple[Any, ...], Document]:
    """Return the stored documents of these keys, by the fields of the key and their values."""
    found: dict[tuple[Any, ...], Document] = {}
    fields = {tuple(key) for _, key in conflicts}
    for first in range(0, len(conflicts), _NAMES_AT_ONCE):
        keys = [key for _, key in conflicts[first : first + _NAMES_AT_ONCE]]
        for stored in primary.find({**within, "$or": keys}):
            found.update(((*names, *(stored.get(field) for field in names)), stored) for names in fields)
    return found


def _places_of(name: str, documents: Iterable[Document]) -> Document:
    """Return a filter that says where documents of this kind are, beside which they are."""
    field = _KEPT_TOGETHER_BY.get(name)
    return {} if field is None else {field: {"$in": sorted({document[field] for document in documents})}}


def _has_index_that_accepts_seconds(collection: Collection[Document], name: str, address: str) -> bool:
    """Tell whether an index other than that of ``_id`` finds stored documents, without refusing a second one."""
    key = identity_field(name)
    indexes = [index for index in collection.list_indexes() if next(iter(index["key"])) == key]
    if any(index.get("unique") and len(index["key"]) == 1 for index in indexes):
        return False
    if not indexes:
        first = collection.find_one({key: {"$exists": True}}, {key: 1})
        if first is not None and first["_id"] != make_id(str(first[key])):
            warnings.warn(
                f"The collection {collection.name!r} at {address} holds documents that another program stored, and "
                f"has no unique index on {key!r}: if one of them is sent again it is stored twice. databroker-mongo "
                "admin create-indexes --apply makes the index.",
                CatalogWarning,
                stacklevel=stacklevel_of_caller(),
            )
    return bool(indexes)


def _stored_already(collection: Collection[Document], name: str, sent: list[Document]) -> dict[str, Document]:
    key = identity_field(name)
    stored: dict[str, Document] = {}
    for first in range(0, len(sent), _NAMES_AT_ONCE):
        part = sent[first : first + _NAMES_AT_ONCE]
        keys = [document[key] for document in part]
        for found in collection.find({**_places_of(name, part), key: {"$in": keys}}):
            stored.setdefault(found[key], found)
    return stored


def require_equal(name: str, sent: Document, stored: Document) -> None:
    """Raise unless both have the same contents, whatever their ``_id``.

    Raises
    ------
    DuplicateDocument
        With up to five of the differences.
    """
    # Pages that were packed by event_model add an empty "filled" to events that came without.
    ignored = {"_id", "filled"} if not (sent.get("filled") or stored.get("filled")) else {"_id"}
    one, other = ({key: value for key, value in each.items() if key not in ignored} for each in (stored, sent))
    if are_equal(one, other):
        return
    lines = differences(one, other, limit=5)
    raise DuplicateDocument(
        f"A {name} document of this {identity_field(name)} is stored already, with other contents. To correct a "
        "start, stop or descriptor use catalog.update.\n  " + "\n  ".join(lines),
        **facts_of(name, sent),
        differences=lines,
    )
