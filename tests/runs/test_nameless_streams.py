"""A descriptor without a name, by whatever is in the place of one, belongs to the stream ``primary``."""

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import CatalogWarning, QueryError
from databroker_mongo.queries import HasStream
from databroker_mongo.store import writable

NAMES = {
    "absent": {},
    "null": {"name": None},
    "empty": {"name": ""},
    "a number": {"name": 5},
    "a list": {"name": ["a"]},
}


@pytest.fixture(params=NAMES.values(), ids=NAMES)
def catalog(store_uri, request):
    """A catalog of two runs, of a stream without a name, and of one that is called ``other``."""
    catalog = Catalog.from_uri(store_uri)
    collections = catalog.store.collections
    for run, name in (("run-1", request.param), ("run-2", {"name": "other"})):
        collections.run_start.insert_one({"uid": run, "time": 1.0})
        collections.run_stop.insert_one({"uid": f"stop-{run}", "run_start": run, "time": 2.0, "exit_status": "success"})
        data_keys = {"x": {"dtype": "number", "shape": [], "source": "s"}}
        configuration = {"det": {"data": {"gain": 2}, "timestamps": {"gain": 1.0}, "data_keys": {}}}
        descriptor = {"uid": f"of-{run}", "run_start": run, "time": 1.0, "data_keys": data_keys, **name}
        collections.event_descriptor.insert_one({**descriptor, "configuration": configuration})
        event = {"uid": f"event-{run}", "descriptor": f"of-{run}", "seq_num": 1, "time": 1.5}
        collections.event.insert_one({**event, "data": {"x": 7.0}, "timestamps": {"x": 1.5}, "filled": {}})
    return catalog


@pytest.fixture(params=[False, True], ids=["documents", "summaries"])
def asked(catalog, request, monkeypatch):
    """The same, asked of its documents or of summaries, as in a large database."""
    if request.param:
        writable(catalog.store).build_summaries(apply=True)
        monkeypatch.setattr("databroker_mongo.store.search.start_pages.VERY_FEW", -1)
        monkeypatch.setattr("databroker_mongo.store.search.start_pages.FEW", -1)
        monkeypatch.setattr("databroker_mongo.store.search.joins.MOST_CANDIDATES", -1)
    return catalog


def test_it_is_found_by_that_name_alone(asked):
    assert list(asked.search(stream="primary")) == ["run-1"]
    assert list(asked.search(~HasStream("primary"))) == ["run-2"]
    assert list(asked.search(HasStream("primary") | HasStream("other"))) == list(asked)
    with pytest.warns(CatalogWarning, match="No run has a stream 'a'"):
        assert list(asked.search(stream="a")) == []
    assert list(asked.search(stream="other")) == ["run-2"]


def test_it_is_read_by_that_name(catalog):
    run = catalog["run-1"]
    assert list(run) == ["primary"]
    assert run.primary.read()["x"].values.tolist() == [7.0]
    assert dict(catalog.rows(["streams"]))["run-1"] == [["primary"]]
    assert [row.data["x"] for row in run.primary.follow()] == [7.0]
    assert {each.stream for each in run.findings()} <= {"primary", None}


def test_databroker_1_calls_it_so_too(catalog):
    header = catalog.v1["run-1"]
    assert header.stream_names == ["primary"]
    assert header.table()["x"].tolist() == [7.0]
    assert list(header.config_data("det")) == ["primary"]
    assert "<caption>primary</caption>" in header._repr_html_()


def test_it_is_corrected_by_that_name(catalog):
    catalog.update("run-1", descriptors={"primary": {"name": "named"}})
    assert list(catalog["run-1"]) == ["named"]


def test_summaries_that_hold_an_empty_name_find_it_too(mongod_database_uri, monkeypatch):
    catalog = Catalog.from_uri(mongod_database_uri)
    catalog.store.collections.run_start.insert_one({"uid": "run-1", "time": 1.0})
    catalog.store.collections.run_stop.insert_one({"uid": "stop-1", "run_start": "run-1", "time": 2.0})
    writable(catalog.store).build_summaries(apply=True)
    catalog.store.collections.named("run_summary").update_many({}, {"$set": {"streams": [""]}})
    monkeypatch.setattr("databroker_mongo.store.search.search.Search.is_dense", False)
    monkeypatch.setattr("databroker_mongo.store.search.search.Search.is_narrow", False)
    assert list(catalog.search(stream="primary")) == ["run-1"]


@pytest.mark.parametrize("name", ["", None, 5])
def test_what_is_no_name_is_not_asked_for(name):
    with pytest.raises(QueryError, match="name of a stream"):
        HasStream(name)
