"""What is read of many runs at once, and what a function makes of each."""

from __future__ import annotations

import itertools
import json
import threading
import time

import numpy as np
import pandas as pd
import pytest

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.errors import (
    ColumnNotFound,
    DocumentWarning,
    QueryError,
    ShapeMismatch,
    StoreError,
    StreamNotFound,
)
from databroker_mongo.runs.many import progress, reading, rows
from databroker_mongo.testing import Asset, StreamAsset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


class Frames:
    """A handler of frames that hold their number."""

    def __init__(self, path, **keywords):
        pass

    def structure(self, point_number=None, index=None):
        return ((2, 3) if point_number is None else (1, 2, 3)), np.dtype("u2"), None

    def read_into(self, out, datums, region):
        for row, datum in zip(out, datums, strict=True):
            row[...] = next(iter(datum.values()))


@pytest.fixture
def catalog(store_uri):
    return Catalog.from_uri(store_uri, handlers={"FRAMES": Frames, "application/x-frames": Frames})


def store(catalog, streams, *, scan_id, **options):
    """Store a run that begins a minute after the one whose scan id is one less."""
    run = build_run(streams, scan_id=scan_id, time=1e9 + 60 * scan_id, uid=f"run-{scan_id}", **options)
    with Writer(catalog, durable="batch") as writer:
        for name, document in run:
            writer(name, document)


@pytest.fixture
def three(catalog):
    """Runs of 2, 3 and 1 rows; the newest comes first."""
    store(catalog, {"primary": [{"x": 1.0, "n": 1, "name": "a"}, {"x": 2.0, "n": 2, "name": "bc"}]}, scan_id=1)
    store(catalog, {"primary": [{"x": 3.0, "n": 3, "name": "d"}] * 3}, scan_id=2)
    store(catalog, {"primary": [{"x": 4.0, "n": 4, "name": "e"}]}, scan_id=3)
    return catalog


def test_rows_come_run_after_run_in_the_order_of_the_catalog(three):
    dataset = three.read(["x", "n", "name"])
    assert dict(dataset.sizes) == {"time": 6, "run": 3}
    assert dataset["uid"].values.tolist() == ["run-3", "run-2", "run-1"]
    assert dataset["scan_id"].values.tolist() == [3, 2, 1]
    assert dataset["n_rows"].values.tolist() == [1, 3, 2]
    assert dataset["start_time"].values.tolist() == [1e9 + 180, 1e9 + 120, 1e9 + 60]
    assert dataset["run_number"].values.tolist() == [0, 1, 1, 1, 2, 2]
    assert dataset["x"].values.tolist() == [4.0, 3.0, 3.0, 3.0, 1.0, 2.0]
    assert dataset["n"].dtype == np.int64
    assert dataset["name"].values.tolist() == ["e", "d", "d", "d", "a", "bc"]
    assert dataset["x"].attrs == {"object": "det", "source": "test"}
    assert dataset.attrs == {"stream": "primary"}
    assert [*three.search(sort="time").read("n")["uid"].values] == ["run-1", "run-2", "run-3"]


def test_what_some_runs_lack_is_missing_and_told(three):
    store(three, {"baseline": [{"x": 5.0}]}, scan_id=4)
    store(three, {"primary": [{"n": 2.5}]}, scan_id=5)
    dataset = three.read(["x", "n", "name"])
    assert dataset["uid"].values.tolist() == ["run-5", "run-4", "run-3", "run-2", "run-1"]
    assert dataset["n_rows"].values.tolist() == [1, 0, 1, 3, 2]
    assert np.isnan(dataset["x"].values[0])
    assert (dataset["n"].dtype, dataset["n"].values.tolist()[:2]) == (np.float64, [2.5, 4.0])
    assert dataset["name"].values.tolist() == [None, "e", "d", "d", "d", "a", "bc"]
    assert dataset.attrs["without_stream"] == ["run-4"]
    assert json.loads(dataset.attrs["lacking"]) == {"x": ["run-5"], "name": ["run-5"]}
    assert json.loads(dataset.attrs["dtypes"]) == {"n": {"float64": ["run-5"], "int64": ["run-3", "run-2", "run-1"]}}


def test_no_number_is_rounded(catalog):
    store(catalog, {"primary": [{"n": 2**53 + 1}]}, scan_id=1)
    store(catalog, {"primary": [{"n": 0.5}]}, scan_id=2)
    assert catalog.read("n")["n"].values.tolist() == [0.5, 2**53 + 1]


def test_names_of_coordinates_are_left_to_them(catalog):
    store(catalog, {"primary": [{"time": 1.0, "run": 2.0, "uid": 3.0, "uid_": 4.0}]}, scan_id=1)
    dataset = catalog.read(["time", "run", "uid", "uid_"])
    assert {name: each.values.tolist() for name, each in dataset.items()} == {
        "time_": [1.0],
        "run_": [2.0],
        "uid__": [3.0],
        "uid_": [4.0],
    }


@pytest.mark.parametrize(
    ("data_keys", "row", "error", "said"),
    [
        ({"x": {"units": "V"}}, {"x": 1.0}, QueryError, "The units of 'x' differ: 'V' in the run run-2 .*'mV' in"),
        ({}, {"x": [1.0, 2.0]}, ShapeMismatch, r"\[2\] in the run run-2 \(scan id 2\); single values in the run run-1"),
    ],
)
def test_columns_that_do_not_go_together_are_refused_naming_the_runs(catalog, data_keys, row, error, said):
    store(catalog, {"primary": [{"x": 1.0}]}, scan_id=1, data_keys={"x": {"units": "mV"}})
    store(catalog, {"primary": [row]}, scan_id=2, data_keys=data_keys)
    with pytest.raises(error, match=said):
        catalog.read("x")


def test_what_is_in_files_is_refused_with_what_reads_it(catalog):
    with_images(catalog, scan_id=1)
    with pytest.raises(
        QueryError, match=r"'image' are in files, in the run run-1 .*catalog\.map\(function, keys=\['im"
    ):
        catalog.read(["x", "image"])


def test_what_no_run_has_is_an_error(three):
    with pytest.raises(ColumnNotFound, match=r"none of the 3 runs has a data key 'y'.*has: x, n, name"):
        three.read(["x", "y"])
    with pytest.raises(StreamNotFound, match="none of the 3 runs has a stream 'fly'"):
        three.read("x", "fly")


@pytest.mark.parametrize(
    ("keys", "stream", "error"), [(["x", "y"], "primary", ColumnNotFound), ("x", "fly", StreamNotFound)]
)
def test_what_no_run_has_is_an_error_after_the_last_page(three, keys, stream, error):
    with pytest.raises(error) as at_once:
        three.read(keys, stream)
    pages = three.read(keys, stream, pages=2)
    assert [next(pages).sizes["run"], next(pages).sizes["run"]] == [2, 1]
    with pytest.raises(error) as at_the_end:
        next(pages)
    assert str(at_the_end.value) == str(at_once.value)


def test_a_page_may_lack_what_another_has(three):
    store(three, {"primary": [{"y": 5.0}]}, scan_id=0)
    pages = list(three.read("y", pages=2))
    assert [np.isnan(page["y"].values).all() for page in pages] == [True, False]


@pytest.mark.parametrize("pages", [0, -1, 1.5, True])
def test_pages_are_a_number_of_runs(three, pages):
    with pytest.raises(QueryError, match="pages"):
        three.read("x", pages=pages)


def test_a_data_key_is_a_text(three):
    with pytest.raises(QueryError, match="a text, not 5"):
        three.read([5])


def test_nothing_is_read_of_no_run(three):
    none = three.search({"sample_name": "Ni"})
    with pytest.warns(match="sample_name"):
        dataset = none.read(["x"])
    assert dict(dataset.sizes) == {"time": 0, "run": 0}
    assert list(none.read("x", pages=5)) == []


def test_very_many_runs_are_refused_unless_somebody_says_how_many(three, monkeypatch):
    monkeypatch.setattr(reading, "MOST_AT_ONCE", 2)
    with pytest.raises(QueryError, match=r"more than 2 runs.*catalog\.read\(\['x'\], pages=1000\).*search\(limit=2\)"):
        three.read("x")
    assert three.search(limit=3).read("x").sizes["run"] == 3
    pages = [page["uid"].values.tolist() for page in three.read("x", pages=2)]
    assert pages == [["run-3", "run-2"], ["run-1"]]


def test_long_runs_are_read_alone_and_the_rows_of_others_in_portions(three, monkeypatch):
    whole = three.read(["x", "name"])
    asked = []

    def noted(streams, *, keys):
        asked.append(len(streams))
        return [three.store.event_index(each, keys=keys) for each in streams]

    monkeypatch.setattr(three.store, "event_indexes", noted)
    monkeypatch.setattr(rows, "LARGE", 2)
    assert three.read(["x", "name"]).identical(whole)
    assert asked == [1, 1]
    monkeypatch.setattr(rows, "LARGE", 5)
    monkeypatch.setattr(rows, "_ROWS_TOGETHER", 4)
    assert three.read(["x", "name"]).identical(whole)
    assert asked == [1, 1, 2, 1]


def test_what_documents_got_wrong_is_told(three):
    collections = three.store.collections
    collections.event.update_one({"data.x": 4.0}, {"$set": {"time": "late"}})
    descriptor = collections.event_descriptor.find_one({"run_start": "run-2"}, {"_id": 0})
    descriptor |= {"uid": "another", "time": descriptor["time"] + 1}
    collections.event_descriptor.insert_one(
        {**descriptor, "data_keys": {"x": {**descriptor["data_keys"]["x"], "units": "V"}}}
    )
    with pytest.warns(
        DocumentWarning, match="run run-3: 'time': 1 events have a time.*run run-2: 'x': the descriptors"
    ):
        dataset = three.read("x")
    assert np.isnan(dataset["time"].values).tolist() == [True, False, False, False, False, False]


def test_order_that_is_not_known_is_an_error_of_its_run(three):
    three.store.collections.event.update_one({"data.x": 4.0}, {"$unset": {"seq_num": 1}})
    with pytest.raises(StoreError, match="'seq_num' that is missing") as raised:
        three.read("x")
    assert raised.value.run_uid == "run-3"
    found = three.map(lambda dataset: float(dataset["x"].sum()), keys="x", on_error="collect")
    assert [type(each) for each in found["error"]] == [StoreError, type(None), type(None)]
    assert found["result"].tolist()[1:] == [9.0, 3.0]


def test_transforms_apply(store_uri):
    store(Catalog.from_uri(store_uri), {"primary": [{"x": 1.0}]}, scan_id=1)
    catalog = Catalog.from_uri(
        store_uri,
        transforms={
            "start": lambda doc: {**doc, "scan_id": doc["scan_id"] + 100},
            "descriptor": lambda doc: {**doc, "name": "other"},
        },
    )
    assert catalog.read("x", "other")["scan_id"].values.tolist() == [101]
    assert catalog.map(lambda run: list(run))["result"].tolist() == [["other"]]


# What a function makes of each run.


def with_images(catalog, *, scan_id):
    n_rows = 2 + scan_id % 2
    image = Asset(
        "FRAMES", "/data", "f", [{"point_number": 10 * scan_id + row} for row in range(n_rows)], shape=[1, 2, 3]
    )
    panel = StreamAsset("application/x-frames", "file://localhost/data/p", [(0, 1), (1, n_rows)], shape=[2, 3])
    data = [{"x": float(row)} for row in range(n_rows)]
    store(catalog, {"primary": data}, scan_id=scan_id, assets={"primary": {"image": image, "panel": panel}})


def test_a_function_is_given_each_run_and_results_stay_in_order(three):
    def last_first(run):
        assert isinstance(run, Run)
        time.sleep(0.02 * run.start["scan_id"])
        return run["primary"].read(["x"])["x"].values.sum()

    found = three.map(last_first, threads=3)
    assert isinstance(found, pd.DataFrame)
    assert list(found.index) == ["run-3", "run-2", "run-1"]
    assert found.columns.tolist() == ["scan_id", "result", "error"]
    assert found["result"].tolist() == [4.0, 9.0, 3.0]
    assert found["scan_id"].tolist() == [3, 2, 1]
    assert found["error"].tolist() == [None, None, None]


def test_with_keys_a_function_is_given_data_of_files_too(catalog):
    for scan_id in range(1, 6):
        with_images(catalog, scan_id=scan_id)
    keys = ["image", "x", "panel"]
    found = catalog.map(lambda dataset: dataset, keys=keys, threads=2)["result"]
    for run, dataset in zip(catalog.values(), found, strict=True):
        assert dataset.identical(run["primary"].read(keys))


def test_the_documents_of_files_are_fetched_together(catalog, monkeypatch):
    for scan_id in range(1, 6):
        with_images(catalog, scan_id=scan_id)
    asked = []
    for name in ("datums", "resources", "stream_datums", "stream_resources", "event_index", "event_columns"):
        method = getattr(type(catalog.store), name)

        def noted(self, *given, method=method, name=name, **options):
            asked.append(name)
            return method(self, *given, **options)

        monkeypatch.setattr(type(catalog.store), name, noted)
    catalog.map(lambda dataset: None, keys=["image", "panel"])
    asked = [name for name in asked if name != "event_index"]  # in memory the rows of each are asked for
    assert asked == ["datums", "resources", "stream_datums", "stream_resources"]


def fail_on_2(run):
    if run.start["scan_id"] == 2:
        raise ValueError("it is 2")
    return run.start["scan_id"]


def test_an_error_is_raised_with_its_run_or_stands_in_its_row(three):
    with pytest.raises(ValueError, match="it is 2") as raised:
        three.map(fail_on_2)
    assert raised.value.__notes__ == ["in the run run-2 (scan id 2)"]
    found = three.map(fail_on_2, on_error="collect")
    assert [repr(error) for error in found["error"]] == ["None", "ValueError('it is 2')", "None"]
    assert found["result"].dropna().tolist() == [3, 1]
    store(three, {"baseline": [{"x": 5.0}]}, scan_id=4)
    found = three.map(lambda dataset: dataset.sizes["time"], keys=["x"], on_error="collect")
    assert isinstance(found["error"].iloc[0], StreamNotFound)
    assert found["result"].tolist()[1:] == [1, 3, 2]


@pytest.mark.parametrize("options", [{"threads": 0}, {"threads": 1.5}, {"threads": True}, {"on_error": "skip"}])
def test_options_that_make_no_sense_are_refused(three, options):
    with pytest.raises(QueryError, match=next(iter(options))):
        three.map(len, **options)


def test_results_of_any_kind_are_kept_as_they_are(three):
    for make in (
        lambda run: [1, 2],
        lambda run: {"a": 1},
        lambda run: np.arange(3),
        lambda run: 2**60,
        lambda run: None,
    ):
        found = three.map(make)["result"]
        assert [repr(each) for each in found] == [repr(make(None))] * 3
    assert three.search({"scan_id": 2}).map(lambda run: 1)["result"].tolist() == [1]


def test_only_so_many_runs_are_held(catalog):
    for scan_id in range(1, 41):
        store(catalog, {"primary": [{"x": 1.0}]}, scan_id=scan_id)
    first_may_end, begun = threading.Event(), itertools.count()

    def held(run):
        number = next(begun)
        if run.start["scan_id"] == 40:
            first_may_end.wait(20)
        elif number == 4:  # all that may be begun beside the first
            threading.Timer(0.3, first_may_end.set).start()
        return number

    numbers = catalog.map(held, threads=2)["result"]
    assert len(numbers) == 40
    assert next(begun) == 40


def test_what_is_not_begun_when_it_is_interrupted_is_never_begun(three):
    begun = []

    def interrupt(run):
        begun.append(run)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        three.map(interrupt, threads=1)
    n_begun = len(begun)
    time.sleep(0.1)
    assert len(begun) == n_begun <= 3


def test_progress_is_shown_on_a_terminal_alone(three, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_FEW_RUNS", 1)
    three.read("x")
    three.map(len)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    three.read("x")
    three.map(len)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/3" in err


def test_runs_that_do_not_tell_the_units_of_the_others_are_named(catalog):
    store(catalog, {"primary": [{"x": 1.0}]}, scan_id=1, data_keys={"x": {"units": "mm"}})
    store(catalog, {"primary": [{"x": 1000.0}]}, scan_id=2)

    attrs = catalog.read("x")["x"].attrs

    assert attrs["units"] == "mm"
    assert attrs["runs_without_units"] == [catalog[2].start["uid"]]
