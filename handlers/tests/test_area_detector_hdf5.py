"""Specs of areaDetector's HDF5 plugin, on real files."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.area_detector import AreaDetectorHDF5, AreaDetectorHDF5SWMR, TimepixHDF5
from databroker_mongo_handlers.hdf5.rows import HDF5Rows

from databroker_mongo.testing import HandlerCase, HandlerConformance

FRAMES = np.arange(12 * 6 * 5, dtype="uint16").reshape(12, 6, 5)
NEXUS, DETECTOR = "/entry/data/data", "/entry/instrument/detector/data"


def write(path, frames=FRAMES, name=NEXUS, **options):
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(name, data=frames, **options)
    return path


def case_of(path, frames, *, frame_per_point):
    n_points = len(frames) // frame_per_point
    return HandlerCase(
        path=path,
        resource_kwargs={"frame_per_point": frame_per_point},
        datums=[{"point_number": number} for number in range(n_points)],
        expected=frames.reshape(n_points, frame_per_point, *frames.shape[1:]),
        beyond={"point_number": n_points},
    )


class TestOneFramePerPoint(HandlerConformance):
    handler_class = AreaDetectorHDF5

    def make_case(self, folder):
        path = write(folder / "scan.h5", chunks=(4, 3, 5))
        return HandlerCase(
            path=path,
            datums=[{"point_number": number} for number in range(12)],
            expected=FRAMES[:, np.newaxis],
            beyond={"point_number": 12},
        )


class TestThreeFramesPerPointContiguousBigEndian(HandlerConformance):
    handler_class = AreaDetectorHDF5

    def make_case(self, folder):
        frames = FRAMES.astype(">i4")
        return case_of(write(folder / "scan.h5", frames), frames, frame_per_point=3)


class TestSWMR(HandlerConformance):
    handler_class = AreaDetectorHDF5SWMR

    def make_case(self, folder):
        path = write(folder / "scan.h5", maxshape=(None, 6, 5), chunks=(1, 6, 5), compression="gzip")
        return case_of(path, FRAMES, frame_per_point=2)


class TestTimepix(HandlerConformance):
    handler_class = TimepixHDF5

    def make_case(self, folder):
        return case_of(write(folder / "scan.h5", name=DETECTOR), FRAMES, frame_per_point=4)


@pytest.mark.parametrize(
    ("chunks", "frame_per_point", "expected"),
    [
        ((10, 6, 5), 1, (10, 1, 6, 5)),
        ((1, 3, 5), 1, (1, 1, 3, 5)),
        ((1, 6, 5), 4, (1, 1, 6, 5)),
        ((6, 6, 5), 2, (3, 2, 6, 5)),
        (None, 2, None),
    ],
)
def test_chunks_are_counted_in_datums_and_axes(tmp_path, chunks, frame_per_point, expected):
    path = write(tmp_path / "scan.h5", chunks=chunks)

    structure = AreaDetectorHDF5(str(path), frame_per_point=frame_per_point).structure(point_number=0)

    assert structure == ((frame_per_point, 6, 5), np.dtype("uint16"), expected)


def test_a_short_last_point_is_an_error_that_says_what_was_asked_and_found(tmp_path):
    path = write(tmp_path / "scan.h5", FRAMES[:11])
    handler = AreaDetectorHDF5(str(path), frame_per_point=2)

    with pytest.raises(OSError, match=r"rows 10 to 12 of /entry/data/data were requested, but it has 11"):
        handler(point_number=5)


def test_nothing_is_converted_on_the_way_into_the_buffer(tmp_path):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5")))
    out = np.empty((1, 1, 6, 5), "float64")

    with pytest.raises(ValueError, match="holds uint16, but float64 was requested"):
        handler.read_into(out, [{"point_number": 0}], (slice(0, 1), slice(0, 6), slice(0, 5)))


def test_consecutive_points_are_one_hyperslab(tmp_path, asked):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5", compression="lzf")), frame_per_point=2)
    out = np.empty((6, 2, 6, 5), "uint16")

    handler.read_into(out, [{"point_number": n} for n in range(6)], (slice(0, 2), slice(0, 6), slice(0, 5)))

    assert len(asked) == 1
    np.testing.assert_array_equal(out.reshape(FRAMES.shape), FRAMES)


def test_whole_numbers_kept_as_floats_are_numbers_and_others_are_not(tmp_path):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5")), frame_per_point=1.0)

    np.testing.assert_array_equal(handler(point_number=3.0)[0], FRAMES[3])
    for wrong in (-1, 1.5, "1", None, float("nan")):
        with pytest.raises(ValueError, match="point_number must be a whole number from 0 on"):
            handler(point_number=wrong)
    with pytest.raises(ValueError, match="frame_per_point must be a whole number from 1 on"):
        AreaDetectorHDF5("scan.h5", frame_per_point=0)


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"compression": "lzf"}, {"shuffle": True}])
def test_filters_of_hdf5_itself_are_read(tmp_path, options):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5", chunks=(2, 6, 5), **options)))

    np.testing.assert_array_equal(handler(point_number=7)[0], FRAMES[7])


@pytest.mark.parametrize("name", ["Bitshuffle", "LZ4", "Blosc", "Zstd"])
def test_filters_that_detectors_use_are_read(tmp_path, name):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5", chunks=(2, 6, 5), **getattr(hdf5plugin, name)())))

    np.testing.assert_array_equal(handler(point_number=7)[0], FRAMES[7])


def empty(path):
    path.write_bytes(b"")


def random_bytes(path):
    path.write_bytes(bytes(range(256)) * 4)


def truncated(path):
    write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def without_the_dataset(path):
    write(path, name="/entry/instrument/data")


def with_a_group_in_its_place(path):
    write(path, name="/entry/data/data/deeper")


def with_a_broken_link(path):
    with h5py.File(path, "w") as file:
        file["/entry/data/data"] = h5py.ExternalLink("gone.h5", "/data")


def damaged(path):
    write(path, chunks=(12, 6, 5), compression="gzip")
    with h5py.File(path, "r") as file:
        chunk = file[NEXUS].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 4 : chunk.byte_offset + 30] = bytes(26)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (empty, "is empty"),
        (random_bytes, "not an HDF5 file"),
        (truncated, "truncated"),
        (without_the_dataset, "no dataset /entry/data/data: /entry holds instrument"),
        (with_a_group_in_its_place, "not a dataset; it holds deeper"),
        (with_a_broken_link, "links to the file gone.h5"),
        (damaged, r"the chunk of /entry/data/data that begins at \(0, 0, 0\) is damaged"),
    ],
)
def test_a_bad_file_is_an_os_error_with_path_and_reason(tmp_path, spoil, reason):
    path = tmp_path / "scan.h5"
    spoil(path)

    with pytest.raises(OSError, match=reason) as caught:
        AreaDetectorHDF5(str(path))(point_number=0)

    assert str(path) in str(caught.value)


def test_a_file_without_its_last_byte_is_an_error_at_once_where_a_writer_would_be_followed(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(NEXUS, data=np.ones((3, 6, 5)), chunks=(1, 6, 5), maxshape=(None, 6, 5))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match="its last 1 bytes are missing"):
        HDF5Rows(str(path), NEXUS, swmr=True).describe(0, 1)


def test_a_damaged_file_is_an_error_at_once_where_a_writer_would_be_followed(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(NEXUS, data=np.ones((3, 6, 5)), chunks=(1, 6, 5), maxshape=(None, 6, 5))
    content = bytearray(path.read_bytes())
    header_of_dataset = content.rfind(b"OHDR")
    content[header_of_dataset + 10 : header_of_dataset + 14] = b"\xff\xfe\xfd\xfc"
    path.write_bytes(content)
    with pytest.raises(OSError, match="data in /entry/data is damaged"):
        HDF5Rows(str(path), NEXUS, swmr=True).describe(0, 1)


WRITER = """
import sys, h5py, numpy as np
path, mode = sys.argv[1:]
file = h5py.File(path, "w", libver="latest" if mode != "old" else None)
data = file.create_dataset("/entry/data/data", (0, 6, 5), "u2", maxshape=(None, 6, 5), chunks=(1, 6, 5))
file["/entry/data/same"] = data
file.flush()
if mode == "swmr":
    file.swmr_mode = True
print("open", flush=True)
for line in sys.stdin:
    words = line.split()
    data.resize(int(words[1]), axis=0)
    if words[0] == "write":
        data[-1] = len(data)
    data.flush()
    print("done", flush=True)
"""


class Writer:
    """Another process that has a file open for writing."""

    def __init__(self, path, mode):
        command = [sys.executable, "-c", WRITER, str(path), mode]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "open\n"

    def __call__(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture
def writer(tmp_path):
    started = []

    def start(mode):
        started.append(Writer(tmp_path / "scan.h5", mode))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.mark.parametrize("mode", ["old", "latest", "swmr"])
def test_a_plain_file_that_another_process_writes_is_refused_as_such(tmp_path, writer, mode):
    writer(mode)("write 1")

    with pytest.raises(OSError, match="open for writing by another process"):
        AreaDetectorHDF5(str(tmp_path / "scan.h5"))(point_number=0)


def test_swmr_without_a_swmr_writer_is_refused_as_such(tmp_path, writer):
    writer("latest")("write 1")

    with pytest.raises(OSError, match="open for writing by another process"):
        AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"))(point_number=0)


def test_a_growing_swmr_file_is_read_up_to_its_whole_frames(tmp_path, writer):
    write_line = writer("swmr")
    write_line("write 1")
    handler = AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"))

    assert (handler(point_number=0) == 1).all()
    with pytest.raises(OSError, match="it has 1"):
        handler.structure(point_number=1)
    write_line("write 2")
    assert (handler(point_number=1) == 2).all()


def test_room_made_for_a_frame_that_is_not_written_yet_is_not_a_frame(tmp_path, writer):
    write_line = writer("swmr")
    write_line("write 1")
    write_line("resize 4")
    handler = AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"))

    assert (handler(point_number=0) == 1).all()
    with pytest.raises(OSError, match="it has 1"):
        handler(point_number=1)


def test_a_half_written_point_is_not_there(tmp_path, writer):
    write_line = writer("swmr")
    for n_frames in (1, 2, 3):
        write_line(f"write {n_frames}")
    handler = AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"), frame_per_point=2)

    assert handler.structure(point_number=0).shape == (2, 6, 5)
    with pytest.raises(OSError, match="rows 2 to 4"):
        handler.structure(point_number=1)


@pytest.mark.parametrize("handler_class", [AreaDetectorHDF5, AreaDetectorHDF5SWMR])
@pytest.mark.parametrize("options", [{"mode": "a"}, {"mode": "r"}, {"mode": "r", "swmr": True}])
def test_a_file_that_this_process_has_open_in_another_way_is_read(tmp_path, handler_class, options):
    path = write(tmp_path / "scan.h5")

    with h5py.File(path, **options):
        np.testing.assert_array_equal(handler_class(str(path))(point_number=3)[0], FRAMES[3])


def test_a_handler_that_was_closed_reads_again(tmp_path):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5")))
    handler(point_number=0)
    handler.close()
    handler.close()

    np.testing.assert_array_equal(handler(point_number=3)[0], FRAMES[3])


def test_a_growing_file_read_by_two_handlers_under_two_names_is_read_right(tmp_path, writer):
    write_line = writer("swmr")
    handlers = [AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5")), AreaDetectorHDF5SWMR(str(tmp_path / "scan.h5"))]
    rows = HDF5Rows(str(tmp_path / "scan.h5"), "/entry/data/same", swmr=True)

    for number in range(6):
        write_line(f"write {number + 1}")
        assert [int(handler(point_number=number).max()) for handler in handlers] == [number + 1] * 2
        assert rows.n_rows() == number + 1


def test_a_forked_process_reads_with_the_handlers_it_inherits(tmp_path):
    handler = AreaDetectorHDF5(str(write(tmp_path / "scan.h5")))
    handler(point_number=0)

    child = os.fork()
    if child == 0:
        os._exit(0 if (handler(point_number=5)[0] == FRAMES[5]).all() else 1)

    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(handler(point_number=5)[0], FRAMES[5])


def test_reading_needs_no_lock_and_leaves_the_environment_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "TRUE")
    path = write(tmp_path / "scan.h5")
    handler = AreaDetectorHDF5(str(path))
    handler(point_number=0)

    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    assert Path("/proc/locks").read_text().count(str(path.stat().st_ino)) == 0


def test_links_sources_and_raw_data_are_told_before_anything_is_read(tmp_path):
    write(tmp_path / "data.h5", name="/raw")
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        layout = h5py.VirtualLayout(FRAMES.shape, "uint16")
        layout[:] = h5py.VirtualSource("data.h5", "/raw", FRAMES.shape)
        file.create_virtual_dataset("/all", layout)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/entry/other"] = h5py.ExternalLink("linked.h5", "/all")
        file["/entry/data/data"] = h5py.SoftLink("/entry/other")
    handler = AreaDetectorHDF5(str(tmp_path / "scan.h5"))

    assert handler.linked_files() == [str(tmp_path / "linked.h5"), str(tmp_path / "data.h5")]
    np.testing.assert_array_equal(handler(point_number=4)[0], FRAMES[4])


def test_raw_data_kept_outside_is_a_linked_file(tmp_path):
    (tmp_path / "raw.bin").write_bytes(FRAMES.tobytes())
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        raw = [(str(tmp_path / "raw.bin"), 0, FRAMES.nbytes)]
        file.create_dataset(NEXUS, FRAMES.shape, "uint16", external=raw)

    assert AreaDetectorHDF5(str(tmp_path / "scan.h5")).linked_files() == [str(tmp_path / "raw.bin")]


def test_links_that_lead_nowhere_or_in_circles_are_told_and_end(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/entry/data/data"] = h5py.ExternalLink("/gone/away.h5", "/x")
        file["/round"] = h5py.SoftLink("/about")
        file["/about"] = h5py.SoftLink("/round")
    from databroker_mongo_handlers.hdf5.links import look_behind

    assert AreaDetectorHDF5(str(tmp_path / "scan.h5")).linked_files() == [str(tmp_path / "away.h5")]
    with h5py.File(tmp_path / "scan.h5") as file:
        assert look_behind(file, "/round").files == []


def test_strings_of_variable_length_and_booleans_are_values_of_their_own(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file.create_dataset(NEXUS, data=["a", "é", ""], dtype=h5py.string_dtype())
        file[DETECTOR] = np.array([[True], [False]])
    texts, flags = AreaDetectorHDF5(str(tmp_path / "scan.h5")), TimepixHDF5(str(tmp_path / "scan.h5"))

    assert [texts(point_number=n)[0] for n in range(3)] == ["a", "é", ""]
    assert flags(point_number=0).dtype == bool
    assert flags(point_number=0).item() is True
