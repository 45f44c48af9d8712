"""Nobody who opens an HDF5 file in another way finds it open here because it was read; nor is it opened in vain."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5 import file as hdf5_file
from databroker_mongo_handlers.hdf5.area_detector import AreaDetectorHDF5, AreaDetectorHDF5SWMR
from databroker_mongo_handlers.hdf5.eiger import EigerSeries
from databroker_mongo_handlers.hdf5.single import AreaDetectorHDF5Single
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5
from databroker_mongo_handlers.rows import keep_open

FRAMES = np.arange(6 * 4 * 5, dtype="uint16").reshape(6, 4, 5)
NAME = "/entry/data/data"
OWN_FILES = Path("/proc/self/fd")
OBJECTS = h5py.h5f.OBJ_FILE | h5py.h5f.OBJ_DATASET | h5py.h5f.OBJ_GROUP | h5py.h5f.OBJ_ATTR


@pytest.fixture
def openings(monkeypatch):
    """The files that handlers opened with HDF5."""
    paths = []
    original = hdf5_file.open_hdf5
    monkeypatch.setattr(hdf5_file, "open_hdf5", lambda path, **how: paths.append(path) or original(path, **how))
    return paths


def write(path, frames=FRAMES, name=NAME, **options):
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(name, data=frames, **options)
    return str(path)


def plain(folder):
    return AreaDetectorHDF5(write(folder / "a.h5"))


def compressed(folder):
    return AreaDetectorHDF5(write(folder / "a.h5", chunks=(1, 4, 5), compression="gzip"))


def cut(folder):
    return AreaDetectorHDF5(write(folder / "a.h5", chunks=(1, 2, 5), compression="gzip"))


def swmr(folder):
    return AreaDetectorHDF5SWMR(write(folder / "a.h5", chunks=(1, 4, 5)))


def linked(folder):
    write(folder / "data.h5", chunks=(1, 4, 5))
    with h5py.File(folder / "a.h5", "w") as file:
        file[NAME] = h5py.ExternalLink("data.h5", NAME)
    return AreaDetectorHDF5(str(folder / "a.h5"))


def virtual(folder):
    write(folder / "data.h5", chunks=(1, 4, 5))
    layout = h5py.VirtualLayout(FRAMES.shape, "uint16")
    layout[:] = h5py.VirtualSource("data.h5", NAME, FRAMES.shape)
    with h5py.File(folder / "a.h5", "w", libver="latest") as file:
        file.create_virtual_dataset(NAME, layout)
    return AreaDetectorHDF5SWMR(str(folder / "a.h5"))


def kept_outside(folder):
    (folder / "raw.bin").write_bytes(FRAMES.tobytes())
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset(NAME, FRAMES.shape, "uint16", external=[(str(folder / "raw.bin"), 0, FRAMES.nbytes)])
    return AreaDetectorHDF5(str(folder / "a.h5"))


KINDS = [plain, compressed, cut, swmr, linked, virtual, kept_outside]


def files_open_in(folder):
    return [link for link in map(os.path.realpath, OWN_FILES.iterdir()) if link.startswith(str(folder))]


def assert_free(folder, *, locking=None):
    """Insist that no file of a folder is open here, and that each HDF5 file can be opened in either way."""
    assert not h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, OBJECTS)
    assert not OWN_FILES.is_dir() or not files_open_in(folder)
    for path in folder.glob("*.h5"):
        for mode in ("r", "r+"):
            with h5py.File(path, mode, locking=locking) as file:
                assert file.mode == mode


def read_all(handler):
    out = np.empty((6, 1, 4, 5), "uint16")
    region = (slice(0, 1), slice(0, 4), slice(0, 5))
    handler.read_into(out, [{"point_number": number} for number in range(6)], region)
    np.testing.assert_array_equal(out[:, 0], FRAMES)


@pytest.mark.parametrize("locking", [None, True, False])
@pytest.mark.parametrize("make", KINDS)
def test_a_file_is_free_after_each_call(tmp_path, make, locking):
    handler = make(tmp_path)
    for call in (handler.linked_files, lambda: handler.structure(point_number=1), handler, read_all, handler.layout):
        arguments = {"point_number": 1} if call in (handler, handler.layout) else {}
        call(handler) if call is read_all else call(**arguments)
        assert_free(tmp_path, locking=locking)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("make", KINDS)
def test_a_file_that_has_not_changed_for_long_is_free_as_well_and_read_right(tmp_path, make):
    handler = make(tmp_path)
    for number in (3, 3, 0, 5):
        np.testing.assert_array_equal(handler(point_number=number)[0], FRAMES[number])
        read_all(handler)
        assert_free(tmp_path)


def of_no_such_name(folder):
    return AreaDetectorHDF5(write(folder / "a.h5", name="/entry/other"))


def never_written(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset(NAME, FRAMES.shape, "uint16", chunks=(1, 4, 5))
    return AreaDetectorHDF5(str(folder / "a.h5"))


def beyond_the_end(folder):
    write(folder / "data.h5", FRAMES[:1])
    with h5py.File(folder / "a.h5", "w") as file:
        file[NAME] = h5py.ExternalLink("data.h5", NAME)
    return AreaDetectorHDF5SWMR(str(folder / "a.h5"))


@pytest.mark.parametrize("make", [of_no_such_name, never_written, beyond_the_end])
def test_a_file_is_free_after_an_error_that_somebody_keeps(tmp_path, make):
    handler = make(tmp_path)
    with pytest.raises(OSError, match=r"a\.h5") as kept:
        handler(point_number=3)
    assert_free(tmp_path)
    assert kept.value.__traceback__ is not None


def test_a_series_of_an_eiger_and_files_of_single_frames_are_free_after_reading(tmp_path):
    for number in (1, 2):
        write(tmp_path / f"s_1_data_{number:06d}.h5", FRAMES[3 * number - 3 : 3 * number], chunks=(1, 4, 5))
    with h5py.File(tmp_path / "s_1_master.h5", "w") as file:
        for number in (1, 2):
            file[f"/entry/data/data_{number:06d}"] = h5py.ExternalLink(f"s_1_data_{number:06d}.h5", NAME)
    handler = EigerSeries(str(tmp_path / "s"), images_per_file=3)
    np.testing.assert_array_equal(handler(seq_id=1), FRAMES)
    assert_free(tmp_path)

    for number in range(40):
        write(tmp_path / f"f_{number:06d}.h5", FRAMES[:1] + number)
    single = AreaDetectorHDF5Single(str(tmp_path), template="%s/%s_%6.6d.h5", filename="f", frame_per_point=40)
    with single.keep_open():
        assert (single(point_number=0)[:, 0] == np.arange(40)[:, None, None] + FRAMES[0]).all()
        assert len(files_open_in(tmp_path)) <= 16
    assert_free(tmp_path)


WRITER = """
import sys, h5py
file = h5py.File(sys.argv[1], "w", libver="latest")
data = file.create_dataset("/data", (0, 4, 5), "u2", maxshape=(None, 4, 5), chunks=(1, 4, 5))
file.swmr_mode = True
for line in sys.stdin:
    data.resize(len(data) + 1, axis=0)
    data[-1] = len(data)
    data.flush()
    print("done", flush=True)
"""


def test_a_growing_file_is_followed_and_free_between_the_calls(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.h5")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        handler = StreamedHDF5(str(tmp_path / "a.h5"), dataset="/data")
        for number in range(4):
            process.stdin.write("one\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            assert (handler(index=number) == number + 1).all()
            assert not files_open_in(tmp_path)
            with h5py.File(tmp_path / "a.h5", "r", swmr=True, locking=False) as file:
                assert len(file["/data"]) == number + 1
            with pytest.raises(OSError, match=f"it has {number + 1}"):
                handler(index=number + 1)
            assert not files_open_in(tmp_path)
        process.stdin.close()


@pytest.mark.parametrize("make", KINDS)
def test_calls_that_come_together_open_a_file_once(tmp_path, make, openings):
    handler = make(tmp_path)
    with handler.keep_open():
        handler.linked_files()
        handler.structure(point_number=0)
        read_all(handler)
        handler(point_number=2)
        assert h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
    # That its sources may have writers is known only once it is open.
    assert openings.count(str(tmp_path / "a.h5")) == (2 if make is virtual else 1)
    assert_free(tmp_path)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("make", [plain, swmr, linked])
def test_frames_of_a_file_that_did_not_change_are_read_without_opening_it_with_hdf5(tmp_path, make, openings):
    handler = make(tmp_path)
    read_all(handler)
    openings.clear()

    for number in range(6):
        np.testing.assert_array_equal(handler(point_number=number)[0], FRAMES[number])
        assert handler.structure(point_number=number).shape == (1, 4, 5)
        assert handler.layout(point_number=number).n_rows == 6
        assert handler.linked_files() == ([str(tmp_path / "data.h5")] if make is linked else [])
    assert openings == []


@pytest.mark.usefixtures("settled")
def test_what_is_known_of_a_virtual_dataset_needs_no_opening(tmp_path, openings):
    handler = virtual(tmp_path)
    handler(point_number=0)
    openings.clear()

    assert handler.structure(point_number=5).shape == (1, 4, 5)
    assert handler.linked_files() == [str(tmp_path / "data.h5")]
    assert openings == []


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("make", [plain, compressed, swmr, linked, virtual])
def test_what_a_user_writes_between_two_calls_is_read(tmp_path, make):
    handler = make(tmp_path)
    read_all(handler)
    path = tmp_path / ("data.h5" if make in (linked, virtual) else "a.h5")

    for number in range(3):
        with h5py.File(path, "r+") as file:
            file[NAME][2:4] = 1000 + number
        assert (handler(point_number=2) == 1000 + number).all()
        np.testing.assert_array_equal(handler(point_number=4)[0], FRAMES[4])


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("make", [plain, compressed, swmr])
def test_what_this_process_has_not_written_to_the_file_yet_is_read_as_well(tmp_path, make):
    handler = make(tmp_path)
    read_all(handler)

    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file[NAME][2] = 4711
        assert (handler(point_number=2) == 4711).all()
    assert (handler(point_number=2) == 4711).all()
    assert_free(tmp_path)


@pytest.mark.usefixtures("settled")
def test_a_file_that_another_takes_the_place_of_is_read_anew(tmp_path):
    handler = swmr(tmp_path)
    read_all(handler)
    write(tmp_path / "other.h5", FRAMES + 1, chunks=(2, 4, 5))
    (tmp_path / "other.h5").replace(tmp_path / "a.h5")

    np.testing.assert_array_equal(handler(point_number=4)[0], FRAMES[4] + 1)


@pytest.mark.usefixtures("settled")
def test_a_source_of_a_virtual_dataset_that_comes_later_is_read(tmp_path):
    handler = virtual(tmp_path)
    (tmp_path / "data.h5").rename(tmp_path / "away.h5")
    with pytest.raises(OSError, match=r"it has 0; .*is missing"):
        handler(point_number=0)
    (tmp_path / "away.h5").rename(tmp_path / "data.h5")
    read_all(handler)


def test_a_file_that_changed_just_now_is_opened_each_time(tmp_path, openings):
    handler = plain(tmp_path)
    for _ in range(3):
        handler(point_number=0)
    assert len(openings) == 3


@pytest.mark.usefixtures("settled")
def test_a_user_opens_and_writes_again_and_again_while_threads_read(tmp_path):
    handlers = [AreaDetectorHDF5(write(tmp_path / f"{number}.h5", chunks=(1, 4, 5))) for number in range(2)]
    stop = threading.Event()
    failures = []

    def read(handler):
        while not stop.is_set():
            try:
                read_all(handler)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=read, args=(handler,)) for handler in handlers]
    for thread in threads:
        thread.start()
    for number in range(50):
        write(tmp_path / "own.h5", FRAMES + number)
        with h5py.File(tmp_path / "own.h5", "r+") as file:
            file[NAME][0] = 0
        np.testing.assert_array_equal(AreaDetectorHDF5(str(tmp_path / "own.h5"))(point_number=5)[0], FRAMES[5] + number)
    stop.set()
    for thread in threads:
        thread.join()
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    assert_free(tmp_path)


def test_files_stay_open_to_the_end_of_the_outermost_of_contexts(tmp_path):
    handler = plain(tmp_path)
    with keep_open():
        with handler.keep_open():
            handler(point_number=0)
        assert files_open_in(tmp_path)
    assert_free(tmp_path)
