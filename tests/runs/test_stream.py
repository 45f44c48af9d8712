"""A stream read whole, in part and lazily, on mongomock and on MongoDB."""

import copy
import json
import pickle
import warnings

import cloudpickle
import numpy as np
import pytest

from databroker_mongo import Run, Writer
from databroker_mongo.assets import open_reader
from databroker_mongo.errors import (
    CatalogWarning,
    ColumnNotFound,
    DocumentWarning,
    StoreError,
    StreamNotFound,
    UnreadableColumns,
    UnreadableWarning,
)
from databroker_mongo.runs import Context
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::databroker_mongo.errors.UnreadableWarning"),
]


class Ramp:
    """A classic handler: frame ``point`` is filled with its number."""

    def __init__(self, path, *, dtype="u2", shape=(1, 4, 6)):
        self.dtype, self.shape = dtype, tuple(shape)

    def __call__(self, point):
        return np.full(self.shape, point, self.dtype)


class DescribedRamp(Ramp):
    """The same at level 2, and it notes what it is asked for."""

    asked = []

    def structure(self, point):
        return self.shape, np.dtype(self.dtype), (2, *self.shape)

    def read_into(self, out, datums, region):
        self.asked.append((len(datums), region))
        for row, datum in zip(out, datums, strict=True):
            row[...] = self(**datum)[region]


HANDLERS = {"RAMP": Ramp, "RAMP2": DescribedRamp}


def stored(uri, documents, handlers=HANDLERS):
    writer = Writer(uri)
    for name, doc in documents:
        writer(name, doc)
    start = documents[0][1]
    store = open_store(uri)
    context = Context(store, open_reader(handlers=handlers))
    return Run(context, start, store.stops([start["uid"]]).get(start["uid"]))


def image(spec="RAMP2", n=5, **kwargs):
    return Asset(spec, "/data", "file.h5", [{"point": number} for number in range(n)], kwargs, (1, 4, 6))


ROWS = [
    {"I0": 0.5 * row, "n": row, "ok": row % 2 == 0, "name": "ab"[: row % 3] or "abc", "mca": [row, row + 1, row + 2]}
    for row in range(5)
]


def test_scalars_and_inline_arrays_are_read_with_their_own_dtypes(store_uri):
    ds = stored(store_uri, build_run({"primary": ROWS})).primary.read()
    assert {key: str(ds[key].dtype) for key in ds} == {
        "I0": "float64",
        "n": "int64",
        "ok": "bool",
        "name": "<U3",
        "mca": "int64",
    }
    np.testing.assert_array_equal(ds["mca"], [row["mca"] for row in ROWS])
    assert ds["mca"].dims == ("time", "dim_0")
    np.testing.assert_array_equal(ds["time"], 1_700_000_002.0 + np.arange(5))


def test_a_lazy_dataset_is_the_same_as_the_one_read(store_uri):
    primary = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image()}})).primary
    loaded, lazy = primary.read(), primary.to_dask()
    assert all(hasattr(lazy[key].data, "dask") for key in lazy)
    assert {key: lazy[key].dtype for key in lazy} == {key: loaded[key].dtype for key in loaded}
    assert lazy.compute().identical(loaded)


def test_a_slice_of_a_lazy_image_asks_the_handler_for_just_that(store_uri):
    documents = build_run({"primary": ROWS}, assets={"primary": {"image": image()}})
    lazy = stored(store_uri, documents).primary.to_dask()["image"]
    DescribedRamp.asked.clear()
    frame = lazy[3, 0].compute()
    assert frame.shape == (4, 6)
    assert (frame == 3).all()
    assert DescribedRamp.asked == [(1, (slice(0, 1), slice(0, 4), slice(0, 6)))]
    DescribedRamp.asked.clear()
    window = lazy[:, 0, 1:3, 2:4].compute()
    assert window.shape == (5, 2, 2)
    assert DescribedRamp.asked == [(5, (slice(0, 1), slice(1, 3), slice(2, 4)))]


@pytest.mark.parametrize("spec", ["RAMP", "RAMP2"])
def test_images_keep_their_dtype_and_their_frames_axis(store_uri, spec):
    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image(spec)}}))
    ds = run.primary.read(["image"])
    assert list(ds) == ["image"]
    assert ds["image"].dtype == np.uint16
    assert ds["image"].shape == (5, 1, 4, 6)
    np.testing.assert_array_equal(ds["image"][:, 0, 0, 0], range(5))


def test_only_the_keys_that_are_asked_for_are_there(store_uri):
    primary = stored(store_uri, build_run({"primary": ROWS})).primary
    assert list(primary.read(["n", "I0"])) == ["n", "I0"]
    assert list(primary.to_dask(exclude=["mca", "name"])) == ["I0", "n", "ok"]
    with pytest.raises(ColumnNotFound, match="no data key 'I1'"):
        primary.read(["I1"])
    with pytest.raises(ColumnNotFound, match="no data key 5"):
        primary.read(5)


@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_to_exclude_what_is_not_there_makes_no_difference(store_uri, method):
    """One list of exclusions serves many runs, as it does in databroker 1; what is asked for must be there."""
    ask = getattr(stored(store_uri, build_run({"primary": ROWS})).primary, method)
    assert list(ask(exclude=["not there", "mca", "name"])) == ["I0", "n", "ok"]
    assert list(ask(exclude="not there")) == list(ask())
    assert list(ask(["n", "ok"], exclude=["n", "not there"])) == ["ok"]
    for keys in (["not there"], "not there", ["n", "not there"]):
        with pytest.raises(ColumnNotFound, match="no data key 'not there'"):
            ask(keys, exclude=["not there"])


def test_a_wrong_declared_shape_is_told_once_and_the_data_is_right(store_uri):
    data_keys = {"image": {"shape": [-1, 4, 6]}}
    documents = build_run({"primary": ROWS}, assets={"primary": {"image": image()}}, data_keys=data_keys)
    primary = stored(store_uri, documents).primary
    with pytest.warns(DocumentWarning, match=r"'image': shape \[-1, 4, 6\] is declared, \[1, 4, 6\] was found"):
        ds = primary.to_dask()
    assert ds["image"].shape == (5, 1, 4, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        primary.read()


def test_one_bad_column_costs_only_itself(store_uri):
    assets = {"image": image("NO_SUCH_SPEC"), "good": image()}
    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": assets}))
    with pytest.raises(UnreadableColumns, match="NO_SUCH_SPEC") as caught:
        run.primary.read()
    assert set(caught.value.reasons) == {"image"}
    assert caught.value.reasons["image"].run_uid == run.start["uid"]
    assert caught.value.reasons["image"].data_key == "image"
    assert "good" in run.primary.read(exclude=caught.value.exclude)
    skipped = run.primary.read(on_error="skip")
    assert "image" not in skipped
    assert "NO_SUCH_SPEC" in json.loads(skipped.attrs["unreadable"])["image"]
    lazy = run.primary.to_dask()
    assert "NO_SUCH_SPEC" in json.loads(lazy.attrs["unreadable"])["image"]


def test_a_datum_of_another_shape_than_the_first_is_refused(store_uri):
    class Growing(Ramp):
        def __call__(self, point):
            return np.zeros((1, 4 + point, 6), "u2")

    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image("G")}}), {"G": Growing})
    with pytest.raises(UnreadableColumns, match=r"shape \(1, 5, 6\)"):
        run.primary.read()


def test_a_column_that_some_events_lack_is_filled_with_missing_values(store_uri):
    rows = [{"I0": 1.0, "n": 1}, {"I0": 2.0}, {"n": 3}]
    ds = stored(store_uri, build_run({"primary": rows})).primary.read()
    np.testing.assert_array_equal(ds["I0"], [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(ds["n"], [1.0, np.nan, 3.0])


@pytest.mark.parametrize("key", ["a.b", "$x", "a$b", "a b", "a/b", "á", "uid", "data.x", "_id", "x" * 1000])
def test_an_odd_key_is_read_back_from_a_database_that_others_wrote(store_uri, key):
    documents = build_run({"primary": [{key: 1.5, "other": 1}, {key: 2.5, "other": 2}]})
    for name, doc in documents:
        writable(open_store(store_uri)).insert(name, [doc])
    primary = stored(store_uri, documents[:1]).primary
    np.testing.assert_array_equal(primary.read()[key], [1.5, 2.5])
    np.testing.assert_array_equal(primary.to_dask()[key].compute(), [1.5, 2.5])


def test_a_data_key_called_time_does_not_hide_the_axis(store_uri):
    primary = stored(store_uri, build_run({"primary": [{"time": 7.0}]})).primary
    with pytest.warns(DocumentWarning, match="'time_'"):
        ds = primary.read()
    with warnings.catch_warnings():
        warnings.simplefilter("error", DocumentWarning)
        assert primary.read()["time_"].item() == 7.0
    assert ds["time_"].item() == 7.0
    assert ds["time"].item() == 1_700_000_002.0


def test_a_stream_without_events_is_empty_with_its_dtypes(store_uri):
    documents = [each for each in build_run({"primary": ROWS}) if each[0] != "event"]
    primary = stored(store_uri, documents).primary
    for ds in (primary.read(), primary.to_dask()):
        assert ds.sizes["time"] == 0
        assert ds["n"].dtype == np.int64
        assert ds["ok"].dtype == bool
        assert ds["mca"].shape == (0, 3)


def test_rows_are_in_order_of_seq_num_even_when_the_clock_stepped_back(store_uri):
    documents = build_run({"primary": [{"n": number} for number in range(6)]})
    for name, doc in documents:
        if name == "event" and doc["seq_num"] > 3:
            doc["time"] -= 100.0
    np.testing.assert_array_equal(stored(store_uri, documents).primary.read()["n"], range(6))


def test_integers_stay_integers_over_two_descriptors(store_uri):
    documents = build_run({"primary": [{"n": 2**60 + number} for number in range(2)]})
    again = build_run({"primary": [{"n": 2**60 + 2 + number, "later": 1} for number in range(2)]}, scan_id=2)
    run_uid = documents[0][1]["uid"]
    second = [each for each in again if each[0] in ("descriptor", "event")]
    for name, doc in second:
        doc.update({"run_start": run_uid, "time": doc["time"] + 100} if name == "descriptor" else {})
        if name == "event":
            doc["seq_num"] += 2
    run = stored(store_uri, documents[:-1] + second + documents[-1:])
    for ds in (run.primary.read(), run.primary.to_dask()):
        assert ds["n"].dtype == np.int64
        np.testing.assert_array_equal(ds["n"], [2**60 + number for number in range(4)])
        np.testing.assert_array_equal(ds["later"], [np.nan, np.nan, 1, 1])


def test_repeated_rows_are_kept_unless_the_last_is_asked_for(store_uri):
    documents = build_run({"primary": [{"n": number} for number in range(4)]})
    for name, doc in documents:
        if name == "event" and doc["seq_num"] == 4:
            doc["seq_num"] = 3
    primary = stored(store_uri, documents).primary
    np.testing.assert_array_equal(primary.read()["n"], [0, 1, 2, 3])
    np.testing.assert_array_equal(primary.read(dedupe="last")["n"], [0, 1, 3])
    np.testing.assert_array_equal(primary.to_dask(dedupe="last")["n"].compute(), [0, 1, 3])


def test_the_length_of_a_stream_is_fixed_when_it_is_first_read(store_uri):
    documents = build_run({"primary": [{"n": number} for number in range(4)]}, exit_status=None)
    run = stored(store_uri, documents[:-1])
    primary = run.primary
    assert primary.read()["n"].size == 3
    lazy = primary.to_dask()["n"]
    Writer(store_uri)(*documents[-1])
    assert primary.read()["n"].size == 3
    assert lazy.compute().size == 3
    assert run.refresh().primary.read()["n"].size == 4


def test_timestamps_and_configuration_have_a_row_for_each_event(store_uri):
    gain = {"source": "test", "dtype": "integer", "shape": []}
    configuration = {"det": {"data": {"gain": 3}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": gain}}}
    documents = build_run({"primary": ROWS}, configuration=configuration, assets={"primary": {"image": image()}})
    primary = stored(store_uri, documents).primary
    stamps = primary.timestamps.read()
    np.testing.assert_array_equal(stamps["I0"], stamps["time"])
    assert "image" in stamps
    assert list(primary.config) == ["det"]
    assert repr(primary.timestamps).startswith("<timestamps of ")
    assert repr(primary.config["det"]) == "<configuration of det: gain>"
    np.testing.assert_array_equal(primary.config["det"].read()["gain"], [3] * 5)
    np.testing.assert_array_equal(primary.config_timestamps["det"].read()["gain"], [1.0] * 5)
    with pytest.raises(ColumnNotFound, match="'no_device'"):
        primary.config["no_device"]


@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_times_are_seconds_or_dates_in_utc(store_uri, method):
    primary = stored(store_uri, build_run({"primary": ROWS})).primary
    seconds, dates = (getattr(primary, method)(["n"], times=times)["time"] for times in ("seconds", "datetime"))
    assert (seconds.dtype, dates.dtype) == (np.float64, np.dtype("M8[ns]"))
    assert seconds.attrs == {"units": "s", "long_name": "time since 1970-01-01T00:00:00Z"}
    assert dates.values[0] == np.datetime64("2023-11-14T22:13:22")
    np.testing.assert_array_equal((dates.values - np.datetime64(0, "s")) / np.timedelta64(1, "s"), seconds)
    with pytest.raises(ValueError, match="times='local' is unknown"):
        getattr(primary, method)(times="local")


@pytest.mark.parametrize("method", ["read", "to_dask"])
def test_a_time_that_is_no_date_is_told(store_uri, method):
    documents = build_run({"primary": ROWS})
    documents[-2][1]["time"] = 1e300
    primary = stored(store_uri, documents).primary
    with pytest.warns(DocumentWarning, match=r"'time': 1 events have a time that is no date \(1e\+300\), and is NaT"):
        dates = getattr(primary, method)(["n"], times="datetime")["time"]
    assert np.isnat(dates).sum() == 1
    assert getattr(primary, method)(["n"])["time"].max() == 1e300


def test_a_table_holds_single_values_and_tells_of_the_others(store_uri):
    primary = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image()}})).primary
    with pytest.warns(CatalogWarning, match=r"'mca' \(5, 3\), 'image' \(5, 1, 4, 6\) are no single values .* exclude="):
        table = primary.to_table()
    assert list(table) == ["I0", "n", "ok", "name"]
    assert (len(table), table.index.name, str(table.index[0])) == (5, "time", "2023-11-14 22:13:22")
    assert table["n"].tolist() == [0, 1, 2, 3, 4]
    assert list(primary.to_table(exclude=["mca", "image"], times="seconds").index) == list(primary.read([])["time"])
    assert list(primary.to_table(["name", "I0"])) == ["name", "I0"]


def test_attributes_of_columns_are_numbers_and_texts(store_uri):
    data_keys = {"I0": {"units": {"nA": 1}, "precision": True}, "n": {"units": ["mm", "s"], "object_name": "a\0b"}}
    documents = build_run({"primary": ROWS}, data_keys=data_keys, scan_id={"scan": 5})
    for name, doc in documents:
        writable(open_store(store_uri)).insert(name, [doc])
    primary = Run(Context(open_store(store_uri), open_reader(handlers={})), documents[0][1], None).primary
    for ds in (primary.read(), primary.to_dask()):
        assert ds["I0"].attrs == {"object": "det", "units": '{"nA": 1}', "precision": 1, "source": "test"}
        assert ds["n"].attrs == {"object": r"a\x00b", "units": ["mm", "s"], "source": "test"}
        assert ds.attrs["scan_id"] == '{"scan": 5}'


def test_attributes_say_what_is_known(store_uri):
    data_keys = {"I0": {"units": "nA", "precision": 3, "object_name": "quadem1"}}
    run = stored(store_uri, build_run({"primary": ROWS}, data_keys=data_keys))
    ds = run.primary.read()
    assert ds["I0"].attrs == {"object": "quadem1", "units": "nA", "precision": 3, "source": "test"}
    said = {name: value for name, value in ds.attrs.items() if name != "read_from"}  # said where it is a copy
    assert said == {"stream": "primary", "run_uid": run.start["uid"], "scan_id": 1}


class Rows:
    """A MIME handler whose row ``index`` of ``(4, 6)`` is filled with it."""

    def __init__(self, path, **parameters):
        pass

    def __call__(self, index):
        return np.full((4, 6), index, "u2")


@pytest.mark.parametrize(("shape", "expected"), [([1, 4, 6], [0, 1, 2, 3, 4]), ([2, 4, 6], [0, 2, 4, 6, 8])])
def test_stream_resources_are_columns_like_any_other(store_uri, shape, expected):
    asset = StreamAsset("application/x-rows", "file://localhost/data/a.h5", [(0, 2), (2, 5)], shape=(1, 4, 6))
    documents = build_run(
        {"primary": ROWS}, assets={"primary": {"image": asset}}, data_keys={"image": {"shape": shape}}
    )
    primary = stored(store_uri, documents, {"application/x-rows": Rows}).primary
    for ds in (primary.read(), primary.to_dask()):
        assert ds["image"].shape == (5, *shape)
        np.testing.assert_array_equal(ds["image"][:, 0, 0, 0], expected)
    np.testing.assert_array_equal(
        primary.to_dask()["image"][1:3, -1, 2, 3].compute(), [e + shape[0] - 1 for e in expected[1:3]]
    )


def test_stream_data_behind_the_events_shortens_all_columns_and_says_so(store_uri):
    asset = StreamAsset("application/x-rows", "file://localhost/data/a.h5", [(0, 3)], shape=(1, 4, 6))
    documents = build_run(
        {"primary": ROWS}, assets={"primary": {"image": asset}}, data_keys={"image": {"shape": [1, 4, 6]}}
    )
    primary = stored(store_uri, documents, {"application/x-rows": Rows}).primary
    with pytest.warns(DocumentWarning, match="only 3 of 5 rows"):
        ds = primary.read()
    assert ds.sizes["time"] == 3
    assert ds["I0"].size == 3


def test_a_stream_of_stream_data_alone_stands_without_events(store_uri):
    asset = StreamAsset("application/x-rows", "file://localhost/data/a.h5", [(0, 3)], shape=(1, 4, 6))
    documents = build_run(
        {"primary": []}, assets={"primary": {"image": asset}}, data_keys={"image": {"shape": [1, 4, 6]}}
    )
    primary = stored(store_uri, documents, {"application/x-rows": Rows}).primary
    ds = primary.read()
    assert ds["image"].shape == (3, 1, 4, 6)
    assert "time" not in ds.coords
    assert primary.read(dedupe="last").identical(ds)


def test_lost_stream_documents_cost_their_column_only(store_uri):
    asset = StreamAsset("application/x-rows", "file://localhost/data/a.h5", [(0, 5)], shape=(1, 4, 6))
    documents = build_run(
        {"primary": ROWS}, assets={"primary": {"image": asset}}, data_keys={"image": {"shape": [1, 4, 6]}}
    )
    kept = [each for each in documents if not each[0].startswith("stream_")]
    primary = stored(store_uri, kept, {"application/x-rows": Rows}).primary
    with pytest.raises(UnreadableColumns, match="suitcase-mongo"):
        primary.read()
    assert "I0" in primary.read(exclude=["image"])


@pytest.mark.filterwarnings("ignore:the events at")
def test_a_pickled_lazy_dataset_is_small_and_reads_images_without_a_database(mongod_database_uri):
    uri = mongod_database_uri
    documents = build_run({"primary": [{"I0": 1.0}] * 2000}, assets={"primary": {"image": image(n=2000)}})
    run = stored(uri, documents)
    lazy = run.primary.to_dask()
    blob = cloudpickle.dumps(lazy.drop_vars("time"))
    assert len(blob) <= 100_000
    again = pickle.loads(blob)
    np.testing.assert_array_equal(again["image"][1999, 0, 0, 0].compute(), 1999)
    np.testing.assert_array_equal(again["I0"].compute(), 1.0)
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize("fill", ["no", "yes", "delayed"])
def test_documents_come_back_each_before_those_that_need_it(store_uri, fill):
    documents = build_run({"primary": ROWS, "baseline": ROWS[:2]}, assets={"primary": {"image": image()}})
    run = stored(store_uri, documents)
    replayed = list(run.documents(fill=fill, page_size=2))
    names = [name for name, _ in replayed]
    assert names[0] == "start"
    assert names[-1] == "stop"
    assert names.index("resource") < names.index("datum_page") < len(names)
    events = [event for name, page in replayed if name == "event_page" for event in page["uid"]]
    assert sorted(events) == sorted(doc["uid"] for name, doc in documents if name == "event")
    first = next(page for name, page in replayed if name == "event_page" and "image" in page["data"])
    if fill == "no":
        assert first["data"]["image"][0].endswith("/0")
    else:
        assert np.asarray(first["data"]["image"][0]).shape == (1, 4, 6)
        datums = [doc["datum_id"] for name, doc in documents if name == "datum"]
        assert first["filled"]["image"] == datums[: len(first["uid"])]


def test_documents_of_one_stream_leave_the_events_of_others_out(store_uri):
    documents = build_run({"primary": ROWS, "baseline": ROWS[:2]}, assets={"primary": {"image": image()}})
    replayed = list(stored(store_uri, documents).documents(streams=["baseline"]))
    assert [doc["name"] for name, doc in replayed if name == "descriptor"] == ["baseline"]
    assert sum(len(page["uid"]) for name, page in replayed if name == "event_page") == 2
    assert {name for name, _ in replayed} == {"start", "descriptor", "event_page", "stop"}


@pytest.mark.parametrize("streams", [["primray"], ["primary", "primray"], "primray", ("",), [5]])
@pytest.mark.parametrize("fill", ["no", "yes", "delayed"])
def test_documents_of_a_stream_that_the_run_has_not_are_an_error(store_uri, streams, fill):
    run = stored(store_uri, build_run({"primary": ROWS, "baseline": ROWS[:2]}))
    with pytest.raises(StreamNotFound, match=r"has no stream .* It has: .*primary"):
        run.documents(fill=fill, streams=streams)
    for one in ("primary", ["primary"], {"primary"}, iter(["primary"])):
        names = [doc["name"] for name, doc in run.documents(fill=fill, streams=one) if name == "descriptor"]
        assert names == ["primary"]
    assert [name for name, _ in run.documents(streams=[])] == ["start", "stop"]


def test_documents_take_only_known_words_for_fill(store_uri):
    run = stored(store_uri, build_run({"primary": ROWS}))
    with pytest.raises(ValueError, match="'no', 'yes' or 'delayed'"):
        run.documents(fill="perhaps")


def streamed(uri, indices, seq_nums, *, n_events=4, shape=(1, 4, 6), exit_status="success"):
    """A run whose stream datums say what they are told to."""
    asset = StreamAsset("application/x-rows", "file://localhost/data/a.h5", [(0, 1)], shape=shape)
    documents = build_run(
        {"primary": [{"x": number} for number in range(n_events)]},
        assets={"primary": {"im": asset}},
        exit_status=exit_status,
    )
    sample = next(doc for name, doc in documents if name == "stream_datum")
    at = next(number for number, (name, _) in enumerate(documents) if name == "stream_datum")
    documents[at : at + 1] = [
        (
            "stream_datum",
            {
                **sample,
                "uid": f"{number}",
                "indices": {"start": first[0], "stop": first[1]},
                "seq_nums": {"start": second[0], "stop": second[1]},
            },
        )
        for number, (first, second) in enumerate(zip(indices, seq_nums, strict=True))
    ]
    store = writable(open_store(uri))
    for name, doc in documents:
        store.insert(name, [doc])
    return stored(uri, documents[:1], {"application/x-rows": Rows}).primary


@pytest.mark.parametrize(("indices", "seq_nums"), [((0, 0), (1, 1)), ((4, 0), (5, 1)), ((0, 4), (1, 3))])
def test_a_column_whose_stream_datums_hold_nothing_or_contradict_themselves_never_vanishes(
    store_uri, indices, seq_nums
):
    primary = streamed(store_uri, [indices], [seq_nums])
    with pytest.raises(UnreadableColumns) as caught:
        primary.read(["im"])
    assert set(caught.value.reasons) == {"im"}
    assert "im" in primary.to_dask(["x", "im"]).attrs["unreadable"]
    np.testing.assert_array_equal(primary.read(exclude=["im"])["x"], range(4))


def test_an_image_keeps_its_dtype_when_the_rows_that_lack_it_are_cut(store_uri):
    primary = streamed(store_uri, [(0, 2)], [(1, 3)])
    with pytest.warns(DocumentWarning, match="only 2 of 4"):
        assert primary.read()["im"].dtype == np.uint16


@pytest.mark.filterwarnings("ignore:.*the name of the time axis")
@pytest.mark.parametrize("verb", ["read", "to_dask"])
def test_columns_come_in_the_order_that_was_asked(store_uri, verb):
    rows = [{"a": 1, "m": [1, 2], "im2": 0.5, "time": 3.0, "k": [1, 2, 3], "text": "x"}]
    primary = stored(store_uri, build_run({"primary": rows})).primary
    read = getattr(primary, verb)
    everything = read()
    assert list(everything) == ["a", "m", "im2", "time_", "k", "text"]
    asked = ["text", "k", "a", "m", "k"]
    for found in (read(asked), read(iter(asked)), getattr(primary.data, verb)(asked)):
        assert list(found) == ["text", "k", "a", "m"]
        assert {name: found[name].dims for name in found} == {name: everything[name].dims for name in found}
        assert found.identical(everything[["text", "k", "a", "m"]])
    assert list(read(asked, exclude=["k"])) == ["text", "a", "m"]
    assert list(read(["time", "a"])) == ["time_", "a"]


@pytest.mark.parametrize("options", [{"on_error": "rows"}, {"on_error": "skip"}, {"dedupe": "last"}], ids=repr)
def test_columns_come_in_the_order_that_was_asked_whatever_the_options(store_uri, options):
    rows = [{"a": 1, "m": [1, 2], "x": 0.5}]
    documents = build_run({"primary": rows}, assets={"primary": {"im": image("G")}})
    primary = stored(store_uri, documents, {"G": Ramp}).primary
    assert list(primary.read(["im", "x", "a"], **options)) == ["im", "x", "a"]
    assert list(primary.read(variables=["x", "im", "a"], **options)) == ["x", "im", "a"]
    assert list(primary.to_dask(["x", "im", "a"])) == ["x", "im", "a"]


def test_a_gap_among_images_is_told(store_uri):
    primary = streamed(store_uri, [(0, 1), (1, 2)], [(1, 2), (4, 5)])
    with pytest.warns(DocumentWarning, match="2 of 4 rows have no datum and are missing values"):
        images = primary.read()["im"]
    assert images.dtype == np.float64
    assert np.isnan(images[1:3]).all()
    np.testing.assert_array_equal(images[[0, 3], 0, 0, 0], [0, 1])


def test_a_stream_of_stream_datums_without_its_events_costs_the_columns_of_events_alone(store_uri):
    documents = build_run(
        {"primary": [{"x": 1}]},
        assets={
            "primary": {"im": StreamAsset("application/x-rows", "file://localhost/a.h5", [(0, 3)], shape=(1, 4, 6))}
        },
    )
    kept = [each for each in documents if each[0] != "event"]
    primary = stored(store_uri, kept, {"application/x-rows": Rows}).primary
    with pytest.raises(UnreadableColumns, match="no event of the stream is stored"):
        primary.read()
    assert primary.read(exclude=["x"])["im"].shape == (3, 1, 4, 6)
    assert primary.read(on_error="skip")["im"].shape == (3, 1, 4, 6)


@pytest.mark.parametrize("odd", [None, 5, [[1, 2]]])
def test_an_event_that_holds_no_identifier_is_missing_or_told_and_leaves_others_images(store_uri, odd):
    documents = build_run({"primary": ROWS[:3]}, assets={"primary": {"image": image(n=3)}})
    events = [doc for name, doc in documents if name == "event"]
    events[1]["data"]["image"] = odd
    store = writable(open_store(store_uri))
    for name, doc in documents:
        store.insert(name, [doc])
    primary = stored(store_uri, documents[:1]).primary
    if odd is None:
        with pytest.warns(DocumentWarning, match="1 of 3 rows have no datum"):
            images = primary.read()["image"]
        assert np.isnan(images[1]).all()
        assert (images[2] == 2).all()
        return
    with pytest.raises(UnreadableColumns, match="where others hold the identifier of a datum"):
        primary.read()


@pytest.mark.parametrize("damage", [{"datum_kwargs": None}, {"resource": None}])
def test_a_damaged_datum_costs_its_own_column(store_uri, damage):
    documents = build_run({"primary": ROWS[:3]}, assets={"primary": {"image": image(n=3)}})
    store = writable(open_store(store_uri))
    for name, doc in documents:
        store.insert(name, [{**doc, **damage} if name == "datum" else doc])
    primary = stored(store_uri, documents[:1]).primary
    with pytest.raises(UnreadableColumns, match="without a resource or without datum_kwargs"):
        primary.read()
    assert "I0" in primary.read(on_error="skip")


def test_columns_called_time_and_time__are_both_there(store_uri):
    primary = stored(store_uri, build_run({"primary": [{"time": 1.0, "time_": 1.5}]})).primary
    with pytest.warns(DocumentWarning, match="'time__'"):
        ds = primary.read()
    assert (ds["time__"].item(), ds["time_"].item()) == (1.0, 1.5)
    assert "time__" in primary.timestamps.read()


@pytest.mark.parametrize(
    ("habit", "error", "hint"),
    [
        (lambda stream: stream.x, AttributeError, r"stream.read\(\['x'\]\)\['x'\]"),
        (lambda stream: stream.image, AttributeError, "its columns, which are 'x'"),
    ],
)
def test_habits_of_other_libraries_are_errors_that_say_what_to_type(store_uri, habit, error, hint):
    stream = stored(store_uri, build_run({"primary": [{"x": 1}, {"x": 2}]})).primary
    with pytest.raises(error, match=hint):
        habit(stream)


def test_a_stream_knows_its_data_keys_and_copies_of_it_do(store_uri):
    stream = stored(store_uri, build_run({"primary": [{"x": 1}, {"x": 2}]})).primary
    assert stream
    assert [key in stream for key in ("x", "y", 0)] == [True, False, False]
    assert not hasattr(stream, "x")
    assert stream.read([]).sizes["time"] == 2
    assert "x" in copy.copy(stream)


def test_misspelt_options_are_refused(store_uri):
    primary = stored(store_uri, build_run({"primary": ROWS})).primary
    for options in ({"on_error": "ignore"}, {"dedupe": "first"}):
        with pytest.raises(ValueError, match="is unknown; it is one of"):
            primary.read(**options)


def test_an_event_without_seq_num_is_told(store_uri):
    documents = build_run({"primary": ROWS[:2]})
    store = writable(open_store(store_uri))
    for name, doc in documents:
        store.insert(name, [{k: v for k, v in doc.items() if k != "seq_num"} if name == "event" else doc])
    with pytest.raises(StoreError, match="'seq_num' that is missing"):
        stored(store_uri, documents[:1]).primary.read()


def test_a_masked_frame_is_refused(store_uri):
    class Masked(Ramp):
        def __call__(self, point):
            return np.ma.masked_equal(np.arange(24, dtype="u2").reshape(1, 4, 6), 3)

    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image("M")}}), {"M": Masked})
    with pytest.raises(UnreadableColumns, match="masked array"):
        run.primary.read()


@pytest.mark.filterwarnings("error::databroker_mongo.errors.UnreadableWarning")
def test_a_column_that_a_lazy_dataset_lacks_is_warned_of(store_uri):
    run = stored(store_uri, build_run({"primary": ROWS}, assets={"primary": {"image": image("NO_SUCH_SPEC")}}))
    with pytest.warns(UnreadableWarning, match=r"image cannot be read and were left out.*NO_SUCH_SPEC"):
        assert "I0" in run.primary.to_dask()
