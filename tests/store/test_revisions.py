"""A correction keeps what it replaces, and what others change meanwhile."""

import threading

import bson
import pytest

from databroker_mongo.errors import InvalidDocument, StoreUnavailable
from databroker_mongo.store.connection.connection import Connection
from databroker_mongo.store.connection.location import locate
from databroker_mongo.store.insertion import revisions as module
from databroker_mongo.store.insertion.insertion import insert
from databroker_mongo.store.insertion.revisions import correct, of_run, revisions

START = {"uid": "run", "time": 1.0, "sample": "A", "seen": float("nan")}


@pytest.fixture
def collections(store_uri):
    collections = Connection(locate(store_uri), is_durable=True).collections
    insert(collections, "start", [START], guards={})
    return collections


def current(collections):
    return collections.run_start.find_one({"uid": "run"}, {"_id": 0})


def give(collections, **fields):
    correct(collections, "start", "run", lambda stored: {**stored, **fields})


def test_a_correction_keeps_every_earlier_version_in_order(collections):
    for sample in "BCA":
        give(collections, sample=sample)
    assert current(collections)["sample"] == "A"
    assert [doc["sample"] for doc in revisions(collections, "start", "run")] == ["A", "B", "C"]
    stored = list(collections.metadata["run_start_revisions"].find({}, {"_id": 0}).sort("revision", 1))
    assert [each["revision"] for each in stored] == [0, 1, 2]
    assert set(stored[0]) == {"revision", "document"}


def test_a_correction_sent_again_changes_nothing(collections):
    for _ in range(3):
        give(collections, sample="B")
    assert len(revisions(collections, "start", "run")) == 1


def test_a_correction_leaves_the_identity_of_the_document(collections):
    before = collections.run_start.find_one({"uid": "run"})["_id"]
    give(collections, sample="B")
    assert collections.run_start.find_one({"uid": "run"})["_id"] == before
    assert collections.run_start.count_documents({}) == 1


def test_a_correction_cut_short_after_the_revision_is_finished_by_the_next_attempt(collections):
    collections.metadata["run_start_revisions"].insert_one({"revision": 0, "document": dict(START)})
    assert of_run(collections, "run") == []
    give(collections, sample="B")
    assert current(collections)["sample"] == "B"
    assert len(revisions(collections, "start", "run")) == 1


def test_revisions_that_another_program_keeps_are_counted_on(collections):
    other = {"revision": 7, "document": {**START, "sample": "theirs"}}
    collections.metadata["run_start_revisions"].insert_one(other)
    give(collections, sample="B")
    assert [(each.number, each.changed) for each in of_run(collections, "run")] == [(7, ("sample",)), (8, ("sample",))]


def test_a_document_that_is_not_stored_cannot_be_corrected(collections):
    with pytest.raises(InvalidDocument, match="No start document with this uid is stored") as caught:
        correct(collections, "start", "other", lambda stored: stored)
    assert caught.value.uid == "other"


@pytest.mark.parametrize("moment", ["_latest", "_is_kept", "_is_replaced"])
def test_what_another_changes_in_between_is_kept(collections, monkeypatch, moment):
    original = getattr(module, moment)

    def while_another_corrects(*arguments):
        monkeypatch.setattr(module, moment, original)
        before = original(*arguments) if moment != "_is_replaced" else None
        give(collections, theirs="B")
        return before if moment != "_is_replaced" else original(*arguments)

    monkeypatch.setattr(module, moment, while_another_corrects)
    give(collections, ours="C")
    assert (current(collections)["theirs"], current(collections)["ours"]) == ("B", "C")
    found = of_run(collections, "run")
    assert [(each.number, each.changed) for each in found] == [(0, ("theirs",)), (1, ("ours",))]


def test_threads_that_correct_one_document_lose_nothing(collections):
    def write(writer):
        for number in range(10):
            give(collections, **{f"field_{writer}_{number}": number})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([name for name in current(collections) if name.startswith("field_")]) == 40
    assert [each.number for each in of_run(collections, "run")] == list(range(40))


def test_a_document_that_others_correct_all_the_time_is_told(collections, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_SECONDS", 0.0)
    monkeypatch.setattr(module, "_is_replaced", lambda *_: False)
    with pytest.raises(StoreUnavailable, match="being corrected elsewhere") as caught:
        give(collections, sample="B")
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
    collections = Connection(locate(mongod_database_uri), is_durable=True).collections
    collections.run_start.insert_one({**START, "odd": value})
    give(collections, sample="B")
    assert current(collections)["sample"] == "B"
