"""The rows of streams from columnar copies, and from the events where there is no copy that is believed.

A read asks for the first document of each copy, then whether it is to be believed, then for its columns. What it gives
is what the events would give: of each row the same bits and types. A snapshot names the copies that it was taken from;
what is read of it later comes from these, as long as they are there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from ...documents import Document
from ...errors import StoreError
from ..connection.collections import Collections
from ..connection.retries import retry_once
from ..events.rows import Rows, index_of, put_in_order
from ..events.streams import read_indexes
from ..protocol import CopiedRuns, EventIndex, Section, Snapshot, Values
from .belief import find_doubts
from .coding import Kind, join
from .copies import Copy, DoubtfulCopyError
from .datums import read_datums
from .dropping import drop_doubtful
from .presence import COLLECTION
from .reading import Rows as CopiedRows
from .reading import find_copies, read_copies, read_window
from .sampling import find_difference, find_differing_column, find_differing_datums, is_sampled

_logger = logging.getLogger("databroker_mongo")

_TYPES = {float: "<f8", int: "<i8", bool: "|b1"}
_Heads = tuple[dict[str, Copy], dict[str, DoubtfulCopyError]]
_UNAUTHORIZED = 13  # Unauthorized in MongoDB's error_codes.yml


class ColumnarRows:
    """The rows of the streams of a database that has columnar copies.

    Parameters
    ----------
    collections : Collections
        Where.
    events : Rows
        The rows as the events have them.
    trusts_settled : bool
        Whether the events of copies that are settled need not be counted.
    """

    def __init__(self, collections: Collections, events: Rows, *, trusts_settled: bool):
        self._collections = collections
        self._events = events
        self._trusts_settled = trusts_settled

    def read_index(
        self, descriptor_uids: Sequence[str], keys: Sequence[str] = (), *, n_expected: int | None = None
    ) -> EventIndex:
        """Take a snapshot of the rows of these descriptors, with some columns of their data."""
        found = self._take([descriptor_uids], keys)[0]
        if found is None:
            return self._events.read_index(descriptor_uids, keys, n_expected=n_expected)
        return self._sampled(found, keys)

    def read_index_with_datums(
        self,
        descriptor_uids: Sequence[str],
        keys: Sequence[str],
        datum_keys: Sequence[str],
        *,
        n_expected: int | None = None,
    ) -> tuple[EventIndex, CopiedRuns]:
        """Take a snapshot of the rows of these descriptors, and what the datums of some columns say, if it is copied.

        Columns whose datums are not told, or not their identifiers, are among those of the snapshot.
        """
        heads = self._find(descriptor_uids)
        copies = list(heads[0].values())
        datums = self._read_datums(copies[0], datum_keys) if len(copies) == 1 else {}
        unknown = [key for key in datum_keys if key not in datums or not copies[0].datums[key].are_numbered]
        found = self._take([descriptor_uids], [*keys, *unknown], heads)[0]
        if found is None:
            everything = [*keys, *datum_keys]
            return self._events.read_index(descriptor_uids, everything, n_expected=n_expected), {}
        return self._sampled_with_datums(found, keys, datum_keys, datums)

    def read_copied_datums(self, snapshot: Snapshot, keys: Sequence[str]) -> CopiedRuns:
        """Return what the datums of columns of a snapshot say, of those of which it is copied and believed."""
        copies = self._copies_of(snapshot, ()) if snapshot.copies else None
        return self._read_datums(copies[0], keys) if copies is not None and len(copies) == 1 else {}

    def _read_datums(self, copy: Copy, keys: Sequence[str]) -> CopiedRuns:
        is_counted = not (self._trusts_settled and copy.is_settled)
        try:
            return read_datums(self._collections, copy, keys, is_counted=is_counted)
        except DoubtfulCopyError as doubt:
            drop_doubtful(self._collections, {copy.descriptor_uid: doubt})
            return {}

    def read_indexes(self, streams: Sequence[Sequence[str]], keys: Sequence[str]) -> list[EventIndex | StoreError]:
        """Take a snapshot of the rows of several streams, with some columns of their data."""
        found: list[EventIndex | StoreError | None] = [*self._take(streams, keys)]
        first = next((number for number, index in enumerate(found) if isinstance(index, EventIndex)), None)
        if first is not None and isinstance(index := found[first], EventIndex):
            found[first] = self._sampled(index, keys)
        rest = [number for number, index in enumerate(found) if index is None]
        if rest:
            stored = read_indexes(self._collections, [streams[number] for number in rest], keys)
            for number, index in zip(rest, stored, strict=True):
                found[number] = index
        return [index for index in found if index is not None]

    def read_columns(
        self, snapshot: Snapshot, keys: Sequence[str], *, section: Section = "data", rows: slice | None = None
    ) -> dict[str, Values]:
        """Return columns of a snapshot in row order: those of ``rows``, or all."""
        if snapshot.copies and section == "data":
            copies = self._copies_of(snapshot, keys)
            columns = None if copies is None else self._columns_of(copies, keys, rows)
            if columns is not None:
                return self._sampled_columns(columns, snapshot, rows)
        return self._events.read_columns(snapshot, keys, section=section, rows=rows)

    def find_first_events(self, index: EventIndex) -> dict[str, Document]:
        """Return the first event that has a time, in row order, of each descriptor that has any."""
        return self._events.find_first_events(index)

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""
        return len(snapshot.copies) == 1 or self._events.can_find_rows(snapshot)

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each key holds the type and length of its sample value in every event of the snapshot."""
        copies = self._copies_of(snapshot, list(sample)) if snapshot.copies else None
        if copies is None:
            return self._events.is_uniform(snapshot, sample)
        wanted = {key: _kind_of(value) for key, value in sample.items()}
        return all(copy.kinds[copy.places[key]] == kind for copy in copies for key, kind in wanted.items())

    def _take(
        self, streams: Sequence[Sequence[str]], keys: Sequence[str], heads: _Heads | None = None
    ) -> list[EventIndex | None]:
        """Take the rows of those streams that have copies which are believed; None stands for any other."""
        uids = list(chain.from_iterable(streams))
        copies, doubts = self._find(uids) if heads is None else heads
        copies = {uid: copy for uid, copy in copies.items() if copy.places.keys() >= set(keys)}
        streams = [stream if any(uid in copies for uid in stream) else () for stream in streams]
        uncopied = [uid for uid in chain.from_iterable(streams) if uid not in copies]
        if copies:
            doubts.update(find_doubts(self._collections, copies, uncopied, trusts_settled=self._trusts_settled))
        wanted = [copy for uid, copy in copies.items() if uid not in doubts]
        parts, damaged = retry_once(lambda: read_copies(self._collections, wanted, keys, has_rows=True))
        doubts.update(damaged)
        drop_doubtful(self._collections, doubts)
        return [
            index_of_copies(stream, copies, parts, keys)
            if stream and not any(uid in doubts for uid in stream)
            else None
            for stream in streams
        ]

    def _find(self, uids: Sequence[str]) -> _Heads:
        import pymongo.errors

        try:
            return retry_once(lambda: find_copies(self._collections, uids))
        except pymongo.errors.OperationFailure as error:
            if error.code != _UNAUTHORIZED:
                raise
            self._collections.index_cache.note_none(self._collections.named(COLLECTION))
            return {}, {}

    def _copies_of(self, snapshot: Snapshot, keys: Sequence[str]) -> list[Copy] | None:
        """Return the copies that a snapshot was taken from; None if they are gone, or lack a key."""
        found, _ = self._find(snapshot.descriptor_uids)
        copies = [found[uid] for uid in snapshot.descriptor_uids if uid in found]
        is_complete = tuple(str(copy.made) for copy in copies) == snapshot.copies
        return copies if is_complete and all(copy.places.keys() >= set(keys) for copy in copies) else None

    def _columns_of(self, copies: Sequence[Copy], keys: Sequence[str], rows: slice | None) -> dict[str, Values] | None:
        try:
            if len(copies) == 1 and rows is not None:
                return retry_once(lambda: read_window(self._collections, copies[0], keys, rows))
        except DoubtfulCopyError as doubt:
            drop_doubtful(self._collections, {copies[0].descriptor_uid: doubt})
            return None
        has_rows = len(copies) > 1
        parts, damaged = retry_once(lambda: read_copies(self._collections, copies, keys, has_rows=has_rows))
        if damaged:
            drop_doubtful(self._collections, damaged)
            return None
        if len(copies) == 1:
            return parts[copies[0].descriptor_uid].data
        uids = [copy.descriptor_uid for copy in copies]
        index = index_of_copies(uids, {copy.descriptor_uid: copy for copy in copies}, parts, keys)
        wanted = np.arange(index.snapshot.n_rows)[rows or slice(None)]
        return {key: put_in_order(values, wanted) for key, values in index.data.items()}

    def _sampled(self, found: EventIndex, keys: Sequence[str]) -> EventIndex:
        """Return rows that came from copies; if they are sampled and differ from the events, those of the events."""
        if not is_sampled():
            return found
        stored = self._events.read_index(found.snapshot.descriptor_uids, keys)
        difference = find_difference(found, stored)
        if difference is None:
            return found
        self._tell_difference(found.snapshot, difference)
        return stored

    def _sampled_with_datums(
        self, found: EventIndex, keys: Sequence[str], datum_keys: Sequence[str], datums: CopiedRuns
    ) -> tuple[EventIndex, CopiedRuns]:
        if not is_sampled():
            return found, datums
        stored = self._events.read_index(found.snapshot.descriptor_uids, [*keys, *datum_keys])
        same_keys = replace(stored, data={key: stored.data[key] for key in found.data})
        difference = find_difference(found, same_keys)
        difference = difference or find_differing_datums(self._collections, datums, stored.data)
        if difference is None:
            return found, datums
        self._tell_difference(found.snapshot, difference)
        return stored, {}

    def _sampled_columns(self, found: dict[str, Values], snapshot: Snapshot, rows: slice | None) -> dict[str, Values]:
        """Return columns that came from copies; if they are sampled and differ from the events, those of the events."""
        if not is_sampled():
            return found
        stored = self._events.read_columns(snapshot, list(found), rows=rows)
        difference = find_differing_column(found, stored)
        if difference is None:
            return found
        self._tell_difference(snapshot, difference)
        return stored

    def _tell_difference(self, snapshot: Snapshot, difference: str) -> None:
        copies, _ = self._find(snapshot.descriptor_uids)
        drop_doubtful(
            self._collections, {uid: copy.doubt("it differs from the events") for uid, copy in copies.items()}
        )
        _logger.error(
            "%s: the columnar copy of the events of the descriptors %s is wrong: %s differs from the events, which are "
            "given instead. Somebody has changed events in place; databroker-mongo admin build-columnar --check "
            "compares all copies with the events.",
            self._collections.address,
            ", ".join(snapshot.descriptor_uids),
            difference,
        )


def index_of_copies(
    descriptor_uids: Sequence[str], copies: Mapping[str, Copy], parts: Mapping[str, CopiedRows], keys: Sequence[str]
) -> EventIndex:
    """Put the rows of copies in the order of their stream."""
    copied = [uid for uid in descriptor_uids if uid in parts]
    names = tuple(str(copies[uid].made) for uid in copied)
    if len(copied) == 1:
        part, number = parts[copied[0]], list(descriptor_uids).index(copied[0])
        snapshot = replace(copies[copied[0]].snapshot, descriptor_uids=tuple(descriptor_uids), copies=names)
        return EventIndex(snapshot, np.full(snapshot.n_rows, number, np.intp), part.seq_num, part.time, part.data)
    numbers = [number for number, uid in enumerate(descriptor_uids) if uid in parts]
    index = index_of(
        descriptor_uids,
        np.concatenate([parts[uid].seq_num for uid in copied]),
        np.concatenate([parts[uid].time for uid in copied]),
        np.repeat(numbers, [copies[uid].n_rows for uid in copied]).astype(np.intp),
        {key: join([parts[uid].data[key] for uid in copied]) for key in keys},
    )
    return replace(index, snapshot=replace(index.snapshot, copies=names))


def _kind_of(value: Any) -> Kind | None:
    """Return how a column is kept of which each value is as this one; None where that cannot be told."""
    if isinstance(value, list):
        types = set(map(type, value))
        return Kind(_TYPES[types.pop()], (len(value),)) if len(types) == 1 and types <= _TYPES.keys() else None
    return Kind(_TYPES[type(value)]) if type(value) in _TYPES else None
