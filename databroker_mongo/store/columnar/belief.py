"""Whether the events of a descriptor still are those of its copy: by their number, and by the last of them.

Both are told by the index on (descriptor, time), which every database of runs has. What does not belong here: what is
done about a copy that is not believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import bson

from ...documents import Document
from ..connection.collections import Collections
from ..connection.decoding import PLAIN
from ..connection.retries import retry_once
from ..connection.splitting import split_by_size
from .copies import Copy, DoubtfulCopyError

_FEW = 4
"""So many descriptors are counted one by one, each in a third of the time that the server takes to count by groups."""


class Counted(NamedTuple):
    """The events of a descriptor, counted.

    Attributes
    ----------
    n_rows : int
        How many.
    at : datetime.datetime
        Before they were counted, by the clock of the server, in UTC.
    """

    n_rows: int
    at: datetime


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
    doubts: dict[str, DoubtfulCopyError] = {}
    last = last_events(collections, [*copies, *uncopied])
    for uid, copy in copies.items():
        if last.get(uid) != copy.vouch["last"]:
            doubts[uid] = copy.doubt("the last event is another")
    doubts.update((uid, DoubtfulCopyError("there is none")) for uid in uncopied if uid in last)
    to_count = [uid for uid in copies if uid not in doubts and not (trusts_settled and copies[uid].is_settled)]
    counts = count_rows(collections, to_count)
    for uid in to_count:
        if counts.get(uid) != copies[uid].n_rows:
            doubts[uid] = copies[uid].doubt(f"{copies[uid].n_rows} events were copied, {counts.get(uid, 0)} are there")
    return doubts


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
        return {uid: count_one(collections, uid).n_rows for uid in descriptor_uids}
    counts: dict[str, int] = {}
    for uids in split_by_size(descriptor_uids):
        stages: list[dict[str, Any]] = [
            {"$match": {"descriptor": {"$in": uids}}},
            {"$group": {"_id": "$descriptor", "n": {"$sum": 1}}},
        ]
        counts.update((_name_of(group), group["n"]) for group in _aggregate(collections, stages))
    return counts


def count_one(collections: Collections, descriptor_uid: str) -> Counted:
    """Count the events of a descriptor, by an index alone, and ask the server for its time."""
    stages: list[dict[str, Any]] = [
        {"$match": {"descriptor": descriptor_uid}},
        {"$count": "n"},
        {"$addFields": {"at": "$$NOW"}},
    ]
    [found] = _aggregate(collections, stages) or [{"n": 0, "at": datetime.min}]
    return Counted(found["n"], found["at"])


def _aggregate(collections: Collections, stages: Sequence[Mapping[str, Any]]) -> list[Document]:
    events = collections.event.with_options(codec_options=PLAIN)
    return retry_once(lambda: list(events.aggregate(list(stages))))


def _name_of(group: Document) -> str:
    # A descriptor that is a list is of another program; no copy has its name.
    return str(group["_id"])
