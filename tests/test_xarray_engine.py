"""xarray opens streams and runs by itself, and shows no password."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import subprocess
import sys

import numpy as np
import pymongo
import pytest
import xarray

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogError, RunNotFound, StreamNotFound, UnreadableWarning
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, build_run
from databroker_mongo.xarray_engine import DatabrokerMongoEngine

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

PASSWORD = "a-word-nobody-says"
ROWS = [{"I0": 0.5 * row, "n": row, "name": "abc"[: row % 3 + 1], "mca": [row, row + 1]} for row in range(5)]
UID = "c07e765d-0000-4000-8000-000000000000"


@pytest.fixture
def uri(store_uri):
    with Writer(store_uri) as writer:
        documents = build_run({"primary": ROWS, "baseline": [{"T": 4.2}]}, scan_id=7, uid=UID)
        for name, document in documents:
            writer(name, document)
    return store_uri


def open_dataset(uri, **options):
    return xarray.open_dataset(uri, engine=DatabrokerMongoEngine, **options)


def open_datatree(uri, **options):
    return xarray.open_datatree(uri, engine=DatabrokerMongoEngine, **options)


@pytest.mark.parametrize("key", [-1, 7, UID, "c07e765"])
def test_a_stream_is_opened_as_a_dataset(uri, key):
    expected = Catalog.from_uri(uri)[-1].primary.read()
    opened = open_dataset(uri, run=key)
    assert opened.identical(expected)
    assert open_dataset(uri, run=key, stream="baseline")["T"].values.tolist() == [4.2]
    assert open_dataset(uri, run=key, times="datetime")["time"].dtype.kind == "M"
    assert list(open_dataset(uri, run=key, drop_variables=["mca", "name"])) == ["I0", "n"]
    assert list(open_dataset(uri, run=key, drop_variables="mca")) == ["I0", "n", "name"]


def test_options_that_xarray_has_for_all_engines_are_taken(uri):
    options = {"decode_times": False, "mask_and_scale": False, "decode_coords": True, "decode_timedelta": False}
    assert open_dataset(uri, run=-1, **options).identical(open_dataset(uri, run=-1))


def test_with_chunks_it_is_what_to_dask_gives(uri):
    lazy = Catalog.from_uri(uri)[-1].primary.to_dask()
    opened = open_dataset(uri, run=-1, chunks={})
    assert {name: each.chunks for name, each in opened.items()} == {name: each.chunks for name, each in lazy.items()}
    assert opened.compute().identical(lazy.compute())


@pytest.mark.parametrize(
    "part", [3, slice(1, 4), [0, 3, 3], np.array([True, False, True, True, False]), slice(None, None, -2)], ids=str
)
def test_a_part_is_read_as_of_an_array(uri, part):
    opened, expected = open_dataset(uri, run=-1), Catalog.from_uri(uri)[-1].primary.read()
    for name in expected:
        assert opened[name][part].identical(expected[name][part])
    pointwise = {"time": xarray.DataArray([0, 3], dims="p"), "dim_0": xarray.DataArray([1, 0], dims="p")}
    assert opened["mca"].isel(pointwise).values.tolist() == [1, 3]


class Frames:
    """A handler that notes what it is asked for."""

    asked = []

    def __init__(self, path):
        pass

    def __call__(self, index):
        return np.full((1, 4, 6), index, "u2")

    def structure(self, index):
        return (1, 4, 6), np.dtype("u2"), None

    def read_into(self, out, datums, region):
        self.asked.append((len(datums), region))
        for row, datum in zip(out, datums, strict=True):
            row[...] = self(**datum)[region]


@pytest.fixture
def run(store_uri):
    asset = Asset("FRAMES", "/data", "a", [{"index": number} for number in range(5)], shape=(1, 4, 6))
    catalog = Catalog.from_uri(store_uri, handlers={"FRAMES": Frames})
    with Writer(catalog) as writer:
        for name, document in build_run({"primary": ROWS, "dark": ROWS}, assets={"primary": {"image": asset}}):
            writer(name, document)
    return catalog[-1]


def test_images_are_read_when_they_are_looked_at_and_no_more_of_them(run):
    Frames.asked.clear()
    dataset = run.primary.to_indexed()
    assert (dataset["image"].shape, dataset["image"].dtype) == ((5, 1, 4, 6), np.uint16)
    assert Frames.asked == []
    window = dataset["image"][3, 0, 1:3, 2:4]
    assert "image" in repr(dataset)
    assert Frames.asked == []
    assert window.values.tolist() == [[3, 3], [3, 3]]
    assert Frames.asked == [(1, (slice(0, 1), slice(1, 3), slice(2, 4)))]


def test_a_run_is_a_tree_of_lazy_datasets(run):
    Frames.asked.clear()
    tree = run.to_datatree()
    assert list(tree) == list(run) == ["primary", "dark"]
    assert Frames.asked == []
    assert tree["primary"]["image"].chunks == run.primary["image"].chunks
    for name, stream in run.items():
        assert tree[name].to_dataset().compute().identical(stream.read())
    assert json.loads(tree.attrs["start"]) == run.start
    assert json.loads(tree.attrs["stop"]) == run.stop
    assert list(run.to_datatree("dark")) == list(run.to_datatree(["dark"])) == ["dark"]
    assert "image" not in run.to_datatree(exclude=["image"])["primary"]
    assert run.to_datatree(times="datetime")["dark"]["time"].dtype.kind == "M"
    with pytest.raises(StreamNotFound, match="'typo'"):
        run.to_datatree(["typo"])


@pytest.mark.parametrize("options", [{}, {"chunks": {}}], ids=str)
def test_a_run_is_opened_as_a_tree(uri, options):
    expected = Catalog.from_uri(uri)[-1]
    tree = open_datatree(uri, run=-1, **options)
    assert list(tree) == ["primary", "baseline"]
    assert tree["primary"].to_dataset().compute().identical(expected.primary.read())
    assert json.loads(tree.attrs["start"]) == expected.start
    groups = xarray.open_groups(uri, engine=DatabrokerMongoEngine, run=-1, **options)
    assert list(groups) == ["/", "/primary", "/baseline"]
    assert groups["/primary"].compute().identical(expected.primary.read())


def test_what_is_not_there_is_told(uri):
    with pytest.raises(TypeError, match="which run"):
        open_dataset(uri)
    with pytest.raises(RunNotFound):
        open_dataset(uri, run="0000")
    with pytest.raises(StreamNotFound, match="'typo'"):
        open_dataset(uri, run=-1, stream="typo")
    with pytest.raises(TypeError, match="root_map of a configured catalog"):
        open_dataset("my-beamline", run=-1, root_map={"/data": "/here"})


def test_a_column_that_has_no_shape_is_left_out_and_told(store_uri):
    asset = Asset("NONE", "/data", "a", [{"index": number} for number in range(5)])
    with Writer(store_uri) as writer:
        for name, document in build_run({"primary": ROWS}, assets={"primary": {"image": asset}}):
            writer(name, document)
    with pytest.warns(UnreadableWarning, match="image cannot be read") as caught:
        opened = open_dataset(store_uri, run=-1)
    assert "NONE" in json.loads(opened.attrs["unreadable"])["image"]
    assert sum(each.category is UnreadableWarning for each in caught) == 1


def test_a_configured_catalog_is_opened_by_its_name(machine, uri):
    machine.write(machine.user, "a.yml", f"catalogs: {{beamline: {{uri: {json.dumps(uri)}}}}}")
    opened = open_dataset("beamline", run=7)
    assert opened["n"].values.tolist() == [0, 1, 2, 3, 4]
    assert opened.encoding["source"] == "beamline"


@pytest.fixture
def secret_uri(mongod_database_uri):
    """A database whose URI has a password."""
    writable(open_store(mongod_database_uri)).create_indexes()
    with Writer(mongod_database_uri) as writer:
        for name, document in build_run({"primary": ROWS}):
            writer(name, document)
    with pymongo.MongoClient(mongod_database_uri) as client:
        database = client.get_default_database()
        database.command("createUser", "reader", pwd=PASSWORD, roles=["read"])
        uri = mongod_database_uri.replace("mongodb://", f"mongodb://reader:{PASSWORD}@")
        yield uri
        database.command("dropUser", "reader")


def test_the_password_is_nowhere(secret_uri):
    datasets = [open_dataset(secret_uri, run=-1, **options) for options in ({}, {"chunks": {}})]
    trees = [open_datatree(secret_uri, run=-1, **options) for options in ({}, {"chunks": {}})]
    for opened in [*datasets, *trees]:
        assert "reader:***@" in opened.encoding["source"]
        nodes = opened.subtree if isinstance(opened, xarray.DataTree) else [opened]
        for node in nodes:
            told = [node.encoding, node.attrs, node, node._repr_html_()]
            told += [(each.encoding, each.attrs, each) for each in node.variables.values()]
            assert PASSWORD not in repr(told)
    for dataset in datasets:
        assert PASSWORD.encode() not in pickle.dumps(dataset)
        assert PASSWORD not in repr([*dataset["n"].data.dask] if dataset.chunks else [])
        assert dataset["n"].values.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("place", ["127.0.0.1:1/a?serverSelectionTimeoutMS=20", "127.0.0.1:1", "a b/c"])
def test_the_password_is_in_no_error(place):
    with pytest.raises(CatalogError) as caught:
        open_dataset(f"mongodb://reader:{PASSWORD}@{place}", run=-1)
    said = [repr(caught.value), str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    assert PASSWORD not in "".join(said)


def test_a_uri_is_known_and_nothing_else():
    engine = DatabrokerMongoEngine()
    assert all(
        map(engine.guess_can_open, ["mongodb://h/d", "mongodb+srv://h/d", "local:///d?database=a", "memory://a"])
    )
    assert not any(map(engine.guess_can_open, ["a.nc", "https://example.org/a.nc", b"abc", None, "mongodb"]))


LIGHT = """
import sys, xarray.backends
before = set(sys.modules)
import databroker_mongo.xarray_engine
print(*sorted(set(sys.modules) - before))
"""


def test_the_engine_costs_who_opens_other_files_nothing():
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=60, check=True)
    loaded = done.stdout.split()
    assert {"databroker_mongo", "databroker_mongo.doors", "databroker_mongo.xarray_engine"} == set(loaded)


def test_xarray_finds_the_engine_by_its_name(uri):
    found = importlib.metadata.entry_points(group="xarray.backends", name="databroker_mongo")
    if not found:
        pytest.skip("the package was installed before it had an engine: install it again")
    assert {each.load() for each in found} == {DatabrokerMongoEngine}
    opened = xarray.open_dataset(uri, engine="databroker_mongo", run=-1, decode_cf=False)
    assert opened.identical(open_dataset(uri, run=-1))


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_a_tree_is_saved_with_the_documents_of_its_run(run, tmp_path, engine):
    pytest.importorskip({"netcdf4": "netCDF4"}.get(engine, engine))
    run.to_datatree().to_netcdf(tmp_path / "a.nc", engine=engine)
    with xarray.open_datatree(tmp_path / "a.nc", engine=engine) as found:
        assert json.loads(found.attrs["start"]) == run.start
        np.testing.assert_array_equal(found["primary"]["image"], run.primary["image"].read())
