"""A correction keeps what it replaces."""

import pytest

from databroker_mongo.errors import InvalidDocument
from databroker_mongo.store.connection import locate, open_collections
from databroker_mongo.store.insertion import insert
from databroker_mongo.store.revisions import replace, revisions

START = {"uid": "run", "time": 1.0, "sample": "A", "seen": float("nan")}


@pytest.fixture
def collections(store_uri):
    collections = open_collections(locate(store_uri), durable=True)
    insert(collections, "start", [START], guards={})
    return collections


def current(collections):
    return collections.run_start.find_one({"uid": "run"}, {"_id": 0})


def test_a_correction_keeps_every_earlier_version_in_order(collections):
    for sample in "BCA":
        replace(collections, "start", {**START, "sample": sample})
    assert current(collections)["sample"] == "A"
    assert [doc["sample"] for doc in revisions(collections, "start", "run")] == ["A", "B", "C"]
    stored = list(collections.metadata["run_start_revisions"].find({}, {"_id": 0}).sort("revision", 1))
    assert [each["revision"] for each in stored] == [0, 1, 2]
    assert set(stored[0]) == {"revision", "document"}


def test_a_correction_sent_again_changes_nothing(collections):
    for _ in range(3):
        replace(collections, "start", {**START, "sample": "B"})
    assert len(revisions(collections, "start", "run")) == 1


def test_a_correction_leaves_the_identity_of_the_document(collections):
    before = collections.run_start.find_one({"uid": "run"})["_id"]
    replace(collections, "start", {**START, "sample": "B"})
    assert collections.run_start.find_one({"uid": "run"})["_id"] == before
    assert collections.run_start.count_documents({}) == 1


def test_a_correction_cut_short_after_the_revision_is_finished_by_the_next_attempt(collections):
    collections.metadata["run_start_revisions"].insert_one({"revision": 0, "document": dict(START)})
    replace(collections, "start", {**START, "sample": "B"})
    assert current(collections)["sample"] == "B"
    assert len(revisions(collections, "start", "run")) == 1


def test_a_document_that_is_not_stored_cannot_be_corrected(collections):
    with pytest.raises(InvalidDocument, match="No start document of this uid is stored") as caught:
        replace(collections, "start", {**START, "uid": "other"})
    assert caught.value.uid == "other"


def test_a_change_made_elsewhere_in_between_is_not_lost(mongod_database_uri, monkeypatch):
    from databroker_mongo.store import revisions as module

    collections = open_collections(locate(mongod_database_uri), durable=True)
    insert(collections, "start", [START], guards={})
    keep = module._keep

    def keep_while_another_corrects(collections, name, stored):
        keep(collections, name, stored)
        monkeypatch.setattr(module, "_keep", keep)
        replace(collections, "start", {**START, "sample": "theirs"})

    monkeypatch.setattr(module, "_keep", keep_while_another_corrects)
    replace(collections, "start", {**START, "sample": "ours"})
    assert current(collections)["sample"] == "ours"
    assert [doc["sample"] for doc in revisions(collections, "start", "run")] == ["A", "theirs"]
