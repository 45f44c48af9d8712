"""Runs found and listed, and events inserted, with pymongo alone."""

from __future__ import annotations

from typing import Any

import pymongo
from pymongo import WriteConcern

from ..facts import Facts
from .insertion import fresh_database, in_threads, new_run, shared_out, wide_run

Pair = tuple[Any, Any]

_COLLECTIONS = {"start": "run_start", "descriptor": "event_descriptor", "event": "event", "stop": "run_stop"}
_NO_ID = {"_id": 0}
_NEWEST_FIRST = [("time", -1)]


class Runs:
    """The tasks about runs."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._client: Any = pymongo.MongoClient(facts.uri(""))
        self._runs = self._client[facts.runs_database]
        self._data = self._client[facts.data_database]

    def forget(self) -> None:
        """Do nothing: nothing is kept but the connection."""

    def run_at(self, place: int) -> Pair:
        return self._with_stop(next(self._starts({}).skip(place - 1).limit(1)))

    def run_of_scan_id(self, scan_id: int) -> Pair:
        return self._with_stop(next(self._starts({"scan_id": scan_id}).limit(1)))

    def run_of_uid(self, uid: str) -> Pair:
        return self._with_stop(self._runs["run_start"].find_one({"uid": uid}, _NO_ID))

    def run_of_beginning(self, beginning: str) -> Pair:
        end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        # Two, to be sure that there is one.
        (start,) = self._runs["run_start"].find({"uid": {"$gte": beginning, "$lt": end}}, _NO_ID).limit(2)
        return self._with_stop(start)

    def has_run(self, uid: str) -> bool:
        return self._runs["run_start"].find_one({"uid": uid}, {"_id": 1}) is not None

    def latest_runs(self) -> list[Pair]:
        return self._with_stops(list(self._starts({}).limit(5)))

    def count_runs(self) -> int:
        return int(self._runs["run_start"].count_documents({}))

    def first_page(self) -> list[Pair]:
        return self._with_stops(list(self._starts({}).limit(100)))

    def runs_between(self, since: float, until: float) -> list[Pair]:
        return self._with_stops(list(self._starts({"time": {"$gte": since, "$lt": until}})))

    def table(self) -> list[Any]:
        import pandas as pd

        fields = dict.fromkeys(("uid", "time", "scan_id", "plan_name"), 1)
        starts = list(self._runs["run_start"].find({}, {"_id": 0, **fields}).sort(_NEWEST_FIRST).limit(1000))
        of_runs = {"run_start": {"$in": [start["uid"] for start in starts]}}
        stops = {doc["run_start"]: doc for doc in self._runs["run_stop"].find(of_runs, _NO_ID)}
        streams: dict[str, list[str]] = {}
        for doc in self._runs["event_descriptor"].find(of_runs, {"_id": 0, "run_start": 1, "name": 1}):
            streams.setdefault(doc["run_start"], []).append(doc["name"])
        rows = [
            {
                "time": start["time"],
                "scan_id": start["scan_id"],
                "plan_name": start["plan_name"],
                "exit_status": stops[start["uid"]]["exit_status"],
                "duration": stops[start["uid"]]["time"] - start["time"],
                "streams": streams[start["uid"]],
            }
            for start in starts
        ]
        table = pd.DataFrame(rows, index=pd.Index([start["uid"] for start in starts], name="uid"))
        table["time"] = pd.to_datetime(table["time"], unit="s", utc=True)
        return [len(table), *table["scan_id"].tolist()[:3], round(float(table["duration"].sum()), 6)]

    def count_between(self, since: float, until: float) -> int:
        return int(self._runs["run_start"].count_documents({"time": {"$gte": since, "$lt": until}}))

    def count_of_sample(self, plan: str, sample: str) -> int:
        return int(self._runs["run_start"].count_documents({"plan_name": plan, "sample_name": sample}))

    def uids_of_sample(self, plan: str, sample: str) -> list[str]:
        return self._uids({"plan_name": plan, "sample_name": sample})

    def uids_of_proposal(self, proposal: str) -> list[str]:
        return self._uids({"proposal_id": proposal})

    def failed_runs(self) -> list[Pair]:
        failed = self._runs["run_stop"].find({"exit_status": "fail"}, _NO_ID)
        stops = {stop["run_start"]: stop for stop in failed}
        starts = self._starts({"uid": {"$in": list(stops)}}).limit(100)
        return [(start, stops[start["uid"]]) for start in starts]

    def samples(self) -> dict[str, int]:
        found = self._runs["run_start"].aggregate([{"$sortByCount": "$sample_name"}])
        return {each["_id"]: each["count"] for each in found}

    def prepare_insert_events(self) -> tuple[Any, list[tuple[str, list[Any]]]]:
        database = fresh_database(self._facts, [self._client])
        return database.with_options(write_concern=WriteConcern("majority", j=True)), new_run(self._facts)

    prepare_insert_pages = prepare_insert_events

    def insert_events(self, database: Any, documents: list[tuple[str, list[Any]]]) -> None:
        for name, together in documents:
            database[_COLLECTIONS[name]].insert_many(together)

    insert_pages = insert_events

    def prepare_insert_descriptor(self) -> tuple[Any, Any]:
        database, _ = self.prepare_insert_events()
        (_, starts), (_, (descriptor,)) = wide_run()
        database["run_start"].insert_many(starts)
        return database["event_descriptor"], descriptor

    def insert_descriptor(self, collection: Any, descriptor: Any) -> None:
        collection.insert_one(descriptor)

    def prepare_insert_shared(self) -> tuple[Any, list[list[Any]]]:
        database, _ = self.prepare_insert_events()
        return database["event"], shared_out([each for each in new_run(self._facts) if each[0] == "event"])

    def insert_shared(self, collection: Any, portions: list[list[Any]]) -> None:
        in_threads(collection.insert_one, portions)

    def _starts(self, filter: dict[str, Any]) -> Any:
        return self._runs["run_start"].find(filter, _NO_ID).sort(_NEWEST_FIRST)

    def _with_stop(self, start: Any) -> Pair:
        return start, self._runs["run_stop"].find_one({"run_start": start["uid"]}, _NO_ID)

    def _with_stops(self, starts: list[Any]) -> list[Pair]:
        wanted = {"run_start": {"$in": [start["uid"] for start in starts]}}
        stops = {stop["run_start"]: stop for stop in self._runs["run_stop"].find(wanted, _NO_ID)}
        return [(start, stops[start["uid"]]) for start in starts]

    def _uids(self, filter: dict[str, Any]) -> list[str]:
        found = self._runs["run_start"].find(filter, {"_id": 0, "uid": 1, "time": 1})
        return [start["uid"] for start in sorted(found, key=lambda start: -start["time"])]
