"""Runs that are followed while the primary of a replica set is killed: told of once each, none left out."""

import itertools
import threading

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import build_run

N_EVENTS = 150


def fail_over(replica_set):
    """Kill the primary, wait for another, and bring the first one back."""
    primary = replica_set.primary()
    primary.kill()
    replica_set.primary()
    primary.start()
    primary.wait()
    replica_set.wait()


@pytest.fixture
def in_background(meanwhile):
    """Do something in a thread; it is waited for, and its error raised, when the test ends."""
    begun = []
    yield lambda action: begun.append(meanwhile(action))
    for each in begun:
        while not each.is_over():
            threading.Event().wait(0.05)


def test_a_stream_is_followed_through_a_failover_to_its_end(replica_set, in_background):
    documents = build_run({"primary": [{"x": number} for number in range(N_EVENTS)]})
    writer = Writer(replica_set.uri, on_failure="raise")
    for name, doc in documents[:10]:
        writer(name, doc)

    def write_on():
        for number, (name, doc) in enumerate(documents[10:]):
            if number == 50:
                fail_over(replica_set)
            writer(name, doc)

    primary = Catalog.from_uri(replica_set.uri)[-1].primary
    in_background(write_on)
    rows = list(primary.follow(seconds=0.2))
    assert [row.data["x"] for row in rows] == list(range(N_EVENTS))
    assert [row.number for row in rows] == list(range(N_EVENTS))


def test_events_stored_by_the_new_primary_while_the_old_one_is_away_are_yielded(replica_set, in_background):
    documents = build_run({"primary": [{"x": number} for number in range(N_EVENTS)]})
    writer = Writer(replica_set.uri, on_failure="raise")
    for name, doc in documents[:10]:
        writer(name, doc)

    def write_on():
        replica_set.primary().kill()
        for name, doc in documents[10:]:
            writer(name, doc)

    in_background(write_on)
    rows = list(Catalog.from_uri(replica_set.uri)[-1].primary.follow(seconds=0.2))
    assert [row.data["x"] for row in rows] == list(range(N_EVENTS))


def test_a_catalog_tells_of_every_run_that_starts_and_stops_around_a_failover(replica_set, in_background):
    runs = [build_run({"primary": []}, scan_id=number, time=1.7e9 + number) for number in range(1, 31)]
    # The clock of one that writes is behind: it must be told of all the same.
    runs[20] = build_run({"primary": []}, scan_id=21, time=1.6e9)
    writer = Writer(replica_set.uri, on_failure="raise")
    for name, doc in build_run({"primary": []}, scan_id=100, time=1.65e9):
        writer(name, doc)
    changes = Catalog.from_uri(replica_set.uri).watch(seconds=0.2)
    has_begun = threading.Event()

    def write():
        has_begun.wait()
        for number, run in enumerate(runs):
            if number == 10:
                replica_set.primary().kill()
            for name, doc in run:
                writer(name, doc)

    in_background(write)
    threading.Timer(1.0, has_begun.set).start()
    seen = [(change.kind, change.run.start["scan_id"]) for change in itertools.islice(changes, 60)]
    assert sorted(seen) == sorted((kind, number) for kind in ("start", "stop") for number in range(1, 31))
