"""Corrections: a start, stop or descriptor is replaced, and what it replaces is kept as a numbered revision.

The collections are suitcase-mongo's: ``run_start_revisions``, ``run_stop_revisions``, ``event_descriptor_revisions``,
each with documents ``{"revision": 0, 1, ..., "document": the earlier contents}``.

What does not belong here: which corrections are allowed (``writing``), first insertion (``insertion``).
"""

from __future__ import annotations

from typing import Any

from ..documents import facts_of
from ..errors import InvalidDocument, StoreUnavailable
from ..values import are_equal
from .connection import Collections
from .insertion import COLLECTIONS, identifier, put
from .protocol import Document

CORRECTABLE = ("start", "stop", "descriptor")


def replace(collections: Collections, name: str, document: Document) -> None:
    """Put a corrected document in the place of the stored one of its uid, keeping that as a revision.

    Replacing by what is stored already changes nothing, and a replacement that was cut short can be sent again.

    Raises
    ------
    InvalidDocument
        No document of this uid is stored.
    StoreUnavailable
        Others kept correcting the same document at the same time.
    """
    current = getattr(collections, COLLECTIONS[name])
    for _ in range(10):
        stored = current.find_one({"uid": document["uid"]})
        if stored is None:
            raise InvalidDocument(f"No {name} document of this uid is stored.", **facts_of(name, document))
        identity = stored.pop("_id")
        if are_equal(stored, document):
            return
        _keep(collections, name, stored)
        if _is_replaced(collections, current, {"_id": identity, **stored}, document):
            return
    raise StoreUnavailable(f"The {name} document is being corrected elsewhere; try again.", **facts_of(name, document))


def revisions(collections: Collections, name: str, uid: str) -> list[Document]:
    """Return the earlier contents of a start, stop or descriptor, the oldest first."""
    found = _revisions_of(collections, name).find({"document.uid": uid}, {"_id": 0}).sort("revision", 1)
    return [each["document"] for each in found]


def _revisions_of(collections: Collections, name: str) -> Any:
    return collections.named(f"{COLLECTIONS[name]}_revisions")


def _keep(collections: Collections, name: str, stored: Document) -> None:
    """Keep contents as the next revision, unless an attempt that was cut short did so."""
    earlier = revisions(collections, name, stored["uid"])
    if earlier and are_equal(earlier[-1], stored):
        return
    number = len(earlier)
    revision = {"_id": identifier(stored["uid"], str(number)), "revision": number, "document": stored}
    put(_revisions_of(collections, name), name, [revision], is_mock=collections.is_mock)


def _is_replaced(collections: Collections, current: Any, expected: Document, document: Document) -> bool:
    """Replace unless the stored document is no longer the expected one."""
    condition: Document = {"_id": expected["_id"]}
    if not collections.is_mock:
        condition["$expr"] = {"$eq": ["$$ROOT", {"$literal": expected}]}
    return bool(current.replace_one(condition, document).matched_count)
