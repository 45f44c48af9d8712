"""Columns of a table of runs that tell of their data: the first, last, least, greatest, mean value of a key."""

from __future__ import annotations

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogWarning, QueryError
from databroker_mongo.runs.many import DataColumn
from databroker_mongo.testing import Asset, build_run

NAN = float("nan")


@pytest.fixture
def catalog(store_uri):
    return Catalog.from_uri(store_uri)


def store(catalog, streams, *, scan_id, **options):
    run = build_run(streams, scan_id=scan_id, time=1e9 + 60 * scan_id, uid=f"run-{scan_id}", **options)
    with Writer(catalog, durable="batch") as writer:
        for name, document in run:
            writer(name, document)


@pytest.mark.parametrize(
    ("name", "stream", "reduction", "key"),
    [
        ("max(I0)", "primary", "max", "I0"),
        ("baseline.first(temperature)", "baseline", "first", "temperature"),
        ("a.b.mean(c.d)", "a.b", "mean", "c.d"),
        ("last(f(x))", "primary", "last", "f(x)"),
        ("min(XF:23ID1{Dif.max(a)})", "primary", "min", "XF:23ID1{Dif.max(a)}"),
    ],
)
def test_how_a_column_of_data_is_written(name, stream, reduction, key):
    assert DataColumn.of(name) == DataColumn(name, stream, reduction, key)


@pytest.mark.parametrize("name", ["max", "sample.max", "temperature(K)", "max()", "stop.reason", "Max(I0)"])
def test_other_names_are_fields(name):
    assert DataColumn.of(name) is None


def test_a_table_tells_of_the_data_of_each_run(catalog):
    store(catalog, {"primary": [{"x": 2.0, "n": 7}, {"x": 1.0, "n": 9}]}, scan_id=1)
    store(catalog, {"primary": [{"x": 4.0, "n": 2}, {"x": 5.0, "n": 1}, {"x": 3.0, "n": 3}]}, scan_id=2)
    columns = ["scan_id", "first(x)", "last(x)", "min(x)", "max(x)", "mean(x)", "max(n)", "mean(n)"]
    table = catalog.table(columns)
    assert table.columns.tolist() == columns
    assert table.to_numpy().tolist() == [[2, 4, 3, 3, 5, 4, 3, 2], [1, 2, 1, 1, 2, 1.5, 9, 8]]
    assert table["max(n)"].dtype == "int64"
    assert catalog.table("max(x)", limit=1).index.tolist() == ["run-2"]


def test_data_stand_beside_what_stop_and_streams_tell(catalog):
    store(catalog, {"primary": [{"x": 2.0}], "baseline": [{"x": 7.0}, {"x": 8.0}]}, scan_id=1)
    columns = ["baseline.last(x)", "stop.exit_status", "last(x)", "n_events", "streams"]
    assert catalog.table(columns).iloc[0].tolist() == [8.0, "success", 2.0, 3, ["primary", "baseline"]]


def test_what_a_run_lacks_is_missing(catalog):
    store(catalog, {"primary": [{"x": 2.0, "name": "a"}]}, scan_id=1)
    store(catalog, {"primary": [{"y": 2.0}]}, scan_id=2)
    store(catalog, {"baseline": [{"x": 1.0}]}, scan_id=3)
    store(catalog, {"primary": [{"x": NAN}, {"x": NAN}]}, scan_id=4)
    rows = dict(catalog.rows(["max(x)", "first(name)"]))
    assert rows == {"run-4": [None, None], "run-3": [None, None], "run-2": [None, None], "run-1": [2.0, "a"]}


def test_missing_values_are_left_out_of_the_mean_and_not_of_the_first(catalog):
    store(catalog, {"primary": [{"x": NAN}, {"x": 3.0}, {"x": 1.0}]}, scan_id=1)
    [(_, [first, mean, least])] = catalog.rows(["first(x)", "mean(x)", "min(x)"])
    assert first != first
    assert (mean, least) == (2.0, 1.0)


def test_large_integers_are_kept(catalog):
    store(catalog, {"primary": [{"n": 2**53 + 1}]}, scan_id=1)
    store(catalog, {"baseline": [{"n": 1}]}, scan_id=2)
    assert catalog.table(["max(n)"])["max(n)"].tolist() == [None, 2**53 + 1]


def test_texts_have_a_first_and_a_last(catalog):
    store(catalog, {"primary": [{"name": "a"}, {"name": "b"}]}, scan_id=1)
    assert catalog.table(["first(name)", "last(name)"]).iloc[0].tolist() == ["a", "b"]
    with pytest.raises(QueryError, match=r"'max\(name\)' of the run run-1 is not a number: 'name' has texts there"):
        catalog.table(["max(name)"])


def test_arrays_are_refused_with_their_shape(catalog):
    store(catalog, {"primary": [{"row": [1.0, 2.0]}]}, scan_id=1)
    with pytest.raises(QueryError, match=r"each row of 'row' has the shape \[2\]"):
        catalog.table(["mean(row)"])


def test_values_in_files_are_refused(catalog):
    asset = Asset("FRAMES", "/", "a", [{"point_number": 0}], shape=(2, 3))
    store(catalog, {"primary": [{"x": 1.0}]}, scan_id=1, assets={"primary": {"image": asset}})
    with pytest.raises(QueryError, match=r"'image' are in files, in the run run-1 \(scan id 1\)"):
        catalog.table(["mean(image)"])


@pytest.mark.parametrize("name", ["median(I0)", "baseline.sum(I0)"])
def test_another_function_is_refused(catalog, name):
    with pytest.raises(QueryError, match=r"a table has first, last, min, max, mean.*catalog\.map"):
        catalog.table([name])


def test_a_key_that_no_run_has_is_told(catalog):
    store(catalog, {"primary": [{"I0": 1.0, "It": 2.0}]}, scan_id=1)
    with pytest.warns(CatalogWarning, match=r"'max\(IO\)' is empty.*'IO' in its stream 'primary'.*has: I0, It"):
        catalog.table(["max(IO)", "max(I0)"])
    with pytest.warns(CatalogWarning, match="none of the 1 runs has a stream 'dark'"):
        catalog.table(["dark.max(I0)"])


def test_of_no_run_nothing_is_told(catalog):
    assert catalog.table(["max(I0)"]).empty


def test_runs_are_those_of_corrected_starts(store_uri, catalog):
    store(catalog, {"primary": [{"x": 1.0}]}, scan_id=1)
    corrected = Catalog.from_uri(store_uri, transforms={"start": lambda start: {**start, "sample": "Mn"}})
    assert corrected.table(["scan_id", "max(x)"]).iloc[0].tolist() == [1, 1.0]
