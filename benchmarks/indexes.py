"""The indexes of what is measured on: all that the package asks for, and one of a field of the metadata."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from databroker_mongo.store.upkeep.indexes import list_wanted

from .documents import small_runs
from .facts import Facts

METADATA = ("proposal_id",)
_SECONDS_BEFORE = 5.0


def create_indexes(database: Any) -> None:
    """Make all that are missing."""
    for index in list_wanted(metadata=METADATA):
        database[index.collection].create_index(list(index.keys), unique=index.is_unique)


@dataclass(frozen=True)
class Building:
    """What it took to make all indexes of the small runs.

    Attributes
    ----------
    seconds : float
        How long it took, while runs were written.
    before, during : list of float
        Seconds that each run took to be written, before and meanwhile.
    """

    seconds: float
    before: list[float]
    during: list[float]

    def __str__(self) -> str:
        times = [
            f"{1000 * median(each):.1f} ms (at most {1000 * max(each):.0f} ms)" for each in (self.before, self.during)
        ]
        return (
            f"All indexes are made in {self.seconds:.1f} s. To write a run takes {times[0]} before and {times[1]} "
            "meanwhile."
        )


def measure_building(facts: Facts, client: Any) -> Building:
    """Drop the indexes of the small runs and make them again, while more runs are written; these are removed then."""
    database = client[facts.runs_database].with_options(write_concern=_durable())
    for name in database.list_collection_names():
        database[name].drop_indexes()
    written: list[tuple[float, float]] = []
    is_over = threading.Event()
    writing = threading.Thread(target=_write, args=(database, facts.sizes.runs, written, is_over))
    writing.start()
    time.sleep(_SECONDS_BEFORE)
    began = time.perf_counter()
    try:
        create_indexes(database)
    finally:
        ended = time.perf_counter()
        is_over.set()
        writing.join()
        _remove_above(database, facts.sizes.runs)
    return Building(
        ended - began,
        [seconds for at, seconds in written if at < began],
        [seconds for at, seconds in written if began <= at < ended],
    )


def _write(database: Any, n_runs: int, written: list[tuple[float, float]], is_over: threading.Event) -> None:
    """Write one run after the other, each document durably, as a beamline does at most."""
    for batch in small_runs(1_000_000, 5, first=n_runs, n_at_once=1):
        if is_over.is_set():
            return
        began = time.perf_counter()
        for name, documents in batch.items():
            database[name].insert_many(documents)
        written.append((began, time.perf_counter() - began))


def _remove_above(database: Any, n_runs: int) -> None:
    uids = [start["uid"] for start in database["run_start"].find({"scan_id": {"$gt": n_runs}}, {"uid": 1})]
    descriptors = list(database["event_descriptor"].find({"run_start": {"$in": uids}}, {"uid": 1}))
    database["event"].delete_many({"descriptor": {"$in": [each["uid"] for each in descriptors]}})
    for name, field in (("event_descriptor", "run_start"), ("run_stop", "run_start"), ("run_start", "uid")):
        database[name].delete_many({field: {"$in": uids}})


def _durable() -> Any:
    from pymongo import WriteConcern  # the others' processes need the list of indexes alone

    return WriteConcern("majority", j=True)
