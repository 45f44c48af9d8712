"""What a sharded cluster would need of each question: that it names its shard key, so that one shard is asked.

Sharded clusters are not supported, for there is none to test with; this holds what costs nothing.
"""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pymongo.monitoring
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

SHARD_KEYS = {"event": "descriptor", "datum": "datum_id", "event_columns": "d"}
N_ROWS = 4
_numbers = itertools.count()


class Asked(pymongo.monitoring.CommandListener):
    """The commands that name a collection of documents, by database."""

    def __init__(self):
        self.commands = {}

    def started(self, event):
        command = event.command
        if command.get(event.command_name) in list(SHARD_KEYS):  # lists are compared, and not looked up
            self.commands.setdefault(event.database_name, []).append((event.command_name, dict(command)))

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


asked = Asked()


@pytest.fixture(scope="module", autouse=True)
def watched():
    """Let the clients that are opened from now on tell what they ask."""
    pymongo.monitoring.register(asked)


@pytest.fixture
def uri(mongod_database_uri):
    """A fresh database, for which a client is opened."""
    return f"{mongod_database_uri}&appName=targeted+{next(_numbers)}"


class Frames:
    """A handler of frames that are no file."""

    def __init__(self, path, **keywords):
        pass

    def structure(self, number):
        return (1, 2, 3), np.dtype("u2"), (1, 1, 2, 3)

    def read_into(self, out, datums, region):
        out[...] = 0

    def __call__(self, number):
        return np.zeros((1, 2, 3), "u2")


def documents(scan_id=1, *, n_rows=N_ROWS):
    asset = Asset("FRAMES", "/", "a", [{"number": number} for number in range(n_rows)], shape=(1, 2, 3))
    rows = [{"motor": float(row), "n": row, "label": f"row {row}"} for row in range(n_rows)]
    return build_run(
        {"primary": rows, "baseline": [{"temperature": 1.0}, {"temperature": 2.0}]},
        scan_id=scan_id,
        time=1e9 + 1e5 * scan_id,
        assets={"primary": {"image": asset}},
    )


def open_catalog(uri):
    return Catalog.from_uri(uri, handlers={"FRAMES": Frames})


def write(uri, named, **options):
    with Writer(uri, **options) as writer:
        for name, document in named:
            writer(name, document)


@pytest.fixture
def catalog(uri):
    """Two runs; what storing them asked is forgotten."""
    writable(open_store(uri)).create_indexes()
    for scan_id in (1, 2):
        write(uri, documents(scan_id))
    catalog = open_catalog(uri)
    asked.commands.pop(catalog.store.collections.metadata.name)
    return catalog


def commands_of(catalog):
    return asked.commands.get(catalog.store.collections.metadata.name, [])


def untargeted(catalog):
    """Return the commands that would be sent to every shard."""
    return [
        command
        for verb, command in commands_of(catalog)
        for filter_ in filters_of(verb, command)
        if not is_targeted(filter_, SHARD_KEYS[command[verb]])
    ]


def filters_of(verb, command):
    """Return the filters of a command; of documents that are inserted, themselves."""
    if verb in ("listIndexes", "createIndexes", "drop"):
        return []
    if verb == "aggregate":
        return [command["pipeline"][0].get("$match", {})]
    if verb in ("update", "delete"):
        return [each["q"] for each in command[f"{verb}s"]]
    return command["documents"] if verb == "insert" else [command.get("filter", command.get("query", {}))]


def is_targeted(filter_, key):
    """Tell whether a filter gives values of a key: as mongos asks, equality, $in, and combinations of these."""
    value = filter_.get(key)
    if isinstance(value, str) or (isinstance(value, dict) and value.keys() & {"$eq", "$in"}):
        return True
    return any(is_targeted(each, key) for each in filter_.get("$and", ())) or (
        "$or" in filter_ and all(is_targeted(each, key) for each in filter_["$or"])
    )


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"descriptor": "a", "time": 1}, True),
        ({"descriptor": {"$in": ["a", "b"]}}, True),
        ({"$and": [{"time": 1}, {"descriptor": "a"}]}, True),
        ({"$or": [{"descriptor": "a"}, {"descriptor": "b"}]}, True),
        ({"$or": [{"descriptor": "a"}, {"uid": "b"}]}, False),
        ({"descriptor": {"$exists": True}}, False),
        ({"uid": "a"}, False),
        ({}, False),
    ],
)
def test_what_is_counted_as_targeted(filter_, expected):
    assert is_targeted(filter_, "descriptor") is expected


VERBS = {
    "read()": lambda catalog: catalog[-1].primary.read(),
    "read(one key)": lambda catalog: catalog[-1].primary.read(["motor"]),
    "to_dask()": lambda catalog: catalog[-1].primary.to_dask().compute(),
    "a part of a column": lambda catalog: catalog[-1].primary["motor"][1:3],
    "a frame": lambda catalog: catalog[-1].primary["image"][2, 0],
    "timestamps": lambda catalog: catalog[-1].primary.timestamps.read(),
    "configuration": lambda catalog: list(catalog[-1].primary.config),
    "documents()": lambda catalog: list(catalog[-1].documents(fill="no")),
    "documents(fill='yes')": lambda catalog: list(catalog[-1].documents(fill="yes")),
    "documents() of a stream": lambda catalog: list(catalog[-1].documents(streams=["primary"])),
    "findings()": lambda catalog: catalog[-1].findings(),
    "health()": lambda catalog: catalog[-1].health(),
    "files()": lambda catalog: catalog[-1].files(),
    "follow()": lambda catalog: list(catalog[-1].primary.follow()),
    "table()": lambda catalog: catalog.table(["n_events", "streams"]),
    "read() of many": lambda catalog: catalog.read(["motor", "n"]),
    "map() of many": lambda catalog: catalog.map(len, keys=["motor", "image"]),
    "map() of runs": lambda catalog: catalog.map(lambda run: run.primary.read()),
    "v1 table": lambda catalog: catalog.v1[-1].table(fill=True),
    "v1 events": lambda catalog: list(catalog.v1[-1].events(fill=True)),
    "v1 documents": lambda catalog: list(catalog.v1[-1].documents(fill=True)),
    "v1 data": lambda catalog: list(catalog.v1[-1].data("image")),
}

# It asks by the resource, and has no identifier of a datum to begin with.
BY_RESOURCE = {
    "documents()",
    "documents(fill='yes')",
    "documents() of a stream",
    "findings()",
    "health()",
    "v1 documents",
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_reads_names_the_shard_key(catalog, verb):
    VERBS[verb](catalog)
    assert verb == "configuration" or commands_of(catalog)
    found = untargeted(catalog)
    if verb in BY_RESOURCE:
        assert all(each["find"] == "datum" and each["filter"].keys() == {"resource"} for each in found)
    else:
        assert found == []


def test_what_follows_a_run_names_the_shard_key(uri, catalog):
    """Repeats that are stored late are looked for once more, at the end."""
    named = documents(3)
    *begun, repeat, stop = [*named[:-1], named[-2], named[-1]]
    write(uri, begun)
    store = writable(open_store(uri))
    rows = []
    follower = threading.Thread(target=lambda: rows.extend(catalog[-1].baseline.follow(seconds=0.05)))
    follower.start()
    while len(rows) < 2:
        time.sleep(0.01)
    name, event = repeat
    store.insert(name, [{**event, "uid": "late"}])  # neither its number nor its time is new
    write(uri, [stop])
    follower.join()
    assert len(rows) == 3
    assert untargeted(catalog) == []


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("is_unique", [True, False])
def test_what_writes_names_the_shard_key(uri, durable, is_unique):
    """The first time, and again: what is stored already is looked up."""
    catalog = open_catalog(uri)
    collections = catalog.store.collections
    collections.event.create_index("uid", unique=is_unique)
    collections.datum.create_index("datum_id", unique=is_unique)
    for _ in range(2):
        write(uri, documents(), durable=durable)
    verbs = {(verb, command[verb]) for verb, command in commands_of(catalog)}
    assert {("insert", "event"), ("insert", "datum"), ("find", "event"), ("find", "datum")} <= verbs
    assert untargeted(catalog) == []
