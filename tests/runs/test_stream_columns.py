"""The columns of a stream as objects, and what databroker 2 has between the brackets of runs and streams."""

from __future__ import annotations

import datetime
import operator
import pickle
import warnings
from collections.abc import Mapping

import cloudpickle
import dask.array
import numpy as np
import pytest

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.arrays import inline
from databroker_mongo.assets import open_reader
from databroker_mongo.errors import (
    AssetUnreadable,
    CatalogError,
    ColumnNotFound,
    DatumNotFound,
    DocumentWarning,
    StreamNotFound,
    UnknownSpec,
)
from databroker_mongo.runs import Context
from databroker_mongo.runs.columns import StreamColumn
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

from ..pairs import in_turn, pairs_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning"),
]

TIME = 1_700_000_000.0
GAIN = {
    "det": {
        "data": {"gain": 3, "roi": [1, 2]},
        "timestamps": {"gain": TIME - 9, "roi": TIME - 8},
        "data_keys": {
            "gain": {"dtype": "integer", "shape": [], "source": "sim", "units": "dB"},
            "roi": {"dtype": "array", "shape": [2], "source": "sim"},
        },
    }
}
ROWS = [
    {"I0": 0.5 * row, "n": row, "ok": row % 2 == 0, "name": "ab"[: row % 3] or "abc", "mca": [row, row + 1, row + 2]}
    for row in range(5)
]


class Ramp:
    """A handler of level 2, for datums and for rows of stream resources, that notes what it is asked for."""

    asked = []

    def __init__(self, path, shape=(1, 4, 6)):
        self.shape = tuple(shape)

    def __call__(self, index):
        return np.full(self.shape, index, "u2")

    def structure(self, index):
        return self.shape, np.dtype("u2"), None

    def read_into(self, out, datums, region):
        self.asked.append((len(datums), region))
        for row, datum in zip(out, datums, strict=True):
            row[...] = self(**datum)[region]


HANDLERS = {"RAMP": Ramp, "application/x-ramp": Ramp}


def stored(uri, documents):
    writer = Writer(uri)
    for name, doc in documents:
        writer(name, doc)
    start = documents[0][1]
    store = open_store(uri)
    context = Context(store, open_reader(handlers=HANDLERS))
    return Run(context, start, store.stops([start["uid"]]).get(start["uid"]))


def image(spec="RAMP", n=5):
    return Asset(spec, "/data", "file.h5", [{"index": number} for number in range(n)], shape=(1, 4, 6))


def flown(n=5):
    return StreamAsset("application/x-ramp", "file://localhost/data/s.h5", [(0, n)], {"shape": (4, 6)}, shape=(4, 6))


@pytest.fixture
def run(store_uri):
    keys = {"n": {"units": "mm", "precision": 3}}
    assets = {"primary": {"image": image(), "fly": flown()}}
    return stored(store_uri, build_run({"primary": ROWS}, assets=assets, data_keys=keys, configuration=GAIN))


KEYS = ["I0", "n", "ok", "name", "mca", "image", "fly"]
STORES = ["mongomock", "mongod"]
WAYS = {
    "stream[]": lambda run, key: run.primary[key],
    "run[][][]": lambda run, key: run["primary"]["data"][key],
    "run[data,]": lambda run, key: run["primary", "data", key],
    "run[,]": lambda run, key: run["primary", key],
    "stream[data,]": lambda run, key: run.primary["data", key],
    "data[]": lambda run, key: run.primary.data[key],
    "called": lambda run, key: run()["primary"]()[key],
}


def on_stores(*names, cases):
    """Have cases, whose last value is one of STORES, stand on it."""
    return pytest.mark.parametrize((*names, "store_uri"), cases, indirect=["store_uri"], ids=repr)


@on_stores("way", "key", cases=[(way, *case) for case, way in in_turn(pairs_of(KEYS, STORES), [*WAYS])])
def test_a_column_is_what_read_gives(run, key, way):
    column, expected = WAYS[way](run, key), run.primary.read([key])[key]
    assert isinstance(column, StreamColumn)
    for values in (column.read(), column.compute(), column[...], column[:], np.asarray(column), np.stack(list(column))):
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected.values)
    assert (column.shape, column.dtype, column.dims, column.attrs) == (
        expected.shape,
        expected.dtype,
        expected.dims,
        expected.attrs,
    )
    assert (len(column), column.ndim, column.size, column.nbytes) == (5, expected.ndim, expected.size, expected.nbytes)


PARTS = [
    3,
    -1,
    np.int64(2),
    slice(1, 4),
    slice(None, None, -2),
    [0, 3, 3],
    np.array([True, False, True, True, False]),
    (),
    None,
    (slice(2, 2),),
    (Ellipsis, slice(1, 3)),
    (slice(1, 3), None),
]


@on_stores("key", "part", cases=pairs_of(KEYS, PARTS, STORES))
def test_a_part_of_a_column_is_that_of_the_array(run, key, part):
    expected = run.primary.read([key])[key].values[part]
    for column in (run.primary[key], run.primary.data[key]):
        for values in (column[part], column.read(part)):
            assert type(values) is type(expected)
            assert values.dtype == expected.dtype
            np.testing.assert_array_equal(values, expected)


def test_columns_that_are_opened_together_are_those_of_read(run):
    columns, expected = run.primary.columns(), run.primary.read()

    assert list(columns) == KEYS == [*expected.data_vars]
    assert (columns.n_rows, columns.time.tolist()) == (5, expected["time"].values.tolist())
    assert columns.seq_num.tolist() == [1, 2, 3, 4, 5]
    for key, column in columns.items():
        same = expected[key]
        found = (column.shape, column.dtype, column.dims, column.attrs, column.problem, column.note)
        assert found == (same.shape, same.dtype, same.dims, same.attrs, None, "")
        assert column.chunks == run.primary.to_dask([key])[key].chunks
        np.testing.assert_array_equal(column.read(), same.values)
        np.testing.assert_array_equal(column[1:3], same.values[1:3])
    assert [*run.primary.columns(["ok", "n"])] == ["ok", "n"]
    with pytest.raises(ColumnNotFound, match="'I0'"):
        run.primary.columns(["n"])["I0"]


@pytest.mark.parametrize("rows", [slice(None), slice(1, 3), slice(2, 2), slice(4, 99), slice(9, 3)], ids=str)
def test_some_rows_of_several_columns_are_those_of_each(run, rows):
    columns, expected = run.primary.columns(), run.primary.read()
    found = columns.read_rows(rows)
    assert list(found) == KEYS
    for key, values in found.items():
        assert values.dtype == expected[key].dtype
        np.testing.assert_array_equal(values, expected[key].values[rows])
    times = columns.read_timestamps(rows, ["n", "ok"])
    assert {key: each.tolist() for key, each in times.items()} == {
        key: run.primary.timestamps[key].read()[rows].tolist() for key in ("n", "ok")
    }
    assert [*columns.read_rows(rows, ["ok"])] == ["ok"]
    assert columns.read_timestamps(rows, []) == {}
    with pytest.raises(ValueError, match="one after the other"):
        columns.read_rows(slice(None, None, 2))


def test_columns_that_are_opened_together_stay_of_one_length(store_uri):
    documents = build_run({"primary": ROWS}, exit_status=None)
    run = stored(store_uri, documents)
    columns = run.primary.columns()
    assert columns["n"].shape == (5,)
    event = {**documents[-1][1], "uid": "one more", "seq_num": 6}
    writable(open_store(store_uri)).insert("event", [event])
    assert {len(each.read()) for each in columns.values()} == {5}
    assert len(columns.read_timestamps(slice(None), ["n"])["n"]) == 5
    assert run.refresh().primary.columns().n_rows == 6


def test_what_documents_got_wrong_is_a_note_of_the_column_and_no_warning(store_uri):
    assets = {"primary": {"image": image()}}
    run = stored(store_uri, build_run({"primary": ROWS}, assets=assets, data_keys={"image": {"shape": [4, 6]}}))
    columns = run.primary.columns()
    assert "[4, 6] is declared" in columns["image"].note
    assert columns["image"].shape == (5, 1, 4, 6)
    with pytest.warns(DocumentWarning, match=r"\[4, 6\] is declared"):
        run.primary.read()


def test_columns_that_cannot_be_read_are_opened_and_say_why(store_uri):
    assets = {"primary": {"image": image("NO_SUCH_SPEC")}}
    keys = {"image": {"shape": [1, 4, 6], "dtype_numpy": "<u2"}}
    for data_keys, is_shaped in ((keys, True), ({}, False)):
        documents = build_run({"primary": ROWS}, assets=assets, data_keys=data_keys, scan_id=1 + is_shaped)
        column = stored(store_uri, documents).primary.columns()["image"]
        assert isinstance(column.problem, UnknownSpec)
        assert (column.absence is None) == is_shaped
        if is_shaped:
            assert column.shape == (5, 1, 4, 6)
        with pytest.raises(UnknownSpec, match="NO_SUCH_SPEC"):
            column.read()


def test_one_column_picks_from_another(run):
    np.testing.assert_array_equal(run.primary["n"][run.primary["ok"]], [0, 2, 4])


@pytest.mark.parametrize("key", [5, -6, [7], (0, 0), np.array([True])])
def test_what_is_out_of_bounds_is_an_index_error(run, key):
    with pytest.raises(IndexError):
        run.primary["n"][key]


SINGLE_BOOLS = [True, False, np.True_, np.False_, np.array(True), (True, 0), (slice(1, 3), False), (..., np.True_)]


@on_stores("name", "key", cases=pairs_of(["n", "image", "fly", "time"], SINGLE_BOOLS, STORES))
def test_a_single_bool_picks_no_row(run, name, key):
    column = run.primary.data[name]
    for read in (column.__getitem__, column.read):
        with pytest.raises(IndexError, match=r"column\[column.read\(\) == value\]|too many indices"):
            read(key)


def test_an_index_array_of_numbers_that_are_no_integers_is_refused(run):
    with pytest.raises(IndexError, match="not float64"):
        run.primary["n"][[1.5]]
    assert run.primary["n"][[]].shape == (0,)


@on_stores("sign", "other", cases=pairs_of(["eq", "ne", "lt", "le", "gt", "ge"], [3, None, "ab", [1, 2]], STORES))
def test_a_column_does_not_compare_but_says_what_does(run, sign, other):
    column = run.primary["n"]
    for of_whom in (column, run.primary.data["time"], run.primary["image"]):
        with pytest.raises(TypeError, match=r"column\.read\(\) (==|!=|<|<=|>|>=) value"):
            getattr(operator, sign)(of_whom, other)
    np.testing.assert_array_equal(column[column.read() == 3], [3])


def test_a_column_is_a_key_and_travels(run):
    column = run.primary["n"]
    assert {column: 1}[column] == 1
    assert column in [column]
    np.testing.assert_array_equal(pickle.loads(cloudpickle.dumps(column)).read(), column.read())
    np.testing.assert_array_equal(np.arange(5) == column, [True] * 5)


@pytest.mark.parametrize(("key", "region"), [("image", (slice(0, 1), slice(1, 3), slice(2, 4))), ("fly", None)])
def test_a_part_asks_the_handler_for_nothing_else(run, key, region):
    column = run.primary[key]
    Ramp.asked.clear()
    repr(column), column.name, column.attrs
    assert Ramp.asked == []
    assert column[3, ..., 1:3, 2:4].shape[-2:] == (2, 2)
    assert Ramp.asked == [(1, region or (slice(1, 3), slice(2, 4)))]


def test_to_make_a_column_asks_nothing(run, monkeypatch):
    stream = run.primary
    monkeypatch.setattr(type(stream.source.rows), "index", property(lambda rows: pytest.fail("rows were fetched")))
    monkeypatch.setattr(type(stream.source.rows), "columns", lambda *_, **__: pytest.fail("values were fetched"))
    columns = [stream[key] for key in stream] + list(stream.data.values())
    assert all(columns)
    assert "array [1, 4, 6] as declared" in repr(stream["image"])
    assert "integer [] as declared, mm" in repr(stream["n"])


def test_a_column_that_was_looked_at_says_what_was_found(run):
    column = run.primary["image"]
    assert column.shape == (5, 1, 4, 6)
    assert repr(column) == f"<Column 'image' of stream 'primary' of run {run.start['uid'][:8]}: uint16 (5, 1, 4, 6)>"
    assert column.attrs["object"] == "det"
    assert run.primary["n"].attrs == {"object": "det", "units": "mm", "precision": 3, "source": "test"}


@pytest.mark.parametrize("key", [*KEYS, "time"])
def test_a_lazy_column_is_one_of_the_lazy_dataset(run, key):
    column, described = run.primary.data[key], run.primary.to_dask()[key]
    lazy = column.to_dask()
    assert isinstance(lazy, dask.array.Array)
    assert (lazy.dtype, lazy.shape) == (described.dtype, described.shape)
    if key != "time":
        assert lazy.chunks == described.chunks == column.chunks
    np.testing.assert_array_equal(lazy.compute(), column.read())
    np.testing.assert_array_equal(dask.array.asarray(column), column.read())
    np.testing.assert_array_equal(
        dask.array.from_array(column, chunks=(2, *column.shape[1:]))[1:].compute(), column[1:]
    )


def test_functions_of_numpy_take_a_column(run):
    column = run.primary["I0"]
    assert (np.std(column), np.max(column) - np.min(column), np.mean(column)) == (np.sqrt(0.5), 2.0, 1.0)
    assert np.array(column, dtype="f4").dtype == np.float32
    assert column.__array__().mean() == 1.0
    np.testing.assert_array_equal(np.concatenate([column, column]), [*column, *column])
    with pytest.raises(ValueError, match="not an array in memory"):
        column.__array__(copy=False)


def test_other_names_of_arrays_say_what_to_read(run):
    with pytest.raises(AttributeError, match=r"column\.read\(\).*stream\.read\(\['I0'\]\)\['I0'\]"):
        run.primary["I0"].mean  # noqa: B018
    assert not hasattr(run.primary["I0"], "sum")


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
@pytest.mark.parametrize("key", [*KEYS, "time"])
def test_a_column_travels_before_and_after_it_was_looked_at(run, key, dumps):
    column = run.primary.data[key]
    for _ in range(2):
        arrived = pickle.loads(dumps(column))
        np.testing.assert_array_equal(arrived.read(), column.read())
        assert arrived.dims == column.dims


def test_a_stream_lists_its_data_keys_and_data_the_times_as_well(run):
    stream = run.primary
    assert list(stream) == list(stream.keys()) == list(stream.data_keys) == KEYS
    assert list(stream.data) == list(stream["data"].keys()) == ["time", *KEYS]
    assert len(stream.data) == 8
    assert [name for name, _ in stream.data.items()] == [column.name for column in stream.data.values()]
    assert repr(stream.data).startswith("<Columns of stream 'primary' of run ")
    assert "n" in stream
    assert "n" in stream.data
    for absent in ("nope", 5):
        assert absent not in stream
        assert absent not in stream.data
    assert ("time" in stream, "time" in stream.data, "data" in stream) == (False, True, False)
    assert stream.data.get("nope") is None
    assert "nope" not in dict(stream)


def test_a_stream_is_a_mapping_of_its_columns_and_reads_nothing_to_list_them(run, monkeypatch):
    stream = run.primary
    monkeypatch.setattr(type(stream.source.rows), "index", property(lambda rows: pytest.fail("rows were fetched")))
    monkeypatch.setattr(type(stream.source.rows), "columns", lambda *_, **__: pytest.fail("values were fetched"))
    Ramp.asked.clear()
    assert isinstance(stream, Mapping)
    assert {name: column.name for name, column in dict(stream).items()} == {key: key for key in KEYS}
    assert [column.name for column in stream.values()] == KEYS
    assert len(stream) == len(stream.items()) == len(KEYS)
    assert stream.get("nope") is None
    assert stream.get("I0").name == "I0"
    assert "I0, n, ok" in repr(stream)
    assert all(key in stream._repr_html_() for key in KEYS)
    for each, names in (
        (run, ["primary"]),
        (stream, KEYS),
        (stream.data, ["time", *KEYS]),
        (stream.config, ["det"]),
        (stream.config["det"], ["gain", "roi"]),
    ):
        assert each._ipython_key_completions_() == names
    assert Ramp.asked == []


def test_streams_are_equal_that_have_one_name_and_are_of_one_run(store_uri):
    first = stored(store_uri, build_run({"primary": ROWS, "baseline": ROWS}))
    second = stored(store_uri, build_run({"primary": ROWS}, scan_id=2))
    assert first.primary == first.refresh().primary
    assert len({first.primary, first.refresh().primary, first.baseline, second.primary}) == 3
    assert first.primary != first.baseline
    assert first.primary != second.primary
    assert first.primary != dict(first.primary)


def test_a_stream_without_data_keys_is_true(store_uri):
    stream = stored(store_uri, build_run({"primary": [{}, {}]})).primary
    assert stream
    assert (len(stream), list(stream), dict(stream)) == (0, [], {})


@pytest.mark.parametrize("times_of", [lambda s: s["time"], lambda s: s.data["time"], lambda s: s["data", "time"]])
def test_the_times_of_events_are_a_column(run, times_of):
    times = times_of(run.primary)
    np.testing.assert_array_equal(times.read(), run.primary.read([])["time"])
    assert (times.dims, times.shape, times[1]) == (("time",), (5,), TIME + 3)
    assert times.attrs == {"units": "s", "long_name": "time since 1970-01-01T00:00:00Z"}
    assert times.attrs == run.primary.read([])["time"].attrs == run.primary.to_dask([])["time"].attrs
    assert times.__array__().dtype == np.float64


def test_data_is_read_as_the_stream_is(run):
    stream = run.primary
    assert stream["data"].read().identical(stream.read())
    assert stream["data"].read(["n", "time"]).identical(stream.read(["n"]))
    assert stream.read(variables=["time", "n"]).identical(stream.read(["n"]))
    assert stream.read(variables="n", exclude=["I0"]).identical(stream.read("n"))
    assert list(stream.data.to_dask(["n"], exclude=["I0"])) == ["n"]
    with pytest.raises(ColumnNotFound, match="no data key 'nope'"):
        stream.data.read(["nope"])
    with pytest.raises(TypeError, match="one argument"):
        stream.read(["n"], variables=["n"])


@pytest.mark.parametrize("part", ["timestamps", "config", "config_timestamps"])
def test_the_other_parts_of_a_stream_stand_between_its_brackets_too(run, part):
    assert repr(run["primary"][part]) == repr(getattr(run.primary, part))


def test_the_configuration_of_a_device_is_read_by_name(run):
    device = run["primary", "config", "det"]
    assert list(device) == list(device.keys()) == ["gain", "roi"]
    for name in device:
        expected = device.read()[name]
        np.testing.assert_array_equal(device[name].read(), expected)
        assert (device[name].dims, device[name].shape) == (expected.dims, expected.shape)
    assert device["gain"].attrs == {"object": "det", "units": "dB", "source": "sim"}
    assert run["primary"]["config_timestamps"]["det"]["gain"][0] == TIME - 9
    assert pickle.loads(pickle.dumps(device["roi"]))[1].tolist() == [1, 2]
    with pytest.raises(ColumnNotFound, match=r"'det' has no 'mode'.*gain, roi"):
        device["mode"]


def test_timestamps_are_read_by_data_key(run):
    timestamps = run["primary", "timestamps"]
    assert list(timestamps) == [key for key in KEYS if key != "fly"]
    for key in timestamps:
        np.testing.assert_array_equal(timestamps[key].read(), timestamps.read()[key])
    assert (timestamps["n"].dims, timestamps["n"].shape, timestamps["n"][1]) == (("time",), (5,), TIME + 3)
    assert "fly" not in timestamps
    with pytest.raises(KeyError, match="no timestamps of 'fly'"):
        timestamps["fly"]


@pytest.mark.parametrize("name", ["data", "config", "timestamps", "config_timestamps", "time"])
def test_a_data_key_comes_before_what_databroker_2_has_under_its_name(store_uri, name):
    rows = [{name: 0.5 * row, "x": row} for row in range(3)]
    stream = stored(store_uri, build_run({"primary": rows})).primary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DocumentWarning)
        assert stream[name].read().tolist() == stream.data[name].read().tolist() == [0.0, 0.5, 1.0]
        assert list(stream) == [name, "x"]
        assert sorted(stream.data) == sorted({"time", name, "x"})
        assert stream.data["x"].read().tolist() == [0, 1, 2]
        assert stream.read(variables=[name]).identical(stream.read([name]))
        assert stream.read([name]).data_vars
    assert name in stream


def test_a_data_key_that_hides_a_part_of_the_stream_is_told_once(store_uri):
    stream = stored(store_uri, build_run({"primary": [{"config": 0.5}]})).primary
    with pytest.warns(DocumentWarning, match=r"stream\['config'\] is the column of this data key, not"):
        assert stream["config"].name == "config"
    assert dict(stream)["config"].read().tolist() == [0.5]
    assert len(stream.config) == 0


@pytest.mark.parametrize(
    "ask",
    [
        lambda run: run.primary["nope"],
        lambda run: run.primary["data"]["nope"],
        lambda run: run["primary", "data", "nope"],
        lambda run: run.primary.data["nope"],
    ],
)
def test_an_unknown_name_is_a_key_error_that_names_the_columns(run, ask):
    with pytest.raises(KeyError, match=r"no data key 'nope'.* 'I0', 'n', 'ok', 'name', 'mca'") as caught:
        ask(run)
    assert isinstance(caught.value, ColumnNotFound)
    assert caught.value.data_key == "nope"


def test_an_unknown_stream_in_several_keys_is_a_stream_that_is_not_found(run):
    for key in (("nope", "data", "n"), (), ("nope",)):
        with pytest.raises(StreamNotFound):
            run[key]


@pytest.mark.parametrize(
    ("key", "remedy"),
    [(0, r"stream\[NAME\]\[rows\]"), (slice(1, 2), r"stream\[NAME\]"), (["n", "I0"], r"stream\.read\(\['n', 'I0'\]\)")],
)
def test_what_is_no_name_says_what_to_type(run, key, remedy):
    with pytest.raises(TypeError, match=rf"{remedy}.*'I0', 'n'"):
        run.primary[key]


def test_columns_are_chosen_where_they_are_read(run):
    assert run.primary() is not None
    assert run.primary().name == "primary"
    with pytest.raises(TypeError, match=r"run\['primary'\]\.read\(\['n'\]\)"):
        run.primary(include=["n"])
    with pytest.raises(TypeError, match=r"run\['primary'\]\.read\(exclude=\['n'\]\)"):
        run.primary(exclude=["n"])
    with pytest.raises(AttributeError, match=r"stream\['n'\] is this column"):
        run.primary.n  # noqa: B018


def test_what_a_column_warns_of_points_to_the_line_that_asked_and_comes_once(store_uri):
    keys = {"image": {"shape": [-1, 4, 6]}}
    documents = build_run({"primary": ROWS}, assets={"primary": {"image": image()}}, data_keys=keys)
    stream = stored(store_uri, documents).primary
    with pytest.warns(DocumentWarning, match=r"shape \[-1, 4, 6\] is declared") as caught:
        assert stream["image"].shape == (5, 1, 4, 6)
    assert [each.filename for each in caught if each.category is DocumentWarning] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream["image"].read()


@pytest.mark.parametrize("dtype", [{}, {"dtype_numpy": "<u2"}])
@pytest.mark.parametrize(
    "ask",
    [
        lambda column: column[0],
        lambda column: column.read(),
        np.asarray,
        list,
        lambda column: column.to_dask().sum().compute(),
    ],
)
def test_what_cannot_be_read_raises_its_own_error(store_uri, dtype, ask):
    assets = {"primary": {"image": image("NO_SUCH_SPEC")}}
    run = stored(store_uri, build_run({"primary": ROWS}, assets=assets, data_keys={"image": dtype}))
    with pytest.raises(UnknownSpec, match="NO_SUCH_SPEC") as caught:
        ask(run.primary["image"])
    assert (caught.value.run_uid, caught.value.data_key) == (run.start["uid"], "image")
    assert run.primary["n"].read().tolist() == [0, 1, 2, 3, 4]


def test_a_lost_stream_resource_is_told_by_its_column_alone(store_uri):
    documents = [
        pair for pair in build_run({"primary": ROWS}, assets={"primary": {"fly": flown()}}) if "stream_" not in pair[0]
    ]
    run = stored(store_uri, documents)
    for ask in (lambda: run.primary["fly"].shape, lambda: run.primary["fly"].read()):
        with pytest.raises(DatumNotFound, match="no stream resource"):
            ask()
    assert run.primary["I0"][-1] == 2.0


def test_rows_behind_the_files_do_not_cut_the_other_columns(store_uri):
    """A column by itself has all its rows, as ``read`` of that column alone."""
    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"fly": flown(3)}}))
    with pytest.warns(DocumentWarning, match="only 3 of 5"):
        assert run.primary["fly"].shape == (3, 4, 6)
    assert run.primary["I0"].shape == (5,)


@pytest.mark.parametrize("documents", [[], ["event"]])
def test_a_stream_without_events_has_columns_without_rows(store_uri, documents):
    stored_ones = [pair for pair in build_run({"primary": ROWS}, exit_status=None) if pair[0] != "event"]
    stream = stored(store_uri, stored_ones).primary
    assert (stream["n"].shape, stream["n"].dtype, list(stream["n"])) == ((0,), np.int64, [])
    assert stream["time"].shape == (0,)
    assert bool(stream["n"])
    assert stream["n"].read().tolist() == []


def test_a_missing_file_is_told_by_every_way_to_read(store_uri, tmp_path):
    class Absent(Ramp):
        def __init__(self, path):
            raise FileNotFoundError(2, "not here", str(path))

    documents = build_run({"primary": ROWS}, assets={"primary": {"image": image("ABSENT")}})
    run = stored(store_uri, documents)
    run._context.assets.registry.register("ABSENT", Absent)
    column = run.primary["image"]
    for ask in (lambda: run.primary["image"].read(), lambda: column[0], lambda: column.dims, lambda: column.to_dask()):
        with pytest.raises(CatalogError) as caught:
            ask()
        assert isinstance(caught.value, AssetUnreadable)


MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678000)
OBJECTS = {
    "text with null": (["a", None, "b"], "O", ["a", None, "b"]),
    "text with gaps": (["a", ..., "b"], "O", ["a", None, "b"]),
    "dates": ([MOMENT] * 3, "M8[us]", [MOMENT] * 3),
    "dates with null": ([None, MOMENT, None], "M8[us]", [None, MOMENT, None]),
    "dates with gaps": ([..., MOMENT, ...], "M8[us]", [None, MOMENT, None]),
    "lists of dates": ([[MOMENT, None]] * 3, "M8[us]", [[MOMENT, None]] * 3),
    "dates and texts": ([MOMENT, "a", None], "O", [MOMENT, "a", None]),
    "nulls": ([None] * 3, "O", [None] * 3),
    "flags with null": ([True, None, False], "O", [True, None, False]),
    "numbers with null": ([1, None, 2.5], "O", [1, None, 2.5]),
    "texts and numbers": (["a", 1, 2.5], "O", ["a", 1, 2.5]),
    "bytes": ([b"a", b"bc", b""], "O", [b"a", b"bc", b""]),
    "lists with null": ([["a", None], ["b", "c"], None], "O", None),
}


@pytest.mark.parametrize(("values", "dtype", "expected"), OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("is_short", [True, False])
def test_all_ways_give_the_same_values_and_dtype(store_uri, monkeypatch, is_short, values, dtype, expected):
    if not is_short:
        monkeypatch.setattr(inline, "_FEW_VALUES", 0)
    writer = Writer(store_uri)
    rows = [{"x": row, **({} if value is ... else {"v": value})} for row, value in enumerate(values)]
    for name, doc in build_run({"primary": rows}):
        writer(name, doc)
    stream = Catalog.from_uri(store_uri)[-1].primary
    lazy, by_row, last = stream.to_dask(), stream.read(on_error="rows"), stream.read(dedupe="last")
    ways = [stream["v"], stream["v"].to_dask(), stream.read()["v"], by_row["v"], last["v"], lazy["v"]]
    assert {each.dtype for each in ways} == {np.dtype(dtype)}
    found = [stream["v"].read(), stream["v"].to_dask().compute(), lazy.compute()["v"].values]
    found += [each.values for each in ways[2:]] + [lazy["v"].compute().values, lazy.load()["v"].values]
    assert {each.dtype for each in found} == {np.dtype(dtype)}
    assert len({repr(each.tolist()) for each in found}) == 1
    if expected is not None:
        assert found[0].tolist() == expected
    parts = [
        stream["v"][:1],
        stream.to_dask()["v"][:1].compute().values,
        pickle.loads(cloudpickle.dumps(stream["v"]))[:1],
    ]
    assert {(str(each.dtype), repr(each.tolist())) for each in parts} == {
        (str(parts[0].dtype), repr(found[0][:1].tolist()))
    }
