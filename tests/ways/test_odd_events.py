"""Events whose time or number another program stored as something else: the rest is read, and what is odd is told."""

import contextlib
import datetime
import warnings

import bson
import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.documents import rows_of
from databroker_mongo.errors import CatalogError, DocumentWarning, InvalidDocument, StoreError
from databroker_mongo.testing import Asset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")
NOON = datetime.datetime(2020, 3, 5, 12)
TIME = 1_700_000_002.0
ODD = {
    "date": NOON,
    "text": "noon",
    "number in a text": "1700000003.5",
    "decimal": bson.Decimal128("1.5"),
    "list": [1.0],
    "list of a later time": [2e9],
    "null": None,
    "boolean": True,
    "NaN": float("nan"),
    "missing": ...,
}
ODD_NUMBERS = {**ODD, "fraction": 1.5}
ODD_NUMBERS["number in a text"] = "3"


class Frames:
    """A classic handler whose frames hold their index."""

    def __init__(self, path):
        pass

    def __call__(self, index):
        return np.full((1, 2, 3), index)


@pytest.fixture
def run_with(store_uri):
    """Return a run of five events, of which the third is changed; a field that is ``...`` is removed."""

    def run_with(every=False, exit_status="success", **changes):
        image = Asset("FRAMES", "/", "a", [{"index": number} for number in range(5)], shape=(1, 2, 3))
        rows = [{"x": number} for number in range(5)]
        writer = Writer(store_uri)
        documents = build_run({"primary": rows}, assets={"primary": {"image": image}}, exit_status=exit_status)
        for name, doc in documents:
            writer(name, doc)
        catalog = Catalog.from_uri(store_uri, handlers={"FRAMES": Frames})
        update = {}
        for field, value in changes.items():
            update.setdefault("$unset" if value is ... else "$set", {})[field] = 1 if value is ... else value
        catalog.store.collections.event.update_many({} if every else {"seq_num": 3}, update)
        return catalog[-1]

    return run_with


def found_in(run):
    """What is found to be wrong, but the file that there is not."""
    return {finding.kind: finding for finding in run.findings() if finding.kind != "missing-files"}


@pytest.mark.parametrize("time", ODD.values(), ids=ODD)
def test_an_event_without_a_time_costs_its_time_alone_and_that_is_told(run_with, time):
    run = run_with(time=time)
    with pytest.warns(DocumentWarning, match="1 of 5 events have a time that is missing or not a number"):
        loaded = run.primary.read()
    assert loaded["x"].values.tolist() == [0, 1, 2, 3, 4]
    assert loaded["image"][:, 0, 0, 0].values.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(loaded["time"], [TIME, TIME + 1, np.nan, TIME + 3, TIME + 4])
    again = Catalog(run._context.store, run._context.assets)[-1].primary
    with pytest.warns(DocumentWarning, match="is NaN here"):
        lazy = again.to_dask()
    assert lazy["image"][2, 0, 0].compute().values.tolist() == [2, 2, 2]
    assert run.primary["x"][2] == 2
    found = found_in(run)
    assert found.keys() == {"no-time"}
    assert (found["no-time"].stream, found["no-time"].facts) == ("primary", {"n_events": 1, "seq_nums": [3]})
    health = run.health()
    assert "no-time" in str(health["facts"].tolist())


@pytest.mark.parametrize("time", [NOON, "noon", None, ...])
def test_events_of_which_none_has_a_time_are_read(run_with, time):
    run = run_with(every=True, time=time)
    with pytest.warns(DocumentWarning, match="5 of 5 events"):
        loaded = run.primary.read()
    assert loaded["x"].values.tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(loaded["time"]).all()
    assert found_in(run)["no-time"].facts["n_events"] == 5


@pytest.mark.parametrize("time", ODD.values(), ids=ODD)
def test_documents_of_an_event_without_a_time_are_those_that_are_stored(run_with, time):
    run = run_with(time=time)
    for fill in ("no", "yes", "delayed"):
        if time is ...:
            with pytest.raises(InvalidDocument, match="no field 'time'"):
                list(run.documents(fill=fill))
            continue
        pages = [page for name, page in run.documents(fill=fill) if name == "event_page"]
        times = {seq_num: each for page in pages for seq_num, each in zip(page["seq_num"], page["time"], strict=True)}
        assert times.keys() == {1, 2, 3, 4, 5}
        assert str(times[3]) == str(time)
        if fill != "no":
            rows = [row for page in pages for _, row in rows_of("event_page", page)]
            images = {row["seq_num"]: np.asarray(row["data"]["image"]) for row in rows}
            assert {number: image.max() for number, image in images.items()} == {n: n - 1 for n in range(1, 6)}


@pytest.mark.parametrize("time", [*ODD.values(), 1e308, -1e308, float("inf"), 1e11], ids=[*ODD, *"abcd"])
@pytest.mark.parametrize("fill", [False, True])
def test_a_time_that_is_no_moment_is_missing_in_its_row_of_a_table_of_databroker_1(run_with, time, fill):
    run = run_with(time=time)
    header = Catalog(run._context.store, run._context.assets).v1[-1]
    with pytest.warns(DocumentWarning, match="a time that is missing or not"):
        table = header.table(fill=fill)
    assert table.index.tolist() == [1, 2, 3, 4, 5]
    assert table["time"].isna().tolist() == [False, False, True, False, False]
    assert table["x"].tolist() == [0, 1, 2, 3, 4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seconds = header.table(convert_times=False, localize_times=False)["time"]
    assert seconds[5] == TIME + 4
    assert found_in(run).keys() == {"no-time"}


def test_a_run_in_progress_is_read_beside_an_odd_time_while_events_come(run_with, store_uri):
    run = run_with(time=NOON, exit_status=None)
    with pytest.warns(DocumentWarning, match="is NaN here"):
        assert run.primary.read(["x"])["x"].values.tolist() == [0, 1, 2, 3, 4]
    event = run._context.store.collections.event.find_one({"seq_num": 5}, {"_id": 0})
    later = {**event, "uid": "later", "seq_num": 6, "time": TIME + 5}
    run._context.store.collections.event.insert_one(later)
    assert run.primary.read()["x"].values.tolist() == [0, 1, 2, 3, 4]
    assert "in progress" not in found_in(run)["no-stop"].message


@pytest.mark.parametrize("seq_num", ODD_NUMBERS.values(), ids=ODD_NUMBERS)
def test_an_event_without_a_number_is_told_and_its_stream_is_an_error(run_with, seq_num):
    run = run_with(seq_num=seq_num)
    found = found_in(run)
    assert found.keys() == {"no-seq-num", "num-events", "gap"}
    assert found["no-seq-num"].facts == {"n_events": 1, "times": [TIME + 2]}
    health = run.health()
    assert set(health.loc[health["data_key"] != "", "status"]) == {"unreadable"}
    assert "run.findings() tells which" in str(health["reason"].tolist())
    assert len(run.files()) == 1
    with pytest.raises(StoreError, match="1 of 5 events of the stream have a 'seq_num'"):
        run.primary.read()
    for fill in ("no", "yes"):
        with contextlib.suppress(InvalidDocument):
            pages = [page for name, page in run.documents(fill=fill) if name == "event_page"]
            assert sum(len(page["time"]) for page in pages) == 5


@pytest.mark.parametrize("field", ["time", "seq_num"])
@pytest.mark.parametrize("value", [NOON, "noon", None, ...])
def test_a_run_whose_events_are_all_odd_is_looked_at_in_all_ways(run_with, field, value):
    run = run_with(every=True, exit_status=None, **{field: value})
    assert {"no-seq-num" if field == "seq_num" else "no-time", "no-stop"} <= found_in(run).keys()
    assert len(run.health())
    assert repr(run)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for look in (run.primary.read, run.primary.to_dask, lambda: list(run.documents(fill="yes"))):
            with contextlib.suppress(CatalogError):
                look()


@pytest.mark.parametrize("section", ["data", "timestamps"])
@pytest.mark.parametrize("value", [None, 3, "a", [], [0], [[0]], [None], ["a", {"x": 1}], ...], ids=repr)
def test_an_event_whose_section_is_no_mapping_lacks_all_its_values(run_with, section, value):
    run = run_with(**{section: value})
    stream = run.primary
    found = (stream.read(["x"]) if section == "data" else stream.timestamps.read(["x"]))["x"]
    expected = [0, 1, 3, 4] if section == "data" else [TIME, TIME + 1, TIME + 3, TIME + 4]
    assert np.isnan(found[2])
    assert found.values[[0, 1, 3, 4]].tolist() == expected


@pytest.mark.parametrize("uids", [("a", "b"), ("b", "a")])
def test_rows_of_one_number_and_time_are_in_the_order_of_their_descriptors(store_uri, uids):
    catalog = Catalog.from_uri(store_uri)
    collections = catalog.store.collections
    collections.run_start.insert_one({"uid": "run", "time": TIME})
    data_keys = {"x": {"source": "", "dtype": "number", "shape": []}}
    for number, uid in enumerate(uids):
        descriptor = {"uid": uid, "run_start": "run", "name": "primary", "time": TIME + number}
        collections.event_descriptor.insert_one({**descriptor, "data_keys": data_keys})
        for seq_num in (1, 2):
            event = {"uid": f"{uid} {seq_num}", "descriptor": uid, "seq_num": seq_num, "time": TIME + seq_num}
            values = {"data": {"x": 10 * seq_num + number}, "timestamps": {"x": float(10 * seq_num + number)}}
            collections.event.insert_one({**event, **values, "filled": {}})
    collections.event.create_index([("descriptor", -1), ("time", -1)])
    stream = catalog["run"].primary
    assert stream.timestamps.read()["x"].values.tolist() == [10, 11, 20, 21]
    assert stream.read()["x"].values.tolist() == [10, 11, 20, 21]
    assert catalog["run"].primary.read()["x"].values.tolist() == [10, 11, 20, 21]
