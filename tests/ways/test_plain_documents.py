"""Documents come out as plain Python values, by whatever way, whoever stored them."""

import datetime
import json

import pytest
import yaml
from bson import Binary, DBRef, Decimal128, Int64, ObjectId, Regex
from bson.datetime_ms import DatetimeMS

from databroker_mongo import Catalog

BIG, SMALL = 3_000_000_000, 7
DATE = datetime.datetime(2020, 1, 2, 12, 30, 0, 250_000)


def odd(**more):
    """Fields of classes that another program may store: plain ones, which YAML takes, and ``more``."""
    return {
        "big": Int64(BIG),
        "small": Int64(SMALL),
        "list": [Int64(1), [Int64(2)], {"deep": Int64(3)}],
        "date": DATE,
        "nested": {"n": Int64(4), "date": DATE},
        **more,
    }


def stored(uri, *, stops=True):
    """Store a run of two events in which each document has odd fields."""
    catalog = Catalog.from_uri(uri)
    collections = catalog.store.collections
    data_keys = {
        "x": {"source": "s", "dtype": "integer", "shape": [], "limit": Int64(BIG)},
        "mixed": {"source": "s", "dtype": "number", "shape": []},
        "image": {"source": "s", "dtype": "array", "shape": [Int64(2)], "external": "FILESTORE:"},
        "frames": {"source": "s", "dtype": "array", "shape": [Int64(1)], "external": "STREAM:"},
    }
    configuration = {"det": {"data": odd(), "timestamps": {"big": 1.0}, "data_keys": {}}}
    collections.run_start.insert_one({"uid": "run-1", "time": Int64(5), "scan_id": Int64(9), **odd()})
    collections.event_descriptor.insert_one(
        {
            "uid": "descriptor-1",
            "run_start": "run-1",
            "name": "primary",
            "time": 6.0,
            "data_keys": data_keys,
            "configuration": configuration,
            "hints": {},
            "object_keys": {"det": ["x"]},
            **odd(),
        }
    )
    for number in (1, 2):
        # So that the column of mixed values is decoded, value by value.
        mixed = Int64(5) if number == 1 else "five"
        collections.event.insert_one(
            {
                "uid": f"event-{number}",
                "descriptor": "descriptor-1",
                "seq_num": Int64(number),
                "time": 6.0 + number,
                "data": {"x": Int64(BIG), "mixed": mixed, "image": "resource-1/0"},
                "timestamps": {"x": Int64(6), "mixed": 6.0, "image": 6.0},
                "filled": {"image": False},
            }
        )
    collections.resource.insert_one(
        {
            "uid": "resource-1",
            "run_start": "run-1",
            "spec": "NOT_THERE",
            "root": "/",
            "resource_path": "x",
            "resource_kwargs": {"n": Int64(2)},
            "path_semantics": "posix",
        }
    )
    collections.datum.insert_one(
        {"datum_id": "resource-1/0", "resource": "resource-1", "datum_kwargs": {"point_number": Int64(0)}}
    )
    span = {"start": Int64(0), "stop": Int64(2)}
    collections.stream_resource.insert_one(
        {
            "uid": "stream-1",
            "data_key": "frames",
            "run_start": "run-1",
            "mimetype": "application/x-hdf5",
            "uri": "file://localhost/x.h5",
            "parameters": {"chunk_shape": [Int64(1)]},
        }
    )
    collections.stream_datum.insert_one(
        {
            "uid": "stream-1/0",
            "stream_resource": "stream-1",
            "descriptor": "descriptor-1",
            "indices": span,
            "seq_nums": {"start": Int64(1), "stop": Int64(3)},
        }
    )
    if stops:
        collections.run_stop.insert_one(stop_document())
    return catalog


def stop_document():
    events = {"primary": Int64(2)}
    return {"uid": "stop-1", "run_start": "run-1", "time": 9.0, "exit_status": "success", "num_events": events, **odd()}


def kinds(value):
    """The classes of all that is in a value."""
    if isinstance(value, dict):
        return set().union({type(key) for key in value}, *map(kinds, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(kinds, value))
    return {type(value)}


PLAIN = {str, int, float, bool, type(None), datetime.datetime}
WAYS = {
    "start": lambda catalog: catalog[-1].start,
    "stop": lambda catalog: catalog[-1].stop,
    "metadata": lambda catalog: catalog[9].metadata,
    "refreshed": lambda catalog: catalog["run-1"].refresh().start,
    "values": lambda catalog: [run.start for run in catalog.values()],
    "searched": lambda catalog: [run.start for run in catalog.search({"big": Int64(BIG)}).values()],
    "descriptors": lambda catalog: catalog[-1].descriptors,
    "stream's metadata": lambda catalog: catalog[-1].primary.metadata,
    "documents": lambda catalog: list(catalog[-1].documents()),
    "single pages": lambda catalog: list(catalog[-1].documents(page_size=1)),
    "distinct": lambda catalog: catalog.distinct("big") + catalog.distinct("list") + catalog.distinct("date"),
    "distinct of a stop": lambda catalog: catalog.distinct("stop.small"),
    "distinct of a descriptor": lambda catalog: catalog.distinct("descriptor.nested"),
    "counted": lambda catalog: list(catalog.distinct("big", counts=True)) + list(catalog.distinct("date", counts=True)),
    "facets": lambda catalog: [list(each) for each in catalog.facets(["big", "stop.big", "nested.n"]).values()],
    "rows": lambda catalog: list(catalog.rows(["scan_id", "big", "stop.small", "date", "n_events"])),
    "followed": lambda catalog: [
        [row.number, row.time, row.data, row.timestamps] for row in catalog[-1].primary.follow()
    ],
    "v1 start": lambda catalog: dict(catalog.v1[-1].start),
    "v1 stop": lambda catalog: dict(catalog.v1[-1].stop),
    "v1 descriptors": lambda catalog: list(map(dict, catalog.v1[-1].descriptors)),
    "v1 documents": lambda catalog: [(name, dict(doc)) for name, doc in catalog.v1[-1].documents()],
    "v1 events": lambda catalog: [dict(event) for event in catalog.v1[-1].events(fill=False, fields=["x", "mixed"])],
    "v1 data": lambda catalog: list(catalog.v1[-1].data("mixed", fill=False)),
    "v1 table": lambda catalog: list(catalog.v1[-1].table(fields=["mixed"])["mixed"]),
    "configuration": lambda catalog: list(catalog[-1].primary.config["det"].read()["nested"].values),
    "revisions": lambda catalog: [
        catalog.update(9, start={"comment": "corrected"}),
        *(each.document for each in catalog[9].revisions()),
    ],
    "v1 found": lambda catalog: [dict(header.start) for header in catalog.v1(big=Int64(BIG))],
    "v1 configuration": lambda catalog: catalog.v1[-1].config_data("det"),
    "mixed column": lambda catalog: list(catalog[-1].primary.read(["mixed"])["mixed"].values),
}


@pytest.fixture
def catalog(store_uri):
    return stored(store_uri)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_integers_are_int_and_dates_are_dates_without_a_zone_by_each_way(catalog, way):
    found = way(catalog)
    assert found
    assert kinds(found) <= PLAIN
    assert "Int64" not in repr(found)


def test_the_values_are_those_that_were_stored(catalog):
    run = catalog[-1]
    for document in (run.start, run.stop, run.descriptors[0], run.descriptors[0]["configuration"]["det"]["data"]):
        assert {name: document[name] for name in odd()} == odd()
        assert document["date"].tzinfo is None


def test_dates_are_without_a_zone_whatever_the_uri_says(mongod_database_uri):
    stored(mongod_database_uri)
    catalog = Catalog.from_uri(f"{mongod_database_uri}&tz_aware=true")
    assert catalog[-1].start["date"] == DATE


def test_yaml_takes_a_document_and_json_takes_one_without_dates(catalog):
    run = catalog[-1]
    for document in (run.start, run.stop, run.metadata, dict(catalog.v1[-1].start), run.descriptors):
        assert yaml.safe_load(yaml.safe_dump(document)) == document
    with pytest.raises(TypeError, match="datetime"):
        json.dumps(run.start)
    assert json.loads(json.dumps(run.start, default=datetime.datetime.isoformat))["date"] == DATE.isoformat()


def test_a_number_of_a_document_finds_its_run(catalog):
    start = catalog[-1].start
    for field in ("big", "small", "scan_id", "date"):
        assert list(catalog.search({field: start[field]})) == ["run-1"]
        assert [header.uid for header in catalog.v1(**{field: start[field]})] == ["run-1"]


def test_runs_that_are_watched_are_plain(store_uri, monkeypatch):
    catalog = stored(store_uri, stops=False)
    stops = [stop_document()]

    def wait(self, seconds):
        """End the run while it is watched."""
        if stops:
            catalog.store.collections.run_stop.insert_one(stops.pop())
        return []

    monkeypatch.setattr("databroker_mongo.store.events.changes.Changes.wait", wait)
    change = next(catalog.watch(seconds=0.01))
    assert change.kind == "stop"
    assert kinds(change.run.start) | kinds(change.run.stop) <= PLAIN


KEPT = {
    "decimal": Decimal128("1.50"),
    "pattern": Regex("^a", "i"),
    "identifier": ObjectId("0123456789abcdef01234567"),
    "far": DatetimeMS(2**53),
    "binary": Binary(b"ab", 5),
    "bytes": b"ab",
}


def test_what_python_has_no_type_for_stays_as_bson_has_it(store_uri):
    catalog = Catalog.from_uri(store_uri)
    catalog.store.collections.run_start.insert_one({"uid": "run-1", "time": 1.0, **KEPT})
    start = catalog[-1].start
    for name, value in KEPT.items():
        assert type(start[name]) is type(value)
        assert start[name] == value
        assert list(catalog.search({name: {"$eq": start[name]}})) == ["run-1"]
        assert catalog.distinct(name) == [value]


def test_a_reference_comes_out_as_the_mapping_that_it_is_stored_as(store_uri):
    catalog = Catalog.from_uri(store_uri)
    reference = DBRef("run_start", Int64(5))
    catalog.store.collections.run_start.insert_one({"uid": "run-1", "time": 1.0, "refers": reference})
    assert catalog[-1].start["refers"] == {"$ref": "run_start", "$id": 5}
    assert kinds(catalog[-1].start) <= PLAIN
    assert list(catalog.search({"refers": reference})) == ["run-1"]


def test_a_correction_keeps_the_types_that_are_stored(mongod_database_uri):
    catalog = Catalog.from_uri(mongod_database_uri)
    catalog.store.collections.run_start.insert_one({"uid": "run-1", "time": 1.0, "n": Int64(5)})
    catalog.update("run-1", start={"comment": "corrected"})
    revised = catalog.store.collections.metadata["run_start_revisions"]
    assert revised.count_documents({"document.n": {"$type": "long"}}) == 1
