"""One run read from many threads, from other processes and from forked ones; and many files, of which few stay open."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import h5py
import numpy as np
import pytest

from databroker_mongo import close_files
from databroker_mongo.assets.pool import process_pool

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")

OWN_FILES = Path("/proc/self/fd")
FRAMES = np.arange(5 * 4 * 6, dtype="u2").reshape(5, 4, 6)


@pytest.fixture
def run(bench):
    """A run whose images are in a compressed HDF5 file."""
    bench.write_hdf5(chunks=(1, 4, 6), compression="gzip")
    return bench.run(bench.asset("AD_HDF5", "a.h5"))


def test_fifty_threads_read_one_run_at_once(run):
    primary = run.primary
    lazy = primary.to_dask()
    start = threading.Barrier(50)

    def read(number):
        start.wait()
        row = number % 5
        np.testing.assert_array_equal(lazy["image"][row, 0].compute(scheduler="synchronous"), FRAMES[row])
        np.testing.assert_array_equal(primary.read()["image"][:, 0], FRAMES)
        np.testing.assert_array_equal(lazy["n"].compute(), range(5))

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(read, range(50)))


ARRIVING = """
import pickle, sys, warnings
import numpy as np
warnings.simplefilter("ignore")
with open(sys.argv[1], "rb") as file:
    lazy, run = pickle.load(file)
np.savez(sys.argv[2], lazily=lazy["image"], column=lazy["n"], loaded=run.primary.read()["image"])
"""


def test_a_lazy_dataset_and_a_run_are_read_in_a_process_of_its_own(run, tmp_path):
    lazy = run.primary.to_dask()
    lazy.compute()
    (tmp_path / "sent").write_bytes(cloudpickle.dumps((lazy, run)))
    command = [sys.executable, "-c", ARRIVING, tmp_path / "sent", tmp_path / "read.npz"]
    subprocess.run(command, check=True, timeout=60)
    with np.load(tmp_path / "read.npz") as read:
        np.testing.assert_array_equal(read["lazily"][:, 0], FRAMES)
        np.testing.assert_array_equal(read["loaded"][:, 0], FRAMES)
        np.testing.assert_array_equal(read["column"], range(5))


FORKING = """
import os, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from databroker_mongo.runs.catalog import Catalog

run = Catalog.from_uri(sys.argv[1])[-1]
lazy = run.primary.to_dask().chunk({"time": 1})
expected = lazy.compute()
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        is_right = False
        try:
            is_right = lazy.compute().identical(expected) and run.primary.read().equals(expected)
        finally:
            os._exit(not is_right)
    children.append(child)
deadline = time.monotonic() + 40
codes = []
while children and time.monotonic() < deadline:
    for child in list(children):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            children.remove(child)
            codes.append(os.waitstatus_to_exitcode(status))
    time.sleep(0.02)
for child in children:
    os.kill(child, 9)
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_four_processes_forked_after_use_read_right_and_do_not_hang(run, bench):
    command = [sys.executable, "-c", FORKING, bench.uri]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[0, 0, 0, 0]"


def open_files(folder):
    """Return how many files of a folder this process has open."""
    return sum(os.path.realpath(link).startswith(str(folder)) for link in OWN_FILES.iterdir())


@pytest.mark.skipif(not OWN_FILES.is_dir(), reason="this system does not list open files")
def test_however_many_files_are_read_no_more_than_64_stay_open(bench):
    for number in range(80):
        bench.write_hdf5(f"file_{number}.h5")
        run = bench.run(bench.asset("AD_HDF5", f"file_{number}.h5"), scan_id=number)
        np.testing.assert_array_equal(run.primary.read(["image"])["image"][:, 0], FRAMES)
        assert open_files(bench.folder) <= process_pool().limit == 64
    close_files()
    assert open_files(bench.folder) == 0


@pytest.mark.parametrize("locking", [None, True, False])
@pytest.mark.parametrize("spec", ["AD_HDF5", "AD_HDF5_SWMR"])
def test_a_file_can_be_opened_and_written_after_it_was_read_and_lazy_arrays_see_what_was_written(bench, spec, locking):
    path = bench.write_hdf5()
    primary = bench.run(bench.asset(spec, "a.h5")).primary
    lazy = primary.to_dask()["image"]
    np.testing.assert_array_equal(lazy[:, 0], FRAMES)
    with h5py.File(path, locking=locking) as file:
        np.testing.assert_array_equal(file["entry/data/data"], FRAMES)
    with h5py.File(path, "r+", locking=locking) as file:
        file["entry/data/data"][0] = 99
    assert (lazy[0].compute() == 99).all()
    with h5py.File(path, "r+", locking=locking) as file:
        file["entry/data/data"][0] = 98
    loaded = primary.read()["image"]
    assert (loaded[0] == 98).all()
    np.testing.assert_array_equal(loaded[1:, 0], FRAMES[1:])


@pytest.mark.skipif(not OWN_FILES.is_dir(), reason="this system does not list open files")
def test_files_that_are_in_use_are_closed_when_they_no_longer_are(run, bench):
    lazy = run.primary.to_dask()["image"]
    stop = threading.Event()

    def read():
        while not stop.is_set():
            np.testing.assert_array_equal(lazy[:, 0].compute(scheduler="synchronous"), FRAMES)

    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(read) for _ in range(4)]
        for _ in range(50):
            close_files()
        stop.set()
        for each in reading:
            each.result()
    close_files()
    assert open_files(bench.folder) == 0


def test_the_scheduler_of_processes_computes_right(run):
    lazy = run.primary.to_dask().chunk({"time": 2})
    found = lazy.compute(scheduler="processes", num_workers=2)
    np.testing.assert_array_equal(found["image"][:, 0], FRAMES)
    np.testing.assert_array_equal(found["n"], range(5))
    assert found.identical(run.primary.read())
