"""Corrections of a run change what is read, keep what was, and are checked like any document."""

import pytest

from databroker_mongo.errors import InvalidDocument, RunNotFound
from databroker_mongo.store.normalized import open_store
from databroker_mongo.store.writable_normalized import writable
from databroker_mongo.writing import Writer, update_run

START = {"uid": "run", "time": 1.0, "sample": "A"}
STOP = {"uid": "stop", "run_start": "run", "time": 2.0, "exit_status": "success"}


@pytest.fixture
def store(store_uri):
    store = writable(open_store(store_uri))
    writer = Writer(store)
    writer("start", START)
    writer("stop", STOP)
    return store


def test_fields_of_start_and_stop_are_changed_and_the_earlier_ones_kept(store):
    for _ in range(2):
        update_run(store, "run", start={"sample": "B", "note": "swapped"}, stop={"reason": "beam lost"})
    assert store.stops(["run"])["run"] == {**STOP, "reason": "beam lost"}
    assert store.examination.revisions("start", "run") == [START]
    assert store.examination.revisions("stop", "stop") == [STOP]
    update_run(store, "run", start={"sample": "C"})
    assert [doc["sample"] for doc in store.examination.revisions("start", "run")] == ["A", "B"]


@pytest.mark.parametrize("changes", [{"uid": "other"}, {"time": "noon"}, {"sample": {1}}])
def test_a_correction_that_breaks_the_run_is_refused_and_changes_nothing(store, changes):
    with pytest.raises(InvalidDocument) as caught:
        update_run(store, "run", start=changes, stop={"reason": "never stored"})
    assert caught.value.run_uid == "run"
    assert store.stops(["run"])["run"] == STOP
    assert store.examination.revisions("start", "run") == []


def test_a_stop_that_would_belong_to_another_run_is_refused(store):
    with pytest.raises(InvalidDocument, match="'run_start' identifies a stop"):
        update_run(store, "run", stop={"run_start": "other"})


def test_a_run_that_is_not_there_or_has_not_stopped_cannot_be_corrected(store):
    with pytest.raises(RunNotFound, match="no run 'other'"):
        update_run(store, "other", start={"sample": "B"})
    Writer(store)("start", {"uid": "crashed", "time": 1.0})
    with pytest.raises(RunNotFound, match="no stop document"):
        update_run(store, "crashed", stop={"reason": "power cut"})
