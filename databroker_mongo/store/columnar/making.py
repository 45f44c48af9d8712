"""One copy: the events of a descriptor are read, written as columns, and looked at once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import bson
import bson.errors
from bson import ObjectId

from ...documents import Document
from ...errors import StoreError
from ..connection.collections import Collections
from ..events.rows import EventRows
from ..protocol import EventIndex
from .belief import count_one, last_events, server_time
from .copies import DOUBT, CopiedDatums, documents_of, plan_columns
from .datums import UncopiableDatumsError, copy_datums
from .presence import COLLECTION


class UncopiableError(Exception):
    """The events of a descriptor are not copied; the text says why."""


class Made(NamedTuple):
    """A copy that was made: the bytes of its documents, and how many columns it lacks, since a row is too large."""

    n_bytes: int
    n_columns_left_out: int


class CopyMaker:
    """Makes the copies of the events of descriptors, one by one.

    Parameters
    ----------
    collections : Collections
        Where, opened for writing.

    Attributes
    ----------
    without_datums : collections.Counter
        Why the datums of some columns were not copied beside them, and of how many rows.
    """

    def __init__(self, collections: Collections):
        self._collections = collections
        self._events = EventRows(collections)
        self._copies = collections.named(COLLECTION)
        self.without_datums: Counter[str] = Counter()

    def make(self, descriptor_uid: str, keys: Sequence[str], external: Sequence[str] = ()) -> Made:
        """Copy the events of a descriptor in the place of an earlier copy.

        A doubt that a writer has left is removed first: whatever it stored is read. One that it leaves meanwhile, or
        an event that it stores, is seen in the end, when all documents of the copy are there; a writer that drops
        copies afterwards finds them all. Of the ``external`` ones among the keys, what the datums say is copied too.

        Raises
        ------
        UncopiableError
            They cannot be copied, or were changing. Nothing of this copy is left.
        """
        earlier = {"d": descriptor_uid}
        # To remove takes until the journal is written, even where there is nothing to remove.
        if self._copies.find_one(earlier, {"_id": 1}) is not None:
            self._copies.delete_many(earlier)
        made = ObjectId()
        documents, last, n_rows = self._read(descriptor_uid, keys, external, made)
        try:
            n_bytes, n_columns = self._store(documents)
            self._require_unchanged(descriptor_uid, last, n_rows)
        except UncopiableError:
            self._copies.delete_many({"d": descriptor_uid, "m": made})
            raise
        return Made(n_bytes, len(keys) - n_columns)

    def count_left_out(self, descriptor_uid: str, keys: Sequence[str]) -> int:
        """Read the events as `make` does, write nothing, and return how many columns a copy would lack.

        Raises
        ------
        UncopiableError
            They cannot be copied.
        """
        return len(keys) - len(plan_columns(self._read_rows(descriptor_uid, keys).data))

    def _read_rows(self, uid: str, keys: Sequence[str]) -> EventIndex:
        try:
            return self._events.read_index([uid], keys)
        except StoreError as error:
            raise UncopiableError("the order of its events is not known") from error
        except bson.errors.InvalidBSON as error:
            raise UncopiableError("its events are damaged") from error

    def _read(
        self, uid: str, keys: Sequence[str], external: Sequence[str], made: ObjectId
    ) -> tuple[Iterable[Document], bytes | None, int]:
        last = last_events(self._collections, [uid]).get(uid)
        index = self._read_rows(uid, keys)
        n_rows = index.snapshot.n_rows
        if last is None:
            raise UncopiableError("its events were changing")
        self._require_unchanged(uid, last, n_rows)
        datums = self._copy_datums(index, external)
        now = server_time(self._collections)
        vouch = {"last": last, "made_at": now, "verified": [now]}
        return documents_of(index, vouch=vouch, made=made, datums=datums), last, n_rows

    def _copy_datums(self, index: EventIndex, keys: Sequence[str]) -> dict[str, CopiedDatums]:
        found = {}
        for key in keys:
            try:
                found[key] = copy_datums(self._collections, index.data[key])
            except UncopiableDatumsError as error:
                self.without_datums[str(error)] += index.snapshot.n_rows
        return {key: copied for key, copied in found.items() if copied is not None}

    def _require_unchanged(self, uid: str, last: bytes | None, n_rows: int) -> None:
        is_doubted = self._copies.find_one({"d": uid, "b": DOUBT}, {"_id": 1}) is not None
        is_same = count_one(self._collections, uid) == n_rows and last_events(self._collections, [uid]).get(uid) == last
        if is_doubted or not is_same:
            raise UncopiableError("its events were changing")

    def _store(self, documents: Iterable[Document]) -> tuple[int, int]:
        """Store them as they are made, the first document last; return how many bytes they take, and its columns."""
        import pymongo.errors

        n_bytes = n_columns = 0
        for document in documents:
            try:
                self._copies.insert_one(document)
            except pymongo.errors.DuplicateKeyError as error:
                raise UncopiableError("somebody else was copying them") from error
            n_bytes += len(bson.encode(document))
            n_columns = len(document.get("keys", ()))
        return n_bytes, n_columns
