"""What each verb costs: questions to the server, documents that it has to look at for them, and modules to load."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import islice

import bson
import pymongo
import pytest

from databroker_mongo import Catalog, TimeRange, Writer
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import build_run

N_RUNS = 400
APPLICATION = "costs of verbs"
PYTHON = sys.executable
"""As it is where the settings of the machine are replaced, too."""


@pytest.fixture(scope="module")
def uri(mongod_uri):
    """A database of runs, 1 to 400, with their indexes and one on the names of samples."""
    name = f"costs_{os.getpid()}"
    store = writable(open_store(mongod_uri.replace("/?", f"/{name}?")))
    store.create_indexes()
    by_kind = {}
    for number in range(1, N_RUNS + 1):
        start = {"uid": uid_of(number), "sample_name": f"sample {number % 50}", "purpose": "alignment"}
        status = "fail" if number % 40 == 0 else "success"
        run = build_run(
            {"primary": [{"x": 0.5}, {"x": 1.5}]}, scan_id=number, time=1e9 + 60 * number, exit_status=status, **start
        )
        for kind, document in run:
            by_kind.setdefault(kind, []).append(document)
    for kind, documents in by_kind.items():
        store.insert(kind, documents)
    with pymongo.MongoClient(mongod_uri) as client:
        client[name].run_start.create_index([("sample_name", 1), ("time", -1)])
        yield store.address
        client.drop_database(name)


def each(iterable):
    """What ``list`` gives, which would ask for the length first."""
    return [item for item in iterable]  # noqa: C416


def uid_of(number):
    return f"{number * 7919:08x}-0000-4000-8000-000000000000"


def asked(uri, action, application=APPLICATION):
    """Return what the server takes down of each question that an action asks of it."""
    with pymongo.MongoClient(uri) as client:
        database = client.get_default_database()
        database.drop_collection("system.profile")
        database.command("profile", 2)
        try:
            action()
        finally:
            database.command("profile", 0)
        return list(database.system.profile.find({"appName": application}))


VERBS = {
    "catalog[-1]": (lambda catalog: catalog[-1], 2, 2),
    "catalog[-100]": (lambda catalog: catalog[-100], 2, 2),
    "catalog[scan_id]": (lambda catalog: catalog[137], 2, 2),
    "catalog[uid]": (lambda catalog: catalog[uid_of(137)], 2, 2),
    "catalog[partial uid]": (lambda catalog: catalog[uid_of(137)[:8]], 2, 2),
    "uid in catalog": (lambda catalog: uid_of(137) in catalog, 1, 1),
    "catalog[-5:]": (lambda catalog: catalog[-5:], 2, 10),
    "catalog[[key, ...]]": (lambda catalog: catalog[[uid_of(5), 7, uid_of(9), -3]], 5, 9),
    "len(catalog)": (len, 1, 0),
    "estimate_len()": (lambda catalog: catalog.estimate_len(), 1, 0),
    "page_of_uids()": (lambda catalog: catalog.page_of_uids(100, 100), 1, 100),
    "page()": (lambda catalog: [list(run) for run in catalog.page(100, 100)], 3, 300),
    "the first 100 runs": (lambda catalog: each(islice(catalog.values(), 100)), 2, 200),
    "all runs": (lambda catalog: each(catalog.values()), 5, 2 * N_RUNS),
    "all uids": (each, 1, N_RUNS),
    "table()": (lambda catalog: catalog.table(limit=100), 3, 300),
    "search by an index, len": (lambda catalog: len(catalog.search({"sample_name": "sample 3"})), 1, 0),
    "search by an index": (lambda catalog: each(catalog.search({"sample_name": "sample 3"}).values()), 2, 16),
    "search by a time": (lambda catalog: each(catalog.search({"time": {"$lt": 1e9 + 700}}).values()), 2, 22),
    "search from a time on": (lambda catalog: each(catalog.search(TimeRange(since=1e9 + 60 * 201)).values()), 4, 400),
    "search by a stop": (lambda catalog: each(catalog.search(stop={"exit_status": "fail"}).values()), 6, 600),
    "a search without an index": (lambda catalog: len(catalog.search({"purpose": "alignment"})), 1, N_RUNS),
    # The newest runs tell whether a name was mistyped.
    "a search that finds nothing": (lambda catalog: len(catalog.search({"purpose": "user data"})), 2, N_RUNS + 100),
    "distinct()": (lambda catalog: catalog.distinct("sample_name", counts=True), 1, N_RUNS),
    "facets()": (lambda catalog: catalog.facets(["sample_name", "purpose"]), 2, 2 * N_RUNS),
    "find(scan id)": (lambda catalog: catalog.find("137"), 5, 2),
    "explain()": (lambda catalog: catalog.explain({"sample_name": "sample 3"}), 1, 0),
    "health()": (lambda catalog: catalog[-1].health(), 15, 17),
    "the streams of a run": (lambda catalog: catalog[-1]["primary"], 3, 3),
    "read()": (lambda catalog: catalog[-1]["primary"].read(), 4, 5),
    "the stop, then all rows": (lambda catalog: (catalog[-1].stop, catalog[-1]["primary"].read()), 6, 7),
    "what is there by now": (lambda catalog: catalog[-1].refresh()["primary"].read(), 6, 7),
    "to_dask()": (lambda catalog: catalog[-1]["primary"].to_dask(), 4, 5),
    "columns()": (lambda catalog: catalog[-1]["primary"].columns().read_rows(slice(1)), 4, 5),
    "documents()": (lambda catalog: each(catalog[-1].documents()), 5, 5),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_asks_few_questions_and_has_few_documents_looked_at(uri, verb):
    do, n_questions, n_documents = VERBS[verb]
    catalog = Catalog.from_uri(f"{uri}&appName={APPLICATION}")
    do(catalog)  # what indexes there are is remembered for minutes

    entries = asked(uri, lambda: do(catalog))

    assert len(entries) <= n_questions, [entry["command"] for entry in entries]
    assert sum(entry.get("docsExamined", 0) for entry in entries) <= n_documents, entries


def test_a_thousand_runs_of_a_time_take_four_questions(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        database = client.get_default_database()
        numbers = range(1000)
        database.run_start.insert_many([{"uid": f"run {number}", "time": 1e9 + number} for number in numbers])
        database.run_stop.insert_many([{"run_start": f"run {number}", "time": 2e9 + number} for number in numbers])
        database.run_start.create_index([("time", -1), ("_id", -1)])
    catalog = Catalog.from_uri(f"{mongod_database_uri}&appName=costs+of+a+thousand")
    runs = catalog.search(TimeRange(since=1e9)).values()

    entries = asked(mongod_database_uri, lambda: each(runs), "costs of a thousand")

    kinds = Counter(entry["ns"].partition(".")[2] for entry in entries)
    assert kinds == {"run_start": 2, "run_stop": 2}


def test_the_first_who_asks_a_listed_run_is_given_what_was_read(uri, monkeypatch):
    monkeypatch.setattr("databroker_mongo.store.kept.copied", lambda document: pytest.fail("a copy"))
    runs = each(Catalog.from_uri(uri).values())
    decoded = []

    def look(frame, event, function):
        if event == "call" and frame.f_code is bson.decode.__code__:
            decoded.append(frame.f_code.co_name)

    sys.setprofile(look)
    try:
        documents = [(run.start, run.stop) for run in runs]
        assert decoded == []
        again = [(run.start, run.stop) for run in runs]
    finally:
        sys.setprofile(None)
    assert len(documents) == N_RUNS
    assert again == documents
    assert decoded == ["decode"] * 2 * N_RUNS


def test_a_writer_sends_a_hundred_events_in_one_question(mongod_database_uri):
    documents = build_run({"primary": [{"x": 0.5 * row} for row in range(250)]})
    place = f"{mongod_database_uri}&appName=costs+of+writing"

    def write():
        with Writer(place, durable="batch", batch_seconds=1000.0) as writer:
            for name, document in documents:
                writer(name, document)

    entries = asked(mongod_database_uri, write, "costs of writing")
    sent = Counter(entry["ns"].partition(".")[2] for entry in entries if entry["op"] == "insert")
    assert sent == {"run_start": 1, "event_descriptor": 1, "event": 3, "run_stop": 1}


LOOK_UP = """
import sys
from databroker_mongo import Catalog
Catalog.from_uri(sys.argv[1])[-1].metadata
print(*sys.modules)
"""
FOR_NO_READER = {"dask", "entrypoints", "event_model", "h5py", "mongomock", "requests", "rich", "tifffile", "yaml"}
"""Of handlers, files of settings, writing, the command line."""

FOR_NO_LOOK_UP = {*FOR_NO_READER, "configparser", "html", "numpy", "pandas", "tzlocal", "xarray", "zoneinfo"}
ROOMS_FOR_NO_READER = {"cli", "health", "named", "packs", "server", "v1", "writing"}


def loaded_by(script: str, uri: str) -> tuple[set[str], set[str]]:
    """Return the names of packages, and of rooms of this one, that a new process has after a script."""
    done = subprocess.run([PYTHON, "-c", script, uri], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    parts = [name.split(".") for name in done.stdout.split()]
    return {part[0] for part in parts}, {part[1] for part in parts if part[0] == "databroker_mongo" and part[1:]}


def test_a_first_look_up_loads_nothing_heavy(uri, machine):
    packages, rooms = loaded_by(LOOK_UP, uri)
    assert {"pymongo", "databroker_mongo"} <= packages
    assert not packages & FOR_NO_LOOK_UP
    assert not rooms & {*ROOMS_FOR_NO_READER, "arrays", "display", "numpy_values"}


def test_a_writer_to_be_loads_nothing_heavy(uri, machine):
    packages, rooms = loaded_by(LOOK_UP.replace("import Catalog", "import Catalog, Writer"), uri)
    assert "writing" in rooms
    assert not packages & {*FOR_NO_READER, "pandas", "xarray"}


READ = """
import sys
from databroker_mongo import Catalog
stream = Catalog.from_uri(sys.argv[1])[-1].primary
dataset = stream.read()
assert dataset["x"].values.tolist() == [0.5, 1.5]
assert dataset["time"].to_index().is_monotonic_increasing
dataset = stream.read(["x"], dedupe="last")
assert dataset["x"].values.tolist() == [0.5, 1.5]
assert "xarray" in sys.modules
print(*sys.modules)
"""


def test_reading_numbers_loads_no_dask_and_no_handlers(uri, machine):
    packages, rooms = loaded_by(READ, uri)
    assert "xarray" in packages
    assert not packages & FOR_NO_READER
    assert not rooms & {*ROOMS_FOR_NO_READER, "numpy_values"}
