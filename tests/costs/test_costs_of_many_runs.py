"""What many runs at once may cost: questions, executions, cursors at work; nothing a second after Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
import weakref
from collections import Counter
from itertools import islice

import numpy as np
import pymongo
import pytest

from databroker_mongo import Catalog
from databroker_mongo.runs.many import mapping
from databroker_mongo.store import open_store, writable

# One process makes the runs that the tests share.
pytestmark = pytest.mark.xdist_group("costs_of_many_runs")

N_RUNS = 1000
N_ROWS = 20
LONG = 300_000
KEYS = ["a", "b", "c", "d"]


def fill(uri, *, n_runs, n_rows, scan_ids_from=1):
    """Store runs of numbers, which tell their run and row."""
    store = writable(open_store(uri))
    store.create_indexes()
    collections = store.collections
    data_keys = {key: {"source": "", "dtype": "number", "shape": []} for key in KEYS}
    for scan_id in range(scan_ids_from, scan_ids_from + n_runs):
        uid, time_ = f"{scan_id:036}", 1e9 + 1e6 * scan_id
        collections.run_start.insert_one({"uid": uid, "scan_id": scan_id, "time": time_})
        descriptor = {"uid": f"{scan_id:036}", "run_start": uid, "name": "primary", "data_keys": data_keys}
        collections.event_descriptor.insert_one({**descriptor, "time": time_})
        events = (
            {
                "uid": f"{uid} {row}",
                "descriptor": uid,
                "seq_num": row + 1,
                "time": time_ + row,
                "data": {"a": scan_id + row / n_rows, "b": float(row), "c": 1.0, "d": row},
                "timestamps": {},
                "filled": {},
            }
            for row in range(n_rows)
        )
        while portion := list(islice(events, 10_000)):  # each has a time limit of its own
            collections.event.insert_many(portion)
        stop = {"uid": f"{uid} stop", "run_start": uid, "time": time_ + n_rows, "exit_status": "success"}
        collections.run_stop.insert_one({**stop, "num_events": {"primary": n_rows}})


@pytest.fixture(scope="module")
def uri(mongod_uri):
    """A database of a thousand runs."""
    name = f"costs_of_many_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    fill(uri, n_runs=N_RUNS, n_rows=N_ROWS)
    yield uri
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


@pytest.fixture(scope="module")
def long_uri(mongod_uri):
    """A database of a long run, whose stop does not tell how long it is, and a short one."""
    name = f"costs_of_long_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    fill(uri, n_runs=1, n_rows=LONG)
    fill(uri, n_runs=1, n_rows=10, scan_ids_from=2)
    with pymongo.MongoClient(mongod_uri) as client:
        client[name].run_stop.update_many({}, {"$unset": {"num_events": 1}})
        yield uri
        client.drop_database(name)


def asked(uri, action, application):
    """Return what the server takes down of each question that an action asks of it."""
    with pymongo.MongoClient(uri) as client:
        database = client.get_default_database()
        database.drop_collection("system.profile")
        database.create_collection("system.profile", capped=True, size=50_000_000)
        database.command("profile", 2)
        try:
            action()
        finally:
            database.command("profile", 0)
        return list(database.system.profile.find({"appName": application}))


def verbs_of(entries):
    """Count the questions by what they ask of which collection, without the further batches of an answer."""
    verbs = ((next(iter(entry["command"])), entry["ns"].partition(".")[2]) for entry in entries)
    return Counter(verb for verb in verbs if verb[0] != "getMore")


ACTIONS = {
    "read": lambda catalog: catalog.read(KEYS),
    "pages": lambda catalog: list(catalog.read(KEYS, pages=N_RUNS)),
    "map": lambda catalog: catalog.map(len, keys=KEYS),
    "table": lambda catalog: catalog.table([f"{name}({key})" for name in ("first", "max", "mean") for key in KEYS]),
}


@pytest.mark.parametrize("way", ACTIONS)
def test_a_thousand_runs_take_a_handful_of_questions(uri, way):
    catalog = Catalog.from_uri(f"{uri}&appName=costs+of+many").search(limit=N_RUNS)
    ACTIONS[way](catalog)  # what indexes there are is remembered for minutes

    entries = asked(uri, lambda: ACTIONS[way](catalog), "costs of many")

    found = verbs_of(entries)
    # Whole documents are found page by page: 100 of them, then 900.
    assert found.pop(("find", "run_start")) <= (2 if way == "map" else 1)
    assert found == {("find", "run_stop"): 1, ("find", "event_descriptor"): 1, ("find", "event"): 2}
    looked_at = sum(entry.get("docsExamined", 0) for entry in entries if entry["ns"].endswith(".event"))
    assert looked_at == N_RUNS * N_ROWS


def test_to_find_the_end_of_the_runs_takes_two_questions_more(uri):
    catalog = Catalog.from_uri(f"{uri}&appName=costs+of+all")
    catalog.read(KEYS)

    entries = asked(uri, lambda: catalog.read(KEYS), "costs of all")

    assert verbs_of(entries).total() <= 7


def test_runs_are_given_to_a_function_with_their_streams(uri):
    catalog = Catalog.from_uri(f"{uri}&appName=costs+of+runs").search(limit=N_RUNS)
    entries = asked(uri, lambda: catalog.map(list), "costs of runs")
    found = verbs_of(entries)
    assert found.pop(("find", "run_start")) <= 2
    assert found == {("find", "run_stop"): 1, ("find", "event_descriptor"): 1}


def test_many_runs_have_the_rows_of_each(uri):
    """As many as are decoded by a layout, by two cursors."""
    catalog = Catalog.from_uri(uri).search(limit=300)
    found = catalog.read(KEYS)
    for number, run in enumerate(catalog.values()):
        alone = run["primary"].read(KEYS)
        rows = slice(number * N_ROWS, (number + 1) * N_ROWS)
        for key in ("time", *KEYS):
            assert found[key].values[rows].tobytes() == alone[key].values.tobytes()
            assert found[key].dtype == alone[key].dtype


def test_what_is_too_much_for_an_aggregation_is_read_once(long_uri):
    """A group of 4 columns of 300,000 rows has more than 16 MB, whereupon a server drops the connection."""
    catalog = Catalog.from_uri(f"{long_uri}&appName=costs+of+long").search(limit=2)
    catalog.read("a")
    answers = []
    entries = asked(long_uri, lambda: answers.append(catalog.read(KEYS)), "costs of long")

    found = verbs_of(entries)
    assert found.pop(("find", "run_start")) <= 1
    assert found == {("find", "run_stop"): 1, ("find", "event_descriptor"): 1, ("find", "event"): 2}
    assert not [entry for entry in entries if entry.get("errMsg")]
    [dataset] = answers
    assert dataset["n_rows"].values.tolist() == [10, LONG]
    long = dataset.isel(time=dataset["run_number"].values == 1)
    assert long["b"].values.tolist() == np.arange(LONG, dtype=float).tolist()
    assert long["d"].values.tolist() == list(range(LONG))
    assert (long["a"].values == 1 + np.arange(LONG) / LONG).all()


def peak_of(action):
    """Return how many bytes are allocated at once at most."""
    action()  # modules that it loads are none of these
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_pages_take_no_more_memory_than_one(uri):
    catalog = Catalog.from_uri(uri)

    def read(n_runs):
        for page in catalog.search(limit=n_runs).read(KEYS, pages=100):
            assert page.sizes["run"] == 100

    assert peak_of(lambda: read(N_RUNS)) < 2 * peak_of(lambda: read(100))


def test_nothing_of_earlier_pages_is_kept(uri):
    earlier = []
    for page in Catalog.from_uri(uri).search(limit=300).read(KEYS, pages=100):
        earlier.append(weakref.ref(page))
        del page
    assert len(earlier) == 3
    assert [each() for each in earlier] == [None] * 3


def test_what_a_function_was_given_is_not_kept(uri, monkeypatch):
    monkeypatch.setattr(mapping, "RUNS_A_PAGE", 100)
    catalog, given, alive = Catalog.from_uri(uri), [], []

    def look(dataset):
        alive.append(sum(each() is not None for each in given))
        given.append(weakref.ref(dataset))
        return dataset.sizes["time"]

    assert catalog.map(look, keys=KEYS, threads=1)["result"].tolist() == [N_ROWS] * N_RUNS
    assert max(alive) <= 1


def test_a_function_of_many_runs_takes_no_more_memory_than_of_a_page(uri, monkeypatch):
    monkeypatch.setattr(mapping, "RUNS_A_PAGE", 100)
    catalog = Catalog.from_uri(uri)

    def apply(n_runs):
        catalog.search(limit=n_runs).map(lambda dataset: float(dataset["a"].mean()), keys=KEYS, threads=2)

    assert peak_of(lambda: apply(N_RUNS)) < 2 * peak_of(lambda: apply(100))


INTERRUPTED = """
import signal, sys
from databroker_mongo import Catalog
signal.signal(signal.SIGINT, signal.default_int_handler)
catalog = Catalog.from_uri(sys.argv[1])
print("reading", flush=True)
try:
    while True:
        {verb}
except KeyboardInterrupt:
    print("ended", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send to another process")
@pytest.mark.parametrize(
    "verb", [f"catalog.read({KEYS})", f"catalog.map(lambda dataset: dataset.sum(), keys={KEYS}, threads=8)"]
)
def test_two_questions_are_at_work_at_most_and_none_a_second_after_ctrl_c(long_uri, mongod_uri, verb):
    code = INTERRUPTED.format(verb=verb)
    reader = subprocess.Popen(
        [sys.executable, "-c", code, f"{long_uri}&appName=costs+of+interrupted"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with reader, pymongo.MongoClient(mongod_uri) as client:
        try:
            assert reader.stdout.readline() == "reading\n"
            most, end = 0, time.monotonic() + 30
            n_seen = 0
            while n_seen < 50 and time.monotonic() < end:
                n_at_work = len(at_work(client))
                most, n_seen = max(most, n_at_work), n_seen + bool(n_at_work)
            assert 1 <= most <= 2
            reader.send_signal(signal.SIGINT)
            pressed = time.monotonic()
            assert reader.stdout.readline() == "ended\n"
            assert time.monotonic() - pressed < 1
            time.sleep(max(0.0, pressed + 1 - time.monotonic()))
            assert at_work(client) == []
        finally:
            reader.kill()


def at_work(client):
    """Return the questions of the process that reads which the server works at."""
    found = client.admin.aggregate([{"$currentOp": {"allUsers": True, "idleCursors": False}}])
    ours = [each for each in found if each.get("appName") == "costs of interrupted" and each.get("active")]
    return [each for each in ours if not {"hello", "isMaster", "ismaster"} & each.get("command", {}).keys()]
