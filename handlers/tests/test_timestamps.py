"""Times stored with frames, on real files."""

import h5py
import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.tables.timestamps import (
    ArrayTimes,
    DriverTimes,
    DriverTimesSWMR,
    TIFFArrayTimes,
    TIFFDriverTimes,
)

from databroker_mongo.testing import HandlerCase, HandlerConformance

SECONDS = np.arange(1_000_000_000, 1_000_000_006, dtype="uint32")
NANOSECONDS = np.arange(6, dtype="uint32") * 100_000_000
TIMES = SECONDS + NANOSECONDS * 1e-9
NAMES = {"template": "%s%s_%6.6d.tiff", "filename": "img"}


def write_hdf5(path):
    with h5py.File(path, "w", libver="latest") as file:
        attributes = file.create_group("/entry/instrument/NDAttributes")
        attributes.create_dataset("NDArrayEpicsTSSec", data=SECONDS, maxshape=(None,), chunks=(4,))
        attributes.create_dataset("NDArrayEpicsTSnSec", data=NANOSECONDS, maxshape=(None,), chunks=(4,))
        attributes["NDArrayTimeStamp"] = TIMES + 1
    return path


def write_tiff(folder):
    for number in range(6):
        tags = [
            (65000, "d", 1, float(TIMES[number] + 1), True),
            (65002, "I", 1, int(SECONDS[number]), True),
            (65003, "I", 1, int(NANOSECONDS[number]), True),
        ]
        tifffile.imwrite(folder / f"img_{number:06d}.tiff", np.zeros((2, 3), "u2"), extratags=tags)
    return folder


def points(n_points):
    return [{"point_number": number} for number in range(n_points)]


class TestDriverTimes(HandlerConformance):
    handler_class = DriverTimes

    def make_case(self, folder):
        return HandlerCase(
            path=write_hdf5(folder / "scan.h5"),
            resource_kwargs={"frame_per_point": 2},
            datums=points(3),
            expected=TIMES.reshape(3, 2),
            beyond={"point_number": 3},
        )


class TestDriverTimesOfOneFrameWhileWritten(HandlerConformance):
    handler_class = DriverTimesSWMR

    def make_case(self, folder):
        return HandlerCase(
            path=write_hdf5(folder / "scan.h5"), datums=points(6), expected=TIMES, beyond={"point_number": 6}
        )


class TestArrayTimes(HandlerConformance):
    handler_class = ArrayTimes

    def make_case(self, folder):
        return HandlerCase(
            path=write_hdf5(folder / "scan.h5"), datums=points(6), expected=TIMES + 1, beyond={"point_number": 6}
        )


class TestTIFFDriverTimes(HandlerConformance):
    handler_class = TIFFDriverTimes

    def make_case(self, folder):
        return HandlerCase(
            path=write_tiff(folder),
            resource_kwargs={**NAMES, "frame_per_point": 3},
            datums=points(2),
            expected=TIMES.reshape(2, 3),
            beyond={"point_number": 2},
        )


class TestTIFFArrayTimes(HandlerConformance):
    handler_class = TIFFArrayTimes

    def make_case(self, folder):
        return HandlerCase(
            path=write_tiff(folder), resource_kwargs=NAMES, datums=points(6), expected=TIMES[:, None] + 1
        )


def test_the_second_datum_of_a_swmr_file_is_read_like_the_first(tmp_path):
    handler = DriverTimesSWMR(str(write_hdf5(tmp_path / "scan.h5")))

    assert [float(handler(point_number=number)) for number in range(6)] == TIMES.tolist()


def test_a_tiff_of_another_program_has_no_time_stamp(tmp_path):
    tifffile.imwrite(tmp_path / "img_000000.tiff", np.zeros((2, 3), "u2"))

    with pytest.raises(OSError, match="holds no time stamp of areaDetector"):
        TIFFDriverTimes(str(tmp_path), **NAMES)(point_number=0)


def test_more_than_one_number_a_frame_is_no_time(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/entry/instrument/NDAttributes/NDArrayTimeStamp"] = np.zeros((4, 2))

    with pytest.raises(ValueError, match="not one number"):
        ArrayTimes(str(tmp_path / "scan.h5"))(point_number=0)
