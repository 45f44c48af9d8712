"""MIME type application/x-hdf5, on real files as ophyd-async's detectors and Odin write them."""

import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.stream import StreamedHDF5

from databroker_mongo.testing import HandlerCase, HandlerConformance

ROWS = np.arange(7 * 4 * 5, dtype="uint16").reshape(7, 4, 5)


def write(path, rows=ROWS, name="/data", **options):
    options = options or {"chunks": (1, *rows.shape[1:]), **hdf5plugin.Bitshuffle()}
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]), **options)
    return path


def indices(n_rows):
    return [{"index": number} for number in range(n_rows)]


class TestOneFile(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        return HandlerCase(
            path=write(folder / "scan.h5"),
            resource_kwargs={
                "dataset": "/data",
                "chunk_shape": [1, 4, 5],
                "swmr": True,
                "locking": None,
                "multiplier": 1,
            },
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


class TestScalars(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        sums = np.arange(2000.0)
        return HandlerCase(
            path=write(folder / "scan.h5", sums, chunks=(1024,)),
            resource_kwargs={"path": "data"},
            datums=indices(20),
            expected=sums[:20],
            beyond={"index": 2000},
        )


class TestPartOfEachRow(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        cube = np.arange(6 * 1 * 4 * 9 * 3, dtype="int32").reshape(6, 1, 4, 9, 3)
        return HandlerCase(
            path=write(folder / "scan.h5", cube, chunks=(2, 1, 2, 3, 3)),
            resource_kwargs={"dataset": "/data", "slice": "(:, :, 1:, ::2, -1)", "squeeze": True},
            datums=indices(6),
            expected=cube[:, 0, 1:, ::2, -1],
            beyond={"index": 6},
        )


class TestOneRowAFile(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        for number, row in enumerate(ROWS):
            write(folder / f"img_{number:06d}.h5", row, chunks=(4, 5))
        return HandlerCase(
            path=folder,
            resource_kwargs={"dataset": "/data", "template": "/img_{:06d}.h5"},
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


class TestThreeRowsAFile(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        for number in range(3):
            write(folder / f"img_{number}.h5", ROWS[3 * number : 3 * number + 3])
        return HandlerCase(
            path=folder / "img",
            resource_kwargs={"dataset": "/data", "template": "_{}.h5", "chunk_shape": [3, 4, 5]},
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


class TestFilesThatRollOver(HandlerConformance):
    handler_class = StreamedHDF5

    def make_case(self, folder):
        for number, (start, stop) in enumerate(((0, 3), (3, 6), (6, 7)), start=1):
            write(folder / f"run.h5_{number:06d}.h5", ROWS[start:stop])
        return HandlerCase(
            path=folder / "run.h5",
            resource_kwargs={"dataset": "/data"},
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


class TestFilesThatRollOverNamedByTheFirst(TestFilesThatRollOver):
    def make_case(self, folder):
        case = super().make_case(folder)
        return HandlerCase(f"{case.path}_000001.h5", case.datums, case.expected, case.resource_kwargs, case.beyond)


def link_two_sources(folder, *, is_endless):
    """Write a virtual dataset that takes even rows from one file and odd rows from another."""
    endless = h5py.h5s.UNLIMITED
    with h5py.File(folder / "run_vds.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout((8, 4, 5), "uint16", maxshape=(None if is_endless else 8, 4, 5))
        for number in range(2):
            source = h5py.VirtualSource(f"part{number}.h5", "/data", (4, 4, 5), maxshape=(None, 4, 5))
            stop = endless if is_endless else 8
            layout[number:stop:2] = source[0 : endless if is_endless else 4]
        file.create_virtual_dataset("/data", layout, fillvalue=0)
    return folder / "run_vds.h5"


@pytest.mark.parametrize("is_endless", [True, False])
class TestVirtualDataset(HandlerConformance):
    handler_class = StreamedHDF5

    @pytest.fixture
    def case(self, tmp_path, is_endless):
        write(tmp_path / "part0.h5", ROWS[0::2])
        write(tmp_path / "part1.h5", ROWS[1::2])
        return HandlerCase(
            path=link_two_sources(tmp_path, is_endless=is_endless),
            resource_kwargs={"dataset": "/data"},
            datums=indices(7),
            expected=ROWS,
            beyond={"index": 7},
        )


def test_rows_of_a_missing_source_are_an_error_that_names_it_and_never_zeros(tmp_path):
    write(tmp_path / "part0.h5", ROWS[0::2])
    handler = StreamedHDF5(str(link_two_sources(tmp_path, is_endless=True)), dataset="/data")

    np.testing.assert_array_equal(handler(index=0), ROWS[0])
    with pytest.raises(OSError, match=r"it has 1; the next ones are in .*part1\.h5, which is missing"):
        handler(index=2)


def test_sources_whose_rows_are_too_small_are_an_error(tmp_path):
    write(tmp_path / "part0.h5", ROWS[0::2])
    write(tmp_path / "part1.h5", ROWS[1::2, :2])

    with pytest.raises(OSError, match="too small for their place"):
        StreamedHDF5(str(link_two_sources(tmp_path, is_endless=False)), dataset="/data")(index=1)


def test_a_frame_placed_as_one_row_counts_when_it_is_whole(tmp_path):
    for number in range(2):
        write(tmp_path / f"tile{number}.h5", ROWS[number], chunks=(4, 5))
    with h5py.File(tmp_path / "all.h5", "w") as file:
        layout = h5py.VirtualLayout((3, 4, 5), "uint16")
        for number in range(3):
            layout[number] = h5py.VirtualSource(f"tile{number}.h5", "/data", (4, 5))
        file.create_virtual_dataset("/data", layout)
    handler = StreamedHDF5(str(tmp_path / "all.h5"), dataset="/data")

    np.testing.assert_array_equal(handler(index=1), ROWS[1])
    with pytest.raises(OSError, match=r"it has 2; .*tile2\.h5, which is missing"):
        handler(index=2)
    assert handler.linked_files() == [str(tmp_path / f"tile{number}.h5") for number in range(3)]


WRITER = """
import sys, h5py
files = {}
for line in sys.stdin:
    path, n_rows = line.split()
    if n_rows == "close":
        files.pop(path).close()
    else:
        if path not in files:
            files[path] = h5py.File(path, "w", libver="latest")
            files[path].create_dataset("/data", (0, 4, 5), "u2", maxshape=(None, 4, 5), chunks=(1, 4, 5))
            files[path].swmr_mode = True
        data = files[path]["/data"]
        while len(data) < int(n_rows):
            data.resize(len(data) + 1, axis=0)
            data[-1] = len(data)
            data.flush()
    print("done", flush=True)
"""


@pytest.fixture
def writer():
    """Another process: given a path and a number of rows, it writes them; ``close`` closes the file."""
    process = subprocess.Popen([sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(path, n_rows):
        process.stdin.write(f"{path} {n_rows}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    yield tell
    process.stdin.close()
    process.wait(timeout=30)
    process.stdout.close()


def n_rows_of(handler):
    number = 0
    while True:
        try:
            handler.structure(index=number)
        except OSError:
            return number
        number += 1


@pytest.mark.parametrize("is_endless", [True, False])
def test_a_virtual_dataset_grows_with_its_sources_up_to_the_first_row_that_is_missing(tmp_path, writer, is_endless):
    writer(tmp_path / "part0.h5", 0)
    writer(tmp_path / "part1.h5", 0)
    handler = StreamedHDF5(str(link_two_sources(tmp_path, is_endless=is_endless)), dataset="/data")
    found = []

    for part0, part1 in ((0, 0), (1, 0), (2, 0), (2, 2), (4, 2), (4, 4)):
        writer(tmp_path / "part0.h5", part0)
        writer(tmp_path / "part1.h5", part1)
        found.append(n_rows_of(handler))

    assert found == [0, 1, 1, 4, 5, 8]
    assert [int(handler(index=number).max()) for number in range(8)] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_file_that_rolled_over_but_is_still_written_ends_the_family_for_now(tmp_path, writer):
    first, second = tmp_path / "run.h5_000001.h5", tmp_path / "run.h5_000002.h5"
    writer(first, 2)
    writer(second, 1)
    handler = StreamedHDF5(str(tmp_path / "run.h5"), dataset="/data")

    assert n_rows_of(handler) == 2
    writer(first, 3)
    writer(first, "close")
    assert n_rows_of(handler) == 4
    assert [int(handler(index=number).max()) for number in range(4)] == [1, 2, 3, 1]


def test_files_are_named_without_being_opened(tmp_path):
    write(tmp_path / "run.h5_000001.h5")
    (tmp_path / "run.h5_000002.h5").write_bytes(b"not opened")
    handler = StreamedHDF5(str(tmp_path / "run.h5"), dataset="/data")

    assert handler.get_file_list(indices(2)) == [str(tmp_path / f"run.h5_00000{number}.h5") for number in (1, 2)]


def test_files_that_differ_in_their_rows_are_never_put_together(tmp_path):
    write(tmp_path / "run.h5_000001.h5")
    write(tmp_path / "run.h5_000002.h5", ROWS.astype("float32"))
    handler = StreamedHDF5(str(tmp_path / "run.h5"), dataset="/data")
    out = np.empty((14, 4, 5), "uint16")

    with pytest.raises(ValueError, match="holds float32, but uint16 was requested"):
        handler.read_into(out, indices(14), (slice(0, 4), slice(0, 5)))


@pytest.mark.parametrize(
    ("parameters", "error", "reason"),
    [
        ({}, ValueError, "must name its dataset"),
        ({"dataset": "/data", "colour": "red"}, TypeError, "does not take colour"),
        ({"dataset": "/data", "slice": "0, :"}, ValueError, "must keep all rows"),
        ({"dataset": "/data", "slice": ":, ::-1"}, ValueError, "steps forward"),
        ({"dataset": "/data", "slice": ":, a"}, ValueError, "neither an index nor a slice"),
        ({"dataset": "/data", "template": "{:d}.h5", "squeeze": True}, ValueError, "together with a template"),
        ({"dataset": "/data", "template": "{run}.h5"}, ValueError, r"not \['run'\]"),
        ({"dataset": "/data", "template": "%s%s%s.h5"}, ValueError, "must take a file name and a number"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(tmp_path, parameters, error, reason):
    with pytest.raises(error, match=reason):
        StreamedHDF5(str(tmp_path / "scan.h5"), **parameters)


def test_a_slice_that_does_not_fit_the_data_says_so(tmp_path):
    path = str(write(tmp_path / "scan.h5"))

    with pytest.raises(ValueError, match="4 parts, but the data have 3 axes"):
        StreamedHDF5(path, dataset="/data", slice=[":", ":", ":", "0"])(index=0)
    with pytest.raises(ValueError, match="index 9 of an axis of length 4"):
        StreamedHDF5(path, dataset="/data", slice=[":", "9"])(index=0)
