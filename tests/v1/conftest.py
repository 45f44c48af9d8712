"""A few runs in a catalog, and the broker on it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.assets import AssetReader, HandlerRegistry, Roots
from databroker_mongo.store import open_store
from databroker_mongo.testing import build_run
from databroker_mongo.testing.runs import Asset

TIME = 1_700_000_000.0
FRAMES = np.arange(4 * 1 * 3 * 5, dtype=np.uint16).reshape(4, 1, 3, 5)
CONFIGURATION = {
    "det": {
        "data": {"det_gain": 3, "det_mode": "fast"},
        "timestamps": {"det_gain": TIME - 9.0, "det_mode": TIME - 8.0},
        "data_keys": {
            "det_gain": {"dtype": "integer", "shape": [], "source": "sim"},
            "det_mode": {"dtype": "string", "shape": [], "source": "sim"},
        },
    }
}


class Frames:
    """A classic handler of one frame a file."""

    def __init__(self, path, template):
        self._path, self._template = path, template

    def __call__(self, index):
        return np.load(f"{self._path}/{self._template % index}")

    def get_file_list(self, datum_kwargs):
        return [f"{self._path}/{self._template % each['index']}" for each in datum_kwargs]


def scan():
    """A scan of five points with a baseline: scan id 1."""
    points = [{"I0": i * 0.5, "count": i, "label": f"p{i}", "ok": i % 2 == 0, "spec": [1.0 * i, 2.0]} for i in range(5)]
    return build_run(
        {"primary": points, "baseline": [{"temp": 20.5}, {"temp": 21.5}]},
        scan_id=1,
        time=TIME,
        configuration=CONFIGURATION,
        plan_name="scan",
        purpose="calibration",
        sample={"name": "Ni"},
        user="ann",
    )


def images(directory, scan_id=2, time=TIME + 3600):
    """Four images, one a file: scan id 2."""
    for number, frame in enumerate(FRAMES):
        np.save(directory / f"img_{number}.npy", frame)
    rows = [{"index": number} for number in range(4)]
    place = (str(directory.parent), directory.name)
    asset = Asset("NPY_FRAMES", *place, rows, {"template": "img_%d.npy"}, shape=(1, 3, 5))
    return build_run(
        {"primary": [{"x": float(i)} for i in range(4)]},
        scan_id=scan_id,
        time=time,
        assets={"primary": {"img": asset}},
        plan_name="count",
        user="bob",
    )


def resumed():
    """A run that was rewound: a second descriptor, with one more data key, repeats a seq_num: scan id 4."""
    documents = build_run({"primary": [{"m": i} for i in range(6)]}, scan_id=4, time=TIME + 10800, user="ann")
    (_, start), (_, first), *events, stop = documents
    second = copy.deepcopy(first)
    second.update(uid="second", time=first["time"] + 4.5)
    second["data_keys"]["extra"] = {"source": "sim", "dtype": "number", "shape": []}
    for _, event in events[3:]:
        event.update(descriptor="second", seq_num=event["seq_num"] - 1)
        event["data"]["extra"] = 0.25
        event["timestamps"]["extra"] = event["time"]
    return [("start", start), ("descriptor", first), ("descriptor", second), *events, stop]


@pytest.fixture
def frames_directory(tmp_path):
    directory = tmp_path / "frames"
    directory.mkdir()
    return directory


def open_catalog(uri, allowed_root, root_map=None):
    """A catalog that reads frames below one directory."""
    assets = AssetReader(HandlerRegistry({"NPY_FRAMES": Frames}), Roots(root_map, [str(allowed_root)]))
    return Catalog(open_store(uri), assets)


@pytest.fixture
def catalog(store_uri, tmp_path, frames_directory):
    """Four runs with the scan ids 1, 2, 3 (which goes on) and 4, an hour or more apart."""
    catalog = open_catalog(store_uri, tmp_path)
    going_on = build_run({"primary": [{"x": 1}]}, scan_id=3, time=TIME + 7200, user="bob", exit_status=None)
    with Writer(catalog, durable="batch") as writer:
        for documents in (scan(), images(frames_directory), going_on, resumed()):
            for name, document in documents:
                writer(name, document)
    return catalog


@pytest.fixture
def db(catalog):
    return catalog.v1
