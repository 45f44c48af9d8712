"""Stream resources of every MIME type that ophyd-async writes, read from real files through installed handlers."""

import h5py
import hdf5plugin
import numpy as np
import pytest
import tifffile

from databroker_mongo.errors import ShapeMismatch
from databroker_mongo.testing import StreamAsset

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore:.*rows have no datum and are missing values:UserWarning"),
]

FRAMES = np.arange(5 * 4 * 6, dtype="u2").reshape(5, 4, 6)


def hdf5(bench):
    bench.write_hdf5(chunks=(2, 4, 6), compression="gzip")
    return "application/x-hdf5", "a.h5", {"dataset": "/entry/data/data", "chunk_shape": [2, 4, 6], "swmr": True}


def rolling_hdf5(bench):
    for number, rows in enumerate((slice(0, 2), slice(2, 4), slice(4, 5)), start=1):
        bench.write_hdf5(f"scan_{number:06d}.h5", frames=FRAMES[rows], dataset="data", **hdf5plugin.Bitshuffle())
    return "application/x-hdf5", "scan_000001.h5", {"dataset": "/data", "chunk_shape": [1, 4, 6]}


def tiff(bench):
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(bench.folder / f"img_{number:06d}.tiff", frame)
    return "multipart/related;type=image/tiff", "", {"template": "img_{:06d}.tiff", "chunk_shape": [1, 4, 6]}


def npy(bench):
    for number, frame in enumerate(FRAMES):
        np.save(bench.folder / f"img_{number:06d}.npy", frame)
    return "multipart/related;type=application/x-npy", "", {"template": "img_{:06d}.npy", "chunk_shape": [1, 4, 6]}


@pytest.mark.parametrize("make", [hdf5, rolling_hdf5, tiff, npy])
def test_images_are_read_whole_and_in_part(bench, make):
    mimetype, name, parameters = make(bench)
    uri = f"file://localhost{bench.folder}/{name}"
    run = bench.run(StreamAsset(mimetype, uri, [(0, 2), (2, 5)], parameters, (1, 4, 6)))
    image = run.primary.to_dask()["image"]
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(image[1:4, 0, 1:3, ::2].compute(), FRAMES[1:4, 1:3, ::2])
    assert (run.health(pixels=True)["status"] == "ok").all()
    assert run.files()["exists"].all()


def test_a_table_is_read_row_by_row(bench):
    rows = np.arange(15.0).reshape(5, 3)
    np.savetxt(bench.folder / "a.csv", rows, delimiter=",")
    uri = f"file://localhost{bench.folder}/a.csv"
    asset = StreamAsset("text/csv;header=absent", uri, [(0, 5)], {"chunk_shape": [5, 3]}, (1, 3))
    run = bench.run(asset, dtype="<f8")
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], rows)


def test_a_table_that_is_said_to_have_no_header_keeps_its_first_line_of_text(bench):
    words = ["good", "bad", "good", "good", "bad"]
    (bench.folder / "a.csv").write_text("\n".join(words))
    uri = f"file://localhost{bench.folder}/a.csv"
    run = bench.run(StreamAsset("text/csv;header=absent", uri, [(0, 5)], {}, (1,)), dtype=None)
    assert [row["column_0"].item() for row in run.primary.read()["image"].values] == words


def test_several_resources_of_one_key_follow_each_other(bench):
    bench.write_hdf5("a.h5", frames=FRAMES[:3])
    bench.write_hdf5("b.h5", frames=FRAMES[3:])
    parameters = {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]}

    def in_two_files(documents):
        for name, doc in documents:
            yield name, doc
            if name == "stream_resource":
                yield name, {**doc, "uid": "second", "uri": doc["uri"].replace("a.h5", "b.h5")}
            if name == "stream_datum":
                span = {"seq_nums": {"start": 4, "stop": 6}, "indices": {"start": 0, "stop": 2}}
                yield name, {**doc, "uid": "second/0", "stream_resource": "second", **span}

    asset = StreamAsset("application/x-hdf5", f"file://localhost{bench.folder}/a.h5", [(0, 3)], parameters, (1, 4, 6))
    run = bench.run(asset, edit=lambda documents: list(in_two_files(documents)))
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(run.primary.to_dask()["image"][2:4, 0].compute(), FRAMES[2:4])
    assert len(run.files()) == 2


RECORDS = np.array([(0.5 * row, [row, -row]) for row in range(5)], dtype=[("x", "<f8"), ("n", "<i4", (2,))])
VALUES = {
    "text": np.array(["a", "bc", "", "é", "def"], dtype=object),
    "bytes": np.array([b"a", b"bc", b"", b"d", b"def"]),
    "records": RECORDS,
    "booleans": np.array([True, False, True, True, False]),
    "integers of 64 bits": np.array([2**63 - 1, -(2**63), 0, 1, 2]),
    "unsigned integers of 64 bits": np.array([2**64 - 1, 0, 1, 2, 3], dtype="u8"),
    "floats that are no numbers": np.array([np.nan, np.inf, -np.inf, 0.0, 1.0]),
    "half floats": np.arange(5, dtype="f2"),
    "complex numbers": np.arange(5) * 1j,
    "frames without pixels": np.zeros((5, 0, 3), dtype="u2"),
    "numbers of the other byte order": np.arange(5, dtype=">i4"),
}


def values_asset(bench, values):
    dtype = h5py.string_dtype() if values.dtype == object else None
    with h5py.File(bench.folder / "a.h5", "w") as file:
        file.create_dataset("values", data=values, dtype=dtype)
    uri = f"file://localhost{bench.folder}/a.h5"
    return StreamAsset("application/x-hdf5", uri, [(0, 5)], {"dataset": "/values"}, values.shape[1:])


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_values_that_are_no_images_are_kept_exactly(bench, values):
    run = bench.run(values_asset(bench, values), dtype=None)
    loaded, lazy = run.primary.read()["image"], run.primary.to_dask()["image"]
    assert loaded.dtype == lazy.dtype == values.dtype
    np.testing.assert_array_equal(loaded, values)
    np.testing.assert_array_equal(lazy.compute(), values)
    assert (run.health()["status"] == "ok").all()


def with_a_gap(documents):
    """Leave the second row without stream data."""
    for name, doc in documents:
        if name == "stream_datum":
            yield name, {**doc, "seq_nums": {"start": 1, "stop": 2}, "indices": {"start": 0, "stop": 1}}
            yield name, {**doc, "uid": "rest", "seq_nums": {"start": 3, "stop": 6}, "indices": {"start": 2, "stop": 5}}
        else:
            yield name, doc


@pytest.mark.parametrize("name", ["booleans", "text", "half floats", "complex numbers", "bytes"])
def test_a_row_without_data_is_missing_and_the_others_stay_what_they_are(bench, name):
    run = bench.run(values_asset(bench, VALUES[name]), dtype=None, edit=lambda found: list(with_a_gap(found)))
    values = run.primary.read()["image"].values
    assert values[1] is None or np.isnan(values[1])
    np.testing.assert_array_equal(values[[0, 2, 3, 4]], VALUES[name][[0, 2, 3, 4]])


def test_large_integers_beside_a_missing_row_are_refused_rather_than_rounded(bench):
    integers = np.array([2**62 + 1, 0, 1, 2, 3])
    run = bench.run(values_asset(bench, integers), dtype=None, edit=lambda found: list(with_a_gap(found)))
    fault = bench.fault_of(run)
    assert type(fault) is ShapeMismatch
    assert "float64" in str(fault)


def test_small_integers_beside_a_missing_row_become_floats(bench):
    asset = values_asset(bench, np.array([7, 0, 1, 2, 3]))
    run = bench.run(asset, dtype=None, edit=lambda found: list(with_a_gap(found)))
    np.testing.assert_array_equal(run.primary.read()["image"], [7, np.nan, 1, 2, 3])


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4"])
def test_sums_of_small_integers_beside_a_missing_row_are_exact(bench, dtype):
    asset = values_asset(bench, np.full((5, 50, 50), 101, dtype))
    run = bench.run(asset, dtype=None, edit=lambda found: list(with_a_gap(found)))
    loaded, lazy = run.primary.read()["image"], run.primary.to_dask()["image"]
    assert loaded.dtype == lazy.dtype == lazy.compute().dtype == run.primary["image"].read().dtype == np.float64
    for found in (loaded, lazy.compute(), run.primary["image"].read()):
        assert np.nansum(np.asarray(found)) == 4 * 2500 * 101
        assert np.isnan(found[1]).all()


def test_a_file_that_several_resources_name_is_listed_once(bench):
    path = bench.write_hdf5()

    def named_again(documents):
        for name, doc in documents:
            yield name, doc
            if name == "stream_resource":
                yield name, {**doc, "uid": "again", "data_key": "other", "mimetype": "application/x-unknown"}
                yield name, {**doc, "uid": "thrice", "data_key": "third"}

    parameters = {"dataset": "/entry/data/data"}
    asset = StreamAsset("application/x-hdf5", f"file://localhost{path}", [(0, 5)], parameters, (1, 4, 6))
    run = bench.run(asset, edit=lambda documents: list(named_again(documents)))
    files = run.files()
    assert files["path"].tolist() == [str(path)]
    assert files["size_bytes"].tolist() == [path.stat().st_size]
    assert files["spec"].tolist() == ["application/x-hdf5, application/x-unknown"]
    path.unlink()
    assert ["1 of 1 files" in each.message for each in run.findings() if each.kind == "missing-files"] == [True]
