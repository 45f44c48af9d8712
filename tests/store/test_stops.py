"""Of several stops of a run the same one counts, whoever asks, in memory and on a server."""

import pytest

from databroker_mongo.queries import All, Key
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.stops import FIRST_STOPS, pick_first_stops

STOPS = [
    {"_id": 1, "uid": "late", "run_start": "run", "time": 9.0, "exit_status": "fail"},
    {"_id": 2, "uid": "early", "run_start": "run", "time": 5.0, "exit_status": "success"},
    {"_id": 3, "uid": "other", "run_start": "other", "time": 7.0, "exit_status": "abort"},
    {"_id": 4, "uid": "no time", "run_start": "third", "exit_status": "abort"},
    {"_id": 5, "uid": "a time", "run_start": "third", "time": 1.0, "exit_status": "success"},
]
COUNT = {"early", "other", "no time"}


@pytest.fixture
def store(store_uri):
    store = writable(open_store(store_uri))
    store.insert("start", [{"uid": uid, "time": 1.0} for uid in ("run", "other", "third")])
    store.collections.run_stop.insert_many([dict(stop) for stop in STOPS])
    return store


def test_the_first_by_its_time_counts_whatever_a_stop_names_as_its_run():
    odd = {"uid": "odd", "run_start": ["run"], "time": 0.0}
    assert {stop["uid"] for stop in pick_first_stops([*STOPS, odd])} == {*COUNT, "odd"}


def test_every_question_takes_the_same_stop(store):
    counting = {stop["exit_status"] for stop in store.stops(["run", "other", "third"]).values()}
    assert counting == {"success", "abort"}
    assert dict(store.distinct(All(), "stop.exit_status", counts=True)) == {"success": 1, "abort": 2}
    found = [start["uid"] for start in store.find_starts(Key("stop.exit_status") == "success", sort=(("uid", 1),))]
    assert found == ["run"]
    assert [stop["uid"] for stop in store.examination.other_stops("run")] == ["late"]


def test_a_server_takes_the_stop_that_is_taken_here(mongod_database_uri):
    stops = writable(open_store(mongod_database_uri)).collections.run_stop
    stops.insert_many([dict(stop) for stop in STOPS])
    assert {stop["uid"] for stop in stops.aggregate(list(FIRST_STOPS))} == COUNT
