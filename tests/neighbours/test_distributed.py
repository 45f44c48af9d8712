"""Lazy datasets on a dask.distributed cluster of two worker processes, each with settings and mounts of its own."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.config import CatalogSettings, Uri
from databroker_mongo.errors import AssetUnreadable
from databroker_mongo.testing import Asset, build_run

from .required import required

distributed = required("distributed")

FRAMES = np.arange(40 * 4 * 6, dtype="u2").reshape(40, 4, 6)
MOUNTS = ("north", "south")
pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    # Nothing here is about how the cluster itself comes and goes.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def write_settings(folder: Path, uri: str, root: Path) -> Path:
    """Write what a machine says of the catalog ``lab``: where it has mounted ``/detector``."""
    folder.mkdir()
    settings = {"catalogs": {"lab": {"uri": uri, "root_map": {"/detector": str(root)}}}}
    (folder / "lab.yml").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def mounts(tmp_path: Path) -> dict[str, Path]:
    """Two mounts of the same files."""
    found = {name: tmp_path / name for name in MOUNTS}
    for folder in found.values():
        folder.mkdir()
        with h5py.File(folder / "scan.h5", "w") as file:
            file.create_dataset("entry/data/data", data=FRAMES, chunks=(1, 4, 6))
    return found


@pytest.fixture
def cluster(mongod_database_uri: str, mounts: dict[str, Path], tmp_path: Path) -> Iterator[Any]:
    """A scheduler here, and two workers that find the files below different directories."""
    environments = {
        name: {"DATABROKER_MONGO_PATH": str(write_settings(tmp_path / f"{name}.d", mongod_database_uri, root))}
        for name, root in mounts.items()
    }
    workers = {
        name: {"cls": distributed.Nanny, "options": {"nthreads": 1, "env": environment, "name": name}}
        for name, environment in environments.items()
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"dashboard": False, "dashboard_address": ":0", "port": 0, "host": "127.0.0.1"},
    }
    spec = {"scheduler": scheduler, "workers": workers, "silence_logs": 50}
    with distributed.SpecCluster(**spec) as running, distributed.Client(running) as client:
        yield client


def stored_run(uri: str, **settings: Any) -> Run:
    """Store a run whose documents name a root that is nowhere mounted under that name."""
    points = [{"point_number": number} for number in range(40)]
    asset = Asset("AD_HDF5", "/detector", "scan.h5", points, {}, (1, 4, 6))
    rows = [{"I0": 0.5 * row} for row in range(40)]
    described = {"image": {"dtype_numpy": "<u2"}}
    documents = build_run({"primary": rows}, assets={"primary": {"image": asset}}, data_keys=described)
    writer = Writer(uri)
    for name, doc in documents:
        writer(name, doc)
    return Catalog.from_settings(CatalogSettings(name="lab", uri=Uri(uri), **settings))[documents[0][1]["uid"]]


@pytest.fixture
def run(mongod_database_uri: str) -> Run:
    """A run whose files are not on this machine under any name."""
    return stored_run(mongod_database_uri)


def on_worker(client: Any, lazy: Any, name: str) -> Any:
    """Compute on one worker."""
    return client.compute(lazy.data, workers=[name]).result()


def test_each_worker_reads_images_through_its_own_root_map_and_without_a_database(cluster, run):
    image = run.primary.to_dask()["image"]
    for number, name in enumerate(MOUNTS):
        part = image[number::2, 0, 1:3]
        np.testing.assert_array_equal(on_worker(cluster, part, name), FRAMES[number::2, 1:3])
    has_driver = cluster.run(lambda: "pymongo" in sys.modules)
    assert len(has_driver) == 2
    assert not any(has_driver.values())


def test_a_worker_that_lacks_the_file_says_where_it_looked_and_costs_the_other_nothing(cluster, run, mounts):
    image = run.primary.to_dask()["image"]
    (mounts["north"] / "scan.h5").unlink()
    with pytest.raises(AssetUnreadable, match="the file is missing") as caught:
        on_worker(cluster, image[:7], "north")
    error = caught.value
    assert error.path == str(mounts["north"] / "scan.h5")
    assert error.document_path == "/detector/scan.h5"
    assert error.host == socket.gethostname()
    assert os.path.ismount(error.mount)
    assert (error.run_uid, error.stream, error.data_key) == (run.start["uid"], "primary", "image")
    assert error.datum_id == f"{error.resource_uid}/0"
    np.testing.assert_array_equal(on_worker(cluster, image[:8], "south")[:, 0], FRAMES[:8])


def test_columns_of_events_are_asked_for_by_the_workers(cluster, run):
    column = run.primary.to_dask()["I0"]
    for number, name in enumerate(MOUNTS):
        np.testing.assert_array_equal(on_worker(cluster, column[number::2], name), 0.5 * np.arange(number, 40, 2))


def test_a_whole_dataset_is_the_same_from_a_local_cluster_of_two_processes(mongod_database_uri, mounts):
    run = stored_run(mongod_database_uri, root_map={"/detector": str(mounts["south"])})
    local = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(**local) as running, distributed.Client(running):
        computed = run.primary.to_dask().chunk({"time": 7}).compute()
    assert computed.identical(run.primary.read())
