"""Specs of HDF5 files other than areaDetector's one dataset of frames, on real files."""

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.area_detector import (
    AreaDetectorHDF5Stream,
    DexelaFrames,
    GermaniumFrames,
    MerlinStream,
)
from databroker_mongo_handlers.hdf5.columns import (
    BulkFrames,
    Columns,
    ColumnStream,
    FlyscanTargets,
    PandaFields,
    PilatusTotals,
    RegionsOfInterest,
)
from databroker_mongo_handlers.hdf5.maps import MAPSPlane, MAPSSpectrum
from databroker_mongo_handlers.hdf5.single import AreaDetectorHDF5Single
from databroker_mongo_handlers.hdf5.xspress3 import Xspress3, Xspress3Bulk

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(6 * 4 * 5, dtype="uint16").reshape(6, 4, 5)
DETECTOR = "/entry/instrument/detector"


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def write_detector(path, frames=FRAMES):
    return write(
        path, **{f"{DETECTOR}/data": frames, "/entry/data/data": frames, f"{DETECTOR}/NDAttributes/Gain": [1.5] * 6}
    )


class TestOneFrameAFile(HandlerConformance):
    handler_class = AreaDetectorHDF5Single

    def make_case(self, folder):
        for number, frame in enumerate(FRAMES):
            write(folder / f"img_{number:06d}.h5", **{"/entry/data/data": frame})
        return HandlerCase(
            path=folder,
            resource_kwargs={"template": "%s%s_%6.6d.h5", "filename": "img", "frame_per_point": 2},
            datums=[{"point_number": number} for number in range(3)],
            expected=FRAMES.reshape(3, 2, 4, 5),
            beyond={"point_number": 3},
        )


class TestMerlinStream(HandlerConformance):
    handler_class = MerlinStream

    def make_case(self, folder):
        return HandlerCase(
            path=write_detector(folder / "scan.h5"),
            resource_kwargs={"frame_per_point": 3},
            datums=[{"point_number": number} for number in range(2)],
            expected=FRAMES.reshape(2, 3, 4, 5),
            beyond={"point_number": 2},
        )


@pytest.mark.parametrize("handler_class", [DexelaFrames, GermaniumFrames])
class TestFramesByNumber:
    def test_a_frame_is_one_row(self, tmp_path, handler_class):
        handler = handler_class(str(write_detector(tmp_path / "scan.h5")))

        np.testing.assert_array_equal(handler(frame=3), FRAMES[3])
        with pytest.raises(OSError, match="it has 6"):
            handler(frame=6)
        with pytest.raises(TypeError, match="only the keyword 'frame'"):
            handler(index=3)


class TestStreamByIndex(HandlerConformance):
    handler_class = AreaDetectorHDF5Stream

    def make_case(self, folder):
        return HandlerCase(
            path=write_detector(folder / "scan.h5"),
            resource_kwargs={"path": "/entry/data/data", "multiplier": 1, "timestamps": "/anywhere"},
            datums=[{"index": number} for number in range(6)],
            expected=FRAMES,
            beyond={"index": 6},
        )


class TestStreamByPoint(HandlerConformance):
    handler_class = AreaDetectorHDF5Stream

    def make_case(self, folder):
        return HandlerCase(
            path=write_detector(folder / "scan.h5"),
            resource_kwargs={"dataset": f"{DETECTOR}/data", "frame_per_point": 2, "chunk_shape": [1], "swmr": False},
            datums=[{"point_number": number} for number in range(3)],
            expected=FRAMES.reshape(3, 2, 4, 5),
            beyond={"point_number": 3},
        )


class TestFlyscanTargets(HandlerConformance):
    handler_class = FlyscanTargets

    def make_case(self, folder):
        return HandlerCase(
            path=write_detector(folder / "scan.h5"), datums=[{}, {"target": "data"}], expected=[FRAMES] * 2
        )

    def test_other_targets_are_attributes(self, tmp_path):
        handler = FlyscanTargets(str(write_detector(tmp_path / "scan.h5")))

        np.testing.assert_array_equal(handler(target="Gain"), [1.5] * 6)
        with pytest.raises(OSError, match=r"no dataset .*/NDAttributes/Loss: .*NDAttributes holds Gain"):
            handler(target="Loss")


class TestBulkFrames(HandlerConformance):
    handler_class = BulkFrames

    def make_case(self, folder):
        return HandlerCase(
            path=write_detector(folder / "s.h5"), datums=[{}, {"point_number": 0}], expected=[FRAMES] * 2
        )


@pytest.mark.parametrize(
    ("handler_class", "keyword"),
    [(Columns, "column"), (RegionsOfInterest, "det_elem"), (PandaFields, "field")],
)
def test_a_keyword_names_the_dataset(tmp_path, handler_class, keyword):
    path = write(tmp_path / "scan.h5", time=np.arange(4.0), i0=np.arange(4, dtype="int32"))
    handler = handler_class(str(path))

    assert handler(**{keyword: "i0"}).dtype == "int32"
    np.testing.assert_array_equal(handler(**{keyword: "time"}), np.arange(4.0))
    with pytest.raises(OSError, match="holds i0, time"):
        handler(**{keyword: "missing"})


class TestPilatusTotals(HandlerConformance):
    handler_class = PilatusTotals

    def make_case(self, folder):
        path = write(
            folder / "s.h5", **{"/entry/data/data": FRAMES, "/entry/instrument/NDAttributes/_ROI2Total": range(6)}
        )
        return HandlerCase(path=path, datums=[{}, {"data_type": "image"}], expected=[FRAMES] * 2)

    def test_totals_of_a_region_are_a_column(self, tmp_path):
        handler = PilatusTotals(str(self.make_case(tmp_path).path))

        np.testing.assert_array_equal(handler(data_type="roi", roi_num=2), range(6))
        with pytest.raises(ValueError, match="must be 'image' or 'roi'"):
            handler(data_type="spectrum")


class TestColumnStream(HandlerConformance):
    handler_class = ColumnStream

    def make_case(self, folder):
        counts = np.arange(12, dtype="int32")
        return HandlerCase(
            path=write(folder / "scan.h5", mca1=counts, mca2=counts * 2),
            resource_kwargs={"frame_per_point": 4},
            datums=[{"column": name, "point_number": number} for number in range(3) for name in ("mca1", "mca2")],
            expected=[factor * counts[4 * number : 4 * number + 4] for number in range(3) for factor in (1, 2)],
            beyond={"column": "mca1", "point_number": 3},
        )


SPECTRA = np.random.default_rng(3).random((7, 3, 32))


class TestXspress3(HandlerConformance):
    handler_class = Xspress3

    def make_case(self, folder):
        places = [(frame, channel) for channel in (1, 2, 3) for frame in range(7)]
        return HandlerCase(
            path=write(folder / "scan.h5", **{f"{DETECTOR}/data": SPECTRA}),
            datums=[{"frame": frame, "channel": channel} for frame, channel in places],
            expected=[SPECTRA[frame, channel - 1] for frame, channel in places],
            beyond={"frame": 7, "channel": 1},
        )

    def test_datums_of_other_kinds_for_one_resource_are_read_too(self, tmp_path):
        handler = Xspress3(str(self.make_case(tmp_path).path))

        np.testing.assert_array_equal(handler(), SPECTRA)
        np.testing.assert_array_equal(handler(frame=2), SPECTRA[2])
        np.testing.assert_array_equal(handler(channel=3), SPECTRA[:, 2])
        with pytest.raises(ValueError, match="channel must be a whole number from 1 on"):
            handler(frame=0, channel=0)
        with pytest.raises(ValueError, match="index 3 of an axis of length 3"):
            handler(frame=0, channel=4)

    def test_regions_of_interest_are_what_the_detector_counted_in_all_frames(self, tmp_path):
        path = self.make_case(tmp_path).path
        counts = np.arange(7.0)
        with h5py.File(path, "a") as file:
            file[f"{DETECTOR}/NDAttributes/CHAN2ROI3"] = counts
        handler = Xspress3(str(path))

        np.testing.assert_array_equal(handler(data_type="roi", channel=2, roi_num=3), counts)
        np.testing.assert_array_equal(handler(data_type="spectrum", channel=2), SPECTRA[:, 1])
        with pytest.raises(OSError, match="CHAN1ROI4"):
            handler(data_type="roi", channel=1, roi_num=4)
        with pytest.raises(ValueError, match="'spectrum' or 'roi'"):
            handler(data_type="counts", channel=1)
        with pytest.raises(TypeError, match="frame"):
            handler(data_type="roi", channel=1, frame=3)


def test_bulk_spectra_are_all_frames_whatever_the_frame(tmp_path):
    handler = Xspress3Bulk(str(write(tmp_path / "scan.h5", **{f"{DETECTOR}/data": SPECTRA})))

    np.testing.assert_array_equal(handler(frame=4), SPECTRA)
    np.testing.assert_array_equal(handler(frame=4, channel=2), SPECTRA[:, 1])


class TestMAPSPlanes(HandlerConformance):
    handler_class = MAPSPlane

    def make_case(self, folder):
        return HandlerCase(
            path=write(folder / "map.h5", **{"/MAPS/mca_arr": SPECTRA}),
            resource_kwargs={"dset_path": "mca_arr"},
            datums=[{"e_index": number} for number in range(7)],
            expected=SPECTRA,
            beyond={"e_index": 7},
        )


class TestMAPSSpectra(HandlerConformance):
    handler_class = MAPSSpectrum

    def make_case(self, folder):
        pixels = [(0, 0), (2, 31), (1, 7)]
        return HandlerCase(
            path=write(folder / "map.h5", **{"/MAPS/mca_arr": SPECTRA}),
            resource_kwargs={"dset_path": "mca_arr"},
            datums=[{"x": x, "y": y} for x, y in pixels],
            expected=[SPECTRA[:, x, y] for x, y in pixels],
        )

    def test_more_pixels_than_are_kept_open_are_read_right(self, tmp_path):
        handler = MAPSSpectrum(str(self.make_case(tmp_path).path), dset_path="mca_arr")
        out = np.empty((96, 7))

        handler.read_into(out, [{"x": x, "y": y} for x in range(3) for y in range(32)], (slice(0, 7),))

        np.testing.assert_array_equal(out, SPECTRA.reshape(7, 96).T)


def test_links_of_files_that_only_a_datum_names_are_told(tmp_path):
    write(tmp_path / "data.h5", raw=FRAMES[0])
    with h5py.File(tmp_path / "img_000000.h5", "w") as file:
        file["/entry/data/data"] = h5py.ExternalLink("data.h5", "/raw")
    handler = AreaDetectorHDF5Single(str(tmp_path), template="%s%s_%6.6d.h5", filename="img")

    assert handler.linked_files([{"point_number": 0}]) == [str(tmp_path / "data.h5")]
    assert PandaFields(str(tmp_path / "img_000000.h5")).linked_files([{"field": "entry/data/data"}]) == [
        str(tmp_path / "data.h5")
    ]
