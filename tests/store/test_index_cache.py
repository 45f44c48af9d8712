"""Databases without the usual indexes, and accounts that may not ask about them."""

import warnings

import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.arrays import inline
from databroker_mongo.errors import CatalogWarning, StoreError
from databroker_mongo.testing import build_run


@pytest.fixture
def events(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        yield client.get_default_database().event


def stored(uri, n_rows):
    writer = Writer(uri, durable="batch")
    for name, doc in build_run({"primary": [{"x": number} for number in range(n_rows)]}):
        writer(name, doc)
    writer.close()
    return Catalog.from_uri(uri)


def test_a_long_stream_without_index_is_read_right_with_one_warning(mongod_database_uri):
    catalog = stored(mongod_database_uri, 1200)
    with pytest.warns(CatalogWarning, match="create-indexes --apply") as caught:
        assert catalog[-1].primary.read()["x"].sum() == 1199 * 600
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        catalog[-1].primary.read()


@pytest.mark.parametrize("name", ["descriptor_-1_time_1", "named_otherwise"])
def test_an_index_is_recognised_by_its_keys_whatever_its_name(mongod_database_uri, events, name):
    events.create_index([("descriptor", -1), ("time", 1)], name=name)
    catalog = stored(mongod_database_uri, 1200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert catalog[-1].primary.read()["x"].size == 1200


def test_a_chunk_of_a_long_column_fetches_its_rows_alone_where_an_index_finds_them(
    mongod_database_uri, events, monkeypatch
):
    monkeypatch.setattr(inline, "_FEW_VALUES", 0)
    events.create_index([("descriptor", 1), ("time", 1)])
    events.create_index([("descriptor", 1), ("seq_num", 1)])
    lazy = stored(mongod_database_uri, 1200)[-1].primary.to_dask()["x"]
    database = events.database
    database.command("profile", 2)
    assert lazy[700:703].compute().values.tolist() == [700, 701, 702]
    database.command("profile", 0)
    read = list(database.system.profile.find({"ns": events.full_name, "op": "query"}))
    assert sum(entry["docsExamined"] for entry in read) <= 10


def test_events_that_vanish_from_a_snapshot_are_told(mongod_database_uri, events):
    primary = stored(mongod_database_uri, 5)[-1].primary
    assert primary.read()["x"].size == 5
    events.delete_one({"seq_num": 3})
    with pytest.raises(StoreError, match=r"5 were expected, 4 were found. run.refresh\(\)"):
        primary.read()
