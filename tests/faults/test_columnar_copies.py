"""Columnar copies whose events change, that are damaged or half built: what the events say is read."""

import signal
import subprocess
import sys

import bson
import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import StoreError
from databroker_mongo.store.columnar import building, copies, late_events, making, sampling

from .copied_runs import (
    COUNTED,
    N_ROWS,
    SETTLED,
    Bench,
    documents_of_run,
    is_copied,
    opened_bench,
    require_copied,
    require_read_from_events,
    require_same,
    time_of,
)

SECRET = "sw0rdf1sh"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of ten rows, so that a copy has several; and no read is sampled, unless a test says so."""
    monkeypatch.setattr(copies, "MOST_ROWS", 10)
    monkeypatch.setattr(sampling, "EVERY", 0)


@pytest.fixture
def bench(mongod_database_uri):
    bench = Bench(mongod_database_uri)
    bench.write(documents_of_run())
    assert bench.build().n_made == 1
    require_copied(bench)
    yield bench
    bench.database.client.close()


def store_earlier(bench):
    bench.database.event.insert_one(bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, 5) + 0.5))


def store_repeat(bench):
    bench.database.event.insert_one(bench.new_event(seq_num=7, time=time_of(bench, 7) + 0.5, data={"x": -1.0}))


def store_at_the_end(bench):
    bench.database.event.insert_one(bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, N_ROWS) + 1))


def remove_in_the_middle(bench):
    assert bench.database.event.delete_one({"seq_num": 12}).deleted_count == 1


def remove_the_last(bench):
    assert bench.database.event.delete_one({"seq_num": N_ROWS}).deleted_count == 1


def exchange(bench):
    """Remove one and store another: their number and the last one stay."""
    event = bench.new_event(data={"x": 1e6, "n": 1, "label": "another", "pair": [7, 7]})
    remove_in_the_middle(bench)
    bench.database.event.insert_one(event)


def edit(bench):
    done = bench.database.event.update_one({"seq_num": 12}, {"$set": {"data.x": 1e6}})
    assert done.modified_count == 1


IN_THE_MIDDLE = [store_earlier, store_repeat, remove_in_the_middle]
AT_THE_END = [store_at_the_end, remove_the_last]
UNCOUNTED = [exchange, edit]


@pytest.mark.parametrize("change", IN_THE_MIDDLE + AT_THE_END)
def test_what_another_program_stores_or_removes_is_seen_at_the_next_read_and_the_copy_dropped(bench, change):
    change(bench)
    require_read_from_events(bench)
    assert bench.columns.count_documents({}) == 0
    assert bench.build().n_made == 1
    require_copied(bench)


@pytest.mark.parametrize("change", IN_THE_MIDDLE)
def test_who_trusts_settled_copies_sees_a_change_in_the_middle_after_the_next_build(bench, change, monkeypatch):
    bench.settle(monkeypatch)
    change(bench)
    assert is_copied(bench.read(columnar=SETTLED))
    report = bench.build()
    assert (report.n_made, report.n_kept) == (1, 0)
    require_copied(bench, columnar=SETTLED)
    require_copied(bench)


@pytest.mark.parametrize("change", AT_THE_END)
def test_who_trusts_settled_copies_sees_a_change_at_the_end_at_once(bench, change, monkeypatch):
    bench.settle(monkeypatch)
    require_copied(bench, columnar=SETTLED)
    change(bench)
    require_read_from_events(bench, columnar=SETTLED)
    assert bench.columns.count_documents({}) == 0


@pytest.mark.parametrize("change", IN_THE_MIDDLE)
def test_a_copy_that_is_not_settled_is_counted_by_everybody(bench, change):
    assert bench.build().n_kept == 1  # an hour has not passed
    change(bench)
    require_read_from_events(bench, columnar=SETTLED)


@pytest.mark.parametrize("change", IN_THE_MIDDLE + UNCOUNTED)
def test_a_sampled_read_sees_whatever_has_changed_and_says_so(bench, change, monkeypatch, caplog):
    bench.settle(monkeypatch)
    change(bench)
    monkeypatch.setattr(sampling, "EVERY", 1)
    require_read_from_sampled_events(bench)
    assert "is wrong" in caplog.text
    assert bench.columns.count_documents({}) == 0
    monkeypatch.setattr(sampling, "EVERY", 0)
    require_read_from_events(bench, columnar=SETTLED)


def require_read_from_sampled_events(bench):
    require_same(bench.read(columnar=SETTLED), bench.events())


@pytest.mark.parametrize("change", UNCOUNTED)
def test_what_no_count_sees_is_found_by_a_check_and_mended_by_a_build_of_that_run(bench, change):
    assert bench.store.check_columnar().differing == []
    change(bench)
    [differing] = bench.store.check_columnar().differing
    assert "'x'" in differing or "time" in differing or "seq_num" in differing
    assert bench.build().n_kept == 1
    run_uid = bench.database.run_start.find_one({})["uid"]
    assert bench.build(rebuild=[run_uid]).n_made == 1
    assert bench.store.check_columnar().differing == []
    require_copied(bench)


def test_a_late_event_of_the_writer_drops_the_copy_before_it_is_stored_and_afterwards(bench, monkeypatch):
    forbid, seen = late_events.forbid, []

    def noting(collections, uids):
        forbid(collections, uids)
        seen.append((bench.columns.count_documents({}), bench.database.event.count_documents({})))

    monkeypatch.setattr(late_events, "forbid", noting)
    bench.write([("event", bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, 5) + 0.5))])
    assert seen == [(0, N_ROWS), (0, N_ROWS + 1)]
    require_read_from_events(bench, columnar=SETTLED)


class Interposed:
    """Something that is done once, when a function is called for the n-th time, before it or after it."""

    def __init__(self, action, *, call, when):
        self._action = action
        self._call = call
        self._when = when
        self.n_calls = 0

    def around(self, function):
        def called(*arguments, **options):
            self.n_calls += 1
            is_now = self.n_calls == self._call
            if is_now and self._when == "before":
                self._action()
            result = function(*arguments, **options)
            if is_now and self._when == "after":
                self._action()
            return result

        return called


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_build_between_any_steps_of_a_writer_leaves_no_copy_without_its_event(bench, monkeypatch, call, when):
    built = Interposed(lambda: bench.build(rebuild=[run_uid]), call=call, when=when)
    run_uid = bench.database.run_start.find_one({})["uid"]
    event = bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, 5) + 0.5)
    monkeypatch.setattr(late_events, "forbid", built.around(late_events.forbid))
    bench.write([("event", event)])
    assert built.n_calls == 2
    require_no_stale_copy(bench)


STEPS = [
    (making.CopyMaker, "_read"),
    (making.CopyMaker, "_store"),
    (making.CopyMaker, "_require_unchanged"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("where", "step"), STEPS, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_a_late_event_between_any_steps_of_a_build_is_in_its_copy_or_there_is_none(
    bench, monkeypatch, where, step, when
):
    event = bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, 5) + 0.5)
    bench.columns.delete_many({})
    stored = Interposed(lambda: bench.write([("event", event)]), call=1, when=when)
    monkeypatch.setattr(where, step, stored.around(getattr(where, step)))
    bench.build()
    assert bench.database.event.count_documents({}) == N_ROWS + 1
    require_no_stale_copy(bench)


def require_no_stale_copy(bench):
    """Insist that whoever trusts whatever is there, without a count, reads the events."""
    bench.columns.update_many(
        {"b": 0, "g": 0, "vouch": {"$exists": True}}, [{"$set": {"vouch.verified": ["$$NOW", "$$NOW"]}}]
    )
    require_same(bench.read(columnar=SETTLED), bench.events())
    assert bench.events().sizes["time"] == N_ROWS + 1


def test_of_two_builds_at_once_one_is_refused(bench, monkeypatch):
    refused = []

    def build_as_well():
        with pytest.raises(StoreError, match="somebody else is building") as caught:
            bench.build()
        refused.append(caught.value)

    other = Interposed(build_as_well, call=1, when="before")
    monkeypatch.setattr(making.CopyMaker, "_store", other.around(making.CopyMaker._store))
    bench.columns.delete_many({})
    assert bench.build().n_made == 1
    assert len(refused) == 1
    require_copied(bench)
    assert bench.build().n_kept == 1  # the lock is free again


def test_two_who_copy_the_same_events_leave_one_whole_copy_or_none(bench, monkeypatch):
    run_uid = bench.database.run_start.find_one({})["uid"]
    other = Interposed(lambda: building.build_runs(bench.store.collections, [run_uid]), call=1, when="before")
    monkeypatch.setattr(making.CopyMaker, "_store", other.around(making.CopyMaker._store))
    bench.columns.delete_many({})
    bench.build()
    assert other.n_calls == 2
    require_same(bench.read(columnar=SETTLED), bench.events())
    bench.build()
    require_copied(bench)


def test_a_doubt_that_is_left_while_a_copy_is_made_is_obeyed(bench, monkeypatch):
    uid = bench.database.event_descriptor.find_one({})["uid"]
    doubt = {"d": uid, "b": copies.DOUBT, "g": copies.DOUBT, "doubt": True}
    left = Interposed(lambda: bench.columns.insert_one(doubt), call=1, when="before")
    monkeypatch.setattr(making.CopyMaker, "_store", left.around(making.CopyMaker._store))
    bench.columns.delete_many({})
    report = bench.build()
    assert report.n_made == 0
    assert report.reasons["its events were changing"] == N_ROWS
    require_read_from_events(bench)
    assert [each["b"] for each in bench.columns.find({})] == [copies.DOUBT]
    assert bench.build().n_made == 1
    require_copied(bench)


BUILD = """
import sys
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import copies
copies.MOST_ROWS = 10
writable(open_store(sys.argv[1])).build_columnar(apply=True)
"""
HANGING = """
import time
from databroker_mongo.store.columnar import making
import pymongo.collection
insert_one, n_stored = pymongo.collection.Collection.insert_one, 0
def insert(self, document, *rest, **options):
    global n_stored
    result = insert_one(self, document, *rest, **options)
    if self.name == "event_columns":
        n_stored += 1
        if n_stored == int(sys.argv[2]):
            print("stored", flush=True)
            time.sleep(100)
    return result
pymongo.collection.Collection.insert_one = insert
"""


@pytest.mark.parametrize("n_stored", [1, 2, 3])
def test_a_build_that_is_killed_leaves_nothing_that_is_read_wrongly(bench, monkeypatch, n_stored):
    bench.columns.delete_many({})
    script = BUILD.replace("writable(open", HANGING + "writable(open", 1)
    command = [sys.executable, "-c", script, bench.uri, str(n_stored)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stored\n"
        process.send_signal(signal.SIGKILL)
    assert bench.columns.count_documents({}) == n_stored
    found = bench.read()
    assert is_copied(found) == (n_stored == 3)  # the document that vouches for all is the last of three
    require_same(found, bench.events())
    with pytest.raises(StoreError, match="killed at it less than an hour ago") as caught:
        bench.build()
    lock = bench.database[building.STATE_COLLECTION].find_one({"_id": "build"})
    assert f"The lock of that build ends at {lock['until']:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)
    bench.database[building.STATE_COLLECTION].update_one(
        {"_id": "build"}, [{"$set": {"until": {"$subtract": ["$$NOW", 1]}}}]
    )
    assert bench.build().n_made == (n_stored < 3)
    require_copied(bench)


def block_of(bench, number):
    return bench.columns.find_one({"b": number, "g": 0})


def replace(bench, document, **changes):
    done = bench.columns.replace_one({"_id": document["_id"]}, {**document, **changes})
    assert done.modified_count == 1


def lose_block(bench):
    bench.columns.delete_one({"b": 1})


def lose_header(bench):
    bench.columns.delete_one({"b": 0})


def truncate(bench):
    block = block_of(bench, 1)
    block["c"]["0"]["v"] = block["c"]["0"]["v"][:-8]
    replace(bench, block)


def flip_bit(bench):
    block = block_of(bench, 1)
    data = bytearray(block["c"]["0"]["v"])
    data[5] ^= 1
    block["c"]["0"]["v"] = bytes(data)
    replace(bench, block)


def lose_column(bench):
    block = block_of(bench, 2)
    del block["c"]["1"]
    replace(bench, block)


def swap_blocks(bench):
    """Exchange the contents of two blocks of as many rows."""
    first, second = block_of(bench, 0), block_of(bench, 1)
    replace(bench, first, c=second["c"])
    replace(bench, second, c=first["c"])


def swap_numbers(bench):
    """Exchange the numbers of two blocks."""
    second, third = block_of(bench, 1), block_of(bench, 2)
    bench.columns.delete_one({"_id": third["_id"]})
    replace(bench, second, b=2, first=20)
    bench.columns.insert_one({**third, "b": 1, "first": 10})


def swap_columns(bench):
    block = block_of(bench, 1)
    block["c"]["0"], block["c"]["1"] = block["c"]["1"], block["c"]["0"]
    replace(bench, block)


def take_block_of_another_run(bench):
    bench.write(documents_of_run(scan_id=2, time=1_800_000_000.0))
    bench.build()
    theirs = bench.database.event_descriptor.find_one({"time": {"$gt": 1_800_000_000}})["uid"]
    replace(
        bench,
        bench.columns.find_one({"d": {"$ne": theirs}, "b": 1}),
        c=bench.columns.find_one({"d": theirs, "b": 1})["c"],
    )


def take_block_of_an_earlier_copy(bench):
    block = block_of(bench, 1)
    run_uid = bench.database.run_start.find_one({})["uid"]
    assert bench.build(rebuild=[run_uid]).n_made == 1
    bench.columns.delete_one({"b": 1})
    bench.columns.insert_one(block)


def write_another_version(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"vouch.version": copies.VERSION + 1}})


def damage_keys(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"keys.0": "n", "keys.1": "x"}})


def damage_number(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"of": N_ROWS - 1}})


def damage_kinds(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"kinds": 7}})


def damage_groups(bench):
    bench.columns.update_one({"b": 0}, {"$unset": {"groups": 1}})


def damage_vouch(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"vouch": None}})


def damage_rows(bench):
    bench.columns.update_one({"b": 0}, {"$set": {"rows.is_consecutive": False}})


DAMAGES = [
    lose_block,
    lose_header,
    truncate,
    flip_bit,
    lose_column,
    swap_blocks,
    swap_numbers,
    swap_columns,
    take_block_of_another_run,
    take_block_of_an_earlier_copy,
    write_another_version,
    damage_keys,
    damage_number,
    damage_kinds,
    damage_groups,
    damage_vouch,
    damage_rows,
]


@pytest.mark.parametrize("trust", [COUNTED, SETTLED], ids=["counted", "settled"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_copy_the_events_are_read_and_the_next_build_mends_it(bench, monkeypatch, damage, trust):
    bench.settle(monkeypatch)
    damage(bench)
    require_read_from_events(bench, columnar=trust)
    bench.build()
    require_copied(bench, columnar=trust)


@pytest.mark.parametrize("damage", [lose_block, truncate, flip_bit, swap_blocks])
def test_a_window_of_a_damaged_copy_is_read_from_the_events(bench, damage):
    stream = Catalog.from_uri(bench.uri)[1].primary
    snapshot = bench.store.event_index(stream_uids(bench)).snapshot
    assert snapshot.copies
    damage(bench)
    rows = slice(8, 18)
    found = bench.store.event_columns(snapshot, ["x", "label"], rows=rows)
    np.testing.assert_array_equal(found["x"], 0.5 * np.arange(8, 18))
    assert found["label"] == [f"row {row}" for row in range(8, 18)]
    require_read_from_events(bench)
    assert stream.read()["n"].values.tolist() == list(range(N_ROWS))


def stream_uids(bench):
    return [each["uid"] for each in bench.database.event_descriptor.find({})]


def test_a_block_that_others_do_not_need_does_no_harm_to_them(bench):
    assert bench.columns.count_documents({}) == 3
    lose_column(bench)  # of the key n
    uids = stream_uids(bench)
    found = bench.store.event_index(uids, keys=["x"])
    assert found.snapshot.copies
    np.testing.assert_array_equal(found.data["x"], 0.5 * np.arange(N_ROWS))
    assert not bench.store.event_index(uids, keys=["n"]).snapshot.copies


@pytest.mark.parametrize("n_restored", [N_ROWS - 3, N_ROWS])
def test_of_an_older_dump_that_was_restored_beside_newer_copies_the_events_are_read(bench, n_restored):
    dump = list(bench.database.event.find({}))
    for event in dump:
        event.update(uid=str(bson.ObjectId()), time=event["time"] - 0.25)
        event["data"]["x"] = -event["data"]["x"]
    bench.database.event.delete_many({})
    bench.database.event.insert_many(dump[:n_restored])
    require_read_from_events(bench)


def test_copies_that_a_restored_database_brings_are_not_taken_for_those_of_newer_events(bench):
    kept = list(bench.columns.find({}))
    store_earlier(bench)
    assert bench.build().n_made == 1
    bench.columns.delete_many({})
    bench.columns.insert_many(kept)
    require_read_from_events(bench)


def test_events_that_are_gone_take_their_copy_with_them_at_the_next_build(bench):
    bench.database.event.delete_many({})
    report = bench.build()
    assert report.n_dropped == 1
    assert bench.columns.count_documents({}) == 0


def test_a_descriptor_that_is_gone_takes_its_copy_with_it_at_the_next_build(bench):
    bench.database.event_descriptor.delete_many({})
    assert bench.build().n_dropped == 1
    assert bench.columns.count_documents({}) == 0


def test_a_snapshot_outlives_its_copy(bench):
    index = bench.store.event_index(stream_uids(bench), keys=["x"])
    assert index.snapshot.copies
    bench.columns.delete_many({})
    np.testing.assert_array_equal(bench.store.event_columns(index.snapshot, ["x"])["x"], index.data["x"])
    assert bench.build().n_made == 1
    np.testing.assert_array_equal(bench.store.event_columns(index.snapshot, ["x"])["x"], index.data["x"])


@pytest.mark.parametrize("time", [1e300, -1e300, float("nan"), float("inf"), None, "yesterday"])
def test_an_event_of_an_impossible_time_stops_no_build(bench, time):
    bench.write(documents_of_run(n_rows=3, scan_id=2, time=1_800_000_000.0, exit_status=None))
    bench.database.event.update_one({"time": {"$gt": 1_800_000_003}}, {"$set": {"time": time}})
    bench.columns.delete_many({})
    report = bench.build()
    assert report.n_made >= 1
    require_copied(bench)


@pytest.mark.parametrize("lacking", ["run_start", "uid", "data_keys", "name"])
def test_a_descriptor_that_lacks_a_field_stops_no_build(bench, lacking):
    descriptor = bench.database.event_descriptor.find_one({}, {"_id": 0})
    bench.database.event_descriptor.insert_one(
        {name: value for name, value in {**descriptor, "uid": "lacking"}.items() if name != lacking}
    )
    bench.database.event.insert_one(bench.new_event(descriptor="lacking"))
    bench.columns.delete_many({})
    assert bench.build().n_made >= 1
    assert bench.store.check_columnar().differing == []


def test_a_writer_that_went_on_while_another_stored_the_stop_drops_the_copy_of_its_run(
    mongod_database_uri, monkeypatch
):
    bench = Bench(mongod_database_uri)
    *documents, late, stop = documents_of_run()
    with Writer(bench.uri, on_failure="raise", durable="each") as writer:
        for name, document in documents:
            writer(name, document)
        bench.write([stop])
        assert bench.build().n_made == 1
        monkeypatch.setattr(late_events, "_ASK_AGAIN_SECONDS", -1.0)
        writer(*late)
    require_no_copy_without(bench)


def require_no_copy_without(bench):
    found = bench.read()
    require_same(found, bench.events())
    assert found.sizes["time"] == N_ROWS
    assert bench.columns.count_documents({}) == 0
    bench.database.client.close()


@pytest.fixture
def guarded(mongod):
    """A server with accounts: one that may all, one that may store and not remove, one that may not see copies."""
    mongod.kill()
    mongod.arguments = ("--auth",)
    mongod.start()
    with mongod.client() as client:
        client.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
    kinds = ["run_start", "run_stop", "event_descriptor", "event", "resource", "datum"]
    look, store = ["find", "listIndexes"], ["insert", "find", "listIndexes"]
    with mongod.client(username="root", password=SECRET) as client:
        create_account(client.test, "owner", None)
        create_account(client.test, "storing", dict.fromkeys([*kinds, "event_columns"], store))
        create_account(client.test, "looking", dict.fromkeys([*kinds, "event_columns"], look))
        create_account(client.test, "unseeing", dict.fromkeys(kinds, look))
    with opened_bench(account(mongod, "owner")) as bench:
        bench.write(documents_of_run())
        assert bench.build().n_made == 1
        bench.account = lambda name: account(mongod, name)
        yield bench


def create_account(database, name, rights):
    if rights is None:
        database.command("createUser", name, pwd=SECRET, roles=["dbOwner"])
        return
    privileges = [
        {"resource": {"db": "test", "collection": collection}, "actions": actions}
        for collection, actions in rights.items()
    ]
    database.command("createRole", name, privileges=privileges, roles=[])
    database.command("createUser", name, pwd=SECRET, roles=[name])


def account(mongod, name):
    return f"mongodb://{name}:{SECRET}@{mongod.address}/test?retryWrites=true"


@pytest.mark.filterwarnings("ignore::databroker_mongo.errors.DurabilityWarning")
def test_a_writer_that_may_not_remove_leaves_a_doubt_that_readers_and_builders_obey(guarded):
    event = guarded.new_event(seq_num=N_ROWS + 1, time=time_of(guarded, 5) + 0.5)
    with Writer(guarded.account("storing"), on_failure="raise") as writer:
        writer("event", event)
    assert guarded.columns.count_documents({"b": copies.DOUBT, "doubt": True}) == 1
    assert guarded.columns.count_documents({}) == 4
    guarded.columns.update_many({"b": 0}, [{"$set": {"vouch.verified": ["$$NOW", "$$NOW"]}}])
    require_read_from_events(guarded, columnar=SETTLED)
    assert guarded.build().n_made == 1
    assert guarded.columns.count_documents({"doubt": True}) == 0
    require_copied(guarded, columnar=SETTLED)


def test_a_reader_that_may_not_remove_reads_events_and_leaves_the_copy(guarded):
    read_as(guarded, "looking", is_from_copies=True)
    store_earlier(guarded)
    read_as(guarded, "looking", is_from_copies=False)
    assert guarded.columns.count_documents({}) == 3


def test_an_account_that_does_not_see_the_copies_reads_events(guarded):
    read_as(guarded, "unseeing", is_from_copies=False)


def read_as(bench, name, *, is_from_copies):
    found = Catalog.from_uri(f"{bench.account(name)}&appName={bson.ObjectId()}")[1].primary.read()
    assert is_copied(found) == is_from_copies
    require_same(found, bench.events())


def test_a_catalog_of_views_reads_what_the_events_say(bench):
    bench.store.create_views(prefix="mine.", field="scan_id", values=[1])
    found = Catalog.from_uri(bench.uri, collection_prefix="mine.")[1].primary.read()
    require_same(found, bench.events())
    store_earlier(bench)
    found = Catalog.from_uri(f"{bench.uri}&appName=again", collection_prefix="mine.")[1].primary.read()
    require_same(found, bench.events())
    assert found.sizes["time"] == N_ROWS + 1


def test_a_scope_reads_from_copies_what_is_in_it(bench):
    found = Catalog.from_uri(bench.uri, scope={"scan_id": 1})[1].primary.read()
    assert is_copied(found)
    require_same(found, bench.events())
