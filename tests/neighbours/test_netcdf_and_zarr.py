"""xarray writes what is read as netCDF and Zarr, in one line and without a warning, and reads the same back."""

from __future__ import annotations

import datetime
import json
import warnings

import h5py
import numpy as np
import pytest
import xarray

from databroker_mongo import Catalog
from databroker_mongo.store import writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

pytestmark = [pytest.mark.filterwarnings("ignore:no allowed_roots")]

MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5, 678000)
ROWS = [
    {
        "I0": 0.5 * row,
        "n": row,
        "ok": row % 2 == 0,
        "name": "ab"[: row % 3] or "abc",
        "comment": None if row == 1 else "a",
        "mca": [row, row + 1],
        "words": ["a", "bc"],
        "when": MOMENT,
        "gap": None if row == 2 else 1.5,
    }
    for row in range(5)
]
ODD = {
    "I0": {"units": "\u00b5A", "precision": 3, "source": {"pv": "X:1"}},
    "n": {"units": ["mm", "s"], "precision": True, "object_name": "a\0b"},
    "mca": {"units": "", "source": 2**60, "long_name": [1, {"a": None}]},
}


class Frames:
    """A handler of images that are full of their numbers."""

    def __init__(self, path, shape=(1, 4, 8)):
        self.shape = tuple(shape)

    def __call__(self, index):
        return np.full(self.shape, index, "u2")

    def structure(self, index):
        return self.shape, np.dtype("u2"), None

    def read_into(self, out, datums, region):
        for row, datum in zip(out, datums, strict=True):
            row[...] = self(**datum)[region]


def to_netcdf(engine):
    def save(dataset, folder):
        pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
        dataset.to_netcdf(folder / "a.nc", engine=engine)
        return xarray.open_dataset(folder / "a.nc", engine=engine)

    return save


def to_zarr(dataset, folder):
    pytest.importorskip("zarr")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*FixedLengthUTF32")
        dataset.to_zarr(folder / "a.zarr", consolidated=False)
        return xarray.open_zarr(folder / "a.zarr", consolidated=False)


SAVED = {"h5netcdf": to_netcdf("h5netcdf"), "netCDF4": to_netcdf("netcdf4"), "Zarr": to_zarr}
METHODS = ["read", "to_dask"]


@pytest.fixture
def small_blocks(monkeypatch):
    """Let a block hold thirty of the images of this page."""
    monkeypatch.setattr("databroker_mongo.arrays.structure._TARGET_BYTES", 30 * 64)
    monkeypatch.setattr("databroker_mongo.arrays.structure._MOST_BYTES", 40 * 64)


@pytest.fixture(params=SAVED)
def save(request, tmp_path):
    """Save a dataset, and open the file."""
    opened = []

    def save(dataset):
        opened.append(SAVED[request.param](dataset, tmp_path))
        return opened[-1]

    yield save
    for each in opened:
        each.close()


def stored(documents, handlers=None):
    catalog = Catalog.in_memory(handlers=handlers)
    store = writable(catalog.store)
    for kind, document in documents:
        store.insert(kind, [document])  # as others may have written it: a Writer would refuse odd units
    return catalog[-1]


def assert_the_same(found, dataset):
    for name, column in dataset.variables.items():
        missing = "" if name == "comment" else np.nan  # what files have for None
        expected = (
            [missing if value is None else value for value in column.values] if column.dtype == object else column
        )
        np.testing.assert_array_equal(found[name].values, expected)
        assert found[name].dims == column.dims
        attrs = {key: value for key, value in found[name].attrs.items() if key != "_FillValue"}
        assert attrs.keys() == column.attrs.keys()
        assert all(np.array_equal(attrs[key], value) for key, value in column.attrs.items())


@pytest.mark.parametrize("method", METHODS)
def test_values_of_events_are_saved_with_their_units(save, method):
    dataset = getattr(stored(build_run({"primary": ROWS}, data_keys=ODD)).primary, method)()
    found = save(dataset)
    assert_the_same(found, dataset)
    assert found["time"].dtype == np.float64
    assert found.attrs == dataset.attrs
    assert json.loads(found["I0"].attrs["source"]) == {"pv": "X:1"}


@pytest.mark.parametrize("method", METHODS)
def test_times_may_be_dates(save, method):
    stream = stored(build_run({"primary": ROWS})).primary
    found = save(getattr(stream, method)(["n"], times="datetime"))
    assert found["time"].dtype.kind == "M"
    seconds = (found["time"].values - np.datetime64(0, "s")) / np.timedelta64(1, "us")
    np.testing.assert_array_equal(seconds, stream.read([])["time"].values * 1e6)


@pytest.mark.parametrize("method", METHODS)
def test_a_stream_without_events_is_saved(save, method):
    documents = [each for each in build_run({"primary": ROWS}) if each[0] != "event"]
    dataset = getattr(stored(documents).primary, method)()
    assert save(dataset).sizes == dataset.sizes


def test_images_in_files_of_unequal_lengths_are_saved_in_blocks_of_one_size(save, small_blocks):
    documents = build_run(
        {"primary": [{"n": row} for row in range(60)]}, assets={"primary": {"image": of_one_file(60)}}
    )
    dataset = stored(of_several_files(documents, [7, 20, 33]), {"FRAMES": Frames}).primary.to_dask()
    assert dataset["image"].chunks == ((30, 30), (1,), (4,), (8,))
    assert save(dataset)["image"][:, 0, 0, 0].values.tolist() == [*range(7), *range(20), *range(33)]


def of_one_file(n):
    return Asset("FRAMES", "/data", "a", [{"index": number} for number in range(n)], shape=(1, 4, 8))


def of_several_files(documents, lengths):
    """The same, with a resource for each of several files."""
    resource = next(doc for name, doc in documents if name == "resource")
    uids = [f"resource-{number}" for number in range(len(lengths))]
    places = [(uid, index) for uid, length in zip(uids, lengths, strict=True) for index in range(length)]
    ids = iter(places)
    for name, doc in documents:
        if name == "resource":
            yield from (("resource", {**resource, "uid": uid, "resource_path": uid}) for uid in uids)
        elif name == "datum":
            uid, index = next(ids)
            yield name, {**doc, "resource": uid, "datum_kwargs": {"index": index}}
        else:
            yield name, doc


@pytest.mark.parametrize("method", METHODS)
def test_a_dataset_that_lacks_columns_is_saved_with_the_reasons(save, method):
    documents = build_run({"primary": ROWS}, assets={"primary": {"image": Asset("NONE", "/", "a", [{}] * 5)}})
    options = {"on_error": "skip"} if method == "read" else {}
    stream = stored(documents).primary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        dataset = getattr(stream, method)(**options)
    assert "no handler" in json.loads(save(dataset).attrs["unreadable"])["image"]


def test_repeats_that_are_left_out_leave_blocks_of_one_size(save, small_blocks):
    documents = build_run(
        {"primary": [{"n": row} for row in range(60)]}, assets={"primary": {"image": of_one_file(60)}}
    )
    for name, doc in documents:
        if name == "event" and doc["seq_num"] in (3, 5, 40):
            doc["seq_num"] += 1
    dataset = stored(documents, {"FRAMES": Frames}).primary.to_dask(dedupe="last")
    assert len({*dataset["image"].chunks[0][:-1]}) == 1
    assert save(dataset)["n"].values.tolist() == [row for row in range(60) if row not in (2, 4, 39)]


def test_stream_resources_without_events_are_saved(save, tmp_path, installed_handlers):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["data"] = np.arange(24, dtype="u2").reshape(4, 2, 3)
    asset = StreamAsset(
        "application/x-hdf5", f"file://localhost{tmp_path}/s.h5", [(0, 4)], {"dataset": "data"}, shape=(2, 3)
    )
    dataset = stored(build_run({"primary": []}, assets={"primary": {"image": asset}})).primary.to_dask()
    assert_the_same(save(dataset), dataset)


def test_the_configuration_of_devices_is_saved_with_its_units(save):
    key = {"dtype": "number", "shape": [], "source": "sim", "units": "dB"}
    gain = {"det": {"data": {"gain": 3.5}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": key}}}
    stream = stored(build_run({"primary": ROWS}, configuration=gain)).primary
    dataset = stream.config["det"].read()
    assert (
        dataset["gain"].attrs == stream.config["det"]["gain"].attrs == {"object": "det", "units": "dB", "source": "sim"}
    )
    assert_the_same(save(dataset), dataset)
    assert stream.config_timestamps["det"].read()["gain"].attrs["units"] == "s"
    assert stream.timestamps.read()["n"].attrs["units"] == "s"
