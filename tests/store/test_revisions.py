"""A correction keeps what it replaces, and what others change meanwhile."""

import threading

import bson
import pytest

from databroker_mongo.errors import InvalidDocument, StoreUnavailable
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.insertion import revisions as module

START = {"uid": "run", "time": 1.0, "sample": "A", "seen": float("nan")}


@pytest.fixture
def store(store_uri):
    store = writable(open_store(store_uri))
    store.insert("start", [START])
    return store


def current(store):
    return store.collections.run_start.find_one({"uid": "run"}, {"_id": 0})


def give(store, **fields):
    store.correct("start", "run", lambda stored: {**stored, **fields})


def test_a_correction_keeps_every_earlier_version_in_order(store):
    for sample in "BCA":
        give(store, sample=sample)
    assert current(store)["sample"] == "A"
    assert [doc["sample"] for doc in store.examination.revisions("start", "run")] == ["A", "B", "C"]
    stored = list(store.collections.metadata["run_start_revisions"].find({}, {"_id": 0}).sort("revision", 1))
    assert [each["revision"] for each in stored] == [0, 1, 2]
    assert set(stored[0]) == {"revision", "document"}


def test_a_correction_sent_again_changes_nothing(store):
    for _ in range(3):
        give(store, sample="B")
    assert len(store.examination.revisions("start", "run")) == 1


def test_a_correction_leaves_the_identity_of_the_document(store):
    before = store.collections.run_start.find_one({"uid": "run"})["_id"]
    give(store, sample="B")
    assert store.collections.run_start.find_one({"uid": "run"})["_id"] == before
    assert store.collections.run_start.count_documents({}) == 1


def test_a_correction_cut_short_after_the_revision_is_finished_by_the_next_attempt(store):
    store.collections.metadata["run_start_revisions"].insert_one({"revision": 0, "document": dict(START)})
    assert store.examination.run_revisions("run") == []
    give(store, sample="B")
    assert current(store)["sample"] == "B"
    assert len(store.examination.revisions("start", "run")) == 1


def test_revisions_that_another_program_keeps_are_counted_on(store):
    other = {"revision": 7, "document": {**START, "sample": "theirs"}}
    store.collections.metadata["run_start_revisions"].insert_one(other)
    give(store, sample="B")
    assert [(each.number, each.changed) for each in store.examination.run_revisions("run")] == [
        (7, ("sample",)),
        (8, ("sample",)),
    ]


def test_a_document_that_is_not_stored_cannot_be_corrected(store):
    with pytest.raises(InvalidDocument, match="No start document with this uid is stored") as caught:
        store.correct("start", "other", lambda stored: stored)
    assert caught.value.uid == "other"


@pytest.mark.parametrize("moment", ["_latest", "_keep", "_replace"])
def test_what_another_changes_in_between_is_kept(store, monkeypatch, moment):
    corrections = type(store)._corrections
    original = getattr(corrections, moment)

    def while_another_corrects(*arguments):
        monkeypatch.setattr(corrections, moment, original)
        before = original(*arguments) if moment != "_replace" else None
        give(store, theirs="B")
        return before if moment != "_replace" else original(*arguments)

    monkeypatch.setattr(corrections, moment, while_another_corrects)
    give(store, ours="C")
    assert (current(store)["theirs"], current(store)["ours"]) == ("B", "C")
    found = store.examination.run_revisions("run")
    assert [(each.number, each.changed) for each in found] == [(0, ("theirs",)), (1, ("ours",))]


def test_threads_that_correct_one_document_lose_nothing(store):
    def write(writer):
        for number in range(10):
            give(store, **{f"field_{writer}_{number}": number})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([name for name in current(store) if name.startswith("field_")]) == 40
    assert [each.number for each in store.examination.run_revisions("run")] == list(range(40))


def test_a_document_that_others_correct_all_the_time_is_told(store, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_SECONDS", 0.0)
    monkeypatch.setattr(type(store)._corrections, "_replace", lambda *_: False)
    with pytest.raises(StoreUnavailable, match="being corrected elsewhere") as caught:
        give(store, sample="B")
    assert caught.value.run_uid == "run"


@pytest.mark.parametrize(
    "value",
    [
        bson.Decimal128("1.50"),
        bson.Regex("a", "i"),
        bson.ObjectId("5" * 24),
        bson.Int64(5),
        b"\0\xff",
        bson.MinKey(),
        [None, {"a": float("nan"), "b": -0.0}],
    ],
    ids=repr,
)
def test_a_document_with_any_value_of_another_program_can_be_corrected(mongod_database_uri, value):
    store = writable(open_store(mongod_database_uri))
    store.collections.run_start.insert_one({**START, "odd": value})
    give(store, sample="B")
    assert current(store)["sample"] == "B"
