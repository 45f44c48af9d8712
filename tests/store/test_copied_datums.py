"""What datums say, from columnar copies: as datums say it, and read from these whenever they are not those copied."""

from __future__ import annotations

import uuid
from dataclasses import replace

import bson
import pymongo
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databroker_mongo.arrays import external
from databroker_mongo.assets import DatumIds, DatumTable
from databroker_mongo.documents import are_numbered
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import building, sampling


@pytest.fixture
def database(mongod_database_uri):
    writable(open_store(mongod_database_uri)).create_indexes()
    with pymongo.MongoClient(mongod_database_uri) as client:
        yield client.get_default_database()


@pytest.fixture
def store(database, mongod_database_uri):
    return writable(open_store(mongod_database_uri))


def put(database, datums, ids_of_rows):
    """Store a run whose events name datums, and return its descriptor uid."""
    run, uid = str(uuid.uuid4()), str(uuid.uuid4())
    database.run_start.insert_one({"uid": run, "time": 1.0})
    database.run_stop.insert_one({"uid": str(uuid.uuid4()), "run_start": run, "time": 2.0})
    keys = {"image": {"dtype": "array", "shape": [1], "source": "s", "external": "FILESTORE:"}}
    descriptor = {"uid": uid, "run_start": run, "time": 1.0, "name": "primary", "data_keys": keys}
    database.event_descriptor.insert_one(descriptor)
    if datums:
        database.datum.insert_many([dict(each) for each in datums])
    database.event.insert_many(
        {
            "uid": str(uuid.uuid4()),
            "descriptor": uid,
            "seq_num": row + 1,
            "time": float(row),
            "data": {} if each is _NONE else {"image": each},
            "timestamps": {},
        }
        for row, each in enumerate(ids_of_rows)
    )
    return uid


_NONE = object()
_DAMAGES = [{"$set": {"x": b"nothing"}}, {"$unset": {"x": 1}}, {"$set": {"m": ObjectId()}}, None]


def numbered(n, resource="r"):
    return [
        {"datum_id": f"{resource}/{i}", "resource": resource, "datum_kwargs": {"point": i, "x": 1}} for i in range(n)
    ]


def copied(store, uid):
    index, runs = store.event_index_with_datums([uid], keys=[], datum_keys=["image"])
    assert index.snapshot.copies
    assert store.copied_datums(index.snapshot, ["image"]) == runs
    return index, runs.get("image")


def exact(datums):
    return bson.encode({"all": [sorted(each.items()) for each in datums]})


def assert_as_the_datums_say(store, uid):
    """Compare, segment by segment, what copies give with what datums give."""
    index, runs = copied(store, uid)
    ids = store.reading_events().event_columns(replace(index.snapshot, copies=()), ["image"])
    column = ids["image"]
    documents = store.datums(each for each in column if isinstance(each, str))
    resources = {each["resource"]: each["resource"] for each in documents.values()}
    expected = external._segments(column, documents, resources)
    assert [(run.start, run.stop, run.resource_uid) for run in runs] == [
        (each.start, each.stop, each.resource) for each in expected
    ]
    for run, segment in zip(runs, expected, strict=True):
        table = DatumTable.of_columns(run.kwargs)
        assert len(table) == len(segment.datums)
        assert exact(table) == exact(segment.datums)
        if run.numbering is not None:
            assert list(DatumIds.numbered(*run.numbering)) == list(segment.ids)
    assert are_numbered(runs) == ("image" not in index.data)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(0, 2), st.floats(), st.booleans()), max_size=3),
)
kwargs = st.one_of(
    st.fixed_dictionaries({"point": st.integers(0, 3)}), st.dictionaries(st.sampled_from("ab.$"), values, max_size=3)
)
resources_of_datums = st.sampled_from(["r", "s/t", ObjectId(b"012345678901")])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(resources_of_datums, kwargs), min_size=1, max_size=8),
    st.lists(st.integers(-1, 7), min_size=1, max_size=12),
    st.booleans(),
)
def test_copies_say_what_datums_say(database, store, contents, rows, is_numbered):
    prefix = uuid.uuid4().hex
    datums = [
        {"datum_id": f"{prefix}/{i}" if is_numbered else f"{i}{prefix}", "resource": name, "datum_kwargs": each}
        for i, (name, each) in enumerate(contents)
    ]
    ids = [_NONE if row < 0 else datums[row % len(datums)]["datum_id"] for row in [*rows, 0]]
    uid = put(database, datums, ids)
    building.build(store.collections, apply=True)
    assert_as_the_datums_say(store, uid)
    report = building.check(store.collections)
    assert (report.differing, sum(report.without_datums.values())) == ([], 0)


def test_numbered_identifiers_and_what_counts_take_no_space(database, store):
    uid = put(database, numbered(3000), [f"r/{i}" for i in range(3000)])
    building.build(store.collections, apply=True)
    index, [run] = copied(store, uid)
    assert index.data == {}
    assert run.kwargs.varying == {"point": range(3000)}
    assert run.kwargs.constant == {"x": 1}
    [piece] = database.event_columns.find({"x": {"$exists": True}})
    assert len(piece["x"]) < 500


@pytest.mark.parametrize(
    ("datums", "ids"),
    [
        (numbered(2), ["r/0", "r/1", "r/2"]),
        ([{**each, "datum_kwargs": None} for each in numbered(2)], ["r/0", "r/1"]),
        ([{**each, "resource": ""} for each in numbered(2)], ["r/0", "r/1"]),
    ],
    ids=["one is missing", "without arguments", "without a resource"],
)
def test_datums_that_are_not_all_there_are_not_copied_and_this_is_told(database, store, datums, ids):
    uid = put(database, datums, ids)
    report = building.build(store.collections, apply=True)
    assert sum(report.without_datums.values()) == len(ids)
    index, runs = copied(store, uid)
    assert runs is None
    assert index.data["image"] == ids


@pytest.mark.parametrize("change", ["late", "removed"])
def test_datums_that_are_more_or_fewer_than_were_copied_are_read(database, store, change):
    uid = put(database, numbered(3), ["r/0", "r/1", "r/2"])
    building.build(store.collections, apply=True)
    if change == "late":
        database.datum.insert_one({"datum_id": "r/3", "resource": "r", "datum_kwargs": {}})
    else:
        database.datum.delete_one({"datum_id": "r/1"})
    index, runs = copied(store, uid)
    assert runs is None
    assert index.data["image"] == ["r/0", "r/1", "r/2"]
    report = building.build(store.collections, apply=True)
    assert report.n_made == 1
    assert (copied(store, uid)[1] is None) == (change == "removed")


def test_a_datum_that_is_stored_twice_is_neither_copied_nor_believed(database, store):
    database.datum.drop_indexes()
    uid = put(database, numbered(3), ["r/0", "r/1", "r/2"])
    building.build(store.collections, apply=True)
    assert copied(store, uid)[1] is not None
    database.datum.insert_one(numbered(3)[1])
    assert copied(store, uid)[1] is None
    assert sum(building.build(store.collections, apply=True).without_datums.values()) == 3


@pytest.mark.parametrize("damage", _DAMAGES)
def test_damaged_pieces_are_not_believed(database, store, damage):
    uid = put(database, numbered(3), ["r/0", "r/1", "r/2"])
    building.build(store.collections, apply=True)
    pieces = {"x": {"$exists": True}}
    if damage is None:
        assert database.event_columns.delete_one(pieces).deleted_count == 1
    else:
        assert database.event_columns.update_one(pieces, damage).modified_count == 1
    index, runs = store.event_index_with_datums([uid], keys=[], datum_keys=["image"])
    assert runs == {}
    assert index.data["image"] == ["r/0", "r/1", "r/2"]


def test_a_datum_that_was_changed_in_place_is_seen_by_samples_and_checks(database, store, monkeypatch):
    uid = put(database, numbered(3), ["r/0", "r/1", "r/2"])
    building.build(store.collections, apply=True)
    database.datum.update_one({"datum_id": "r/1"}, {"$set": {"datum_kwargs.x": 1.0}})
    [told] = building.check(store.collections).differing
    assert "datums" in told
    monkeypatch.setattr(sampling, "EVERY", 1)
    index, runs = store.event_index_with_datums([uid], keys=[], datum_keys=["image"])
    assert runs == {}
    assert index.data["image"] == ["r/0", "r/1", "r/2"]
