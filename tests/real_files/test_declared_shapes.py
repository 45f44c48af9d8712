"""What descriptors get wrong about images: reported once, with what was found, and the data is right."""

import logging
import warnings

import numpy as np
import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import DocumentWarning

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

FRAMES = np.arange(5 * 4 * 6, dtype="u2").reshape(5, 1, 4, 6)


def declared(shape, **more):
    def edit(documents):
        for name, doc in documents:
            if name == "descriptor":
                doc["data_keys"]["image"].update(shape=shape, **more)
        return documents

    return edit


@pytest.mark.parametrize("shape", [[7, 7, 0], [-1, 4, 6], [4, 6], [6, 4], [], [None, 4, 6]])
def test_a_wrong_shape_is_reported_once_and_the_data_is_right(bench, shape):
    bench.write_hdf5()
    primary = bench.run(bench.asset("AD_HDF5", "a.h5"), dtype=None, edit=declared(shape)).primary
    with pytest.warns(DocumentWarning, match=r"\[1, 4, 6\] was found") as told:
        lazy = primary.to_dask()["image"]
    assert [each.category for each in told].count(DocumentWarning) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = primary.read()["image"]
    assert lazy.dtype == loaded.dtype == np.uint16
    np.testing.assert_array_equal(lazy.compute(), FRAMES)
    np.testing.assert_array_equal(loaded, FRAMES)


def test_a_wrong_shape_is_reported_once_however_a_stream_and_its_header_are_read(bench):
    bench.write_hdf5()
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=declared([7, 7, 0]))
    header = Catalog.from_uri(bench.uri).v1[run.start["uid"]]
    with warnings.catch_warnings(record=True, action="always", category=DocumentWarning) as told:
        assert len(list(header.data("image"))) == len(header.table(fill=True)) == 5
        header.xarray()
        header.v2.primary["image"].read()
    (warning,) = (each for each in told if each.category is DocumentWarning)
    assert str(warning.message).startswith(
        f"run {header.uid} (scan id {run.start['scan_id']}), stream 'primary': 'image': "
    )
    assert warning.filename == __file__


@pytest.mark.parametrize("shape", [[6, 4, 0], [4, 6, 0]])
def test_the_shape_that_area_detectors_always_declare_is_logged_once_and_warns_nobody(bench, caplog, shape):
    caplog.set_level(logging.INFO, logger="databroker_mongo")
    bench.write_hdf5()
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), edit=declared(shape))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DocumentWarning)
        np.testing.assert_array_equal(run.primary.read()["image"], FRAMES)
        run.primary.to_dask()
    told = f"shape {shape} is declared, [1, 4, 6] was found"
    where = f"run {run.start['uid']} (scan id {run.start['scan_id']}), stream 'primary'"
    assert [each.getMessage() for each in caplog.records] == [f"{where}: 'image': {told}"]
    row = run.health().set_index("data_key").loc["image"]
    assert (row["status"], row["reason"]) == ("note", told)


def test_a_wrong_dtype_beside_the_usual_shape_is_a_warning(bench):
    bench.write_hdf5()
    run = bench.run(bench.asset("AD_HDF5", "a.h5"), dtype="<f8", edit=declared([6, 4, 0]))
    with pytest.warns(DocumentWarning, match="is declared, .* was found; dtype float64 is declared, uint16 was found"):
        run.primary.to_dask()


@pytest.mark.parametrize("dtype", [None, "<u2", ">u2", "<f8", "nonsense"])
def test_the_dtype_is_that_of_the_file_whatever_is_declared(bench, dtype):
    bench.write_hdf5()
    primary = bench.run(bench.asset("AD_HDF5", "a.h5"), dtype=dtype).primary
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DocumentWarning)
        assert primary.to_dask()["image"].dtype == primary.read()["image"].dtype == np.uint16


def test_frames_of_a_point_are_an_axis_between_time_and_pixels(bench):
    bench.write_hdf5(frames=np.arange(10 * 4 * 6, dtype="u2").reshape(10, 4, 6))
    asset = bench.asset("AD_HDF5", "a.h5", frame_per_point=2)
    with pytest.warns(DocumentWarning, match=r"\[1, 4, 6\] is declared, \[2, 4, 6\] was found"):
        image = bench.run(asset).primary.to_dask()["image"]
    assert image.dims == ("time", "dim_0", "dim_1", "dim_2")
    np.testing.assert_array_equal(image.values.reshape(10, 4, 6), np.arange(240).reshape(10, 4, 6))
