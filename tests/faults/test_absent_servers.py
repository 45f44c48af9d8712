"""Servers that freeze, are not there, or fail one command: nothing is lost, and no call hangs."""

import time

import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import DurabilityWarning, StoreUnavailable
from databroker_mongo.store import open_store, writable


def test_a_frozen_server_is_waited_for(mongod, new_load, meanwhile):
    def freeze():
        time.sleep(0.2)
        mongod.freeze()
        time.sleep(2)
        mongod.thaw()
        time.sleep(0.2)

    uri = f"mongodb://{mongod.address}/test"
    with Writer(uri, on_failure="raise") as writer:
        load = new_load(writer)
        load.send_until(meanwhile(freeze).is_over)
    assert load.lost_and_duplicates(uri) == (0, 0)
    assert 1.5 < load.longest < 30


def test_a_server_that_stays_frozen_is_spooled_for_in_time(mongod, new_load, tmp_path):
    uri = f"mongodb://{mongod.address}/test"
    with Writer(uri, spool=tmp_path / "spool", retry_seconds=1.0) as writer:
        load = new_load(writer)
        load.send()
        mongod.freeze()
        with pytest.warns(DurabilityWarning, match=mongod.address):
            load.send()
        assert load.longest < 8
        load.send()
        assert writer.pending == 2
        mongod.thaw()
        writer.flush()
    assert len(load.acknowledged) == 3
    assert load.lost_and_duplicates(uri) == (0, 0)


def test_a_server_that_was_never_there_gets_the_documents_when_a_later_writer_finds_it(mongod, new_load, tmp_path):
    uri = f"mongodb://{mongod.address}/test"
    mongod.kill()
    writer = Writer(uri, spool=tmp_path / "spool", retry_seconds=0.2)
    load = new_load(writer)
    with pytest.warns(DurabilityWarning, match=mongod.address):
        load.send()
    load.send()
    with pytest.warns(DurabilityWarning, match="Not stored yet: 2 documents"):
        writer.close()
    mongod.start()
    mongod.wait()
    Writer(uri, spool=tmp_path / "spool").flush()
    client = mongod.client()
    assert [doc["uid"] for doc in client.test.event.find().sort("seq_num", 1)] == ["event-1", "event-2"]
    client.close()
    assert list((tmp_path / "spool").rglob("*.bson")) == []


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_plan_that_is_held_up_says_for_whom_it_waits(mongod, tmp_path, durable, caplog):
    uri = f"mongodb://{mongod.address}/test"
    with Writer(uri, spool=tmp_path / "spool", retry_seconds=6.5, durable=durable) as writer:
        writer("start", {"uid": "run", "time": 1.0})
        mongod.freeze()
        with pytest.warns(DurabilityWarning, match="not stored but kept"):
            writer("stop", {"uid": "stop", "run_start": "run", "time": 9.0, "exit_status": "success"})
        mongod.thaw()
    [told] = [message for message in caplog.messages if message.startswith("waiting for MongoDB")]
    assert "waiting for MongoDB, 5 s so far and 6 s at most" in told
    assert mongod.address in told


def test_an_absent_server_is_named_with_the_operation_in_time(mongod, new_load):
    mongod.kill()
    load = new_load(Writer(f"mongodb://user:secret@{mongod.address}/test", on_failure="raise", retry_seconds=0.5))
    before = time.monotonic()
    with pytest.raises(StoreUnavailable, match=f"{mongod.address}.*store documents of kind event") as caught:
        load.send()
    assert time.monotonic() - before < 20  # and not the thirty seconds of the driver
    assert "secret" not in str(caught.value)


@pytest.fixture
def failing_mongod(mongod):
    mongod.kill()
    mongod.arguments = ("--setParameter", "enableTestCommands=1")
    mongod.start()
    mongod.wait()
    return mongod


FAILURES = {
    "the connection breaks before": {"closeConnection": True},
    "the server shuts down": {"errorCode": 91},
    "it is not the primary": {"errorCode": 10107},
    "the majority does not answer": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    "it takes too long": {"errorCode": 262},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_every_single_insert_of_a_run_may_fail(failing_mongod, failure):
    # A server that only pretends to step down does not say so to those who watch it: they ask more often here.
    store = writable(open_store(f"mongodb://{failing_mongod.address}/test?heartbeatFrequencyMS=500"))
    run = [
        ("start", {"uid": "run", "time": 1.0}),
        ("descriptor", {"uid": "desc", "run_start": "run", "time": 1.0, "data_keys": {}}),
        *(("event", event(number)) for number in range(1, 4)),
        ("stop", {"uid": "stop", "run_start": "run", "time": 9.0, "exit_status": "success"}),
    ]
    with failing_mongod.client() as client, Writer(store, on_failure="raise") as writer:
        for name, doc in run:
            fault = {"failCommands": ["insert"], **FAILURES[failure]}
            client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 2}, "data": fault})
            writer(name, doc)
        stored = {name: client.test[name].count_documents({}) for name in client.test.list_collection_names()}
    assert stored == {"run_start": 1, "event_descriptor": 1, "event": 3, "run_stop": 1}
    assert writer.acknowledged == 6


def event(number):
    place = {"uid": f"e{number}", "descriptor": "desc", "seq_num": number, "time": float(number)}
    return {**place, "data": {"x": float("nan")}, "timestamps": {"x": 1.0}}
