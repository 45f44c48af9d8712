"""HDF5 datasets whose rows are not along the first axis alone: images, grids; and what handlers tell of them."""

from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest
import tifffile
from databroker_mongo_handlers.hdf5.area_detector import (
    AreaDetectorHDF5,
    AreaDetectorHDF5Stream,
    AreaDetectorHDF5SWMR,
    DexelaFrames,
    GermaniumFrames,
    TimepixHDF5,
)
from databroker_mongo_handlers.hdf5.columns import FlyscanTargets
from databroker_mongo_handlers.hdf5.eiger import EigerSeries
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5
from databroker_mongo_handlers.hdf5.xspress3 import Xspress3
from databroker_mongo_handlers.images.stream_images import NumberedNPY, NumberedTIFF, StackNPY
from databroker_mongo_handlers.images.tiff import AreaDetectorTIFF
from databroker_mongo_handlers.images.whole_files import NumpyFrames, SingleTIFF
from databroker_mongo_handlers.rows import ArrayHeader, EndsEarly, IndexHandler, Payload, SingleFileRows

from databroker_mongo.testing import HandlerCase, HandlerConformance

GRID = np.arange(3 * 4 * 6 * 5, dtype="uint16").reshape(3, 4, 6, 5)
IMAGE = GRID[0, 0]
DATASETS = ("/entry/data/data", "/entry/instrument/detector/data")


def write(folder, values, **how):
    with h5py.File(folder / "scan.h5", "w", libver="latest") as file:
        for dataset in DATASETS:
            file.create_dataset(dataset, data=values, **how)
    return folder / "scan.h5"


def frames(name, numbers, expected, *, path, beyond, **kwargs):
    return HandlerCase(path, [{name: n} for n in numbers], expected, kwargs, beyond={name: beyond})


class _Grid(HandlerConformance):
    keyword = "point_number"
    has_axis = True
    more: ClassVar[dict[str, object]] = {}
    how: ClassVar[dict[str, object]] = {}

    def make_case(self, folder):
        expected = GRID.reshape(12, 1, 6, 5) if self.has_axis else GRID.reshape(12, 6, 5)
        path = write(folder, GRID, **self.how)
        return frames(self.keyword, range(12), expected, path=path, beyond=12, row_axes=2, **self.more)


class TestGrid(_Grid):
    handler_class = AreaDetectorHDF5


class TestCompressedGrid(_Grid):
    handler_class = AreaDetectorHDF5
    how: ClassVar[dict[str, object]] = {"chunks": (2, 3, 6, 2), "compression": "gzip"}


class TestGridOfTheSWMRHandler(_Grid):
    handler_class = AreaDetectorHDF5SWMR
    how: ClassVar[dict[str, object]] = {"chunks": (1, 1, 6, 5)}


class TestGridOfFrames(_Grid):
    handler_class = DexelaFrames
    keyword, has_axis = "frame", False


class TestGridOfAStream(_Grid):
    handler_class = StreamedHDF5
    keyword, has_axis, more = "index", False, {"dataset": DATASETS[0]}


class TestGridOfAnOlderStream(_Grid):
    handler_class = AreaDetectorHDF5Stream
    keyword, has_axis = "index", False


class TestSeveralFramesOfAGrid(HandlerConformance):
    handler_class = AreaDetectorHDF5

    def make_case(self, folder):
        expected = GRID.reshape(4, 3, 6, 5)
        more = {"row_axes": 2, "frame_per_point": 3}
        return frames("point_number", range(4), expected, path=write(folder, GRID), beyond=4, **more)


class TestGridOfThreeAxes(HandlerConformance):
    handler_class = AreaDetectorHDF5

    def make_case(self, folder):
        path = write(folder, GRID.reshape(3, 2, 2, 6, 5))
        return frames("point_number", range(12), GRID.reshape(12, 1, 6, 5), path=path, beyond=12, row_axes=2)


class TestGridOfNumbers(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        more = {"row_axes": 0, "dataset": DATASETS[0]}
        return frames("index", range(30), IMAGE.ravel(), path=write(folder, IMAGE), beyond=30, **more)


class _OneImage(HandlerConformance):
    keyword = "point_number"
    expected = IMAGE[np.newaxis]
    more: ClassVar[dict[str, object]] = {}

    def make_case(self, folder):
        path = write(folder, IMAGE)
        return frames(self.keyword, [0, 0], [self.expected] * 2, path=path, beyond=1, row_axes=2, **self.more)


class TestOneImage(_OneImage):
    handler_class = AreaDetectorHDF5


class TestOneImageOfAStream(_OneImage):
    handler_class = StreamedHDF5
    keyword, expected, more = "index", IMAGE, {"dataset": DATASETS[0]}


class TestSeriesOfSingleImages(HandlerConformance):
    handler_class = EigerSeries

    def make_case(self, folder):
        with h5py.File(folder / "run_7_master.h5", "w") as master:
            for number in (1, 2, 3):
                with h5py.File(folder / f"run_7_data_{number:06d}.h5", "w") as file:
                    file["/entry/data/data"] = GRID[0, number]
                link = h5py.ExternalLink(f"run_7_data_{number:06d}.h5", "/entry/data/data")
                master[f"/entry/data/data_{number:06d}"] = link
        more = {"row_axes": 2, "images_per_file": 1}
        datums = [{"seq_id": 7, "frame_num": number} for number in range(3)]
        return HandlerCase(folder / "run", datums, GRID[0, 1:], more, beyond={"seq_id": 7, "frame_num": 3})


class _NumpyGrid(HandlerConformance):
    keyword = "index"
    stored = GRID

    def make_case(self, folder):
        np.save(folder / "scan.npy", self.stored)
        expected = GRID.reshape(12, 6, 5)
        return frames(self.keyword, range(12), expected, path=folder / "scan.npy", beyond=12, row_axes=2)


class TestGridInANumpyFile(_NumpyGrid):
    handler_class = StackNPY


class TestGridInColumns(_NumpyGrid):
    handler_class = StackNPY
    stored = np.asfortranarray(GRID)


class TestGridOfNumpyFrames(_NumpyGrid):
    handler_class = NumpyFrames
    keyword = "frame_no"


class TestOneImageInANumpyFile(HandlerConformance):
    handler_class = StackNPY

    def make_case(self, folder):
        np.save(folder / "scan.npy", IMAGE)
        return frames("index", [0, 0], [IMAGE] * 2, path=folder / "scan.npy", beyond=1, row_axes=2)


@pytest.mark.parametrize("values", [GRID, IMAGE], ids=["grid", "image"])
@pytest.mark.parametrize(
    ("handler_class", "keyword"),
    [
        (AreaDetectorHDF5SWMR, "point_number"),
        (TimepixHDF5, "point_number"),
        (DexelaFrames, "frame"),
        (GermaniumFrames, "frame"),
    ],
)
def test_the_other_handlers_of_frames_take_the_number_of_axes_too(tmp_path, handler_class, keyword, values):
    handler = handler_class(str(write(tmp_path, values)), row_axes=2)
    expected = values.reshape(-1, 6, 5)

    found = np.array([handler(**{keyword: number}) for number in range(len(expected))])

    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    assert found.ndim == (4 if keyword == "point_number" else 3)
    with pytest.raises(OSError, match="were requested"):
        handler(**{keyword: len(expected)})


def test_a_whole_series_of_single_images_is_a_stack_of_images(tmp_path):
    path = TestSeriesOfSingleImages().make_case(tmp_path).path

    np.testing.assert_array_equal(EigerSeries(str(path), images_per_file=1)(seq_id=7), GRID[0, 1:])


@pytest.mark.parametrize("template", ["", "{:d}.npy"])
def test_axes_of_rows_are_those_of_a_single_file(tmp_path, template):
    with pytest.raises(ValueError, match="for a single file alone"):
        (NumberedNPY if template else NumberedTIFF)(str(tmp_path), template=template, row_axes=2)


@pytest.mark.parametrize("row_axes", [None, 2])
def test_frames_along_the_first_axis_are_the_same_with_and_without(tmp_path, row_axes):
    handler = AreaDetectorHDF5(str(write(tmp_path, GRID[0])), row_axes=row_axes)

    np.testing.assert_array_equal(handler(point_number=3), GRID[0, 3:4])


def test_chunks_are_counted_in_rows(tmp_path):
    shapes = {(1, 4, 6, 5): 4, (2, 4, 6, 5): 8, (2, 2, 6, 5): 2, (1, 1, 3, 5): 1}
    for chunks, n_neighbours in shapes.items():
        handler = DexelaFrames(str(write(tmp_path, GRID, chunks=chunks)), row_axes=2)
        assert handler.structure(frame=0).chunks == (n_neighbours, *chunks[2:])
        handler.close()


@pytest.mark.parametrize(("row_axes", "error"), [(3, OSError), (-1, ValueError), (1.5, ValueError)])
def test_a_number_of_axes_that_the_dataset_does_not_have_is_refused(tmp_path, row_axes, error):
    path = write(tmp_path, IMAGE)

    with pytest.raises(error, match=r"3 axes, but the array has the shape \(6, 5\)|row_axes"):
        AreaDetectorHDF5(str(path), row_axes=row_axes)(point_number=0)


def test_a_slice_counts_axes_of_its_own(tmp_path):
    with pytest.raises(ValueError, match="row_axes cannot be used together"):
        StreamedHDF5(str(tmp_path / "scan.h5"), dataset="/data", slice=":,0", row_axes=2)


@pytest.mark.parametrize(("row_axes", "n_there"), [(2, 5), (3, 1), (4, 0), (None, 1)])
def test_rows_of_a_grid_that_is_still_written_are_there_as_far_as_they_are_whole(tmp_path, row_axes, n_there):
    with h5py.File(tmp_path / "scan.h5", "w", libver="latest") as file:
        data = file.create_dataset(DATASETS[0], GRID.shape, "uint16", chunks=(1, 1, 3, 5), maxshape=(None, 4, 6, 5))
        file.swmr_mode = True
        for number in range(5):
            data[number // 4, number % 4] = GRID[number // 4, number % 4]
        data[1, 1, :3] = 1
        file.flush()
        handler = AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"), row_axes=row_axes)
        for number in range(n_there):
            rows = GRID.reshape(-1, *GRID.shape[4 - (row_axes or 3) :])
            np.testing.assert_array_equal(handler(point_number=number)[0], rows[number])
        with pytest.raises(OSError, match=r"has not been written; its shape is \(3, 4, 6, 5\)"):
            handler(point_number=n_there)
        handler.close()


@pytest.mark.parametrize(("row_axes", "n_there"), [(2, 4), (3, 1), (4, 0)])
def test_rows_of_a_virtual_grid_end_with_the_first_source_that_is_missing(tmp_path, row_axes, n_there):
    write(tmp_path, GRID[0])
    with h5py.File(tmp_path / "all.h5", "w") as file:
        layout = h5py.VirtualLayout(GRID.shape, "uint16")
        for number, name in enumerate(["scan.h5", "lost.h5", "lost.h5"]):
            layout[number] = h5py.VirtualSource(name, DATASETS[0], (4, 6, 5))
        file.create_virtual_dataset(DATASETS[0], layout)
    handler = AreaDetectorHDF5(str(tmp_path / "all.h5"), row_axes=row_axes)

    for number in range(n_there):
        np.testing.assert_array_equal(
            handler(point_number=number).ravel(), GRID.reshape(3 * 4, -1)[:4].reshape(n_there, -1)[number]
        )
    with pytest.raises(OSError, match=r"lost\.h5"):
        handler(point_number=n_there)


def test_text_in_a_grid_is_decoded(tmp_path):
    texts = np.array([["a", "b"], ["c", "\xe1"]], dtype=object)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/names"] = texts
    handler = StreamedHDF5(str(tmp_path / "scan.h5"), dataset="/names", row_axes=0)

    assert [handler(index=number).item() for number in range(4)] == ["a", "b", "c", "\xe1"]


def test_a_handler_tells_the_shape_of_the_array_and_how_its_datums_are_taken(tmp_path):
    path = str(write(tmp_path, GRID))
    tifffile.imwrite(tmp_path / "img_0.tiff", np.zeros((6, 5, 3), "uint8"), photometric="rgb")
    family = {"template": "%s%s_%d.tiff", "filename": "img"}

    told = AreaDetectorHDF5(path, frame_per_point=3).layout(point_number=40)
    assert told == ((3, 4, 6, 5), np.dtype("uint16"), 3, 3, 3, False)
    assert AreaDetectorHDF5(path, row_axes=2).layout(point_number=0) == ((3, 4, 6, 5), "uint16", 2, 1, 12, False)
    assert DexelaFrames(path).layout(frame=0) == ((3, 4, 6, 5), "uint16", 3, None, 3, False)
    sliced = StreamedHDF5(path, dataset=DATASETS[0], slice=":,0")
    assert sliced.layout(index=0) == ((3, 6, 5), "uint16", 2, None, 3, True)
    assert AreaDetectorTIFF(str(tmp_path), **family).layout(point_number=0) == ((6, 5, 3), "uint8", 3, 1, 1, True)
    assert SingleTIFF(str(tmp_path / "img_0.tiff")).layout() == ((6, 5, 3), "uint8", 2, 6, 1, True)
    assert FlyscanTargets(path).layout() == ((3, 4, 6, 5), "uint16", 4, None, 1, True)
    assert Xspress3(path).layout(frame=1) == ((3, 4, 6, 5), "uint16", 3, None, 3, True)


class RawFormat:
    """Frames of 3 x 4 pixels of 16 bits, one after the other: what they look like is said by no descriptor."""

    def describe(self, path):
        n_frames, rest = divmod(Path(path).stat().st_size, 24)
        if rest:
            raise EndsEarly(f"{path} ends within frame {n_frames}")
        return ArrayHeader((n_frames, 3, 4), np.dtype("<u2"))

    def read(self, path, expected, *, out, region):
        expected.require(self.describe(path), path)
        Payload(path, 0, *expected).read(out, region)


class RawFrames(IndexHandler):
    def __init__(self, path):
        super().__init__(SingleFileRows(RawFormat(), path, row_axes=2, is_fixed=True), keyword="frame")


class TestRawFrames(HandlerConformance):
    """The recipe of the README: a format that fixes the number of axes, and no keyword for it."""

    handler_class = RawFrames

    def make_case(self, folder):
        frames = np.arange(5 * 3 * 4, dtype="<u2").reshape(5, 3, 4)
        (folder / "a.raw").write_bytes(frames.tobytes())
        datums = [{"frame": number} for number in range(5)]
        return HandlerCase(folder / "a.raw", datums, frames, beyond={"frame": 5})

    def test_its_layout_says_so(self, handler):
        assert handler.layout(frame=0) == ((5, 3, 4), np.dtype("<u2"), 2, None, 5, True)
