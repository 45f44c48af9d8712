"""Runs followed while they are written, on mongomock (polled) and on MongoDB (told by a change stream)."""

import itertools
import threading

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.store.events.changes import Changes
from databroker_mongo.testing import build_run


@pytest.fixture
def n_waits(monkeypatch):
    """Count how often somebody who follows has looked, found no more and waits."""
    counted, original = threading.Semaphore(0), Changes.wait

    def wait(self, seconds):
        counted.release()
        return original(self, seconds)

    monkeypatch.setattr(Changes, "wait", wait)
    return counted


@pytest.fixture
def writing(store_uri, n_waits):
    """Write documents, now or, each time somebody who follows waits for more, in a thread that the test waits for."""
    writer = Writer(store_uri)
    later = []

    def write(documents):
        for name, doc in documents:
            writer(name, doc)

    def write_later():
        for documents in later:
            assert n_waits.acquire(timeout=60)
            write(documents)

    thread = threading.Thread(target=write_later)

    def write_or_wait(documents, *, is_awaited=False):
        if not is_awaited:
            write(documents)
            return
        later.append(documents)
        if not thread.ident:
            thread.start()

    yield write_or_wait
    if thread.ident:
        thread.join()


def test_a_stream_yields_what_is_there_and_what_comes_and_ends_with_the_run(store_uri, writing):
    documents = build_run({"primary": [{"x": number} for number in range(20)], "other": [{"y": 1}]})
    writing(documents[:5])
    primary = Catalog.from_uri(store_uri)[-1].primary
    writing(documents[5:], is_awaited=True)
    rows = list(primary.follow(seconds=0.05))
    assert [row.data["x"] for row in rows] == list(range(20))
    assert [row.number for row in rows] == list(range(20))
    assert rows[3].timestamps["x"] == rows[3].time


def test_events_out_of_order_sent_twice_and_counted_again_are_yielded_once_each(store_uri, writing):
    documents = build_run({"primary": [{"x": number} for number in range(6)]})
    events = [each for each in documents if each[0] == "event"]
    again = [("event", {**events[3][1], "uid": "again", "seq_num": 2, "time": events[5][1]["time"] + 1})]
    writing(documents[:2])
    primary = Catalog.from_uri(store_uri)[-1].primary
    writing([events[2], events[0]], is_awaited=True)
    writing([events[1], events[0], events[5], events[4], events[3]], is_awaited=True)
    writing([*again, documents[-1]], is_awaited=True)
    uids = [row.data["x"] for row in primary.follow(seconds=0.02)]
    assert sorted(uids) == [0, 1, 2, 3, 3, 4, 5]


def test_a_descriptor_that_comes_later_belongs_to_the_stream_too(store_uri, writing):
    first = build_run({"primary": [{"x": 0}]}, exit_status=None)
    second = build_run({"primary": [{"x": 1}]}, scan_id=2)
    run_uid = first[0][1]["uid"]
    late = [(name, {**doc, "run_start": run_uid} if "run_start" in doc else doc) for name, doc in second[1:]]
    late[1][1].update(seq_num=2)
    writing(first)
    primary = Catalog.from_uri(store_uri)[-1].primary
    writing(late, is_awaited=True)
    assert [row.data["x"] for row in primary.follow(seconds=0.02)] == [0, 1]


def test_a_catalog_yields_the_runs_of_its_own_that_start_and_stop(store_uri, writing):
    going_on = build_run({"primary": [{"x": 1}]}, scan_id=1, plan_name="count")
    writing(going_on[:-1])
    writing(build_run({"primary": [{"x": 1}]}, scan_id=9, time=1_600_000_000.0, plan_name="count"))
    later = [
        build_run({"primary": []}, scan_id=number, time=1_700_000_100.0 + number, plan_name=plan)
        for number, plan in ((2, "count"), (3, "scan"), (4, "count"))
    ]
    catalog = Catalog.from_uri(store_uri).search({"plan_name": "count"})
    writing([going_on[-1], *itertools.chain(*later)], is_awaited=True)
    seen = [(change.kind, change.run.start["scan_id"]) for change in itertools.islice(catalog.watch(seconds=0.05), 5)]
    assert sorted(seen) == [("start", 2), ("start", 4), ("stop", 1), ("stop", 2), ("stop", 4)]


def test_a_run_whose_clock_is_behind_is_told_by_a_server_that_tells(mongod_database_uri, n_waits):
    writer = Writer(mongod_database_uri)
    for name, doc in build_run({"primary": []}):
        writer(name, doc)
    changes = Catalog.from_uri(mongod_database_uri).watch(seconds=0.1)
    late = build_run({"primary": []}, scan_id=2, time=1_600_000_000.0)

    def write_late():
        assert n_waits.acquire(timeout=60)
        for name, doc in late:
            writer(name, doc)

    thread = threading.Thread(target=write_late)
    thread.start()
    assert next(changes).run.start["scan_id"] == 2
    thread.join()
