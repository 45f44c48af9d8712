"""Masters of Eiger detectors that are not as they should be, or not as they used to be."""

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.area_detector import AreaDetectorHDF5
from databroker_mongo_handlers.hdf5.eiger import EigerDataFiles, EigerSeries
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5

from databroker_mongo.testing import HandlerCase, HandlerConformance

IMAGES = np.arange(6 * 4 * 3, dtype="uint32").reshape(6, 4, 3)
SETTINGS = "/entry/instrument/detector/detectorSpecific"
ALL = "/entry/data/data"


def write_data_files(folder, images=IMAGES, per_file=2):
    """Write data files of two images each, and return their names."""
    names = []
    for start in range(0, len(images), per_file):
        names.append(f"run_7_data_{1 + start // per_file:06d}.h5")
        with h5py.File(folder / names[-1], "w") as file:
            file[ALL] = images[start : start + per_file]
    return names


def write_master(folder, fill):
    """Write a master by a function that is given the open file, and return what its path begins with."""
    with h5py.File(folder / "run_7_master.h5", "w") as file:
        fill(file)
    return str(folder / "run")


def link_data_files(file, names):
    for number, name in enumerate(names, start=1):
        file[f"/entry/data/data_{number:06d}"] = h5py.ExternalLink(name, ALL)


def as_virtual(file, sources, *, shape=IMAGES.shape):
    """Make a virtual dataset of all images of sources that hold two each."""
    layout = h5py.VirtualLayout(shape, "uint32")
    for number, (name, dataset) in enumerate(sources):
        layout[2 * number : 2 * number + 2] = h5py.VirtualSource(name, dataset, (2, *shape[1:]))
    file.create_virtual_dataset(ALL, layout)


def as_group(file, place):
    file.create_group(place)


ODD_NUMBERS = {
    "a broken external link": h5py.ExternalLink("meta.h5", "/nimages"),
    "a broken soft link": h5py.SoftLink("/nothing"),
    "a text": "six",
    "an empty text": "",
    "an array": np.array([6, 6]),
    "an array of one": np.array([6]),
    "nothing": h5py.Empty("i4"),
    "a fraction": 1.5,
    "not a number": np.nan,
    "a group": as_group,
}


@pytest.mark.parametrize("which", [("nimages",), ("ntrigger",), ("nimages", "ntrigger")], ids="+".join)
@pytest.mark.parametrize("value", ODD_NUMBERS.values(), ids=ODD_NUMBERS)
def test_numbers_that_only_count_unwritten_files_need_not_be_readable(tmp_path, which, value):
    names = write_data_files(tmp_path)

    def fill(file):
        link_data_files(file, names)
        for name in ("nimages", "ntrigger"):
            place = f"{SETTINGS}/{name}"
            if name not in which:
                file[place] = {"nimages": 6, "ntrigger": 1}[name]
            elif callable(value):
                value(file, place)
            else:
                file[place] = value

    handler = EigerSeries(write_master(tmp_path, fill), images_per_file=2)

    np.testing.assert_array_equal(handler(seq_id=7), IMAGES)
    np.testing.assert_array_equal(handler(seq_id=7, frame_num=3), IMAGES[3])


@pytest.mark.parametrize("value", [h5py.ExternalLink("meta.h5", "/settings"), h5py.SoftLink("/nothing"), 3, "text"])
def test_all_settings_may_be_lost(tmp_path, value):
    names = write_data_files(tmp_path)

    def fill(file):
        link_data_files(file, names)
        file[SETTINGS] = value

    np.testing.assert_array_equal(EigerSeries(write_master(tmp_path, fill), images_per_file=2)(seq_id=7), IMAGES)


@pytest.mark.parametrize("shape", [(6, 4, 3), (6, 1, 4, 3), (6, 2, 4, 3)])
def test_images_in_the_master_itself_are_rows_along_the_first_axis(tmp_path, shape):
    images = np.arange(np.prod(shape), dtype="uint32").reshape(shape)
    path = write_master(tmp_path, lambda file: file.create_dataset(ALL, data=images))
    handler = EigerSeries(path, images_per_file=0)

    np.testing.assert_array_equal(handler(seq_id=7), images)
    assert handler.structure(seq_id=7, frame_num=5).shape == shape[1:]
    for number in range(6):
        np.testing.assert_array_equal(handler(seq_id=7, frame_num=number), images[number])
    with pytest.raises(OSError):
        handler(seq_id=7, frame_num=6)


@pytest.mark.parametrize("shape", [(6, 4, 3), (6, 2, 4, 3)])
def test_a_virtual_dataset_over_the_data_files_is_read_and_its_files_are_told(tmp_path, shape):
    images = np.arange(np.prod(shape), dtype="uint32").reshape(shape)
    names = write_data_files(tmp_path, images)
    path = write_master(tmp_path, lambda file: as_virtual(file, [(name, ALL) for name in names], shape=shape))
    handler = EigerSeries(path, images_per_file=2)

    np.testing.assert_array_equal(handler(seq_id=7), images)
    np.testing.assert_array_equal(handler(seq_id=7, frame_num=4), images[4])
    assert handler.linked_files([{"seq_id": 7}]) == [str(tmp_path / name) for name in names]


def test_a_virtual_dataset_of_which_a_file_is_missing_is_not_a_shorter_series(tmp_path):
    names = write_data_files(tmp_path)
    path = write_master(tmp_path, lambda file: as_virtual(file, [(name, ALL) for name in names]))
    (tmp_path / names[1]).unlink()
    handler = EigerSeries(path, images_per_file=2)

    np.testing.assert_array_equal(handler(seq_id=7, frame_num=1), IMAGES[1])
    for datum in ({"seq_id": 7}, {"seq_id": 7, "frame_num": 2}):
        with pytest.raises(OSError, match=names[1]):
            handler(**datum)


READERS = {
    "a stream resource": lambda path: StreamedHDF5(path, dataset=ALL)(index=3),
    "AD_HDF5": lambda path: AreaDetectorHDF5(path)(point_number=3),
    "a whole series": lambda path: EigerSeries(path.removesuffix("_7_master.h5"), images_per_file=2)(seq_id=7),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("by", [".", "links.h5"])
def test_a_missing_file_behind_links_of_a_virtual_dataset_is_named(tmp_path, read, by):
    names = write_data_files(tmp_path)
    with h5py.File(tmp_path / "links.h5", "w") as file:
        link_data_files(file, names)

    def fill(file):
        if by == ".":
            link_data_files(file, names)
        as_virtual(file, [(by, f"/entry/data/data_{number:06d}") for number in (1, 2, 3)])

    path = write_master(tmp_path, fill)
    (tmp_path / names[1]).unlink()

    with pytest.raises(OSError, match=str(tmp_path / names[1])):
        read(f"{path}_7_master.h5")


@pytest.mark.parametrize("way", ["a link", "a soft link to a link", "a link to a link", "a linked group"])
def test_a_missing_file_behind_links_is_named(tmp_path, way):
    away = h5py.ExternalLink("away.h5", ALL)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        if way == "a link":
            file[ALL] = away
        elif way == "a linked group":
            file["/entry"] = h5py.ExternalLink("away.h5", "/entry")
        elif way == "a soft link to a link":
            file[ALL], file["/raw"] = h5py.SoftLink("/raw"), away
        else:
            file[ALL] = h5py.ExternalLink("links.h5", "/raw")
            with h5py.File(tmp_path / "links.h5", "w") as links:
                links["/raw"] = away

    with pytest.raises(OSError, match=str(tmp_path / "away.h5")):
        AreaDetectorHDF5(str(tmp_path / "scan.h5"))(point_number=0)


class TestDataFiles(HandlerConformance):
    handler_class = EigerDataFiles

    def make_case(self, folder):
        write_data_files(folder, IMAGES[:5])
        return HandlerCase(
            path=folder / "run_7",
            resource_kwargs={"images_per_file": 2},
            datums=[{"image_num": number} for number in range(5)],
            expected=IMAGES[:5, np.newaxis],
            beyond={"image_num": 5},
        )


@pytest.mark.parametrize("per_file", [1, 4])
def test_data_files_are_found_without_a_master(tmp_path, per_file):
    write_data_files(tmp_path, per_file=per_file)
    handler = EigerDataFiles(str(tmp_path / "run_7"), images_per_file=per_file)

    for number in range(6):
        np.testing.assert_array_equal(handler(image_num=number), IMAGES[number : number + 1])
    assert handler.get_file_list([{"image_num": 4}]) == [str(tmp_path / f"run_7_data_{1 + 4 // per_file:06d}.h5")]
