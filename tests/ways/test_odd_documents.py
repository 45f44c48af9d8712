"""Runs that another program stored oddly hide no other: a catalog lists, tabulates and searches them all."""

from __future__ import annotations

import contextlib
import datetime

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import CatalogError, InvalidDocument

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")
NOON = datetime.datetime(2020, 3, 5, 12)


@pytest.fixture
def catalog(store_uri):
    """One run as it should be, to which others are added."""
    catalog = Catalog.from_uri(store_uri)
    add(catalog, "usual", 1000.0, 1060.0)
    return catalog


def add(catalog, uid, start_time, stop_time):
    """Store a run past all checks; a time that is ``...`` is left out."""
    documents = {
        "run_start": {"uid": uid, "scan_id": 1, "time": start_time},
        "run_stop": {"uid": f"{uid} stop", "run_start": uid, "time": stop_time, "exit_status": "success"},
    }
    for name, document in documents.items():
        kept = {key: value for key, value in document.items() if value is not ...}
        getattr(catalog.store.collections, name).insert_one(kept)


@pytest.mark.parametrize("time", [float("inf"), float("nan"), 1e20, 1.7e12, "noon", NOON, None, True, [1.0], ...])
@pytest.mark.parametrize("is_stop", [False, True])
def test_a_time_that_is_none_is_missing_in_its_own_row_only(catalog, time, is_stop):
    add(catalog, "odd", *((1000.0, time) if is_stop else (time, 1060.0)))

    table = catalog.table(["time", "stop.time", "duration"], timezone="UTC")

    assert table.loc["usual", "time"].timestamp() == 1000.0
    assert table.loc["usual", "duration"] == 60.0
    assert table.loc["odd"].isna()[["stop.time" if is_stop else "time", "duration"]].all()
    assert "usual" in str(table)
    assert repr(catalog["odd"])
    assert catalog._repr_html_()


@pytest.mark.parametrize("time", ["noon", NOON, None, ...])
@pytest.mark.parametrize("is_stop", [False, True])
def test_a_run_without_two_times_has_no_duration_to_be_found_by(catalog, time, is_stop):
    add(catalog, "odd", *((1000.0, time) if is_stop else (time, 1060.0)))

    assert list(catalog.search(duration_gt=0)) == ["usual"]
    assert len(catalog.search(duration_lt=1e9)) == 1


def test_a_start_without_a_uid_is_listed_by_its_id(catalog):
    catalog.store.collections.run_start.insert_one({"_id": "nameless", "scan_id": 7, "time": 2000.0})

    assert list(catalog) == ["nameless", "usual"]
    assert [run.start["scan_id"] for run in catalog.values()] == [7, 1]
    assert list(catalog.table().index) == ["nameless", "usual"]
    assert list(catalog.search(stop={"exit_status": "success"})) == ["usual"]
    assert list(catalog.search(in_progress=True)) == ["nameless"]
    assert "nameless" in repr(catalog[-1])


def test_a_start_whose_uid_is_a_number_is_listed_and_found_by_its_id(catalog):
    add(catalog, 5, 2000.0, 2001.0)
    identifier = str(catalog.store.collections.run_start.find_one({"uid": 5})["_id"])

    assert list(catalog) == [identifier, "usual"]
    assert f"uid='{identifier}'" in repr(catalog[-1])
    assert catalog[identifier] == catalog[-1]
    assert catalog._repr_html_()


def test_the_name_of_one_column_is_one_column(catalog):
    assert list(catalog.table("uid").columns) == ["uid"]
    assert catalog.facets("scan_id") == {"scan_id": {1: 1}}


@pytest.fixture
def broken(catalog):
    """A run of a good column and one that a test breaks; its documents are changed by ``broken(kind, change)``."""
    add(catalog, "run", 1000.0, 1060.0)
    collections = catalog.store.collections
    collections.event_descriptor.insert_one(
        {
            "uid": "descriptor",
            "run_start": "run",
            "name": "primary",
            "time": 1001.0,
            "data_keys": {
                "good": {"dtype": "number", "shape": [], "source": "PV"},
                "image": {"dtype": "array", "shape": [2], "source": "PV", "external": "FILESTORE:"},
            },
            "object_keys": {"motor": ["good"]},
            "configuration": {"motor": {"data": {"speed": 1.0}, "timestamps": {"speed": 0.0}, "data_keys": {}}},
        }
    )
    collections.resource.insert_one(
        {
            "uid": "resource",
            "run_start": "run",
            "spec": "NPY_SEQ",
            "root": "/",
            "resource_path": "x",
            "resource_kwargs": {},
        }
    )
    collections.datum.insert_one({"datum_id": "datum", "resource": "resource", "datum_kwargs": {"index": 0}})
    for number in (1, 2):
        event = {"uid": f"event {number}", "descriptor": "descriptor", "seq_num": number, "time": 1001.0 + number}
        sections = {"data": {"good": number / 2, "image": "datum"}, "timestamps": {"good": 0.0, "image": 0.0}}
        collections.event.insert_one({**event, **sections, "filled": {"image": False}})

    def change(kind, update):
        getattr(collections, kind).update_one({"run_start": "run"} if kind == "run_stop" else {}, update)
        return catalog["run"]

    return change


def use(run):
    """Use a run in all ways; only errors of the package are allowed."""
    assert run.health() is not None
    assert repr(run)
    assert run._repr_html_()
    for fill in ("no", "yes"):
        with contextlib.suppress(CatalogError):
            list(run.documents(fill=fill))
    for stream in run.values():
        with contextlib.suppress(CatalogError):
            stream.read()
        for device in stream.config:
            stream.config[device].read()


BROKEN_BESIDE_A_GOOD_COLUMN = {
    "keywords of a resource": ("resource", {"$set": {"resource_kwargs": 1.5}}),
    "keywords of a resource in a list": ("resource", {"$set": {"resource_kwargs": ["a", 1]}}),
    "a resource with a list for uid": ("resource", {"$set": {"uid": [[1]]}}),
    "keywords of a datum": ("datum", {"$set": {"datum_kwargs": 7}}),
    "a datum of no resource": ("datum", {"$unset": {"resource": 1}}),
    "a datum without its name": ("datum", {"$unset": {"datum_id": 1}}),
    "a datum with a list for name": ("datum", {"$set": {"datum_id": [1, 2]}}),
    "a data key": ("event_descriptor", {"$set": {"data_keys.image": 0}}),
    "a data key of no dtype": ("event_descriptor", {"$set": {"data_keys.image": {}}}),
    "keys of a device": ("event_descriptor", {"$set": {"object_keys.motor": 3}}),
    "keys of devices": ("event_descriptor", {"$set": {"object_keys": 1e308}}),
    "configuration": ("event_descriptor", {"$set": {"configuration": {"motor": 1}}}),
    "data keys of a configuration": ("event_descriptor", {"$set": {"configuration.motor.data_keys": {"speed": 1}}}),
    "time of a descriptor": ("event_descriptor", {"$set": {"time": "noon"}}),
    "timestamps of an event": ("event", {"$unset": {"timestamps": 1}}),
    "timestamps of an event that are a number": ("event", {"$set": {"timestamps": 4.5}}),
    "uid of a stop": ("run_stop", {"$unset": {"uid": 1}}),
    "counts of a stop": ("run_stop", {"$set": {"num_events": {"primary": "many"}}}),
}


@pytest.mark.parametrize(("kind", "update"), BROKEN_BESIDE_A_GOOD_COLUMN.values(), ids=BROKEN_BESIDE_A_GOOD_COLUMN)
def test_what_is_broken_beside_a_good_column_costs_none_of_its_values(broken, kind, update):
    run = broken(kind, update)

    assert run["primary"].read(on_error="skip")["good"].values.tolist() == [0.5, 1.0]
    use(run)


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        ("event_descriptor", {"$unset": {"data_keys": 1}}),
        ("event_descriptor", {"$set": {"data_keys": "a"}}),
        ("event_descriptor", {"$unset": {"uid": 1}}),
        ("event_descriptor", {"$set": {"name": b"\x00"}}),
        ("event", {"$unset": {"data": 1}}),
        ("event", {"$unset": {"uid": 1}}),
    ],
)
def test_a_run_that_lost_what_it_needs_is_listed_and_looked_at_all_the_same(broken, catalog, kind, update):
    use(broken(kind, update))

    assert "run" in catalog.table(["uid", "n_events"]).index


def test_the_event_that_cannot_go_on_a_page_is_named(broken):
    run = broken("event", {"$unset": {"time": 1}})

    with pytest.raises(InvalidDocument, match="no field 'time'") as caught:
        list(run.documents())

    assert (caught.value.document, caught.value.uid, caught.value.descriptor_uid) == ("event", "event 1", "descriptor")
