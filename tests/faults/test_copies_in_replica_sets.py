"""Columnar copies in a replica set whose members differ, or change places: what the events of a member say is read."""

import itertools

import pytest

from databroker_mongo import Catalog
from databroker_mongo.store.columnar import copies, making, sampling

from .copied_runs import (
    N_ROWS,
    documents_of_run,
    is_copied,
    opened_bench,
    require_copied,
    require_read_from_events,
    require_same,
    time_of,
)

pytestmark = pytest.mark.timeout(300)
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of ten rows, so that a copy has several; and no read is sampled."""
    monkeypatch.setattr(copies, "MOST_ROWS", 10)
    monkeypatch.setattr(sampling, "EVERY", 0)


@pytest.fixture
def bench(replica_set):
    """A run in the set, without a copy."""
    with opened_bench(f"{replica_set.uri}&appName={next(_numbers)}") as bench:
        bench.write(documents_of_run())
        yield bench


@pytest.fixture
def behind(lagging):
    """The set in which one secondary may stand still, and which follows for now."""
    lagging.catch_up()
    return lagging


def read_at_standing(replica_set, **options):
    """Return what a process reads at the secondary that may stand still; who writes nothing is answered by it."""
    uri = f"mongodb://{replica_set.standing.address}/test?directConnection=true&readPreference=secondary"
    return Catalog.from_uri(f"{uri}&appName={next(_numbers)}", **options)[1].primary.read()


def require_as_its_events(replica_set, *, n_rows, from_copies):
    found = read_at_standing(replica_set)
    require_same(found, read_at_standing(replica_set, use_columnar=False))
    assert (found.sizes["time"], is_copied(found)) == (n_rows, from_copies)


def store_late(bench):
    bench.write([("event", bench.new_event(seq_num=N_ROWS + 1, time=time_of(bench, 5) + 0.5))])


def test_a_secondary_that_has_the_events_and_not_yet_their_copy_is_read_as_its_events_say(behind, bench):
    behind.catch_up_and_stand_still()
    assert bench.build().n_made == 1
    require_copied(bench)
    require_as_its_events(behind, n_rows=N_ROWS, from_copies=False)


def test_a_secondary_that_has_the_copy_and_not_yet_a_late_event_is_read_as_its_events_say(behind, bench):
    assert bench.build().n_made == 1
    behind.catch_up_and_stand_still()
    store_late(bench)
    assert bench.columns.count_documents({}) == 0
    require_as_its_events(behind, n_rows=N_ROWS, from_copies=True)
    assert bench.build().n_made == 1
    require_copied(bench)
    require_as_its_events(behind, n_rows=N_ROWS, from_copies=True)
    assert bench.columns.count_documents({}) == 3, "who reads from a secondary has removed a copy of the primary"


@pytest.mark.parametrize("stale", ["event", "event_columns"])
def test_who_is_answered_by_members_in_turns_never_mixes_a_copy_with_other_events(behind, bench, monkeypatch, stale):
    """One collection is read at the member that stands still, and the other one at the primary."""
    assert bench.build().n_made == 1
    behind.catch_up_and_stand_still()
    store_late(bench)
    assert bench.build().n_made == 1
    uids = [each["uid"] for each in bench.database.event_descriptor.find({})]
    with behind.standing.client(readPreference="secondary") as client:
        answering = {"event": bench.database, "event_columns": bench.database, stale: client["test"]}
        collections = bench.store.collections
        monkeypatch.setattr(collections, "metadata", answering["event"])
        monkeypatch.setattr(collections, "event", answering["event"]["event"])
        monkeypatch.setattr(type(collections), "named", lambda self, name: answering["event_columns"][name])
        index = bench.store.event_index(uids, keys=["x"])
    assert not index.snapshot.copies
    assert len(index.seq_num) == N_ROWS + (stale == "event_columns")


def test_a_new_primary_has_the_copies_and_builds_them(replica_set, bench):
    assert bench.build().n_made == 1
    replica_set.primary().kill()
    require_copied(bench)
    store_late(bench)
    require_read_from_events(bench)
    assert bench.build().n_made == 1
    require_copied(bench)
    assert bench.store.check_columnar().differing == []


def test_a_build_goes_on_when_the_primary_is_killed_in_its_midst(replica_set, bench, monkeypatch):
    store = making.CopyMaker._store

    def kill_before(self, documents):
        first, *rest = documents
        replica_set.primary().kill()
        return store(self, [first, *rest])

    monkeypatch.setattr(making.CopyMaker, "_store", kill_before)
    assert bench.build().n_made == 1
    require_copied(bench)
    assert bench.store.check_columnar().differing == []


def test_a_whole_dump_that_is_restored_has_the_copies_of_its_own_events(replica_set, bench):
    assert bench.build().n_made == 1
    dump = {name: list(bench.database[name].find({})) for name in bench.database.list_collection_names()}
    store_late(bench)
    assert bench.build().n_made == 1
    for name, documents in dump.items():
        bench.database[name].delete_many({})
        if documents:
            bench.database[name].insert_many(documents)
    require_copied(bench)
    assert bench.read().sizes["time"] == N_ROWS
    assert bench.store.check_columnar().differing == []
