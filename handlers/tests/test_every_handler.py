"""Every registered class passes the conformance kit: here those that no other file of tests takes through it."""

import re
from configparser import ConfigParser
from pathlib import Path

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.area_detector import DexelaFrames, GermaniumFrames
from databroker_mongo_handlers.hdf5.columns import Columns, PandaFields, RegionsOfInterest
from databroker_mongo_handlers.hdf5.xspress3 import Xspress3Bulk
from databroker_mongo_handlers.images.stream_images import SingleJPEG
from databroker_mongo_handlers.tables.pizzabox import AnalogSamples, TriggerTimes
from databroker_mongo_handlers.tables.srw import SimulatedIntensity

from databroker_mongo.testing import HandlerCase, HandlerConformance

TESTS = Path(__file__).parent
FRAMES = np.arange(6 * 4 * 5, dtype="uint16").reshape(6, 4, 5)
NO_ARRAYS = {"SpecsTables"}  # its datums are lists of tables


def test_every_registered_class_is_taken_through_the_kit():
    setup = ConfigParser(delimiters=("=",))
    setup.optionxform = str
    setup.read(TESTS.parent / "setup.cfg")
    lines = [line for group in setup["options.entry_points"].values() for line in group.splitlines() if line]
    registered = {line.rpartition(":")[2].strip() for line in lines}
    tested = {
        name
        for path in TESTS.glob("*.py")
        for name in re.findall(r"^    handler_class = (\w+)$", path.read_text(), re.M)
    }

    assert registered - tested == NO_ARRAYS


def write_hdf5(folder, **datasets):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


class _FramesByNumber(HandlerConformance):
    def make_case(self, folder):
        return HandlerCase(
            path=write_hdf5(folder, **{"/entry/data/data": FRAMES, "/entry/instrument/detector/data": FRAMES}),
            datums=[{"frame": number} for number in range(6)],
            expected=FRAMES,
            beyond={"frame": 6},
        )


class TestDexelaFrames(_FramesByNumber):
    handler_class = DexelaFrames


class TestGermaniumFrames(_FramesByNumber):
    handler_class = GermaniumFrames


class _DatasetsByName(HandlerConformance):
    keyword: str

    def make_case(self, folder):
        columns = {"i0": np.arange(7, dtype="int32"), "it": np.arange(7, dtype="int32") * 3}
        return HandlerCase(
            path=write_hdf5(folder, **columns),
            datums=[{self.keyword: name} for name in columns],
            expected=list(columns.values()),
            beyond={self.keyword: "if"},
        )


class TestColumns(_DatasetsByName):
    handler_class = Columns
    keyword = "column"


class TestRegionsOfInterest(_DatasetsByName):
    handler_class = RegionsOfInterest
    keyword = "det_elem"


class TestPandaFields(_DatasetsByName):
    handler_class = PandaFields
    keyword = "field"


class TestXspress3Bulk(HandlerConformance):
    handler_class = Xspress3Bulk

    def make_case(self, folder):
        spectra = np.random.default_rng(3).random((7, 3, 32))
        return HandlerCase(
            path=write_hdf5(folder, **{"/entry/instrument/detector/data": spectra}),
            datums=[{"channel": 1}, {"frame": 4, "channel": 2}, {"channel": 3}],
            expected=spectra.swapaxes(0, 1),
        )


def twice(path, expected, **resource_kwargs):
    """Return the case of a file that is the only datum."""
    return HandlerCase(path=path, datums=[{}, {}], expected=[expected] * 2, resource_kwargs=resource_kwargs)


class TestAnalogSamples(HandlerConformance):
    handler_class = AnalogSamples

    def make_case(self, folder):
        words = np.arange(40, dtype="<i4").reshape(4, 10)
        words[:, 9] = 0
        (folder / "apb.bin").write_bytes(words.tobytes())
        return twice(folder / "apb.bin", np.column_stack([words[:, 8], words[:, :8]]).astype("f8"))


class TestTriggerTimes(HandlerConformance):
    handler_class = TriggerTimes

    def make_case(self, folder):
        words = np.array([[1, 100, 0], [0, 200, 0]], "<i4")
        (folder / "trigger.bin").write_bytes(words.tobytes())
        return twice(folder / "trigger.bin", words[:, [1, 0]].astype("f8"))


class TestSimulatedIntensity(HandlerConformance):
    handler_class = SimulatedIntensity

    def make_case(self, folder):
        lines = ["#Intensity", "#0 #", "#0 #", "#1 #", "#0 #", "#0 #", "#3 #", "#0 #", "#0 #", "#2 #", *"123456"]
        (folder / "image.dat").write_text("\n".join(lines))
        return twice(folder / "image.dat", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], ndim=2)


class TestSingleJPEG(HandlerConformance):
    handler_class = SingleJPEG

    def make_case(self, folder):
        image_module = pytest.importorskip("PIL.Image")
        image_module.fromarray(np.full((8, 6), 100, "uint8")).save(folder / "a.jpg")
        decoded = np.asarray(image_module.open(folder / "a.jpg"))
        return HandlerCase(folder / "a.jpg", [{"index": 0}, {"index": 0}], [decoded] * 2, beyond={"index": 1})
