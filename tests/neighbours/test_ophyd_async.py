"""ophyd-async's own writers under a real RunEngine: their stream documents are stored, and their files read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from databroker_mongo.run import Run
from databroker_mongo.run_catalog import Catalog
from databroker_mongo.writing import Writer

from .required import required

bluesky = required("bluesky")
core = required("ophyd_async.core")
sim = required("ophyd_async.sim")
bp = required("bluesky.plans")
bps = required("bluesky.plan_stubs")
bpp = required("bluesky.preprocessors")
adcore = required("ophyd_async.epics.adcore")
adsim = required("ophyd_async.epics.adsimdetector")

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


def stored_frames(run: Run) -> Any:
    """Return all frames in the one file of a run, which this process may have open without locking."""
    (path,) = set(run.files()["path"])
    with h5py.File(path, locking=False) as file:
        return file["entry/data/data"][:]


def fly(detector: Any, **trigger: Any) -> Any:
    """Take all frames in one go; what is collected are stream documents and no events."""

    @bpp.stage_decorator([detector])
    @bpp.run_decorator()
    def plan() -> Any:
        yield from bps.prepare(detector, core.TriggerInfo(**trigger), wait=True)
        yield from bps.declare_stream(detector, name="primary", collect=True)
        yield from bps.kickoff(detector, wait=True)
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
