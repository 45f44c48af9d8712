"""A run's health says which way its images are read."""

import pytest

pytestmark = [pytest.mark.filterwarnings("ignore:no allowed_roots"), pytest.mark.usefixtures("installed_handlers")]


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({}, "past HDF5, as they are"),
        ({"chunks": (1, 4, 6), "compression": "gzip"}, "past HDF5, decoded"),
        ({"chunks": (1, 2, 6), "compression": "gzip"}, "by HDF5: its chunks (1, 2, 6) cut its rows"),
        ({"chunks": (1, 4, 6), "compression": "lzf"}, "by HDF5: its filters (lzf) are left to it"),
        ({"chunks": (1, 4, 6), "fletcher32": True}, "by HDF5: its filters (fletcher32) are left to it"),
    ],
)
def test_health_says_which_way_images_of_hdf5_are_read(bench, options, way):
    bench.write_hdf5(**options)
    health = bench.run(bench.asset("AD_HDF5", "a.h5")).health().set_index("data_key")
    assert health.way["image"] == way
    assert health.way["I0"] == ""
    assert health.status["image"] == "ok"


def test_of_images_that_are_not_there_no_way_is_told(bench):
    health = bench.run(bench.asset("AD_HDF5", "a.h5")).health().set_index("data_key")
    assert (health.status["image"], health.way["image"]) == ("unreadable", "")
