"""Columnar copies of events: who makes them, of what, when they are made again, and that nothing is lost by it."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

import bson
import numpy as np
import pymongo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.monitoring import CommandListener

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import StoreError
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import building, making, sampling
from databroker_mongo.store.columnar.reading import find_copies, read_copies
from databroker_mongo.store.columnar.rows import index_of_copies
from databroker_mongo.store.columnar.sampling import find_difference
from databroker_mongo.store.events.rows import EventRows
from databroker_mongo.store.protocol import MISSING
from databroker_mongo.testing import build_run

LONG_AGO = 1_500_000_000.0
N_RUNS = 3
N_EVENTS = 5


@pytest.fixture
def uri(mongod_database_uri):
    """A database of three old runs of five events each."""
    for scan_id in range(1, N_RUNS + 1):
        write(mongod_database_uri, scan_id)
    return mongod_database_uri


@pytest.fixture
def database(uri):
    with pymongo.MongoClient(uri) as client:
        yield client.get_default_database()


@pytest.fixture
def copies(database):
    return database["event_columns"]


def write(uri, scan_id, rows=None, *, time=LONG_AGO, stopped=True):
    """Store a run; return the uids of the run and of its descriptor."""
    writer = Writer(Catalog.from_uri(uri))
    rows = [{"x": float(i), "label": f"point {i}"} for i in range(N_EVENTS)] if rows is None else rows
    uids = {}
    for name, doc in build_run({"primary": rows}, scan_id=scan_id, time=time + scan_id):
        if name != "stop" or stopped:
            writer(name, doc)
        uids[name] = doc.get("uid")
    return uids["start"], uids["descriptor"]


def store_of(uri):
    return writable(open_store(uri))


def collections_of(uri):
    return store_of(uri).connection.collections


def build(uri, **keywords):
    return store_of(uri).build_columnar(apply=True, **keywords)


def check(uri):
    return store_of(uri).check_columnar()


def documents(copies):
    """Return all that is in copies but what differs from one making to the next."""
    times = {"_id", "m", "k", "vouch"}
    found = copies.find({}, sort=[("d", 1), ("b", 1), ("g", 1)])
    return [bson.encode({name: _without_checksums(doc[name]) for name in doc if name not in times}) for doc in found]


def _without_checksums(value):
    if isinstance(value, dict):
        return {name: _without_checksums(each) for name, each in value.items() if name != "k"}
    return value


def age(copies, hours):
    """Let all copies have been counted so long ago, by the clock of the server."""
    copies.update_many(
        {"b": 0, "g": 0}, [{"$set": {"vouch.verified": [{"$subtract": ["$$NOW", int(hours * 3_600_000)]}]}}]
    )


def settled(uri):
    with pymongo.MongoClient(uri) as client:
        uids = client.get_default_database()["event_columns"].distinct("d")
    found, _ = find_copies(collections_of(uri), uids)
    return {uid for uid, copy in found.items() if copy.is_settled}


class Commands(CommandListener):
    """Notes the commands that a client sends."""

    def __init__(self):
        self.sent = []

    def started(self, event):
        self.sent.append((event.command_name, event.command.get(event.command_name)))

    def succeeded(self, event):
        pass

    failed = succeeded


@pytest.fixture
def commands():
    """The commands of all clients that are made from now on; one test alone has them."""
    listener = Commands()
    listeners = pymongo.monitoring._LISTENERS.command_listeners
    pymongo.monitoring.register(listener)
    yield listener
    listeners.remove(listener)


def test_nothing_is_written_unless_it_is_asked_for(uri, database):
    report = store_of(uri).build_columnar(apply=False)
    assert (report.n_descriptors, report.n_events, report.n_made) == (N_RUNS, N_RUNS * N_EVENTS, N_RUNS)
    assert not {name for name in database.list_collection_names() if name.startswith("event_columns")}


def test_all_events_of_runs_that_have_ended_are_copied(uri, copies):
    report = build(uri)
    assert (report.n_made, report.n_copied_events, report.n_kept) == (N_RUNS, N_RUNS * N_EVENTS, 0)
    assert report.n_bytes > 0
    assert not report.reasons
    assert copies.options()["storageEngine"]["wiredTiger"]["configString"] == "block_compressor=zstd"
    assert copies.index_information()["d_1_b_1_g_1"]["unique"]
    assert all(Catalog.from_uri(uri)[i].primary.read().attrs["read_from"] == "columnar copies" for i in (1, 2, 3))


def test_a_second_build_makes_nothing(uri, copies):
    build(uri)
    before = list(copies.find())
    report = build(uri)
    assert (report.n_made, report.n_kept, report.n_dropped) == (0, N_RUNS, 0)
    assert list(copies.find()) == before


def test_events_of_a_run_in_progress_are_not_copied(uri):
    now = store_of(uri).connection.collections.metadata.command("hello")["localTime"].timestamp()
    write(uri, 4, time=now, stopped=False)
    report = build(uri)
    assert report.n_made == N_RUNS
    assert dict(report.reasons) == {"their run is in progress": N_EVENTS}


def test_events_of_a_run_that_rests_for_a_month_are_copied(uri):
    write(uri, 4, time=LONG_AGO, stopped=False)
    assert build(uri).n_made == N_RUNS + 1


def test_rows_in_no_order_are_told_and_not_copied(uri, database):
    _, uid = write(uri, 4)
    database["event"].update_one({"descriptor": uid}, {"$set": {"seq_num": "first"}})
    report = build(uri)
    assert (report.n_made, sum(report.reasons.values())) == (N_RUNS, N_EVENTS)
    [reason] = report.reasons
    assert "order" in reason


def test_a_check_tells_why_events_have_no_copy(uri, database, copies):
    _, uid = write(uri, 4)
    build(uri)
    database["event"].update_one({"descriptor": uid}, {"$set": {"seq_num": "first"}})
    copies.delete_many({"d": uid})
    report = check(uri)
    assert (report.n_kept, report.n_made, report.n_copied_events) == (N_RUNS, 0, N_RUNS * N_EVENTS)
    assert dict(report.reasons) == {"the order of its events is not known": N_EVENTS}
    assert not report.differing
    assert copies.count_documents({"d": uid}) == 0


def test_a_column_of_very_wide_rows_is_told_and_left_out(uri):
    run_uid, uid = write(uri, 4, [{"x": 1.0, "wide": "w" * 1_200_000} for _ in range(2)])
    assert build(uri).n_made == N_RUNS + 1
    found, _ = find_copies(collections_of(uri), [uid])
    assert set(found[uid].places) == {"x"}
    assert Catalog.from_uri(uri)[run_uid].primary.read(["wide"])["wide"].values[0] == "w" * 1_200_000
    assert check(uri).n_columns_left_out == 1


def test_copies_of_events_that_changed_are_made_anew(uri, database):
    _, uid = write(uri, 4)
    build(uri)
    database["event"].delete_one({"descriptor": uid, "seq_num": 2})
    report = build(uri)
    assert (report.n_made, report.n_kept) == (1, N_RUNS)
    assert check(uri).differing == []


def test_copies_of_events_that_are_gone_are_removed(uri, database, copies):
    _, without_events = write(uri, 4)
    _, without_descriptor = write(uri, 5)
    build(uri)
    database["event"].delete_many({"descriptor": {"$in": [without_events, without_descriptor]}})
    database["event_descriptor"].delete_one({"uid": without_descriptor})
    assert build(uri).n_dropped == 2
    assert copies.count_documents({"d": {"$in": [without_events, without_descriptor]}}) == 0
    assert len(copies.distinct("d")) == N_RUNS


def test_what_a_killed_build_left_of_events_that_are_gone_is_removed(uri, database, copies):
    _, uid = write(uri, 4)
    build(uri)
    copies.update_one({"d": uid}, {"$set": {"b": 1}})
    database["event"].delete_many({"descriptor": uid})
    build(uri)
    assert copies.count_documents({"d": uid}) == 0


def test_a_doubt_that_a_writer_left_ends_with_the_next_build(uri, copies):
    _, uid = write(uri, 4)
    build(uri)
    copies.insert_one({"d": uid, "b": -1, "g": -1, "doubt": True})
    assert find_copies(collections_of(uri), [uid])[0] == {}
    assert build(uri).n_made == 1
    assert set(find_copies(collections_of(uri), [uid])[0]) == {uid}


def test_runs_that_are_named_are_copied_anew_and_no_others(uri, database, copies):
    run_uid, uid = write(uri, 4)
    build(uri)
    made = {doc["d"]: doc["m"] for doc in copies.find()}
    database["event"].update_one({"descriptor": uid, "seq_num": 2}, {"$set": {"data.x": 77.0}})
    assert [line.partition(":")[0] for line in check(uri).differing] == [uid]
    report = build(uri, rebuild=[run_uid])
    assert (report.n_made, report.n_kept) == (1, N_RUNS)
    assert {doc["d"] for doc in copies.find() if doc["m"] != made[doc["d"]]} == {uid}
    assert check(uri).differing == []
    assert Catalog.from_uri(uri)[run_uid].primary.read(["x"])["x"].values[1] == 77.0


def test_a_copy_is_settled_by_two_counts_an_hour_apart(uri, copies):
    build(uri)
    build(uri)
    assert settled(uri) == set()
    age(copies, hours=0.9)
    build(uri)
    assert settled(uri) == set()
    age(copies, hours=1.1)
    store_of(uri).build_columnar(apply=False)
    check(uri)
    assert settled(uri) == set()
    build(uri)
    assert settled(uri) == set(copies.distinct("d"))
    assert all(len(doc["vouch"]["verified"]) == 2 for doc in copies.find({"b": 0, "g": 0}))
    build(uri)
    assert all(len(doc["vouch"]["verified"]) == 2 for doc in copies.find({"b": 0, "g": 0}))


def test_a_copy_that_is_made_anew_is_not_settled(uri, copies):
    run_uid, uid = write(uri, 4)
    build(uri)
    age(copies, hours=2)
    build(uri, rebuild=[run_uid])
    assert settled(uri) == set(copies.distinct("d")) - {uid}


def test_a_nightly_build_asks_as_often_for_many_runs_as_for_few(mongod_database_uri, commands):
    numbers = []
    for n_runs in (2, 12):
        for scan_id in range(n_runs):
            write(mongod_database_uri, 100 * n_runs + scan_id)
        build(mongod_database_uri)
        age(collections_of(mongod_database_uri).named("event_columns"), hours=2)
        commands.sent.clear()
        assert build(mongod_database_uri).n_made == 0
        numbers.append([name for name, _ in commands.sent if name not in ("hello", "endSessions", "ismaster")])
        assert settled(mongod_database_uri)
    assert len(numbers[1]) <= len(numbers[0]) + 2  # up to four descriptors are counted one by one


def test_many_runs_are_read_from_events_if_somebody_says_so(uri, database, monkeypatch):
    monkeypatch.setattr(sampling, "EVERY", 0)
    build(uri)
    database["event"].update_many({"seq_num": 2}, {"$set": {"data.x": 77.0}})
    runs = Catalog.from_uri(uri)
    assert runs.read("x")["x"].values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0] * N_RUNS
    assert runs.read("x", use_columnar=False)["x"].values.tolist() == [0.0, 77.0, 2.0, 3.0, 4.0] * N_RUNS
    pages = runs.read("x", pages=2, use_columnar=False)
    assert [page["x"].values.max() for page in pages] == [77.0, 77.0]


def test_no_cursor_waits_while_copies_are_made(uri, monkeypatch):
    monkeypatch.setattr(building, "_AT_ONCE", 1)  # a cursor that nobody asks for ten minutes is closed by the server
    client = collections_of(uri).metadata.client
    name = collections_of(uri).metadata.name
    idle = []

    def look(_):
        found = client.admin.aggregate([{"$currentOp": {"idleCursors": True}}])
        idle.extend(op for op in found if op["type"] == "idleCursor" and op["ns"].startswith(f"{name}."))

    assert build(uri, advance=look).n_made == N_RUNS
    assert idle == []


@pytest.mark.parametrize("n_at_once", [1, 2, 3, 1000])
def test_all_descriptors_are_looked_at_once_whatever_the_pages(uri, monkeypatch, database, n_at_once):
    start, _ = write(uri, 4)
    first = database["event_descriptor"].find_one({"run_start": start}, {"_id": 0})
    for number in range(3):
        database["event_descriptor"].insert_one({**first, "uid": f"{first['uid']}-{number}"})
    monkeypatch.setattr(building, "_AT_ONCE", n_at_once)
    looked = []
    report = build(uri, advance=looked.append)
    assert sum(looked) == report.n_descriptors == N_RUNS + 4
    assert report.n_made == N_RUNS + 1


@pytest.mark.parametrize("n_at_once", [1, 2, 1000])
def test_descriptors_that_are_damaged_end_no_build(uri, database, monkeypatch, n_at_once):
    monkeypatch.setattr(building, "_AT_ONCE", n_at_once)
    damages = [{"run_start": 5}, {"run_start": ["a", "zz"]}, {"uid": 7}, {"name": ["a"]}, {"data_keys": 3}]
    for number, damage in enumerate(damages):
        _, uid = write(uri, 10 + number)
        database["event_descriptor"].update_one({"uid": uid}, {"$set": damage})
    assert build(uri).n_made == N_RUNS + 2  # those with an odd name, and with odd data keys
    assert check(uri).differing == []


def test_two_builders_do_not_work_at_once(uri, database):
    second = []

    def build_too(_):
        with pytest.raises(StoreError, match="somebody else is building"):
            build(uri)
        second.append("refused")

    assert build(uri, advance=build_too).n_made == N_RUNS
    assert second
    assert database["event_columns_state"].count_documents({}) == 0
    assert build(uri).n_kept == N_RUNS


def test_a_dead_builder_keeps_others_out_for_an_hour_by_the_clock_of_the_server(uri, database):
    locks = database["event_columns_state"]
    locks.insert_one({"_id": "build", "owner": "dead"})
    for minutes, is_free in ((1, False), (-1, True)):
        locks.update_one({}, [{"$set": {"until": {"$add": ["$$NOW", minutes * 60_000]}}}])
        if is_free:
            assert build(uri).n_made == N_RUNS
        else:
            with pytest.raises(StoreError, match="somebody else"):
                build(uri)


def test_a_builder_whose_lock_was_taken_over_stops(uri, database, monkeypatch):
    monkeypatch.setattr(building, "_AT_ONCE", 1)
    monkeypatch.setattr(building, "_RENEW_SECONDS", 0.0)

    def take_over(_):
        database["event_columns_state"].update_one({}, {"$set": {"owner": "another"}})

    with pytest.raises(StoreError, match="somebody else"):
        build(uri, advance=take_over)
    assert database["event_columns_state"].find_one()["owner"] == "another"


def test_a_lock_is_renewed_within_a_page(uri, database, monkeypatch):
    monkeypatch.setattr(building, "_RENEW_SECONDS", 0.0)
    until = []
    make = making.CopyMaker.make

    def making_slowly(self, *arguments):
        until.append(database["event_columns_state"].find_one()["until"])
        database["event_columns_state"].update_one({}, [{"$set": {"until": "$$NOW"}}])
        return make(self, *arguments)

    monkeypatch.setattr(making.CopyMaker, "make", making_slowly)
    build(uri)
    hello = database.command("hello")["localTime"]
    assert len(until) == N_RUNS
    assert all(each > hello + timedelta(minutes=30) for each in until)


@pytest.mark.parametrize("change", ["insert", "delete"])
def test_events_that_change_while_they_are_copied_are_not(uri, database, copies, monkeypatch, change):
    _, uid = write(uri, 4)
    store = making.CopyMaker._store

    def storing(self, documents):
        stored = store(self, documents)
        if change == "delete":
            database["event"].delete_one({"descriptor": uid, "seq_num": 2})
        else:
            event = database["event"].find_one({"descriptor": uid, "seq_num": 2}, {"_id": 0})
            database["event"].insert_one({**event, "uid": "late", "seq_num": 99})
        return stored

    monkeypatch.setattr(making.CopyMaker, "_store", storing)
    collections = collections_of(uri)
    building.create_collection(collections)
    with pytest.raises(making.UncopiableError, match="changing"):
        making.CopyMaker(collections).make(uid, ["x", "label"])
    assert copies.count_documents({"d": uid}) == 0


def test_the_rows_of_a_copy_are_not_all_kept_as_bytes_beside_the_columns(uri, monkeypatch):
    monkeypatch.setattr("databroker_mongo.store.columnar.copies.MOST_ROWS", 2)
    _, uid = write(uri, 4)
    drawn, most = [], []
    documents_of = making.documents_of

    def counted(*arguments, **keywords):
        for document in documents_of(*arguments, **keywords):
            drawn.append(document)
            yield document

    monkeypatch.setattr(making, "documents_of", counted)
    collections = collections_of(uri)
    building.create_collection(collections)
    insert_one = pymongo.collection.Collection.insert_one

    def insert(self, document, *arguments, **keywords):
        most.append(len(drawn))
        return insert_one(self, document, *arguments, **keywords)

    monkeypatch.setattr(pymongo.collection.Collection, "insert_one", insert)
    making.CopyMaker(collections).make(uid, ["x", "label"])
    assert len(most) > 1
    assert most == list(range(1, len(most) + 1))


def test_orphans_are_found_by_the_index_alone(uri, database):
    build(uri)
    explained = database.command(
        "explain",
        {"aggregate": "event_columns", "pipeline": list(building.DESCRIPTORS_OF_COPIES), "cursor": {}},
        verbosity="queryPlanner",
    )
    assert "DISTINCT_SCAN" in str(explained)


def test_all_copies_may_be_dropped_at_any_time(uri, database):
    before = [Catalog.from_uri(uri)[i].primary.read() for i in (1, 2, 3)]
    build(uri)
    store_of(uri).drop_columnar()
    assert not {name for name in database.list_collection_names() if name.startswith("event_columns")}
    for scan_id, expected in enumerate(before, 1):
        assert Catalog.from_uri(uri)[scan_id].primary.read().identical(expected)
    assert check(uri).n_kept == 0


BUILDER = """
import sys
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import copies
copies.MOST_ROWS = 2
import pymongo.collection
n = int(sys.argv[2])
insert_one, count = pymongo.collection.Collection.insert_one, [0]
def inserting(self, document, *a, **k):
    if count[0] == n:
        print("there", flush=True)
        sys.stdin.read()
    count[0] += 1
    return insert_one(self, document, *a, **k)
pymongo.collection.Collection.insert_one = inserting
writable(open_store(sys.argv[1])).build_columnar(apply=True)
"""


@pytest.mark.parametrize("n_inserted", [0, 2, 3, 4])
def test_a_build_that_is_killed_leaves_nothing_that_is_believed(uri, database, copies, monkeypatch, n_inserted):
    expected = [Catalog.from_uri(uri)[i].primary.read() for i in (1, 2, 3)]
    builder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(BUILDER), uri, str(n_inserted)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert builder.stdout.readline() == "there\n"
    finally:
        os.kill(builder.pid, signal.SIGKILL)
        builder.communicate()
    assert copies.count_documents({}) == n_inserted
    heads, _ = find_copies(collections_of(uri), copies.distinct("d"))
    assert len(heads) == n_inserted // 3  # of three documents each, the first one comes last
    for scan_id, each in enumerate(expected, 1):
        found = Catalog.from_uri(uri)[scan_id].primary.read()
        assert found.equals(each)
    with pytest.raises(StoreError, match="somebody else"):
        build(uri)
    database["event_columns_state"].update_one({}, [{"$set": {"until": {"$subtract": ["$$NOW", 60_000]}}}])
    monkeypatch.setattr("databroker_mongo.store.columnar.copies.MOST_ROWS", 2)
    report = build(uri)
    assert (report.n_made, report.n_kept) == (N_RUNS - len(heads), len(heads))
    after_kill = documents(copies)
    store_of(uri).drop_columnar()
    build(uri)
    assert documents(copies) == after_kill
    assert check(uri).differing == []


NANS = np.array([0x7FF8_0000_DEAD_BEEF, 0xFFF8_0000_0000_0001], np.uint64).view(np.float64)
SPECIAL = [float.fromhex("0x1p-1074"), -0.0, math.inf, -math.inf, *NANS.tolist()]
NUMBERS = st.floats() | st.sampled_from(SPECIAL)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.none() | st.booleans() | INTEGERS | NUMBERS | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
)


@st.composite
def columns(draw):
    """Draw up to four columns, each of one kind of value or of any, some with gaps; equal in length."""
    n_rows = draw(st.integers(1, 9))
    length = draw(st.integers(0, 3))
    kinds = [
        NUMBERS, INTEGERS, st.booleans(), st.text("ab\u00fc"), VALUES,
        st.lists(NUMBERS, min_size=length, max_size=length), st.lists(INTEGERS, min_size=length, max_size=length),
        st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=length, max_size=length), st.just(MISSING),
    ]  # fmt: skip
    found = {}
    for key in draw(st.lists(st.sampled_from(["x", "a.b", "$y", "ü"]), min_size=1, unique=True)):
        kind = draw(st.sampled_from(kinds))
        kind = kind | st.just(MISSING) if draw(st.booleans()) else kind
        found[key] = draw(st.lists(kind, min_size=n_rows, max_size=n_rows))
    return found


@pytest.fixture(scope="module")
def collections_of_module(mongod_uri):
    uri = mongod_uri.replace("/?", f"/test_{os.getpid()}_columnar_building?")
    collections = collections_of(uri)
    building.create_collection(collections)
    yield collections
    collections.metadata.client.drop_database(collections.metadata.name)


@settings(max_examples=60)
@given(columns=columns(), n_of_block=st.integers(1, 10), most_bytes=st.sampled_from([64, 200, 1_000_000]))
def test_what_is_in_a_copy_is_what_the_events_give(collections_of_module, columns, n_of_block, most_bytes):
    collections, uid = collections_of_module, str(bson.ObjectId())
    keys, n_rows = list(columns), len(next(iter(columns.values())))
    events = [
        {
            "uid": f"{uid}-{row}",
            "descriptor": uid,
            "seq_num": row + 1,
            "time": LONG_AGO + row,
            "data": {key: columns[key][row] for key in keys if columns[key][row] is not MISSING},
            "timestamps": {},
            "filled": {},
        }
        for row in range(n_rows)
    ]
    collections.event.insert_many(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("databroker_mongo.store.columnar.copies.MOST_ROWS", n_of_block)
        patch.setattr("databroker_mongo.store.columnar.copies.MOST_BYTES", most_bytes)
        making.CopyMaker(collections).make(uid, keys)
    found, doubts = find_copies(collections, [uid])
    assert not doubts
    copied = [key for key in keys if key in found[uid].places]
    assert copied == keys or most_bytes < 1000
    parts, damaged = read_copies(collections, [found[uid]], copied, has_rows=True)
    assert not damaged
    copied_index = index_of_copies([uid], found, parts, copied)
    stored_index = EventRows(collections).read_index([uid], copied)
    assert find_difference(copied_index, stored_index) is None
    for key in copied:
        assert_identical(copied_index.data[key], stored_index.data[key])
    assert copied_index.snapshot == stored_index.snapshot


def assert_identical(one, other):
    """Compare two columns by their types, shapes and bits, without what the library compares by."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
        return
    if isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_identical(*pair)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_identical(one[key], other[key])
    elif isinstance(one, float):
        assert np.float64(one).tobytes() == np.float64(other).tobytes()
    else:
        assert one == other
