"""HDF5 rows read past HDF5, on real files; what is not plain is left to it."""

import os
from collections import Counter

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5 import chunks, places, written
from databroker_mongo_handlers.hdf5 import rows as hdf5_rows
from databroker_mongo_handlers.hdf5.rows import HDF5Rows
from databroker_mongo_handlers.rows import Block, EndsEarly, keep_open
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rows_in_hdf5 import read, write

ROWS = np.arange(24 * 6 * 5, dtype="uint16").reshape(24, 6, 5)
PLAIN = [
    {"dtype": "uint16"},
    {"dtype": "uint16", "chunks": (1, 6, 5)},
    {"dtype": ">i4", "chunks": (5, 6, 5)},
    {"dtype": "float64", "chunks": (7, 6, 5), "maxshape": (None, 6, 5)},
]
ALL, WINDOW = Block(0, 1, 1, 24), (slice(1, 4), slice(2, 5))

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture
def past(monkeypatch):
    """Whether each attempt to read past HDF5 succeeded."""
    results = []
    original = chunks.RowChunks.read
    monkeypatch.setattr(chunks.RowChunks, "read", lambda *args: results.append(original(*args)) or results[-1])
    return results


@pytest.mark.parametrize("options", PLAIN)
def test_plain_rows_never_ask_hdf5_for_their_values(tmp_path, asked, options):
    rows = HDF5Rows(write(tmp_path / "scan.h5", ROWS, **options), "/data")

    np.testing.assert_array_equal(read(rows, ALL, WINDOW)[:, 0], ROWS[:, 1:4, 2:5])
    np.testing.assert_array_equal(read(rows, ALL, (slice(0, 6), slice(0, 5)))[:, 0], ROWS)
    assert not asked


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 1024, 1000)}, {"chunks": (4, 1024, 1000)}])
def test_many_megabytes_are_read_in_pieces_and_each_row_once(tmp_path, asked, options):
    data = np.arange(7 * 1024 * 1000, dtype="uint32").reshape(7, 1024, 1000)
    rows = HDF5Rows(write(tmp_path / "scan.h5", data, **options), "/data")

    found = read(rows, Block(0, 1, 1, 7), (slice(0, 1024), slice(0, 1000)))
    np.testing.assert_array_equal(found[:, 0], data)
    assert not asked


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(PLAIN), st.data())
def test_any_block_of_plain_rows_is_slicing(tmp_path_factory, options, data):
    size, gap, count = (
        data.draw(st.integers(1, most), label=name) for name, most in (("size", 4), ("gap", 3), ("n", 4))
    )
    step = size + gap - 1
    first = data.draw(st.integers(0, 24 - ((count - 1) * step + size)), label="first")
    inner = tuple(
        slice(start, data.draw(st.integers(start + 1, length), label="stop"))
        for length in ROWS.shape[1:]
        for start in [data.draw(st.integers(0, length - 1), label="start")]
    )
    rows = HDF5Rows(write(tmp_path_factory.mktemp("plain") / "scan.h5", ROWS, **options), "/data")
    block = Block(first, size, step, count)

    found = read(rows, block, inner)

    rows.close()
    chosen = np.add.outer(first + step * np.arange(count), np.arange(size))
    np.testing.assert_array_equal(found, ROWS.astype(options["dtype"])[chosen][(..., *inner)])


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (1, 6, 5), "compression": "lzf"},
        {"chunks": (1, 3, 5), "compression": "gzip"},
        {"chunks": (1, 6, 5), "shuffle": True},
        {"chunks": (1, 3, 5)},
        {"chunks": (2, 6, 5), "fletcher32": True},
    ],
)
def test_rows_that_are_filtered_unusually_or_in_pieces_are_left_to_hdf5(tmp_path, asked, options):
    rows = HDF5Rows(write(tmp_path / "scan.h5", ROWS, **options), "/data")

    np.testing.assert_array_equal(read(rows, ALL, WINDOW)[:, 0], ROWS[:, 1:4, 2:5])
    assert asked


def test_a_single_row_of_many_chunks_is_left_to_hdf5(tmp_path, asked):
    rows = HDF5Rows(write(tmp_path / "scan.h5", ROWS, chunks=(1, 6, 5)), "/data")

    np.testing.assert_array_equal(read(rows, Block(3, 1, 1, 1), WINDOW)[0, 0], ROWS[3, 1:4, 2:5])
    assert len(asked) == 1


def test_other_types_files_with_a_preamble_and_virtual_data_are_left_to_hdf5(tmp_path, asked):
    write(tmp_path / "source.h5", ROWS)
    with h5py.File(tmp_path / "scan.h5", "w", userblock_size=512) as file:
        file["/preamble"] = ROWS
        file["/flags"] = ROWS > 100
        layout = h5py.VirtualLayout(ROWS.shape, "uint16")
        layout[:] = h5py.VirtualSource("source.h5", "/data", ROWS.shape)
        file.create_virtual_dataset("/virtual", layout)

    for name, expected in (("/preamble", ROWS), ("/flags", ROWS > 100), ("/virtual", ROWS)):
        found = read(HDF5Rows(str(tmp_path / "scan.h5"), name), ALL, WINDOW)
        np.testing.assert_array_equal(found[:, 0], expected[:, 1:4, 2:5])
    assert len(asked) == 3


def test_rows_that_were_never_written_are_nan_where_the_file_says_so(tmp_path, asked):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        data = file.create_dataset("/data", ROWS.shape, "float64", chunks=(2, 6, 5), fillvalue=np.nan)
        data[:4] = ROWS[:4]
    rows = HDF5Rows(str(tmp_path / "scan.h5"), "/data")

    np.testing.assert_array_equal(read(rows, Block(0, 1, 1, 4), WINDOW)[:, 0], ROWS[:4, 1:4, 2:5])
    assert not asked
    assert np.isnan(read(rows, Block(4, 1, 1, 20), WINDOW)).all()
    assert asked


def test_what_this_process_is_writing_is_left_to_hdf5(tmp_path, asked):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/data"] = ROWS
        np.testing.assert_array_equal(
            read(HDF5Rows(str(tmp_path / "scan.h5"), "/data"), ALL, WINDOW)[:, 0], ROWS[:, 1:4, 2:5]
        )
    assert asked


def test_rows_of_a_linked_file_are_read_from_that_file(tmp_path, asked):
    write(tmp_path / "data.h5", ROWS)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["/link"] = h5py.ExternalLink("data.h5", "/data")
    rows = HDF5Rows(str(tmp_path / "scan.h5"), "/link")

    np.testing.assert_array_equal(read(rows, ALL, WINDOW)[:, 0], ROWS[:, 1:4, 2:5])
    assert not asked
    rows.close()
    with h5py.File(tmp_path / "data.h5", "a") as file:
        file["/more"] = 1


N_MANY = 6000


@pytest.fixture
def many(tmp_path):
    """A file of many small rows, each a chunk, all but number 4711."""
    with h5py.File(tmp_path / "many.h5", "w", libver="latest") as file:
        data = file.create_dataset("/data", (N_MANY, 2), "uint16", chunks=(1, 2))
        rows = np.arange(2 * N_MANY, dtype="uint16").reshape(-1, 2)
        data[:4711] = rows[:4711]
        data[4712:] = rows[4712:]
    return str(tmp_path / "many.h5")


@pytest.fixture
def counted(monkeypatch):
    """How often all chunks of a dataset were gone through, as lists of as many items."""
    found = {"located": [], "counted": []}
    place, count = chunks.ChunkPlaces, hdf5_rows.written_rows
    monkeypatch.setattr(chunks, "ChunkPlaces", lambda *a, **k: found["located"].append(1) or place(*a, **k))
    monkeypatch.setattr(hdf5_rows, "written_rows", lambda *a, **k: found["counted"].append(1) or count(*a, **k))
    return found


@pytest.fixture
def looks(monkeypatch):
    """How often a file was opened, with HDF5 and without, an object in it, a way followed, and one chunk looked for."""
    counts = Counter()
    asked = {
        "files": (h5py.h5f, "open"),
        "objects": (h5py.h5o, "open"),
        "ways": (hdf5_rows, "look_behind"),
        "chunks": (written, "_is_there"),
        "descriptors": (os, "open"),
    }

    def counting(name, original):
        return lambda *args, **how: counts.update([name]) or original(*args, **how)

    for name, (owner, function) in asked.items():
        monkeypatch.setattr(owner, function, counting(name, getattr(owner, function)))
    return counts


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_row_is_one_look_into_its_file_and_the_whole_another(tmp_path, looks, compression):
    data = np.arange(2 * N_MANY, dtype="uint16").reshape(-1, 2)
    path = write(tmp_path / "many.h5", data, chunks=(1, 2), compression=compression)
    rows = HDF5Rows(path, "/data")

    def looks_for(first, count):
        looks.clear()
        with keep_open():
            rows.linked_files()
            found = read(rows, Block(first, 1, 1, count), (slice(0, 2),))
        np.testing.assert_array_equal(found[:, 0], data[first : first + count])
        return dict(looks)

    once = {"files": 1, "objects": 1, "ways": 1}
    assert looks_for(3000, 1) == looks_for(4000, 1) == {**once, "chunks": 1}
    assert looks_for(0, N_MANY) == {**once, "chunks": 1, "descriptors": 1}
    assert looks_for(0, N_MANY) == looks_for(5000, 1) == {"descriptors": 1}


def test_the_first_rows_of_very_many_are_read_without_going_through_all(many, asked, counted):
    rows = HDF5Rows(many, "/data")
    for number in (3000, 0, N_MANY - 1):
        assert read(rows, Block(number, 1, 1, 1), (slice(0, 2),)).tolist() == [[[2 * number, 2 * number + 1]]]
    assert counted == {"located": [], "counted": []}
    assert len(asked) == 3

    with pytest.raises(EndsEarly, match="rows 4711 of /data were never written"):
        read(rows, Block(4711, 1, 1, 1), (slice(0, 2),))


def test_places_are_found_when_that_has_become_worth_it_and_hdf5_is_asked_no_more(many, asked, counted):
    rows = HDF5Rows(many, "/data")
    for number in range(100):
        assert read(rows, Block(number, 1, 1, 1), (slice(0, 2),))[0, 0, 0] == 2 * number
    assert counted == {"located": [1], "counted": []}
    assert 10 < len(asked) < 30


def test_all_of_very_many_are_read_by_going_through_them_once(many, asked, counted):
    rows = HDF5Rows(many, "/data")
    for _ in range(2):
        found = read(rows, Block(0, 1, 1, 4711), (slice(0, 2),))
        np.testing.assert_array_equal(found.reshape(-1), np.arange(2 * 4711))
    assert counted == {"located": [1], "counted": []}
    assert not asked
    with pytest.raises(EndsEarly, match="rows 4711 of /data were never written"):
        read(rows, Block(4000, 1, 1, 1000), (slice(0, 2),))


def test_places_are_kept_for_as_many_files_as_have_room(tmp_path, monkeypatch, counted):
    monkeypatch.setattr(places, "_MOST_BYTES", 12 * 24 * 2)
    files = [HDF5Rows(write(tmp_path / f"{number}.h5", ROWS, chunks=(1, 6, 5)), "/data") for number in range(3)]

    def read_some(*numbers):
        counted["located"].clear()
        for number in numbers:
            np.testing.assert_array_equal(read(files[number], ALL, WINDOW)[:, 0], ROWS[:, 1:4, 2:5])
        return len(counted["located"])

    assert read_some(0, 1, 1, 0) == 2
    assert read_some(2, 0) == 1  # 1 was not used for the longest time
    assert read_some(1) == 1


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 1, 6, 5)}])
def test_rows_of_a_grid_are_read_past_hdf5(tmp_path, past, options):
    rows = HDF5Rows(write(tmp_path / "grid.h5", ROWS.reshape(4, 6, 6, 5), **options), "/data", row_axes=2)
    found = read(rows, Block(5, 3, 7, 2), WINDOW)
    np.testing.assert_array_equal(found.reshape(-1, 3, 3), ROWS[[5, 6, 7, 12, 13, 14], 1:4, 2:5])
    assert past[-1] is True


@pytest.mark.parametrize("options", [{}, {"chunks": (24, 6, 5)}])
def test_a_dataset_that_is_one_row_is_read_past_hdf5(tmp_path, past, options):
    rows = HDF5Rows(write(tmp_path / "one.h5", ROWS, **options), "/data", row_axes=3)
    found = read(rows, Block(0, 1, 1, 1), (slice(2, 20), slice(1, 3), slice(0, 5)))
    np.testing.assert_array_equal(found[0, 0], ROWS[2:20, 1:3])
    assert past[-1] is True


def test_a_grid_in_chunks_of_several_rows_is_left_to_hdf5(tmp_path, past):
    path = write(tmp_path / "grid.h5", ROWS.reshape(4, 6, 6, 5), chunks=(1, 2, 6, 5))
    found = read(HDF5Rows(path, "/data", row_axes=2), Block(5, 3, 7, 2), WINDOW)
    np.testing.assert_array_equal(found.reshape(-1, 3, 3), ROWS[[5, 6, 7, 12, 13, 14], 1:4, 2:5])
    assert past == []
