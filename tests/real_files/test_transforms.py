"""Documents that a catalog corrects as they are read, before files are looked for; and corrections that fail."""

import numpy as np
import pytest

from databroker_mongo.errors import AssetError
from databroker_mongo.testing import StreamAsset

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

FRAMES = np.arange(5 * 4 * 6, dtype="u2").reshape(5, 4, 6)


def streamed(bench, name):
    uri, parameters = (
        f"file://localhost{bench.folder}/{name}",
        {"dataset": "/entry/data/data", "chunk_shape": [1, 4, 6]},
    )
    return StreamAsset("application/x-hdf5", uri, [(0, 5)], parameters, (1, 4, 6))


def assets(bench, name):
    return {"resource": bench.asset("AD_HDF5", name), "stream_resource": streamed(bench, name)}


@pytest.mark.parametrize("kind", ["resource", "stream_resource"])
def test_a_corrected_place_is_where_the_file_is_read(bench, kind):
    bench.write_hdf5("right.h5")

    def correct(doc):
        return {key: value.replace("wrong", "right") if isinstance(value, str) else value for key, value in doc.items()}

    run = bench.run(assets(bench, "wrong.h5")[kind], transforms={kind: correct})
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES)
    assert run.files()["exists"].all()


def test_corrected_arguments_of_datums_are_those_that_are_read(bench):
    bench.write_hdf5()

    def backwards(doc):
        return {**doc, "datum_kwargs": {"point_number": 4 - doc["datum_kwargs"]["point_number"]}}

    run = bench.run(bench.asset("AD_HDF5", "a.h5"), transforms={"datum": backwards})
    np.testing.assert_array_equal(run.primary.read()["image"][:, 0], FRAMES[::-1])
    np.testing.assert_array_equal(run.primary.to_dask()["image"][1:3, 0].compute(), FRAMES[::-1][1:3])


@pytest.mark.parametrize("kind", ["resource", "datum", "stream_resource"])
def test_a_correction_that_fails_costs_its_own_column(bench, kind):
    bench.write_hdf5()

    def fail(doc):
        raise KeyError("colour")

    asset = assets(bench, "a.h5")["resource" if kind == "datum" else kind]
    run = bench.run(asset, transforms={kind: fail})
    fault = bench.fault_of(run)
    assert type(fault) is AssetError
    assert f"transform of {kind} documents fails" in str(fault)
    assert "colour" in str(fault)
    assert run.health().set_index("data_key").loc["image", "status"] == "unreadable"
    assert run.files()["exists"].tolist() == [True]
