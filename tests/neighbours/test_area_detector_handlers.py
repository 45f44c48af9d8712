"""area-detector-handlers as it is on PyPI: unmodified classic handlers, and those of ours that supersede them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.testing import Asset, build_run

from .required import required

required("area_detector_handlers")
handlers = required("area_detector_handlers.handlers")

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
]
N_FRAMES, HEIGHT, WIDTH = 120, 40, 60
FRAMES = (np.arange(N_FRAMES * HEIGHT * WIDTH) % 4001).astype("u2").reshape(N_FRAMES, HEIGHT, WIDTH)
NAMES = {"template": "%s%s_%6.6d.tiff", "filename": "img"}


def write(spec: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """Write all frames in the format of a spec; return path and keywords of the resource."""
    if spec == "AD_TIFF":
        for number, frame in enumerate(FRAMES):
            tifffile.imwrite(folder / f"img_{number:06d}.tiff", frame)
        return "", NAMES
    dataset = {"TPX_HDF5": "entry/instrument/detector/data"}.get(spec, "entry/data/data")
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset(dataset, data=FRAMES, chunks=(1, HEIGHT, WIDTH))
    return "a.h5", {}


def run_of(spec: str, folder: Path, *, handler: Any = None, per_point: int = 1) -> Run:
    """Return a run whose images are read by the handler that is given, or by the one that serves the spec."""
    path, keywords = write(spec, folder)
    points = [{"point_number": number} for number in range(N_FRAMES // per_point)]
    keywords = {**keywords, "frame_per_point": per_point}
    asset = Asset(spec, str(folder), path, points, keywords, (per_point, HEIGHT, WIDTH))
    uri = f"memory://{uuid.uuid4()}"
    writer = Writer(uri)
    for name, doc in build_run({"primary": []}, assets={"primary": {"image": asset}}):
        writer(name, doc)
    return Catalog.from_uri(uri, handlers={} if handler is None else {spec: handler})[-1]


SERVED = {
    "AD_HDF5": handlers.AreaDetectorHDF5Handler,
    "TPX_HDF5": handlers.TimepixHDF5Handler,
    "AD_TIFF": handlers.AreaDetectorTiffHandler,
}


@pytest.mark.parametrize("per_point", [1, 3])
@pytest.mark.parametrize("spec", SERVED)
def test_an_unmodified_classic_handler_reads_the_same_as_ours(spec, per_point, tmp_path):
    folders = [tmp_path / "theirs", tmp_path / "ours"]
    for folder in folders:
        folder.mkdir()
    theirs = run_of(spec, folders[0], handler=SERVED[spec], per_point=per_point).primary
    ours = run_of(spec, folders[1], per_point=per_point).primary
    expected = FRAMES.reshape(-1, per_point, HEIGHT, WIDTH)
    for stream in (theirs, ours):
        assert stream.read()["image"].dtype == np.uint16
        np.testing.assert_array_equal(stream.read()["image"], expected)
        np.testing.assert_array_equal(
            stream.to_dask()["image"][5:9, -1, 3:7, ::2].compute(), expected[5:9, -1, 3:7, ::2]
        )


def test_ours_come_first_and_theirs_are_named(tmp_path):
    registry = Catalog.in_memory().assets.registry
    for spec in SERVED:
        chosen = registry.provenance(spec)
        assert "databroker_mongo_handlers" in str(chosen)
    assert registry["AD_HDF5"].__module__.startswith("databroker_mongo_handlers")


def is_faster(fast: Any, slow: Any, *, times: float) -> bool:
    """Tell whether an action is so many times as fast as another, by the least time of each on a busy machine."""
    least = {fast: float("inf"), slow: float("inf")}
    for _ in range(20):
        for action in least:
            began = time.perf_counter()
            action()
            least[action] = min(least[action], time.perf_counter() - began)
        if least[slow] >= times * least[fast]:
            return True
    return False


@pytest.mark.parametrize("spec", ["AD_HDF5", "TPX_HDF5"])
def test_whole_stacks_and_windows_are_read_at_least_five_times_as_fast_as_by_classic_handlers(spec, tmp_path):
    folders = [tmp_path / "theirs", tmp_path / "ours"]
    for folder in folders:
        folder.mkdir()
    theirs = run_of(spec, folders[0], handler=SERVED[spec]).primary
    ours = run_of(spec, folders[1]).primary
    for part in (np.s_[:], np.s_[:, 0, 10:20, 10:20]):
        slow, fast = (stream.to_dask()["image"][part].compute for stream in (theirs, ours))
        assert is_faster(fast, slow, times=5)


KNOWN_FAILURES = """
import h5py, numpy as np
from area_detector_handlers.handlers import AreaDetectorHDF5Handler, AreaDetectorHDF5SWMRHandler
from databroker_mongo.testing import HandlerCase, HandlerConformance

class _Case(HandlerConformance):
    def make_case(self, folder):
        frames = np.arange(24, dtype="u2").reshape(4, 2, 3)
        with h5py.File(folder / "a.h5", "w") as file:
            file["entry/data/data"] = frames
        points = [{"point_number": number} for number in range(2)]
        expected = frames[:4].reshape(2, 2, 2, 3)
        return HandlerCase(folder / "a.h5", points, expected, {"frame_per_point": 2}, beyond={"point_number": 2})

class TestSWMR(_Case):
    handler_class = AreaDetectorHDF5SWMRHandler

class TestShort(_Case):
    handler_class = AreaDetectorHDF5Handler

    def make_case(self, folder):
        case = super().make_case(folder)
        with h5py.File(folder / "a.h5", "r+") as file:
            del file["entry/data/data"]
            file["entry/data/data"] = np.arange(30, dtype="u2").reshape(5, 2, 3)
        return case
"""


def test_the_conformance_kit_finds_what_is_known_to_be_wrong_with_them(tmp_path):
    (tmp_path / "test_theirs.py").write_text(textwrap.dedent(KNOWN_FAILURES))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "test_theirs.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    failed = {
        line.partition("::")[2].partition(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")
    }
    assert "TestSWMR::test_every_datum_is_its_expected_array" in failed
    assert "TestShort::test_a_datum_that_the_files_end_before_is_an_os_error" in failed
