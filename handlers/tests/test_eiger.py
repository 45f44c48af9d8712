"""Series of Eiger detectors, on real files."""

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.eiger import EigerSeries

from databroker_mongo.testing import HandlerCase, HandlerConformance

IMAGES = np.arange(5 * 4 * 3, dtype="uint32").reshape(5, 4, 3)


def write(folder, series=7, group="/entry/data", images=IMAGES, n_links=None, settings=None):
    """Write a master and data files of two images each, the last perhaps short."""
    files = [images[start : start + 2] for start in range(0, len(images), 2)]
    for number, part in enumerate(files, start=1):
        with h5py.File(folder / f"run_{series}_data_{number:06d}.h5", "w") as file:
            file["/entry/data/data"] = part
    with h5py.File(folder / f"run_{series}_master.h5", "w") as file:
        for number in range(1, (n_links or len(files)) + 1):
            name = f"run_{series}_data_{number:06d}.h5"
            file[f"{group}/data_{number:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
        for name, value in (settings or {}).items():
            file[f"/entry/instrument/detector/detectorSpecific/{name}"] = value
    return folder / "run"


class TestSeries(HandlerConformance):
    handler_class = EigerSeries

    def make_case(self, folder):
        write(folder, series=7)
        return HandlerCase(
            path=write(folder, series=8, images=IMAGES[::-1]),
            resource_kwargs={"images_per_file": 2},
            datums=[{"seq_id": 7}, {"seq_id": 8}],
            expected=[IMAGES, IMAGES[::-1]],
            beyond={"seq_id": 9},
        )


class TestImages(HandlerConformance):
    handler_class = EigerSeries

    def make_case(self, folder):
        return HandlerCase(
            path=write(folder),
            resource_kwargs={"frame_per_point": 1},
            datums=[{"seq_id": 7, "frame_num": number} for number in range(5)],
            expected=IMAGES,
            beyond={"seq_id": 7, "frame_num": 5},
        )


def test_three_files_of_two_images_are_six_different_images_in_order(tmp_path):
    images = np.arange(1, 7, dtype="uint32").reshape(6, 1, 1)

    assert EigerSeries(str(write(tmp_path, images=images)), images_per_file=2)(seq_id=7).ravel().tolist() == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_old_masters_link_from_the_entry_itself(tmp_path):
    handler = EigerSeries(str(write(tmp_path, group="/entry")), images_per_file=2)

    np.testing.assert_array_equal(handler(seq_id=7), IMAGES)


def test_a_missing_data_file_is_an_error_and_not_fewer_images(tmp_path):
    path = write(tmp_path)
    (tmp_path / "run_7_data_000002.h5").unlink()

    with pytest.raises(OSError, match=r"links to the file run_7_data_000002\.h5"):
        EigerSeries(str(path), images_per_file=2)(seq_id=7)


def test_links_beyond_the_images_that_were_to_be_taken_do_not_matter(tmp_path):
    path = write(tmp_path, n_links=6, settings={"nimages": 5, "ntrigger": 1})

    assert EigerSeries(str(path), images_per_file=2).structure(seq_id=7).shape == (5, 4, 3)


def test_a_link_to_images_that_were_to_be_taken_does_matter(tmp_path):
    path = write(tmp_path, n_links=4, settings={"nimages": 4, "ntrigger": 2})

    with pytest.raises(OSError, match="data_000004"):
        EigerSeries(str(path), images_per_file=2)(seq_id=7)


def test_data_files_are_linked_files_and_the_master_is_the_file(tmp_path):
    handler = EigerSeries(str(write(tmp_path)), images_per_file=2)

    assert handler.get_file_list([{"seq_id": 7}]) == [f"{tmp_path}/run_7_master.h5"]
    assert handler.linked_files([{"seq_id": 7}]) == [f"{tmp_path}/run_7_data_{number:06d}.h5" for number in (1, 2, 3)]


def test_a_keyword_for_the_images_of_a_file_is_needed():
    with pytest.raises(ValueError, match="images_per_file or frame_per_point must be given"):
        EigerSeries("run")


def test_a_master_without_links_says_so(tmp_path):
    with h5py.File(tmp_path / "run_7_master.h5", "w") as file:
        file["/entry/other"] = 1

    with pytest.raises(OSError, match="links to no data"):
        EigerSeries(str(tmp_path / "run"), images_per_file=2)(seq_id=7)
