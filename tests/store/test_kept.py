"""Documents that are given out more than once: each may be changed, and nobody else notices."""

import pickle
import threading
from datetime import datetime

import bson
import pymongo
import pytest
from bson import DBRef, Decimal128, Int64, ObjectId

from databroker_mongo import Catalog, Writer
from databroker_mongo.store import Kept
from databroker_mongo.testing import build_run

DOCUMENT = {"uid": "a", "nested": {"list": [1, {"x": 2.0}]}}


@pytest.fixture(params=["bytes", "no bytes"])
def kept(request):
    if request.param == "no bytes":
        return Kept(bson.decode(bson.encode(DOCUMENT)))
    raw = bson.encode(DOCUMENT)
    return Kept(bson.decode(raw), raw, bson.decode)


def spoil(document):
    document["nested"]["list"][1].clear()
    document["nested"]["more"] = 1
    del document["uid"]


def test_whoever_changes_what_they_were_given_changes_nothing_else(kept):
    seen = kept.look()
    for _ in range(3):
        given = kept.give()
        assert given == DOCUMENT
        spoil(given)
    assert seen == kept.look() == DOCUMENT
    assert kept.uid == "a"


def test_it_is_pickled_as_it_is_after_it_was_given_and_changed(kept):
    spoil(kept.give())
    copy = pickle.loads(pickle.dumps(kept))
    spoil(copy.give())
    assert copy.give() == copy.look() == DOCUMENT


def test_it_is_decoded_only_for_the_second_who_asks():
    raw = bson.encode(DOCUMENT)
    n_decoded = 0

    def decode(raw):
        nonlocal n_decoded
        n_decoded += 1
        return bson.decode(raw)

    document = bson.decode(raw)
    kept = Kept(document, raw, decode)
    assert kept.give() is document
    assert n_decoded == 0
    kept.give()
    assert n_decoded == 1


def test_threads_that_ask_at_once_are_given_each_their_own():
    raw = bson.encode(DOCUMENT)
    several = [Kept(bson.decode(raw), raw, bson.decode) for _ in range(200)]
    given = [[] for _ in range(4)]
    together = threading.Barrier(len(given))

    def ask(mine):
        for kept in several:
            together.wait()
            mine.append(kept.give())

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for documents in zip(*given, strict=True):
        assert len(set(map(id, documents))) == len(given)
        assert all(document == DOCUMENT for document in documents)


ODD = {
    "long": Int64(2**40),
    "short": Int64(5),
    "reference": {"$ref": "a", "$id": 1},
    "stored as a reference": DBRef("a", 1),
    "date": datetime(2026, 1, 2, 3, 4, 5, 6000),
    "decimal": Decimal128("1.50"),
    "id": ObjectId(),
    "nested": [{"long": Int64(7)}, None, float("inf")],
}


def kinds(value):
    """Return a value with the type of each of its parts."""
    if isinstance(value, dict):
        return dict, {key: kinds(each) for key, each in value.items()}
    return (list, [kinds(each) for each in value]) if type(value) is list else (type(value), value)


def test_runs_that_are_listed_hold_the_values_of_runs_that_are_looked_up(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        database = client.get_default_database()
        for number in range(150):  # more than a page
            start = {"uid": f"run {number}", "time": 1000.0 + number, **ODD}
            database.run_start.insert_one(start)
            database.run_stop.insert_one({"uid": f"stop {number}", "run_start": start["uid"], "time": 2e3, **ODD})
        database.run_stop.insert_one({"uid": "second", "run_start": "run 7", "time": 3e3, "exit_status": "fail"})
        database.run_start.insert_one({"time": 1.0, **ODD})  # without a uid
    catalog = Catalog.from_uri(mongod_database_uri)
    listed = list(catalog.values())
    assert len(listed) == 151
    for run in listed:
        other = catalog[run.start["uid"]]
        for _ in range(2):
            assert kinds(run.metadata) == kinds(other.metadata)
            run.start["nested"][0].clear()
            run.metadata["stop"] and run.metadata["stop"].clear()


@pytest.mark.parametrize("where", ["memory", "server"])
def test_a_run_that_was_listed_is_read_and_pickled_as_one_that_was_looked_up(where, request):
    uri = "memory://" if where == "memory" else request.getfixturevalue("mongod_database_uri")
    catalog = Catalog.from_uri(uri)
    with Writer(catalog) as writer:
        for name, document in build_run({"primary": [{"x": 1.0}]}, sample={"name": "Ni"}):
            writer(name, document)
    [run] = catalog.values()
    run.start["sample"].clear()
    run.stop.clear()
    assert run.start["sample"] == {"name": "Ni"}
    assert run == catalog[-1]
    assert hash(run) == hash(catalog[-1])
    assert repr(run) == repr(catalog[-1])
    assert [name for name, _ in run.documents()] == [name for name, _ in catalog[-1].documents()]
    assert run.primary.read().attrs == catalog[-1].primary.read().attrs
    if where == "server":
        assert pickle.loads(pickle.dumps(run)).metadata == run.metadata


def test_a_transform_corrects_what_is_listed(mongod_database_uri):
    def correct(start):
        start["sample"]["name"] = start["sample"]["name"].lower()
        return start

    with Writer(mongod_database_uri) as writer:
        for name, document in build_run({"primary": [{"x": 1.0}]}, sample={"name": "Ni"}):
            writer(name, document)
    [run] = Catalog.from_uri(mongod_database_uri, transforms={"start": correct}).values()
    for _ in range(2):
        assert run.start["sample"] == {"name": "ni"}
        run.start["sample"].clear()
