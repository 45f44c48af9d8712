"""What columnar copies may cost: questions, and how the server answers them."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import Counter
from datetime import timedelta

import numpy as np
import pymongo
import pymongo.monitoring
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import belief, building, copies, sampling
from databroker_mongo.testing import Asset, build_run

KEYS = [f"x{number}" for number in range(10)]
_numbers = itertools.count()


class Asked(pymongo.monitoring.CommandListener):
    """The commands of each database, without further batches of an answer."""

    def __init__(self):
        self.commands = {}

    def started(self, event):
        if event.command_name != "getMore":
            self.commands.setdefault(event.database_name, []).append((event.command_name, dict(event.command)))

    def succeeded(self, event):
        pass

    failed = succeeded


asked = Asked()


@pytest.fixture(scope="module", autouse=True)
def watched():
    """Let the clients that are opened from now on tell what they ask."""
    pymongo.monitoring.register(asked)


@pytest.fixture(autouse=True)
def nothing_sampled(monkeypatch):
    monkeypatch.setattr(sampling, "EVERY", 0)


@pytest.fixture
def uri(mongod_database_uri):
    """A fresh database, for which a client is opened."""
    return f"{mongod_database_uri}&appName=copies+{next(_numbers)}"


def fill(uri, *, n_runs=1, n_rows=20, keys=KEYS):
    """Store runs of numbers, and return the store."""
    store = writable(open_store(uri))
    store.create_indexes()
    database = store.collections.metadata
    data_keys = {key: {"source": "", "dtype": "number", "shape": []} for key in keys}
    for number in range(n_runs):
        uid, time = f"{number:036}", 1e9 + 1e6 * number
        database.run_start.insert_one({"uid": uid, "scan_id": number + 1, "time": time})
        database.event_descriptor.insert_one(
            {"uid": uid, "run_start": uid, "name": "primary", "data_keys": data_keys, "time": time}
        )
        common = {"descriptor": uid, "timestamps": {}, "filled": {}}
        events = (
            {
                "uid": f"{uid} {row}",
                "seq_num": row + 1,
                "time": time + row,
                "data": dict.fromkeys(keys, row + 0.5),
                **common,
            }
            for row in range(n_rows)
        )
        while batch := list(itertools.islice(events, 20_000)):
            database.event.insert_many(batch)
        stop = {"uid": f"{uid} stop", "run_start": uid, "time": time + n_rows, "num_events": {"primary": n_rows}}
        database.run_stop.insert_one({**stop, "exit_status": "success"})
    return store


def questions_of(store, action):
    """Return what an action asks of the database of a store: commands by collection, and these commands."""
    name = store.collections.metadata.name
    asked.commands[name] = []
    result = action()
    found = asked.commands[name]
    return Counter((command, str(document[command])) for command, document in found), result


def settle(store, monkeypatch):
    monkeypatch.setattr(building, "_SETTLING", timedelta(0))
    store.build_columnar(apply=True)


def test_a_read_from_a_copy_asks_for_it_whether_to_believe_it_and_for_its_columns(uri, monkeypatch):
    store = fill(uri)
    assert store.build_columnar(apply=True).n_made == 1
    counted = Catalog.from_uri(uri).store
    settled = Catalog.from_uri(uri, columnar={"trust": "settled"}).store
    settle(store, monkeypatch)
    for each in (counted, settled):
        each.event_index([f"{0:036}"], keys=KEYS)  # what indexes there are is remembered for minutes

    questions, index = questions_of(counted, lambda: counted.event_index([f"{0:036}"], keys=KEYS))
    assert index.snapshot.copies
    assert questions == {("find", "event_columns"): 2, ("aggregate", "event"): 1, ("count", "event"): 1}

    questions, index = questions_of(settled, lambda: settled.event_index([f"{0:036}"], keys=KEYS))
    assert index.snapshot.copies
    assert questions == {("find", "event_columns"): 2, ("aggregate", "event"): 1}


def test_a_page_of_many_runs_from_copies_takes_six_questions(uri, monkeypatch):
    store = fill(uri, n_runs=30)
    store.build_columnar(apply=True)
    monkeypatch.setattr("databroker_mongo.runs.many.reading.RUNS_A_PAGE", 15)
    catalog = Catalog.from_uri(uri).search(limit=30)
    catalog.read("x3")  # what indexes there are is remembered for minutes

    questions, dataset = questions_of(catalog.store, lambda: catalog.read(["x3", "x5"]))

    assert dataset["x3"].values.tolist() == [row + 0.5 for row in range(20)] * 30
    of_page = {("find", "run_stop"): 1, ("find", "event_descriptor"): 1}
    of_copies = {("find", "event_columns"): 2, ("aggregate", "event"): 1}
    assert questions == {("find", "run_start"): 1, **{each: 2 * n for each, n in {**of_page, **of_copies}.items()}}


def stages_of(plan):
    """Return the names of all stages of the plans that won."""
    if isinstance(plan, list):
        return {name for each in plan for name in stages_of(each)}
    if not isinstance(plan, dict):
        return set()
    own = {plan["stage"]} if isinstance(plan.get("stage"), str) else set()
    rest = [value for name, value in plan.items() if name not in ("rejectedPlans", "executionStats")]
    return own | stages_of(rest)


def explained(store, action):
    """Return the stages of each question about events that an action asks, as the server explains them."""
    database = store.collections.metadata
    name = database.name
    asked.commands[name] = []
    action()
    commands = [(command, document) for command, document in asked.commands[name] if document[command] == "event"]
    found = []
    for command, document in commands:
        kept = {key: value for key, value in document.items() if not key.startswith("$") and key not in SESSION}
        found.append((command, stages_of(database.command("explain", kept, verbosity="queryPlanner"))))
    return found


SESSION = {"lsid", "txnNumber", "maxTimeMS", "readConcern", "writeConcern"}


def test_where_there_is_no_copy_a_writer_that_makes_one_removes_nothing(uri):
    """A server answers a removal when its journal is written, though nothing was to be removed."""
    store = writable(open_store(uri))
    writer = Writer(uri, durable="batch", copies_runs=True)

    def write(scan_id):
        for name, document in build_run({"primary": [{"x": 0.5}] * 3}, scan_id=scan_id):
            writer(name, document)

    write(1)  # what is there already is asked once
    questions, _ = questions_of(store, lambda: write(2))
    assert questions["insert", "event_columns"] == 1
    assert questions["delete", "event_columns"] == 0
    writer.close()
    assert Catalog.from_uri(uri)[2].primary.read().attrs["read_from"] == "columnar copies"


def test_indexes_alone_tell_whether_a_copy_is_believed(uri):
    store = fill(uri, n_runs=6)
    uids = [f"{number:036}" for number in range(6)]

    [(command, stages)] = explained(store, lambda: belief.count_one(store.collections, uids[0]))
    assert command == "count"
    assert "COUNT_SCAN" in stages
    assert "FETCH" not in stages

    [(_, stages)] = explained(store, lambda: belief.last_events(store.collections, uids))
    assert "DISTINCT_SCAN" in stages
    assert not stages & {"COLLSCAN", "IXSCAN", "SORT"}

    [(_, stages)] = explained(store, lambda: belief.count_rows(store.collections, uids))
    assert "PROJECTION_COVERED" in stages
    assert not stages & {"COLLSCAN", "FETCH"}


def test_a_database_without_copies_costs_no_question_but_which_indexes_there_are(uri):
    store = fill(uri)
    reader = Catalog.from_uri(uri)
    questions, dataset = questions_of(store, lambda: reader[1].primary.read())
    assert dataset.sizes["time"] == 20
    of_copies = {question: n for question, n in questions.items() if "event_columns" in question[1]}
    assert of_copies in ({("listIndexes", "event_columns"): 1}, {})
    questions, _ = questions_of(store, lambda: reader[1].primary.read())
    assert not [question for question in questions if "event_columns" in question[1]]


def peak_of(action):
    """Return the most memory, in bytes, that an action had beyond what there was before, and its result."""
    action()  # what is imported and remembered is no part of it
    tracemalloc.start()
    try:
        result = action()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def test_what_is_read_from_a_copy_is_in_memory_once_and_beside_it_one_block(uri):
    store = fill(uri, n_rows=100_000)
    assert store.build_columnar(apply=True).n_made == 1
    # Of a block, the message of the server and what is decoded of it are not there at once.
    most_beside = 1.25 * copies.MOST_BYTES

    peak, index = peak_of(lambda: store.event_index([f"{0:036}"], keys=KEYS))
    assert index.snapshot.copies
    rows = [index.seq_num, index.time, index.descriptor]
    assert peak <= sum(each.nbytes for each in [*rows, *index.data.values()]) + most_beside

    catalog = Catalog.from_uri(uri)
    peak, dataset = peak_of(lambda: catalog[1].primary.read())
    assert dataset.attrs["read_from"] == "columnar copies"
    assert peak <= dataset.nbytes + sum(each.nbytes for each in rows) + most_beside


class Frames:
    """A handler of frames that hold their number."""

    def __init__(self, path):
        pass

    def structure(self, number):
        return (1, 2, 3), np.dtype("u2"), None

    def read_into(self, out, datums, region):
        for row, datum in zip(out, datums, strict=True):
            row[...] = datum["number"]


@pytest.mark.filterwarnings("ignore:no allowed_roots")
def test_where_copies_say_what_datums_say_no_datum_is_asked_for(uri):
    n_rows = 30
    image = Asset("FRAMES", "/", "a", [{"number": row} for row in range(n_rows)], shape=(1, 2, 3))
    with Writer(uri, durable="batch") as writer:
        for name, doc in build_run({"primary": [{"x": 0.5}] * n_rows}, assets={"primary": {"image": image}}):
            writer(name, doc)
    store = writable(open_store(uri))

    def read_all():
        reader = Catalog.from_uri(f"{uri}+{next(_numbers)}", handlers={"FRAMES": Frames})
        primary = reader[-1].primary
        return [primary.to_dask()["image"][7:9].compute(), primary.read()["image"], reader[-1].primary.read()["image"]]

    assert ("find", "datum") in questions_of(store, read_all)[0]
    assert store.build_columnar(apply=True).n_made == 1
    questions, found = questions_of(store, read_all)
    assert {command for command, collection in questions if collection == "datum"} == {"count"}
    assert [each.shape[0] for each in found] == [2, n_rows, n_rows]
    assert [np.unique(each[-1]).tolist() for each in found] == [[8], [n_rows - 1], [n_rows - 1]]
