"""Loaders of other projects read runs from a server of ours, as they are: each in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest

from databroker_mongo.testing import Asset, build_run

from ..neighbours.environments import environment_of
from .conftest import TIME, store_runs
from .test_serve import served

pytestmark = [pytest.mark.neighbour, pytest.mark.slow, pytest.mark.timeout(1500)]

PYHYPERSCATTERING = ("PyHyperScattering[bluesky]==0.2.11", "dask")
PYXRF = ("pyxrf==1.0.31", "tiled[client]", "bluesky-tiled-plugins")
N_IMAGES, HEIGHT, WIDTH = 4, 6, 8
N_LINES, N_POINTS, N_ELEMENTS, N_BINS = 3, 5, 2, 16
IMAGES = np.arange(N_IMAGES * HEIGHT * WIDTH, dtype=np.uint16).reshape(N_IMAGES, HEIGHT, WIDTH) + 100
DARK = np.full((1, HEIGHT, WIDTH), 7, np.uint16)
SPECTRA = np.arange(N_LINES * N_POINTS * N_ELEMENTS * N_BINS, dtype=np.uint16).reshape(-1, N_ELEMENTS, N_BINS)
DETECTOR = "Wide Angle CCD Detector_image"
WITH_LOADER = {
    "PyHyperScattering": """
import json, sys, warnings
warnings.simplefilter("ignore")
from tiled.client import from_uri
from PyHyperScattering.SST1RSoXSDB import SST1RSoXSDB
loader = SST1RSoXSDB(catalog=from_uri(sys.argv[1]), corr_mode="none")
table = loader.searchCatalog(plan="full", institution="NIST")
found = loader.loadRun(loader.c[100])
told = {"scans": [int(each) for each in table["scan_id"]], "energy": found["energy"].values.tolist(),
        "sample": found.attrs["sample_name"], "pixels": found.transpose("system", "pix_y", "pix_x").values.tolist()}
print("TOLD", json.dumps(told))
""",
    "PyXRF": """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy
from tiled.client import from_uri
from pyxrf.model.load_data_from_db import map_data2D_srx_new_tiled
found = map_data2D_srx_new_tiled(200, "map.h5", output_to_file=False, catalog=from_uri(sys.argv[1], "dask"))
[each] = [each["dataset"] for each in found]
told = {"spectra": numpy.asarray(each["det_sum"]).tolist(), "positions": numpy.asarray(each["pos_data"]).tolist(),
        "scalers": numpy.asarray(each["scaler_data"]).tolist(), "names": list(each["scaler_names"])}
print("TOLD", json.dumps(told))
""",
}


def frames(directory, name, array, n_rows):
    import h5py

    with h5py.File(directory / name, "w") as file:
        file["entry/data/data"] = array
    datums = [{"point_number": row} for row in range(n_rows)]
    kwargs = {"frame_per_point": len(array) // n_rows}
    return Asset("AD_HDF5", str(directory), name, datums, kwargs, shape=(kwargs["frame_per_point"], *array.shape[1:]))


def scattering(directory):
    """Return the documents of images at some energies, as SST-1 RSoXS has them."""
    energies = [{"en_energy_setpoint": 280.0 + row, "en_polarization_setpoint": 90.0} for row in range(N_IMAGES)]
    places = {
        "RSoXS Sample Outboard-Inboard": 1.0,
        "RSoXS Sample Up-Down": 2.0,
        "RSoXS Shutter Opening Time (ms)": 10.0,
    }
    documents = build_run(
        {"dark": [{}], "primary": energies, "baseline": [places, places]},
        assets={
            "primary": {DETECTOR: frames(directory, "images.h5", IMAGES, N_IMAGES)},
            "dark": {DETECTOR: frames(directory, "dark.h5", DARK, 1)},
        },
        scan_id=100,
        time=TIME,
        plan_name="full_carbon_scan",
        sample_name="polystyrene",
        sample_id="PS",
        RSoXS_Config="WAXS",
        RSoXS_WAXS_BCX=400.0,
        RSoXS_WAXS_BCY=530.0,
        RSoXS_WAXS_SDD=38.7,
        num_points=N_IMAGES,
        cycle="2023-3",
        institution="NIST",
        project_name="P1",
    )
    [dark] = [document["uid"] for name, document in documents if name == "descriptor" and document["name"] == "dark"]
    for _, document in documents:
        if document.get("descriptor") == dark:
            document["time"] -= 1.0  # dark images are taken before all others
    return documents


def fluorescence(directory):
    """Return the documents of a map that was flown line by line, as SRX has them."""
    lines = [
        {"enc1": [0.5 * x for x in range(N_POINTS)], "enc2": [float(row)] * N_POINTS, "i0": [1.0 + row] * N_POINTS}
        for row in range(N_LINES)
    ]
    scan = {
        "type": "XRF_FLY",
        "scan_input": [0.0, 2.0, N_POINTS, 0.0, 2.0, N_LINES],
        "snake": 0,
        "detectors": ["xs"],
        "shape": [N_POINTS, N_LINES],
        "fast_axis": {"motor_name": "nano_stage_sx"},
        "slow_axis": {"motor_name": "nano_stage_sy"},
        "sample_name": "paint",
    }
    return build_run(
        {"stream0": lines, "baseline": [{"ring_current": 400.0}, {"ring_current": 401.0}]},
        assets={"stream0": {"xs_fluor": frames(directory, "spectra.h5", SPECTRA, N_LINES)}},
        scan_id=200,
        time=TIME + 9,
        plan_name="scan_and_fly",
        md_version="1.0",
        scan=scan,
    )


@pytest.fixture(scope="module")
def address(mongod_uri, tmp_path_factory):
    """A server of both runs, with its key, as clients of databroker 2 see them."""
    import pymongo

    name, directory = f"loaders_{os.getpid()}", tmp_path_factory.mktemp("loaded")
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, [scattering(directory), fluorescence(directory)])
    with served(uri, "--layout", "2") as (_, found):
        yield found
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


def loaded(name, requirements, address, directory):
    command = [environment_of(name, requirements), "-W", "ignore", "-c", WITH_LOADER[name], address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=directory)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("TOLD ")[2])


def test_pyhyperscattering_loads_images(address, tmp_path):
    found = loaded("PyHyperScattering", PYHYPERSCATTERING, address, tmp_path)
    assert found["scans"] == [100]
    assert found["energy"] == [280.0, 281.0, 282.0, 283.0]
    assert found["sample"] == "polystyrene"
    np.testing.assert_array_equal(found["pixels"], IMAGES.astype(int) - 7)


def test_pyxrf_loads_a_map(address, tmp_path):
    found = loaded("PyXRF", PYXRF, address, tmp_path)
    expected = SPECTRA.reshape(N_LINES, N_POINTS, N_ELEMENTS, N_BINS).sum(axis=2)
    np.testing.assert_array_equal(found["spectra"], expected)
    fast, slow = [[0.0, 0.5, 1.0, 1.5, 2.0]] * N_LINES, [[row] * N_POINTS for row in (0.0, 1.0, 2.0)]
    np.testing.assert_array_equal(found["positions"], [fast, slow])
    assert found["names"] == ["i0"]
    np.testing.assert_array_equal(
        np.array(found["scalers"])[..., 0], np.repeat([[1.0], [2.0], [3.0]], N_POINTS, axis=1)
    )
