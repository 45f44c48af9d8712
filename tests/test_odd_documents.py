"""Runs that another program stored oddly hide no other: a catalog lists, tabulates and searches them all."""

from __future__ import annotations

import datetime

import pytest

from databroker_mongo.run_catalog import Catalog

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
