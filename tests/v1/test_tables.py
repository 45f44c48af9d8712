"""Tables of streams."""

import copy
import timeit

import numpy as np
import pandas
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogWarning, DocumentWarning
from databroker_mongo.testing import build_run
from databroker_mongo.testing.runs import StreamAsset

from .conftest import FRAMES, TIME


def test_a_table_has_a_row_for_each_event_and_a_column_for_each_data_key(db):
    table = db[1].table()
    assert list(table.columns) == ["time", "I0", "count", "label", "ok", "spec"]
    assert table.index.name == "seq_num"
    assert list(table.index) == [1, 2, 3, 4, 5]
    assert table["count"].dtype == np.int64
    assert table["ok"].dtype == bool
    assert table["spec"][3] == [2.0, 2.0]
    assert list(table["label"]) == ["p0", "p1", "p2", "p3", "p4"]


def test_times_are_utc_or_seconds(db):
    first = pandas.Timestamp("2023-11-14 22:13:22")
    assert db[1].table()["time"][1] == first
    assert db[1].table()["time"].dtype == "datetime64[ns]"
    assert db[1].table(convert_times=False)["time"][1] == first
    assert db[1].table(localize_times=False)["time"][1] == first
    assert db[1].table(convert_times=False, localize_times=False)["time"][1] == TIME + 2


def test_a_time_zone_has_no_effect_and_says_so(db):
    with pytest.warns(CatalogWarning, match=r"tz_convert\('US/Eastern'\)") as caught:
        table = db.get_table(db[1], timezone="US/Eastern")
    with pytest.warns(CatalogWarning) as again:
        db[1].table(timezone="US/Eastern")
    assert [each.filename for each in (*caught, *again)] == [__file__, __file__]
    assert table.equals(db[1].table())


def test_fields_choose_data_keys_and_metadata_by_whole_names(db):
    table = db[1].table(fields=["I.", "det_.*", "purpose", "exit_status", "oun"])
    assert list(table.columns) == ["time", "I0", "det_gain", "det_mode", "purpose", "exit_status"]
    assert list(table["det_gain"]) == [3] * 5
    assert list(db[1].table(fields="I0").columns) == ["time", "I0"]


def test_metadata_of_any_kind_stand_in_each_row(db):
    assert list(db[1].table(fields=["I0", "sample"])["sample"]) == [{"name": "Ni"}] * 5


def test_without_a_data_key_there_is_no_table(db):
    for empty in (db[1].table(fields=["purpose"]), db[1].table("typo")):
        assert empty.shape == (0, 0)
        assert empty.index.name == "seq_num"


def test_a_stream_without_events_has_a_table_without_rows(catalog):
    documents = build_run({"primary": [{"x": 1.0}]}, scan_id=8, time=TIME + 50000)
    for name, document in documents:
        if name != "event":
            Writer(catalog)(name, document)
    table = catalog.v1[8].table()
    assert list(table.columns) == ["time", "x"]
    assert len(table) == 0


def test_images_stay_identifiers_until_they_are_asked_for(db):
    assert db[2].table()["img"][1].endswith("/0")
    filled = db[2].table(fill=True)
    assert list(filled.columns) == ["time", "x", "img"]
    np.testing.assert_array_equal(np.stack(filled["img"].tolist()), FRAMES)
    assert filled["img"][1].dtype == np.uint16


def test_rows_follow_one_another_through_several_descriptors(db):
    table = db[4].table()
    assert list(table.index) == [1, 2, 3, 3, 4, 5]
    assert list(table["m"]) == [0, 1, 2, 3, 4, 5]
    assert table["m"].dtype == np.int64
    assert list(table["extra"].isna()) == [True] * 3 + [False] * 3


def test_rows_without_any_chosen_data_key_are_left_out(db):
    assert list(db[4].table(fields=["extra"]).index) == [3, 4, 5]


def test_tables_of_several_runs_are_below_one_another(db):
    table = db.get_table([db[1], db[2]], fields=["I0", "x"])
    assert len(table) == 9
    assert table["I0"].notna().sum() == 5
    assert table["x"].notna().sum() == 4
    assert db.get_table(db(user="nobody")).empty
    assert table.index.name == "seq_num"


SECONDS = [TIME + 50002 + row for row in range(3)]


def with_time(catalog, values, **more):
    """Store a run with a data key called ``time``, and return its header."""
    rows = [{"x": row, "time": value, **dict.fromkeys(more, row)} for row, value in enumerate(values)]
    for name, document in build_run({"primary": rows}, scan_id=8, time=TIME + 50000):
        Writer(catalog)(name, document)
    return catalog.v1[8]


@pytest.mark.parametrize("values", [[0.5, 1.5, 2.5], [3, 4, 5], ["a", "b", "c"], [[1, 2], [3, 4], [5, 6]]])
@pytest.mark.parametrize("fields", [None, ["time"], ["ti.*"], "time", ["x", "time"]])
def test_a_data_key_called_time_stands_beside_the_times(catalog, values, fields):
    header = with_time(catalog, values)
    with pytest.warns(DocumentWarning, match=f"run {header.uid}.*'time_'") as caught:
        table = header.table(fields=fields, convert_times=False, localize_times=False)
    assert [each.filename for each in caught] == [__file__]
    assert table["time"].tolist() == SECONDS
    assert table["time_"].tolist() == values
    assert {*table.columns} - {"x"} == {"time", "time_"}


def test_the_name_of_such_a_column_is_that_of_the_dataset(catalog):
    header = with_time(catalog, [0.5, 1.5, 2.5], time_=None)
    with pytest.warns(DocumentWarning, match="'time__'") as caught:
        tables = catalog.v1.get_table([header, catalog.v1[1]])
    with pytest.warns(DocumentWarning, match="'time__'"):
        dataset = header.xarray()
    assert caught[0].filename == __file__
    assert list(tables.columns[:4]) == ["time", "x", "time__", "time_"]
    assert tables["time"].notna().all()
    assert tables["time__"].tolist()[:3] == dataset["time__"].values.tolist() == [0.5, 1.5, 2.5]
    assert dataset["time_"].values.tolist() == [0, 1, 2]


def test_what_is_a_data_key_of_one_descriptor_and_metadata_of_another_is_both(catalog):
    (_, start), (_, first), *events, stop = build_run(
        {"primary": [{"m": i} for i in range(4)]}, scan_id=8, time=TIME + 9e4
    )
    second = copy.deepcopy(first)
    second.update(uid="later", time=first["time"] + 2.5)
    second["data_keys"]["gain"] = {"source": "sim", "dtype": "number", "shape": []}
    first["configuration"] = {"det": {"data": {"gain": 7}, "timestamps": {"gain": TIME}, "data_keys": {}}}
    for _, event in events[2:]:
        event["descriptor"] = "later"
        event["data"]["gain"] = event["timestamps"]["gain"] = event["seq_num"] / 2
    for name, document in [("start", start), ("descriptor", first), ("descriptor", second), *events, stop]:
        Writer(catalog)(name, document)
    assert catalog.v1[8].table(fields=["m", "gain"])["gain"].tolist() == [7, 7, 1.5, 2.0]


def test_metadata_called_time_stand_beside_the_times(db):
    table = db[1].table(fields=["I0", "time"], convert_times=False, localize_times=False)
    assert list(table.columns) == ["time", "I0", "time_"]
    assert table["time"].tolist() == [TIME + 2 + row for row in range(5)]
    assert table["time_"].tolist() == [TIME] * 5
    everything = db[1].table(fields=[])
    assert everything["time"][1] == pandas.Timestamp("2023-11-14 22:13:22")
    assert everything["time_"][1] == TIME


class Rows:
    """A handler of stream resources: row ``index`` is filled with it."""

    def __init__(self, path):
        pass

    def __call__(self, index):
        return np.full(2, index)


def test_keys_that_only_stream_resources_have_are_in_filled_tables(catalog, tmp_path):
    fly = StreamAsset("application/x-rows", f"file://localhost{tmp_path}/rows", [(0, 2)], shape=(2,))
    documents = build_run(
        {"primary": [{"x": 1.0}, {"x": 2.0}]}, scan_id=8, time=TIME + 50000, assets={"primary": {"fly": fly}}
    )
    for name, document in documents:
        Writer(catalog)(name, document)
    catalog.v1.reg.register_handler("application/x-rows", Rows)
    assert list(catalog.v1[8].table().columns) == ["time", "x"]
    assert [list(row) for row in catalog.v1[8].table(fill=True)["fly"]] == [[0, 0], [1, 1]]


def test_other_headers_are_not_given_to_handlers(db):
    with pytest.raises(NotImplementedError, match="register_handler"):
        db.get_table(db[1], handler_registry={})


@pytest.mark.slow
def test_a_table_of_ten_thousand_events_takes_less_than_a_fifth_of_a_second(mongod_database_uri):
    rows = [{f"scalar_{number}": row / (number + 1) for number in range(10)} for row in range(10_000)]
    with Writer(mongod_database_uri, durable="batch", batch_documents=1000) as writer:
        for name, document in build_run({"primary": rows}):
            writer(name, document)
    db = Catalog.from_uri(mongod_database_uri).v1
    db.v2.store.collections.event.create_index([("descriptor", -1), ("time", 1)])
    assert db[-1].table()["scalar_9"].tolist() == [row / 10 for row in range(10_000)]
    assert min(timeit.repeat(lambda: db[-1].table(), number=1, repeat=5)) < 0.2
