"""What is known of where chunks lie never outlives their file, in this process and in another that reads for long."""

import os
import subprocess
import sys
import time

import cloudpickle
import h5py
import numpy as np
import pytest

pytestmark = [
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.skipif(not hasattr(os, "preadv"), reason="HDF5 reads on this system"),
]

FRAMES = np.random.default_rng(3).integers(0, 50, (5, 4, 6), "u2")
OPTIONS = {"gzip": {"compression": "gzip"}, "plain": {}}


@pytest.fixture(params=OPTIONS)
def path(bench, request):
    return bench.write_hdf5(frames=FRAMES, chunks=(1, 4, 6), **OPTIONS[request.param])


@pytest.fixture
def lazy(bench, path):
    return bench.run(bench.asset("AD_HDF5", "a.h5")).primary.to_dask()["image"][:, 0]


def rewrite(path, frames, *, grown):
    """Write frames anew; those that have grown are put elsewhere, and others into the place that they have left."""
    noise = np.random.default_rng(grown)
    for number in (1, 3):
        frames[number] = noise.integers(0, 2**16 if number == grown else 2, (4, 6))
    with h5py.File(path, "r+") as file:
        for number in (grown, 4 - grown):
            file["entry/data/data"][number] = frames[number]


def test_chunks_that_are_rewritten_between_two_computations_are_read_anew(lazy, path, monkeypatch):
    passed = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: passed() + 10 * 10**9)
    frames = FRAMES.copy()
    for grown in (1, 3, 1):
        for _ in range(2):
            np.testing.assert_array_equal(lazy.compute(), frames)
        rewrite(path, frames, grown=grown)
    np.testing.assert_array_equal(lazy.compute(), frames)


WORKER = """
import pickle, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
passed = time.time_ns
time.time_ns = lambda: passed() + 10 * 10**9
from databroker_mongo_handlers.hdf5 import file
opened = []
original = file.open_hdf5
file.open_hdf5 = lambda *args, **how: opened.append(1) or original(*args, **how)
with open(sys.argv[1], "rb") as sent:
    lazy = pickle.load(sent)
for line in sys.stdin:
    opened.clear()
    np.save(line.strip(), lazy.compute())
    print(len(opened), flush=True)
"""


def test_a_worker_that_has_read_them_before_reads_them_anew(lazy, path, tmp_path):
    (tmp_path / "sent").write_bytes(cloudpickle.dumps(lazy))
    command = [sys.executable, "-c", WORKER, str(tmp_path / "sent")]
    frames = FRAMES.copy()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:

        def compute():
            worker.stdin.write(f"{tmp_path / 'read.npy'}\n")
            worker.stdin.flush()
            n_opened = int(worker.stdout.readline())
            np.testing.assert_array_equal(np.load(tmp_path / "read.npy"), frames)
            return n_opened

        for grown in (1, 3):
            assert compute() == 1
            assert compute() == 0
            rewrite(path, frames, grown=grown)
        assert compute() == 1
        worker.stdin.close()


def test_a_pickled_array_has_nothing_of_what_was_found(bench, monkeypatch):
    passed = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: passed() + 10 * 10**9)
    bench.write_hdf5(frames=np.zeros((80, 4, 6), "u2"), chunks=(1, 4, 6), compression="gzip")
    asset = bench.asset("AD_HDF5", "a.h5")
    lazy = bench.run(asset).primary.to_dask()["image"]
    before = len(cloudpickle.dumps(lazy))
    lazy.compute()
    assert len(cloudpickle.dumps(lazy)) < before + 80 * 8  # a place in the file takes 8 bytes, and more for its length
