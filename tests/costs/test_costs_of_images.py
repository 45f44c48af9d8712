"""What a part of a stack of images costs: how many frames and bytes are read for it, and how large the graph is."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import dask
import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Writer
from databroker_mongo.assets.pool import HandlerPool, process_pool
from databroker_mongo.assets.roots import Roots
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

N, NY, NX = 200, 64, 512
FRAME_BYTES = NY * NX * 2
LINE_BYTES = NX * 2
HEADERS = 40_000
"""Bytes of the headers of all files that are opened, about."""


class Frames:
    """A handler of level 2 that takes down what it is asked for."""

    asked = []

    def __init__(self, path, **keywords):
        pass

    def structure(self, point_number):
        return (1, NY, NX), np.dtype("u2"), (1, 1, NY, NX)

    def read_into(self, out, datums, region):
        self.asked.append((len(datums), tuple(part.stop - part.start for part in region)))
        out[...] = 0

    def __call__(self, point_number):
        return np.zeros((1, NY, NX), "u2")


def stored(uri, asset, **options):
    writable(open_store(uri)).create_indexes()
    with Writer(uri) as writer:
        rows = [{"motor": float(row)} for row in range(len(asset.datums))]
        for name, document in build_run({"primary": rows}, assets={"primary": {"image": asset}}):
            writer(name, document)
    return Catalog.from_uri(uri, **options)[-1].primary


def points(n):
    return [{"point_number": number} for number in range(n)]


@pytest.fixture
def images(store_uri):
    """A lazy column of 200 images; Frames.asked is empty."""
    asset = Asset("FRAMES", "/", "a", points(N), shape=(1, NY, NX))
    column = stored(store_uri, asset, handlers={"FRAMES": Frames}).to_dask()["image"]
    Frames.asked.clear()
    return column


@pytest.mark.parametrize(
    ("part", "asked"),
    [
        (np.s_[100, 0], [(1, (1, NY, NX))]),
        (np.s_[7:9, 0], [(2, (1, NY, NX))]),
        (np.s_[:, 0, 3:13, 5:15], [(N, (1, 10, 10))]),
        (np.s_[:, 0, 3, 5], [(N, (1, 1, 1))]),
        (np.s_[:0], []),
    ],
    ids=["a frame", "two frames", "a window of each", "a pixel of each", "nothing"],
)
def test_a_part_is_asked_for_and_no_more(images, part, asked):
    images[part].compute()

    assert Frames.asked == asked


def test_opening_a_lazy_dataset_reads_no_pixel(images):
    assert Frames.asked == []
    assert images.shape == (N, 1, NY, NX)


def test_reading_all_asks_once(store_uri):
    asset = Asset("FRAMES", "/", "a", points(N), shape=(1, NY, NX))
    primary = stored(store_uri, asset, handlers={"FRAMES": Frames})
    Frames.asked.clear()

    primary.read()

    assert Frames.asked == [(N, (1, NY, NX))]


def test_the_graph_has_a_task_for_each_block_and_not_for_each_frame(store_uri):
    asset = Asset("FRAMES", "/", "a", points(2000), shape=(1, NY, NX))
    column = stored(store_uri, asset, handlers={"FRAMES": Frames}).to_dask()["image"].data

    n_blocks = len(column.chunks[0])
    assert n_blocks <= 2000 * FRAME_BYTES / 16_000_000 + 1
    assert len(column.__dask_graph__()) <= n_blocks + 2
    assert len(dask.optimize(column[1000, 0])[0].__dask_graph__()) <= 3


@pytest.fixture(scope="module", params=["HDF5", "TIFF"])
def files(request, tmp_path_factory):
    """Uncompressed images in one HDF5 file, or in 200 TIFF files."""
    folder = tmp_path_factory.mktemp("images")
    frames = np.arange(N * NY * NX, dtype=np.uint32).astype("u2").reshape(N, NY, NX)
    if request.param == "HDF5":
        with h5py.File(folder / "a.h5", "w") as file:
            file.create_dataset("entry/data/data", data=frames, chunks=(1, NY, NX))
        return Asset("AD_HDF5", str(folder), "a.h5", points(N), {"frame_per_point": 1}, (1, NY, NX))
    for number, frame in enumerate(frames):
        tifffile.imwrite(folder / f"a_{number:03d}.tiff", frame)
    naming = {"template": "%s%s_%3.3d.tiff", "filename": "a", "frame_per_point": 1}
    return Asset("AD_TIFF", str(folder.parent), folder.name, points(N), naming, (1, NY, NX))


@pytest.fixture
def looks(monkeypatch):
    """The files that were opened with HDF5, and the resources that were located."""
    found = {"opened": [], "located": []}
    open_file, locate = h5py.h5f.open, Roots._locate

    def opening(path, *arguments, **keywords):
        found["opened"].append(Path(os.fsdecode(path)).name)
        return open_file(path, *arguments, **keywords)

    def locating(roots, resource, route):
        found["located"].append(resource.spec)
        return locate(roots, resource, route)

    monkeypatch.setattr(h5py.h5f, "open", opening)
    monkeypatch.setattr(Roots, "_locate", locating)
    return found


@pytest.mark.parametrize("files", ["HDF5"], indirect=True)
@pytest.mark.parametrize("is_settled", [True, False])
def test_a_file_is_located_and_opened_once_for_all_that_is_wanted_of_it(
    installed_handlers, mongod_database_uri, files, looks, is_settled, monkeypatch
):
    if is_settled:
        later = time.time_ns() + 10 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: later)
    primary = stored(mongod_database_uri, files)
    for reading in (primary.read, primary.to_dask, primary.read):
        process_pool().close()
        looks.update(opened=[], located=[])
        reading()
        assert looks == {"opened": ["a.h5"], "located": ["AD_HDF5"]}
        assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)


@pytest.mark.parametrize("files", ["HDF5"], indirect=True)
def test_a_handler_is_lent_once_for_all_headers_and_once_for_all_values(
    installed_handlers, mongod_database_uri, files, monkeypatch
):
    lent = []
    lend = HandlerPool.open
    monkeypatch.setattr(HandlerPool, "open", lambda *asked, **options: lent.append(asked[2]) or lend(*asked, **options))
    primary = stored(mongod_database_uri, files)
    primary.to_dask()
    assert len(lent) == 1
    primary.read()
    assert len(lent) == 3


def bytes_read():
    return int(next(line.split()[1] for line in Path("/proc/self/io").read_text().splitlines() if "rchar" in line))


@pytest.mark.skipif(sys.platform != "linux", reason="the bytes that a process reads are told by Linux")
@pytest.mark.parametrize(
    ("part", "n_bytes"),
    [
        (np.s_[100, 0], FRAME_BYTES),
        (np.s_[:, 0, 3:13, 5:15], N * 10 * LINE_BYTES),
        (np.s_[:, 0], N * FRAME_BYTES),
    ],
    ids=["a frame", "a window of each", "all"],
)
def test_no_more_bytes_are_read_from_files_than_hold_the_part(
    installed_handlers, mongod_database_uri, files, part, n_bytes, monkeypatch
):
    later = time.time_ns() + 10 * 10**9  # of files that changed just now, no places are remembered
    monkeypatch.setattr(time, "time_ns", lambda: later)
    column = stored(mongod_database_uri, files).to_dask()["image"][part]
    column[:0].compute(scheduler="synchronous")  # the first that computes in a process imports what it needs
    process_pool().close()
    before = bytes_read()

    column.compute(scheduler="synchronous")

    n_files = N if files.spec == "AD_TIFF" and part[0] != 100 else 1
    assert bytes_read() - before <= n_bytes + HEADERS + n_files * 4096
