"""ophyd-async's own writers under a real RunEngine: their stream documents are stored, and their files read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Run, Writer

from .required import required

bluesky = required("bluesky")
core = required("ophyd_async.core")
sim = required("ophyd_async.sim")
bp = required("bluesky.plans")
bps = required("bluesky.plan_stubs")
bpp = required("bluesky.preprocessors")
adcore = required("ophyd_async.epics.adcore")
adsim = required("ophyd_async.epics.adsimdetector")
eiger = required("ophyd_async.fastcs.eiger")
panda = required("ophyd_async.fastcs.panda")

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WIDTH, HEIGHT = 6, 4


@pytest.fixture
def engine(mongod_database_uri: str) -> Any:
    """A RunEngine whose documents are stored."""
    running = bluesky.RunEngine({}, during_task=bluesky.run_engine.DuringTask())
    running.subscribe(Writer(mongod_database_uri))
    return running


@pytest.fixture
def catalog(mongod_database_uri: str) -> Catalog:
    return Catalog.from_uri(mongod_database_uri)


@pytest.fixture
def paths(tmp_path: Path) -> Any:
    """Files of new names in one folder."""
    return core.StaticPathProvider(core.UUIDFilenameProvider(), tmp_path)


@pytest.fixture
def pv_access() -> None:
    """What the devices of FastCS need to be made, even without hardware."""
    required("p4p")


def stored_frames(run: Run) -> Any:
    """Return all frames in the one file of a run, which this process may have open without locking."""
    (path,) = set(run.files()["path"])
    with h5py.File(path, locking=False) as file:
        return file["entry/data/data"][:]


def fly(detector: Any, *, expose: Any = None, **trigger: Any) -> Any:
    """Take all frames in one go, while ``expose`` does what hardware would; no events are collected."""

    @bpp.stage_decorator([detector])
    @bpp.run_decorator()
    def plan() -> Any:
        yield from bps.prepare(detector, core.TriggerInfo(**trigger), wait=True)
        yield from bps.declare_stream(detector, name="primary", collect=True)
        yield from bps.kickoff(detector, wait=True)
        if expose is not None:
            yield from bps.wait_for([expose])
        yield from bps.complete(detector, wait=True)
        yield from bps.collect(detector, name="primary")

    return plan()


def require_same_lazily(run: Run) -> Any:
    loaded = run.primary.read()
    assert loaded.identical(run.primary.to_dask().compute())
    assert (run.health()["status"] == "ok").all()
    return loaded


def test_images_of_a_scan_are_joined_with_its_events(engine, catalog, paths):
    with core.init_devices():
        detector, motor = sim.SimBlobDetector(paths, name="det"), sim.SimMotor(name="motor", instant=True)
    (uid,) = engine(bp.scan([detector], motor, 0, 1, 3))
    run = catalog[uid]
    loaded = require_same_lazily(run)
    frames = stored_frames(run)
    assert loaded["det"].shape == (3, 1, *frames.shape[1:])
    assert loaded["det"].dtype == np.uint8
    np.testing.assert_array_equal(loaded["det"][:, 0], frames)
    np.testing.assert_array_equal(loaded["det-sum"][:, 0], frames.sum(axis=(1, 2)))
    np.testing.assert_array_equal(loaded["motor"], [0.0, 0.5, 1.0])


def test_images_of_a_fly_scan_stand_without_events(engine, catalog, paths):
    with core.init_devices():
        detector = sim.SimBlobDetector(paths, name="det")
    (uid,) = engine(fly(detector, number_of_events=4))
    loaded = require_same_lazily(catalog[uid])
    frames = stored_frames(catalog[uid])
    np.testing.assert_array_equal(loaded["det"][:, 0], frames)
    assert loaded.sizes["time"] == len(frames) == 4


def test_several_frames_of_an_event_are_an_axis(engine, catalog, paths):
    with core.init_devices():
        detector = sim.SimBlobDetector(paths, name="det")
    (uid,) = engine(fly(detector, number_of_events=3, collections_per_event=2))
    loaded = require_same_lazily(catalog[uid])
    frames = stored_frames(catalog[uid])
    assert loaded["det"].shape == (3, 2, *frames.shape[1:])
    np.testing.assert_array_equal(loaded["det"].values.reshape(frames.shape), frames)
    np.testing.assert_array_equal(loaded["det-sum"].values.ravel(), frames.sum(axis=(1, 2)))


class FakeIOC:
    """Does in place of an areaDetector IOC what its writer plugin would do: each acquisition writes its frames."""

    def __init__(self, detector: Any, write: Any):
        self._detector, self._write = detector, write
        self._n_frames = 0
        for signal, value in (
            (detector.driver.array_size_y, HEIGHT),
            (detector.driver.array_size_x, WIDTH),
            (detector.driver.data_type, adcore.ADBaseDataType.UINT16),
            (detector.driver.detector_state, adcore.ADState.IDLE),
            (self.writer.file_path_exists, True),
        ):
            core.set_mock_value(signal, value)
        core.callback_on_mock_put(detector.driver.acquire, self._acquire)

    @property
    def writer(self) -> Any:
        return next(getattr(self._detector, name) for name in ("hdf", "tiff", "jpeg") if hasattr(self._detector, name))

    async def _acquire(self, value: bool) -> None:
        if not value:
            return
        folder = Path(await self.writer.file_path.get_value())
        name = await self.writer.file_name.get_value()
        for _ in range(await self._detector.driver.num_images.get_value()):
            self._write(folder, name, self._n_frames)
            self._n_frames += 1
            core.set_mock_value(self.writer.num_captured, self._n_frames)


def frame(number: int) -> Any:
    return np.arange(HEIGHT * WIDTH, dtype="u2").reshape(HEIGHT, WIDTH) + np.uint16(100 * number)


def append_to_hdf5(folder: Path, name: str, number: int) -> None:
    with h5py.File(folder / f"{name}.h5", "a", libver="latest") as file:
        data = (
            file.require_dataset(
                "entry/data/data", (0, HEIGHT, WIDTH), "u2", maxshape=(None, HEIGHT, WIDTH), chunks=(1, HEIGHT, WIDTH)
            )
            if "entry" not in file
            else file["entry/data/data"]
        )
        data.resize(number + 1, axis=0)
        data[number] = frame(number)


def write_tiff(folder: Path, name: str, number: int) -> None:
    tifffile.imwrite(folder / f"{name}_{number:06d}.tiff", frame(number))


def write_jpeg(folder: Path, name: str, number: int) -> None:
    pytest.importorskip("PIL.Image").fromarray(grey(number)).save(folder / f"{name}_{number:06d}.jpg")


def grey(number: int) -> Any:
    return np.full((HEIGHT, WIDTH), 10 + 20 * number, "u1")


def test_an_area_detector_is_read_from_the_jpeg_files_of_its_writer(engine, catalog, paths):
    with core.init_devices(mock=True):
        detector = adsim.SimDetector("PREFIX:", adcore.ADWriterFactory.jpeg(paths), name="det")
    FakeIOC(detector, write_jpeg)
    core.set_mock_value(detector.driver.data_type, adcore.ADBaseDataType.UINT8)
    (uid,) = engine(bp.count([detector], num=3))
    loaded = require_same_lazily(catalog[uid])
    assert loaded["det"].dtype == np.uint8
    np.testing.assert_array_equal(loaded["det"][:, 0], [grey(number) for number in range(3)])


@pytest.mark.parametrize(("format", "write"), [("hdf", append_to_hdf5), ("tiff", write_tiff)])
def test_an_area_detector_is_read_from_the_files_of_its_writer(engine, catalog, paths, format, write):
    factory = getattr(adcore.ADWriterFactory, format)(paths)
    with core.init_devices(mock=True):
        detector = adsim.SimDetector("PREFIX:", factory, name="det")
    FakeIOC(detector, write)
    (uid,) = engine(bp.count([detector], num=3))
    loaded = require_same_lazily(catalog[uid])
    assert loaded["det"].dtype == np.uint16
    np.testing.assert_array_equal(loaded["det"][:, 0], [frame(number) for number in range(3)])


@pytest.mark.usefixtures("pv_access")
def test_columns_of_a_panda_are_read_from_the_one_file_of_its_ioc(engine, catalog, paths):
    with core.init_devices(mock=True):
        box = panda.HDFPanda("PANDA:", paths, name="panda")
    columns = {"x": np.arange(5) / 2, "counts": np.arange(5.0) ** 2}
    types = [panda.PandaHdf5DatasetType.FLOAT_64] * len(columns)
    core.set_mock_value(box.data.datasets, panda.DatasetTable(name=list(columns), dtype=types))
    core.set_mock_value(box.data.directory_exists, True)

    core.callback_on_mock_put(box.pcap.arm, lambda is_armed: core.set_mock_value(box.pcap.active, is_armed))

    async def capture() -> None:
        folder, name = await box.data.hdf_directory.get_value(), await box.data.hdf_file_name.get_value()
        with h5py.File(Path(folder) / name, "w", libver="latest") as file:
            for key in columns:
                file.create_dataset(key, (0,), "f8", maxshape=(None,), chunks=(1024,))
            file.swmr_mode = True
            for key, values in columns.items():
                file[key].resize(len(values), axis=0)
                file[key][:] = values
        core.set_mock_value(box.data.num_captured, 5)

    (uid,) = engine(fly(box, expose=capture, number_of_events=5, trigger=core.DetectorTrigger.EXTERNAL_LEVEL))
    loaded = require_same_lazily(catalog[uid])
    for key, values in columns.items():
        np.testing.assert_array_equal(loaded[key][:, 0], values)
    assert len(set(catalog[uid].files()["path"])) == 1


@pytest.mark.usefixtures("pv_access")
@pytest.mark.parametrize("n_frames_per_file", [5, 2])
def test_images_of_an_eiger_are_read_from_the_files_of_odin(engine, catalog, paths, n_frames_per_file):
    with core.init_devices(mock=True):
        detector = eiger.EigerDetector("EIGER:", paths, name="eiger")
    for signal, value in (
        (detector.od.writing, True),
        (detector.od.fp.data_dims_0, HEIGHT),
        (detector.od.fp.data_dims_1, WIDTH),
        (detector.detector.bit_depth_image, 16),
        (detector.detector.state, "idle"),
    ):
        core.set_mock_value(signal, value)

    async def acquire() -> None:
        folder, prefix = await detector.od.file_path.get_value(), await detector.od.file_prefix.get_value()
        for number, first in enumerate(range(0, 5, n_frames_per_file), start=1):
            numbers = range(first, min(first + n_frames_per_file, 5))
            with h5py.File(Path(folder) / f"{prefix}_{number:06d}.h5", "w", libver="latest") as file:
                frames = np.array([frame(each) for each in numbers])
                how = {"chunks": (1, HEIGHT, WIDTH), "maxshape": (None, HEIGHT, WIDTH), **hdf5plugin.Bitshuffle()}
                file.create_dataset("data", data=frames, **how)
        core.set_mock_value(detector.od.fp.frames_written, 5)

    edge = core.DetectorTrigger.EXTERNAL_EDGE
    (uid,) = engine(fly(detector, expose=acquire, number_of_events=5, trigger=edge, livetime=0.1))
    loaded = require_same_lazily(catalog[uid])
    assert loaded["eiger"].dtype == np.uint16
    np.testing.assert_array_equal(loaded["eiger"][:, 0], [frame(number) for number in range(5)])
    assert len(catalog[uid].files()) == -(-5 // n_frames_per_file)
