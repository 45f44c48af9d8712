"""Each kind of store answers and keeps what every store must: those of this package, and one that does the least."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.assets import open_reader
from databroker_mongo.errors import ConfigurationError, Unsupported
from databroker_mongo.queries import All
from databroker_mongo.store import DocumentSource, RunSource, Store, open_store, place_of, writable
from databroker_mongo.testing import StoreConformance, WritableStoreConformance, build_run

from ..copying import copy_before_reading

DOCS = Path(__file__).parents[2] / "docs" / "reference"
COLLECTIONS = {"start": "run_start", "stop": "run_stop", "descriptor": "event_descriptor"}


class TestMemoryStore(WritableStoreConformance):
    """A database of this process."""

    @pytest.fixture
    def empty(self, database_name):
        return writable(open_store(f"memory://{database_name}"))


class TestNormalizedStore(WritableStoreConformance):
    """A database on a server, filled by this package."""

    @pytest.fixture
    def empty(self, mongod_database_uri):
        return writable(open_store(mongod_database_uri))


class TestNormalizedStoreOfAnotherProgram(StoreConformance):
    """A database on a server, filled as suitcase-mongo does it: every document under an ``_id`` of the driver's."""

    @pytest.fixture
    def fill(self, mongod_database_uri):
        def fill(documents):
            with pymongo.MongoClient(mongod_database_uri) as client:
                database = client.get_default_database()
                for name, document in documents:
                    database[COLLECTIONS.get(name, name)].insert_one(dict(document))
            return open_store(mongod_database_uri)

        return fill


class TestNormalizedStoreOnCopies(StoreConformance):
    """A database on a server whose rows are read from columnar copies."""

    @pytest.fixture
    def fill(self, mongod_database_uri, monkeypatch):
        copy_before_reading(monkeypatch)

        def fill(documents):
            store = writable(open_store(mongod_database_uri))
            for name, document in documents:
                store.insert(name, [document])
            return store

        return fill

    def test_rows_come_from_copies(self, whole):
        [descriptors] = whole.descriptors([next(iter(Catalog(whole, open_reader())))]).values()
        assert whole.event_index([descriptors[0]["uid"]]).snapshot.copies


def passed_on(name):
    return lambda self, *arguments, **options: getattr(self._other, name)(*arguments, **options)


ASKED = [name for part in (RunSource, DocumentSource) for name in vars(part) if not name.startswith("_")]
PassedOn = type("PassedOn", (), {name: passed_on(name) for name in {*ASKED} - {"address", "explain"}})


class Plain(PassedOn, Store):
    """What answers about runs and their documents alone, by asking another store."""

    def __init__(self, other: Store):
        self._other = other

    def __eq__(self, other):
        return isinstance(other, Plain) and self._other == other._other

    __hash__ = None

    @property
    def address(self) -> str:
        return "plain://here"


class TestPlainStore(StoreConformance):
    """A store that does the least is a whole one."""

    cannot = frozenset({"explain", "indexes", "statistics", "changes", "new_events", "examination"})

    @pytest.fixture
    def fill(self, database_name):
        def fill(documents):
            store = writable(open_store(f"memory://{database_name}"))
            for name, document in documents:
                store.insert(name, [document])
            return Plain(open_store(f"memory://{database_name}"))

        return fill


@pytest.fixture
def jsonl_store(monkeypatch):
    """The module that docs/reference/stores.rst shows."""
    specification = importlib.util.spec_from_file_location("jsonl_store", DOCS / "jsonl_store.py")
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "jsonl_store", module)
    specification.loader.exec_module(module)
    return module


class TestJSONLinesStore(StoreConformance):
    """The example of the documentation, a store of its own on public names alone."""

    cannot = frozenset({"explain", "indexes", "statistics", "changes", "new_events", "examination"})

    @pytest.fixture
    def fill(self, jsonl_store, tmp_path):
        def fill(documents):
            path = tmp_path / "runs.jsonl"
            path.write_text("".join(f"{json.dumps(named)}\n" for named in documents))
            return jsonl_store.JSONLinesStore(path)

        return fill


def test_the_store_of_the_documentation_comes_in_by_doors_alone_and_reads_pages(jsonl_store, tmp_path):
    source = Path(jsonl_store.__file__).read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith("from databroker_mongo")}
    assert imported == {f"databroker_mongo.{room}" for room in ("documents", "queries", "store")}
    page = {"descriptor": "d", "uid": ["a", "b"], "seq_num": [1, 2], "time": [1.0, 2.0]}
    page |= {"data": {"x": [5.0, 6.0]}, "timestamps": {"x": [1.0, 2.0]}}
    key = {"dtype": "number", "shape": [], "source": "sim"}
    descriptor = {"uid": "d", "run_start": "paged", "time": 1.0, "name": "primary", "data_keys": {"x": key}}
    path = tmp_path / "paged.jsonl"
    path.write_text(
        "\n".join(map(json.dumps, [*build_run({}, uid="paged"), ("descriptor", descriptor), ("event_page", page)]))
    )

    catalog = Catalog(jsonl_store.JSONLinesStore(path), open_reader())

    assert catalog["paged"]["primary"].read()["x"].values.tolist() == [5.0, 6.0]


@pytest.fixture
def plain() -> Plain:
    return Plain(open_store("memory://"))


def test_where_a_store_is_is_taken_from_its_address(plain):
    assert plain.places == (place_of("plain://here"),)


def test_only_what_is_in_memory_ends_with_the_process(database_name, mongod_database_uri):
    assert not writable(open_store(f"memory://{database_name}")).is_persistent
    assert writable(open_store(mongod_database_uri)).is_persistent


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda store: store.changes(["start"]), "be followed"),
        (lambda store: store.new_events(), "be followed"),
        (lambda store: store.examination, "be examined"),
        (lambda store: store.indexes(), "list indexes"),
        (lambda store: store.statistics(), "tell its size"),
        (lambda store: store.explain(All()), "explain a query"),
    ],
)
def test_what_a_store_does_not_have_it_refuses_and_says_which_store_it_is(plain, ask, what):
    with pytest.raises(Unsupported, match=f"plain://here cannot {what}") as caught:
        ask(plain)
    assert caught.value.address == "plain://here"
    assert isinstance(caught.value, NotImplementedError)


def test_a_store_that_cannot_be_written_to_is_opened_for_writing_by_nobody(plain):
    writable(plain._other).insert("start", [{"uid": "a", "scan_id": 5, "time": 0.0}])
    catalog = Catalog(plain, Catalog.in_memory().assets)
    for ask in (lambda: catalog.update(5, start={"sample": "B"}), lambda: Writer(catalog), lambda: writable(plain)):
        with pytest.raises(ConfigurationError, match="plain://here is open for reading only"):
            ask()


def test_a_store_that_lacks_an_answer_cannot_be_made():
    class Forgetful(Plain):
        stops = RunSource.stops

    with pytest.raises(TypeError, match="stops"):
        Forgetful(open_store("memory://"))
