"""Whether the events of a descriptor still are those of its copy: by their number, and by the last of them.

Both are told by the index on (descriptor, time), which every database of runs has. What does not belong here: what is
done about a copy that is not believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import bson

from ...documents import Document
from ..connection.collections import Collections
from ..connection.decoding import PLAIN
from ..connection.retries import retry_once, run_read_command
from ..connection.splitting import split_by_size
from .copies import Copy, DoubtfulCopyError

_FEW = 4
"""So many descriptors are counted one by one, each in a third of the time that the server takes to count by groups."""


def find_doubts(
    collections: Collections, copies: Mapping[str, Copy], uncopied: Sequence[str], *, trusts_settled: bool
) -> dict[str, DoubtfulCopyError]:
    """Ask whether the events still are those of their copies, and return why not, of each descriptor of which not.

    Parameters
    ----------
    collections : Collections
        Where.
    copies : mapping of str to Copy
        The copies, by descriptor.
    uncopied : sequence of str
        Other descriptors, which are to have no events.
    trusts_settled : bool
        Whether the events of copies that are settled need not be counted.
    """
    doubts = {uid: DoubtfulCopyError("there is none") for uid in last_events(collections, uncopied)}
    settled = [uid for uid in copies if trusts_settled and copies[uid].is_settled]
    to_count = [uid for uid in copies if uid not in settled]
    if len(to_count) > _FEW:
        doubts.update(_doubts_in_bulk(collections, copies, to_count))
        return {**doubts, **_doubts_by_last(collections, copies, settled)}
    doubts.update(_doubts_by_last(collections, copies, [*settled, *to_count]))
    for uid in to_count:
        if uid not in doubts:
            doubts.update(_doubt_of_number(copies[uid], count_one(collections, uid)))
    return doubts


def _doubts_by_last(
    collections: Collections, copies: Mapping[str, Copy], uids: Sequence[str]
) -> dict[str, DoubtfulCopyError]:
    last = last_events(collections, uids)
    return {uid: copies[uid].doubt("the last event is another") for uid in uids if last.get(uid) != copies[uid].last}


def _doubts_in_bulk(
    collections: Collections, copies: Mapping[str, Copy], uids: Sequence[str]
) -> dict[str, DoubtfulCopyError]:
    """Compare number and last time, in one question that an index answers alone."""
    found = {}
    for portion in split_by_size(uids):
        stages: list[dict[str, Any]] = [
            {"$match": {"descriptor": {"$in": portion}}},
            {"$group": {"_id": "$descriptor", "n": {"$sum": 1}, "time": {"$max": "$time"}}},
        ]
        found.update({_name_of(group): group for group in _aggregate(collections, stages)})
    doubts: dict[str, DoubtfulCopyError] = {}
    for uid in uids:
        group = found.get(uid, {"n": 0, "time": None})
        doubts.update(_doubt_of_number(copies[uid], group["n"]))
        snapshot = copies[uid].snapshot
        if snapshot.has_times and group["time"] != snapshot.last_time:
            doubts[uid] = copies[uid].doubt("the last event is another")
    return doubts


def _doubt_of_number(copy: Copy, n_rows: int) -> dict[str, DoubtfulCopyError]:
    if n_rows == copy.n_rows:
        return {}
    return {copy.descriptor_uid: copy.doubt(f"{copy.n_rows} events were copied, {n_rows} are there")}


def last_events(collections: Collections, descriptor_uids: Sequence[str]) -> dict[str, bytes]:
    """Return what tells the last event of each descriptor from others."""
    found: dict[str, bytes] = {}
    for uids in split_by_size(descriptor_uids):
        # In this direction, and with $first, MongoDB skips from one descriptor to the next (DISTINCT_SCAN); in the
        # other, or with $last, it looks at all events.
        fields = {name: {"$first": f"${name}"} for name in ("time", "seq_num", "uid")}
        stages: list[dict[str, Any]] = [
            {"$match": {"descriptor": {"$in": uids}}},
            {"$sort": {"descriptor": 1, "time": -1}},
            {"$group": {"_id": "$descriptor", **fields}},
        ]
        for group in _aggregate(collections, stages):
            found[_name_of(group)] = bson.encode({name: group[name] for name in fields if name in group})
    return found


def count_rows(collections: Collections, descriptor_uids: Sequence[str]) -> dict[str, int]:
    """Count the events of each descriptor, by an index alone."""
    if len(descriptor_uids) <= _FEW:
        return {uid: count_one(collections, uid) for uid in descriptor_uids}
    counts: dict[str, int] = {}
    for uids in split_by_size(descriptor_uids):
        stages: list[dict[str, Any]] = [
            {"$match": {"descriptor": {"$in": uids}}},
            {"$group": {"_id": "$descriptor", "n": {"$sum": 1}}},
        ]
        counts.update((_name_of(group), group["n"]) for group in _aggregate(collections, stages))
    return counts


def count_one(collections: Collections, descriptor_uid: str) -> int:
    """Count the events of a descriptor, by an index alone."""
    # The command, for a COUNT_SCAN takes two thirds of the time of an aggregation, which decodes each key.
    asked = {"count": collections.event.name, "query": {"descriptor": descriptor_uid}}
    found: int = retry_once(lambda: run_read_command(collections.metadata, asked))["n"]
    return found


def server_time(collections: Collections) -> datetime:
    """Return the time by the clock of the server, in UTC without a zone."""
    now: datetime = run_read_command(collections.metadata, {"hello": 1})["localTime"]
    return now


def _aggregate(collections: Collections, stages: Sequence[Mapping[str, Any]]) -> list[Document]:
    events = collections.event.with_options(codec_options=PLAIN)
    return retry_once(lambda: list(events.aggregate(list(stages))))


def _name_of(group: Document) -> str:
    # A descriptor that is a list is of another program; no copy has its name.
    return str(group["_id"])
