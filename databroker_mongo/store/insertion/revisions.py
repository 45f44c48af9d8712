"""Corrections: a start, stop or descriptor is replaced, and what it replaces is kept as a numbered revision.

The collections are suitcase-mongo's: ``run_start_revisions``, ``run_stop_revisions``, ``event_descriptor_revisions``,
each with documents ``{"revision": 0, 1, ..., "document": the earlier contents}``.

What does not belong here: which corrections are allowed (``writing``), first insertion (``insertion``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import bson
from bson.raw_bson import RawBSONDocument

from ...documents import Document, facts_of
from ...errors import InvalidDocument, StoreUnavailable
from ...values import are_equal, changed_fields, copied
from ..connection.collections import Collections
from ..reports import Revision
from .insertion import COLLECTIONS, Insertion, list_operators, make_id

if TYPE_CHECKING:
    from pymongo.collection import Collection

_LONGEST_SECONDS = 300.0
_LONGEST_PAUSE_SECONDS = 0.05


class Corrections:
    """Changes stored documents.

    Parameters
    ----------
    insertion : Insertion
        What keeps the revisions.
    """

    def __init__(self, insertion: Insertion):
        self._insertion = insertion
        self._collections = insertion.collections

    def correct(self, name: str, uid: str, change: Callable[[Document], Document]) -> None:
        """Change a stored document, keeping what it was as a revision, and what others change meanwhile.

        A correction that was cut short can be made again.

        Parameters
        ----------
        name : str
            Its kind.
        uid : str
            Its uid.
        change : callable
            Is given the document as it is stored and returns what it is to be. It is called again whenever another
            correction came in between.

        Raises
        ------
        InvalidDocument
            No document of this uid is stored.
        StoreUnavailable
            Others kept correcting the same document for five minutes.
        """
        current = getattr(self._collections, COLLECTIONS[name])
        deadline = time.monotonic() + _LONGEST_SECONDS
        while True:
            # In this order: a revision that is numbered after the latest one is then never older than that.
            latest = self._latest(name, uid)
            stored, contents = self._find(current, uid)
            if stored is None:
                raise InvalidDocument(f"No {name} document with this uid is stored.", document=name, uid=uid)
            changed = change(copied(contents))
            if are_equal(contents, changed):
                return
            is_kept = self._keep(name, latest, contents)
            if is_kept and self._replace(current, stored, changed):
                return
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"The {name} document is being corrected elsewhere; try again.", **facts_of(name, changed)
                )
            # Those who correct the same document at the same time should not meet again.
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 (nothing is kept secret)

    def _latest(self, name: str, uid: str) -> Document | None:
        kept = _revisions_of(self._collections, name)
        found: Document | None = kept.find_one({"document.uid": uid}, sort=[("revision", -1)])
        return found

    def _find(self, current: Collection[Document], uid: str) -> tuple[RawBSONDocument | None, Document]:
        """Return a document byte for byte as it is stored, None where there is none, and its contents."""
        as_bytes = current.codec_options.with_options(document_class=RawBSONDocument)
        stored = current.with_options(codec_options=as_bytes).find_one({"uid": uid})
        return stored, {} if stored is None else contents_of(bson.decode(stored.raw, current.codec_options))

    def _keep(self, name: str, latest: Document | None, contents: Document) -> bool:
        """Keep contents as the revision after the latest, unless an attempt that was cut short did so.

        False when another revision has that number: a correction came in between.
        """
        if latest is not None and are_equal(latest["document"], contents):
            return True
        number = 0 if latest is None else _number(latest) + 1
        revision = {"_id": make_id(contents["uid"], str(number)), "revision": number, "document": contents}
        met = self._insertion.put(_revisions_of(self._collections, name), name, [revision])
        return all(are_equal(contents, other["document"]) for _, other in met)

    def _replace(self, current: Collection[Document], expected: RawBSONDocument, changed: Document) -> bool:
        """Replace unless the stored document is no longer the expected one; return whether it was replaced."""
        identity = {"_id": expected["_id"]}
        # By "$expr", which compares the whole document as a value: in a filter of its fields a regular expression, or
        # a name with a "$", would be a condition.
        condition = {**identity, "$expr": {"$eq": ["$$ROOT", {"$literal": expected}]}}
        # replace_one refuses fields that begin with "$"; a literal in a pipeline may have them.
        if list_operators(changed):
            pipeline = [{"$replaceWith": {"$literal": {**identity, **changed}}}]
            return bool(current.update_one(condition, pipeline).matched_count)
        return bool(current.replace_one(condition, changed).matched_count)


def contents_of(stored: Document) -> Document:
    """Return a document without the ``_id`` under which it is stored."""
    return {key: value for key, value in stored.items() if key != "_id"}


def list_revisions(collections: Collections, name: str, uid: str) -> list[Document]:
    """Return the earlier contents of a start, stop or descriptor, the oldest first."""
    found = _revisions_of(collections, name).find({"document.uid": uid}, {"_id": 0}).sort("revision", 1)
    return [each["document"] for each in found]


def list_run_revisions(collections: Collections, run_uid: str) -> list[Revision]:
    """Return what all documents of a run were before each of their corrections, document by document."""
    found: list[Revision] = []
    for name, field in (("start", "uid"), ("stop", "run_start"), ("descriptor", "run_start")):
        stored = getattr(collections, COLLECTIONS[name]).find({field: run_uid}, {"_id": 0})
        kept = list(_revisions_of(collections, name).find({f"document.{field}": run_uid}, {"_id": 0}))
        for current in stored:
            earlier = [each for each in kept if each["document"].get("uid") == current.get("uid")]
            found += _corrections(name, sorted(earlier, key=_number), current)
    return found


def _corrections(name: str, earlier: list[Document], current: Document) -> Iterable[Revision]:
    later = [*(each["document"] for each in earlier[1:]), current]
    for each, following in zip(earlier, later, strict=False):
        changed = tuple(changed_fields(each["document"], following))
        if changed:  # else a correction that was cut short
            yield Revision(name, str(current.get("uid")), _number(each), each["document"], changed)


def _number(revision: Document) -> int:
    return int(revision.get("revision", 0))


def _revisions_of(collections: Collections, name: str) -> Collection[Document]:
    return collections.named(f"{COLLECTIONS[name]}_revisions")
