"""A Writer that makes columnar copies at the stop of a run, and loses no document when it cannot."""

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import build_run
from databroker_mongo.writing import delivery

ROWS = [{"x": 0.5 * row, "label": f"row {row}"} for row in range(4)]


@pytest.fixture
def database(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        yield client.get_default_database()


def write(uri, documents, **options):
    with Writer(uri, on_failure="raise", **options) as writer:
        for name, doc in documents:
            writer(name, doc)


def read_from(uri):
    dataset = Catalog.from_uri(uri)[-1].primary.read()
    assert dataset["x"].values.tolist()[: len(ROWS)] == [row["x"] for row in ROWS]
    return dataset.attrs.get("read_from", "events")


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_a_run_is_copied_when_its_stop_is_stored(mongod_database_uri, durable):
    writer = Writer(mongod_database_uri, durable=durable, copies_runs=True)
    *documents, stop = build_run({"primary": ROWS})
    for name, doc in documents:
        writer(name, doc)
    writer.flush()
    assert read_from(mongod_database_uri) == "events"
    writer(*stop)
    assert read_from(mongod_database_uri) == "columnar copies"
    writer.close()


def test_no_run_is_copied_unless_it_is_asked_for(mongod_database_uri, database):
    write(mongod_database_uri, build_run({"primary": ROWS}))
    assert read_from(mongod_database_uri) == "events"
    assert "event_columns" not in database.list_collection_names()


def test_a_long_run_is_left_to_the_nightly_build(mongod_database_uri, database, monkeypatch):
    monkeypatch.setattr(delivery, "MOST_COPIED", len(ROWS) - 1)
    write(mongod_database_uri, build_run({"primary": ROWS}), copies_runs=True)
    assert read_from(mongod_database_uri) == "events"


def test_a_late_event_of_the_same_writer_drops_the_copy(mongod_database_uri, database):
    documents = list(build_run({"primary": ROWS}))
    [event, *_] = [doc for name, doc in documents if name == "event"]
    late = {**event, "uid": "late", "seq_num": len(ROWS) + 1, "time": event["time"] + 100.0}
    write(mongod_database_uri, [*documents, ("event", late)], copies_runs=True)
    assert read_from(mongod_database_uri) == "events"
    assert database["event_columns"].count_documents({}) == 0


def test_a_copy_that_cannot_be_made_costs_no_document(mongod_database_uri, database, caplog):
    database.command("create", "event_columns", viewOn="event", pipeline=[])
    write(mongod_database_uri, build_run({"primary": ROWS}), copies_runs=True)
    assert database["run_stop"].count_documents({}) == 1
    assert "no columnar copies of their events were made" in caplog.text


def test_in_memory_there_are_none(database_name):
    uri = f"memory://{database_name}"
    write(uri, build_run({"primary": ROWS}), copies_runs=True)
    assert read_from(uri) == "events"
