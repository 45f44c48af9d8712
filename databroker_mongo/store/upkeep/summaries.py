"""Summaries of runs: start, stop, streams, data keys and duration of a run in one document, so that one index answers.

The collection ``run_summary`` has a document for each start, under the same ``_id``. It is optional. A run that has no
stop yet is marked as open, because it may still change; the others cannot, but for corrections, which are known from
their revisions. So what the summaries do not know is always asked of the documents themselves.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...documents import Document, stream_of
from ..connection.collections import Collections
from ..connection.failures import words_of
from ..order import is_time
from ..stops import pick_first_stops

if TYPE_CHECKING:
    from ..reports import SummaryReport

_logger = logging.getLogger("databroker_mongo")

COLLECTION = "run_summary"
STATE_COLLECTION = "run_summary_state"
STATE = "run_summary"
SETTLED_SECONDS = 3600.0
"""Runs that began later than this before a build may still be on their way, so the build does not vouch for them."""

_AT_ONCE = 1000


def build(collections: Collections, *, apply: bool) -> SummaryReport:
    """Bring the summaries up to date with all runs, whoever wrote them.

    Parameters
    ----------
    collections : Collections
        Where.
    apply : bool
        Whether to write; else it is only counted what there is to do.
    """
    from ..reports import SummaryReport  # late: a search, which only asks whether there are any, makes no report

    until = time.time() - SETTLED_SECONDS
    n_runs = n_written = 0
    starts = collections.run_start.find({}, {"uid": 1}).batch_size(_AT_ONCE)
    for page in _portions(starts):
        n_runs += len(page)
        lacking = _lacking(collections, [start["_id"] for start in page])
        n_written += len(lacking)
        if apply:
            _write(collections, {"_id": {"$in": lacking}})
    n_removed = _remove_orphans(collections, apply=apply)
    if apply:
        state = {"_id": STATE, "until": until}
        collections.named(STATE_COLLECTION).replace_one({"_id": STATE}, state, upsert=True)
    return SummaryReport(n_runs, n_written, n_removed)


def update(collections: Collections, run_uids: Sequence[str]) -> None:
    """Summarise runs that have begun or ended, if the database has summaries.

    What goes wrong is only logged: the documents are stored, and summaries that lack a run are noticed.
    """
    import pymongo.errors

    try:
        if collections.named(STATE_COLLECTION).find_one({"_id": STATE}) is not None:
            _write(collections, {"uid": {"$in": list(run_uids)}})
    except pymongo.errors.PyMongoError as error:
        _logger.warning("the summaries of the runs %s could not be updated: %s", ", ".join(run_uids), words_of(error))


def _portions(documents: Iterable[Document]) -> Iterator[list[Document]]:
    iterator = iter(documents)
    while page := list(islice(iterator, _AT_ONCE)):
        yield page


def _lacking(collections: Collections, ids: Sequence[Any]) -> list[Any]:
    """Return the ``_id`` of starts that have no summary, or one that is open."""
    found = collections.named(COLLECTION).find({"_id": {"$in": list(ids)}, "is_open": {"$exists": False}}, {"_id": 1})
    settled = {summary["_id"] for summary in found}
    return [each for each in ids if each not in settled]


def _remove_orphans(collections: Collections, *, apply: bool) -> int:
    """Remove the summaries of runs that are gone."""
    summaries = collections.named(COLLECTION)
    n_removed = 0
    for page in _portions(summaries.find({}, {"_id": 1}).batch_size(_AT_ONCE)):
        ids = [summary["_id"] for summary in page]
        there = {start["_id"] for start in collections.run_start.find({"_id": {"$in": ids}}, {"_id": 1})}
        gone = [each for each in ids if each not in there]
        n_removed += len(gone)
        if gone and apply:
            summaries.delete_many({"_id": {"$in": gone}})
    return n_removed


def _write(collections: Collections, filter: Document) -> None:
    import pymongo

    starts = list(collections.run_start.find(filter))
    uids = [start["uid"] for start in starts if isinstance(start.get("uid"), str)]
    found = collections.run_stop.find({"run_start": {"$in": uids}})
    stops = {stop["run_start"]: stop for stop in pick_first_stops(found)}
    streams = _streams(collections, uids)
    made = [_summary(start, stops.get(start.get("uid")), streams.get(start.get("uid"), [])) for start in starts]
    operations = [pymongo.ReplaceOne({"_id": summary["_id"]}, summary, upsert=True) for summary in made]
    if operations:
        collections.named(COLLECTION).bulk_write(operations, ordered=False)


def _summary(start: Document, stop: Document | None, streams: Sequence[Document]) -> Document:
    """Return the summary of one run."""
    summary: Document = {"_id": start["_id"], "uid": start.get("uid"), "time": start.get("time")}
    summary["start"] = {name: value for name, value in start.items() if name != "_id"}
    summary["streams"] = sorted(set(map(stream_of, streams)))
    summary["data_keys"] = sorted({key for stream in streams for key in stream["data_keys"]})
    summary["devices"] = sorted({device for stream in streams for device in stream["devices"]})
    if stop is None:
        return {**summary, "is_open": True}
    summary["stop"] = {name: value for name, value in stop.items() if name != "_id"}
    if is_time(start.get("time")) and is_time(stop.get("time")):
        summary["duration"] = stop["time"] - start["time"]
    return summary


def _streams(collections: Collections, uids: Sequence[str]) -> dict[Any, list[Document]]:
    """Return name, data keys and devices of each descriptor of these runs."""

    def keys_of(field: str) -> Any:
        pairs = {"$objectToArray": {"$ifNull": [f"${field}", {}]}}
        return {"$map": {"input": pairs, "in": "$$this.k"}}

    stages: list[dict[str, Any]] = [
        {"$match": {"run_start": {"$in": list(uids)}}},
        {
            "$project": {
                "run_start": 1,
                "name": 1,
                "data_keys": keys_of("data_keys"),
                "devices": {"$setUnion": [keys_of("object_keys"), keys_of("configuration")]},
            }
        },
    ]
    found: dict[str, list[Document]] = {}
    for descriptor in collections.event_descriptor.aggregate(stages):
        found.setdefault(descriptor["run_start"], []).append(descriptor)
    return found
