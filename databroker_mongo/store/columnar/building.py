"""How columnar copies are made, of all events that are not going to change, page by page of descriptors.

Whoever stops it, or ends it by kill -9, leaves a copy without its first document at most, which nobody reads, and which
the next build makes anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import bson

from ...documents import Document, stream_of
from ...errors import BuildInProgress
from ..connection.collections import Collections
from ..events.rows import EventRows
from ..order import is_time
from ..protocol import EventIndex
from ..reports import ColumnarReport
from ..upkeep.privileges import list_lacking
from .belief import count_rows, last_events, server_time
from .copies import Copy, DoubtfulCopyError
from .datums import read_datums
from .making import CopyMaker, UncopiableError
from .presence import COLLECTION, has_copies
from .reading import find_copies, read_copies
from .rows import index_of_copies
from .sampling import find_difference, find_differing_datums

_logger = logging.getLogger("databroker_mongo")

_AT_ONCE = 1000
_SETTLING = timedelta(hours=1)
_RESTING_SECONDS = 30 * 86400.0
_LOCK = "build"
_LOCKED_MILLISECONDS = 3_600_000
_RENEW_SECONDS = 60.0
DESCRIPTORS_OF_COPIES = ({"$sort": {"d": 1}}, {"$group": {"_id": "$d"}})
"""In this order MongoDB skips from one to the next (DISTINCT_SCAN), and reads no copy; the answer of a distinct would
have to fit into 16 MB."""
STATE_COLLECTION = "event_columns_state"

Progress = Callable[[int], object]


def build(
    collections: Collections, *, apply: bool, rebuild: Collection[str] = (), advance: Progress = lambda n: None
) -> ColumnarReport:
    """Make the copies that are missing, and those anew whose events have changed; drop those of events that are gone.

    Parameters
    ----------
    collections : Collections
        Where, opened for writing.
    apply : bool
        Whether to write; else it is only told what there is to do.
    rebuild : collection of str
        Runs whose copies are made anew, whether they are believed or not.
    advance : callable
        Called with the number of descriptors that were looked at.

    Raises
    ------
    BuildInProgress
        Somebody else is building them.
    """
    with _only_one(collections) if apply else nullcontext(lambda: None) as renew:
        builder = _Builder(collections, apply=apply, rebuild=set(rebuild), renew=renew)
        if apply:
            create_collection(collections)
        for page in _pages(collections):
            builder.look_at(page)
            advance(len(page))
        builder.drop_orphans()
    collections.index_cache.forget(collections.named(COLLECTION))
    return builder.report


def check(collections: Collections, *, advance: Progress = lambda n: None) -> ColumnarReport:
    """Compare all copies with their events, value by value, and tell which events have none, and why."""
    builder = _Builder(collections, apply=False, reads_uncopied=True)
    for page in _pages(collections):
        builder.look_at(page)
        builder.compare(page)
        advance(len(page))
    builder.drop_orphans()
    return builder.report


def build_runs(collections: Collections, run_uids: Sequence[str]) -> ColumnarReport:
    """Make the copies of the events of some runs, which have ended."""
    if not has_copies(collections):
        create_collection(collections)
        collections.index_cache.forget(collections.named(COLLECTION))
    builder = _Builder(collections, apply=True)
    builder.look_at(list(collections.event_descriptor.find({"run_start": {"$in": list(run_uids)}}, _FIELDS)))
    return builder.report


def create_collection(collections: Collections) -> None:
    """Make the collection and its index, if they are not there."""
    import pymongo.errors

    database, name = collections.metadata, collections.prefix + COLLECTION
    if not database.list_collection_names(filter={"name": name}):
        # zstd takes less than half of the space of the default, and is as quick for whole megabytes.
        options = {"wiredTiger": {"configString": "block_compressor=zstd"}}
        try:
            database.create_collection(name, storageEngine=options)
        except pymongo.errors.CollectionInvalid:
            _logger.debug("the collection %s was made by somebody else meanwhile", name)
    collections.named(COLLECTION).create_index([("d", 1), ("b", 1), ("g", 1)], unique=True)


def drop(collections: Collections) -> None:
    """Remove all copies; nothing but speed is lost."""
    collections.named(COLLECTION).drop()
    collections.named(STATE_COLLECTION).drop()
    collections.index_cache.forget(collections.named(COLLECTION))


def list_rights_lacking(collections: Collections) -> list[str]:
    """Return what an account has no right to do of what `build` would, in words."""
    actions = ("createCollection", "createIndex", "insert", "update", "remove")
    names = (COLLECTION, STATE_COLLECTION)
    return list_lacking(collections.metadata, {collections.prefix + name: actions for name in names})


_FIELDS = {"_id": 0, "uid": 1, "run_start": 1, "name": 1, "data_keys": 1}


class _Builder:
    """A build at work, and what it has found so far; before each copy it renews its lock."""

    def __init__(
        self,
        collections: Collections,
        *,
        apply: bool,
        rebuild: Collection[str] = (),
        reads_uncopied: bool = False,
        renew: Callable[[], None] = lambda: None,
    ):
        self._collections = collections
        self._events = EventRows(collections)
        self._maker = CopyMaker(collections)
        self._apply = apply
        self._rebuild = rebuild
        self._reads_uncopied = reads_uncopied
        self._renew = renew
        self.report = ColumnarReport(without_datums=self._maker.without_datums)

    def look_at(self, descriptors: Sequence[Document]) -> None:
        """Make the copies of these descriptors that are missing or not believed."""
        self._renew()
        now = server_time(self._collections)
        by_uid = {each["uid"]: each for each in descriptors if _is_whole(each)}
        uids = list(by_uid)
        counts, last = count_rows(self._collections, uids), last_events(self._collections, uids)
        self.report.n_events += sum(counts.values())
        self.report.n_descriptors += len(descriptors)
        ended = self._find_ended(by_uid)
        copies, doubts = find_copies(self._collections, uids)
        keys, external = _keys_by_stream(list(by_uid.values()))
        kept: list[Copy] = []
        for uid, descriptor in by_uid.items():
            n_rows, copy = counts.get(uid, 0), copies.get(uid)
            if copy is not None and self._is_kept(copy, descriptor, n_rows, last.get(uid)):
                kept.append(copy)
                self._note_copied(n_rows, len(keys[_run_and_stream(descriptor)]) - len(copy.places))
            elif n_rows == 0:
                self.report.n_dropped += copy is not None or uid in doubts
            elif descriptor["run_start"] not in ended and not _rests(last.get(uid), now):
                self.report.reasons["their run is in progress"] += n_rows
            else:
                stream = _run_and_stream(descriptor)
                self._make(uid, keys[stream], external[stream], n_rows)
        self.report.n_kept += len(kept)
        self._verify(kept, now)
        self._drop([uid for uid in uids if not counts.get(uid)])

    def compare(self, descriptors: Sequence[Document]) -> None:
        """Compare the copies of these descriptors with the events."""
        copies, doubts = find_copies(self._collections, [each["uid"] for each in descriptors if _is_whole(each)])
        for uid, copy in copies.items():
            keys = list(copy.places)
            parts, damaged = read_copies(self._collections, [copy], keys, has_rows=True)
            doubts.update(damaged)
            if uid in parts:
                copied = index_of_copies([uid], {uid: copy}, parts, keys)
                stored = self._events.read_index([uid], keys, is_strict=False)
                difference = find_difference(copied, stored) or self._compare_datums(copy, stored)
                self.report.differing += [f"{uid}: {difference}"] if difference else []
        self.report.differing += [f"{uid}: {doubt.reason}" for uid, doubt in doubts.items()]

    def _compare_datums(self, copy: Copy, stored: EventIndex) -> str | None:
        try:
            copied = read_datums(self._collections, copy, list(copy.datums), is_counted=False)
        except DoubtfulCopyError as doubt:
            return doubt.reason
        return find_differing_datums(self._collections, copied, stored.data)

    def drop_orphans(self) -> None:
        """Remove the copies of descriptors that are gone."""
        copies = self._collections.named(COLLECTION)
        there = (group["_id"] for group in copies.aggregate(list(DESCRIPTORS_OF_COPIES)))
        for uids in _portions(there):
            found = self._collections.event_descriptor.find({"uid": {"$in": uids}}, {"uid": 1})
            gone = sorted(set(uids) - {each["uid"] for each in found})
            self.report.n_dropped += len(gone)
            self._drop(gone)

    def _is_kept(self, copy: Copy, descriptor: Document, n_rows: int, last: bytes | None) -> bool:
        is_same = copy.n_rows == n_rows and copy.last == last and descriptor["run_start"] not in self._rebuild
        return is_same and self._has_same_datums(copy)

    def _has_same_datums(self, copy: Copy) -> bool:
        try:
            return read_datums(self._collections, copy, list(copy.datums)).keys() == copy.datums.keys()
        except DoubtfulCopyError:
            return False

    def _verify(self, copies: Sequence[Copy], now: datetime) -> None:
        """Note, of those not settled, that their events were counted an hour or more after they were before."""
        from pymongo import UpdateOne

        notes = [
            UpdateOne({"d": copy.descriptor_uid, "b": 0, "g": 0, "m": copy.made}, {"$push": {"vouch.verified": now}})
            for copy in copies
            if not copy.is_settled and now - copy.vouch["verified"][0] >= _SETTLING
        ]
        if self._apply and notes:
            self._collections.named(COLLECTION).bulk_write(notes, ordered=False)

    def _drop(self, uids: Sequence[str]) -> None:
        """Remove the copies of events that are gone, and what a build that was killed left of them."""
        if self._apply and uids:
            self._collections.named(COLLECTION).delete_many({"d": {"$in": list(uids)}})

    def _make(self, uid: str, keys: Sequence[str], external: Sequence[str], n_rows: int) -> None:
        self._renew()
        n_left_out = 0
        try:
            if self._apply:
                made = self._maker.make(uid, keys, external)
                self.report.n_bytes += made.n_bytes
                n_left_out = made.n_columns_left_out
            elif self._reads_uncopied:
                n_left_out = self._maker.count_left_out(uid, keys)
        except UncopiableError as error:
            self.report.reasons[str(error)] += n_rows
        else:
            self.report.n_made += 1
            self._note_copied(n_rows, n_left_out)

    def _note_copied(self, n_rows: int, n_columns_left_out: int) -> None:
        self.report.n_copied_events += n_rows
        self.report.n_columns_left_out += n_columns_left_out

    def _find_ended(self, descriptors: Mapping[str, Document]) -> set[Any]:
        runs = list({each["run_start"] for each in descriptors.values()})
        return {stop["run_start"] for stop in self._collections.run_stop.find({"run_start": {"$in": runs}}, _OF_STOP)}


def _rests(last: bytes | None, now: datetime) -> bool:
    time: Any = None if last is None else bson.decode(last).get("time")
    return is_time(time) and time < now.replace(tzinfo=UTC).timestamp() - _RESTING_SECONDS


def _is_whole(descriptor: Document) -> bool:
    return all(isinstance(descriptor.get(name), str) for name in ("uid", "run_start"))


@contextmanager
def _only_one(collections: Collections) -> Iterator[Callable[[], None]]:
    """Keep others from building meanwhile; what it hands out is to be called again and again, and renews the lock.

    A build that was killed keeps nobody for more than an hour.
    """
    import pymongo.errors

    locks, owner = collections.named(STATE_COLLECTION), str(bson.ObjectId())
    until = {"$add": ["$$NOW", _LOCKED_MILLISECONDS]}

    def lock() -> None:
        is_free = {"$or": [{"owner": owner}, {"until": {"$lt": server_time(collections)}}]}
        try:
            locks.update_one({"_id": _LOCK, **is_free}, [{"$set": {"owner": owner, "until": until}}], upsert=True)
        except pymongo.errors.DuplicateKeyError as error:
            raise _in_progress(collections) from error

    renewed = time.monotonic()

    def renew() -> None:
        nonlocal renewed
        if time.monotonic() - renewed >= _RENEW_SECONDS:
            lock()
            renewed = time.monotonic()

    lock()
    try:
        yield renew
    finally:
        locks.delete_one({"_id": _LOCK, "owner": owner})


def _in_progress(collections: Collections) -> BuildInProgress:
    """Return the error of who finds the lock taken, which says when it ends."""
    found = collections.named(STATE_COLLECTION).find_one({"_id": _LOCK}) or {}
    until = f"ends at {found['until']:%Y-%m-%d %H:%M:%S} UTC" if "until" in found else "has ended meanwhile"
    return BuildInProgress(
        f"somebody else is building the columnar copies of {collections.address}, or was killed at it less than an "
        f"hour ago. The lock of that build {until}, unless the build goes on and renews it; what it has not copied is "
        "read from the events.",
        address=collections.address,
    )


_OF_STOP = {"_id": 0, "run_start": 1}


_Stream = tuple[str, str]


def _run_and_stream(descriptor: Document) -> _Stream:
    return descriptor["run_start"], stream_of(descriptor)


def _keys_by_stream(descriptors: Sequence[Document]) -> tuple[dict[_Stream, list[str]], dict[_Stream, list[str]]]:
    """Return the data keys of each stream, those of all its descriptors; and which of them are external."""
    keys: dict[_Stream, dict[str, bool]] = {}
    for descriptor in descriptors:
        declared = descriptor.get("data_keys")
        of_stream = keys.setdefault(_run_and_stream(descriptor), {})
        for key, data_key in (declared if isinstance(declared, dict) else {}).items():
            is_external = isinstance(data_key, dict) and "external" in data_key
            of_stream[key] = of_stream.get(key, False) or is_external
    external = {stream: [key for key, is_external in each.items() if is_external] for stream, each in keys.items()}
    return {stream: list(each) for stream, each in keys.items()}, external


def _pages(collections: Collections) -> Iterator[list[Document]]:
    """Yield all descriptors, those of a run on one page; no cursor waits meanwhile, which the server would close."""
    # Descriptors whose run is named by no text belong to none that can be read.
    after: dict[str, Any] = {"$gte": ""}
    while True:
        page = list(_find_descriptors(collections, after).limit(_AT_ONCE))
        if not page:
            return
        last = page[-1]["run_start"]
        if len(page) == _AT_ONCE:
            page = [each for each in page if each["run_start"] != last]
            page += _find_descriptors(collections, {"$eq": last})
        yield page
        after = {"$gt": last}


def _find_descriptors(collections: Collections, run_uid: Mapping[str, Any]) -> Any:
    is_one = {"$not": {"$type": "array"}}  # a list is compared by each of its members
    found = collections.event_descriptor.find({"run_start": {**run_uid, **is_one}}, _FIELDS)
    return found.sort([("run_start", 1), ("time", 1)])


def _portions(values: Iterator[Any]) -> Iterator[list[Any]]:
    while portion := list(islice(values, _AT_ONCE)):
        yield portion
