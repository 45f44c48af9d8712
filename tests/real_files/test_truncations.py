"""A file that was cut short anywhere is an error of its column with all names, and never other numbers."""

import json

import numpy as np
import pytest

from databroker_mongo.errors import UnreadableColumns

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


def require_error_at_lengths(bench, run, path, *, step, row):
    whole = path.read_bytes()
    size = len(whole)
    lengths = [*range(0, size, step), *range(size - 8, size)]
    assert run.primary.read()["image"].shape == (5, 1, 4, 6)
    for length in lengths:
        path.unlink()
        path.write_bytes(whole[:length])
        skipped = run.primary.read(["I0", "image"], on_error="skip")
        np.testing.assert_array_equal(skipped["I0"], 0.5 * np.arange(5))
        assert "image" not in skipped, length
        told = json.loads(skipped.attrs["unreadable"])["image"]
        for name in (run.start["uid"], "4711", "primary", "image", str(path), f"/{row}", str({"point_number": row})):
            assert name in told, (length, name)
    with pytest.raises(UnreadableColumns):
        run.primary.read()
    path.write_bytes(whole)
    assert run.primary.read()["image"].shape == (5, 1, 4, 6)


def test_an_hdf5_file_cut_short_anywhere(bench):
    path = bench.write_hdf5(chunks=(2, 4, 6), compression="gzip")
    run = bench.run(bench.asset("AD_HDF5", "a.h5"))
    require_error_at_lengths(bench, run, path, step=47, row=0)


def test_a_tiff_file_cut_short_anywhere(bench):
    path = bench.write_tiffs()[3]
    run = bench.run(bench.asset("AD_TIFF", "", template="%s%s_%6.6d.tiff", filename="img"))
    require_error_at_lengths(bench, run, path, step=3, row=3)
