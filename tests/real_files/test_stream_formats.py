"""Stream resources of every MIME type that ophyd-async writes, read from real files through installed handlers."""

import hdf5plugin
import numpy as np
import pytest
import tifffile

from databroker_mongo.testing import StreamAsset

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

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
