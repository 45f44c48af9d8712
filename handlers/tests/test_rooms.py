"""A handler loads the libraries of its own format, and those of no other."""

import subprocess
import sys

PROGRAM = """
import sys
from importlib import import_module

LIBRARIES = {"PIL", "fabio", "h5py", "hdf5plugin", "imagecodecs", "pandas", "tifffile"}
for name in sys.argv[1:]:
    before = LIBRARIES & {*sys.modules}
    import_module(f"databroker_mongo_handlers.{name}")
    print(name, *sorted(LIBRARIES & {*sys.modules} - before))
"""
OF_NUMPY_ALONE = [
    "rows",
    "tables.pizzabox",
    "tables.srw",
    "tables.stream_tables",
    "images.cbf",
    "images.imm",
    "images.jpeg",
    "images.npy",
    "images.spe",
    "images.stream_bytes",
]
OF_HDF5 = [
    "hdf5.area_detector",
    "hdf5.columns",
    "hdf5.eiger",
    "hdf5.maps",
    "hdf5.single",
    "hdf5.stream",
    "hdf5.xmap",
    "hdf5.xspress3",
    "tables.specs_phoibos",
]


def newly_loaded(*modules: str) -> list[str]:
    """Return, for each module in turn, what it loads that none before it did."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, *modules], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_handlers_load_nothing_but_numpy_until_they_need_it():
    assert newly_loaded(*OF_NUMPY_ALONE) == OF_NUMPY_ALONE


def test_handlers_of_hdf5_load_nothing_of_images():
    first, *others = OF_HDF5
    assert newly_loaded(*OF_HDF5) == [f"{first} h5py hdf5plugin", *others]
