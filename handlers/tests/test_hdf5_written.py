"""Rows that HDF5 makes up are no data: what was never written is refused, as far as a file tells."""

import h5py
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5.rows import HDF5Rows
from databroker_mongo_handlers.hdf5.written import spans, written_rows
from databroker_mongo_handlers.rows.rows import Block, EndsEarly

FRAMES = np.arange(1, 4 * 5 * 7 + 1, dtype="u2").reshape(4, 5, 7)
LAYOUTS = {
    "a chunk a row": {"chunks": (1, 5, 7)},
    "chunks of parts of rows": {"chunks": (1, 2, 3)},
    "compressed": {"chunks": (1, 5, 7), "compression": "gzip"},
    "growing": {"chunks": (1, 5, 7), "maxshape": (None, 5, 7)},
    "a fill value": {"chunks": (1, 5, 7), "fillvalue": 9},
}


def made(path, written, dtype="u2", shape=FRAMES.shape, **layout):
    with h5py.File(path, "w", libver="latest") as file:
        dataset = file.create_dataset("/data", shape, dtype, **layout)
        for row in written:
            dataset[row] = FRAMES[row]
    return str(path)


def read(rows, block):
    inner = (slice(1, 4), slice(0, 2))
    out = np.empty((block.count, block.size, 3, 2), "u2")
    rows.read(out, block, inner)
    return out.reshape(-1, 3, 2)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_rows_that_were_never_written_are_refused_and_the_others_read(tmp_path, layout):
    rows = HDF5Rows(made(tmp_path / "a.h5", [0, 2], **layout), "/data")
    for first, count in [(1, 1), (0, 2), (3, 1), (0, 4)]:
        with pytest.raises(EndsEarly, match=r"rows (1|3|1, 3) of /data were never written"):
            read(rows, Block(first, count, count, 1))
        with pytest.raises(EndsEarly, match="never written"):
            rows.describe(first, count)
    np.testing.assert_array_equal(read(rows, Block(0, 1, 2, 2)), FRAMES[::2, 1:4, :2])
    assert rows.describe(2, 1).shape == (5, 7)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("fill", [FRAMES, np.zeros_like(FRAMES)], ids=["numbers", "zeros"])
def test_what_was_written_is_read_also_if_it_is_zero(tmp_path, layout, fill):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("/data", data=fill, **layout)
        assert written_rows(file["/data"]) is None
    np.testing.assert_array_equal(read(HDF5Rows(str(tmp_path / "a.h5"), "/data"), Block(0, 4, 4, 1)), fill[:, 1:4, :2])


def test_a_row_is_there_only_with_all_of_its_chunks(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("/data", (5, 4), "u2", chunks=(2, 2))
        dataset[:4, :2], dataset[0, 2:] = 1, 1
        assert written_rows(dataset).tolist() == [True, True, False, False, False]
        assert written_rows(dataset, axes_of_rows=2).reshape(5, 4)[:, 2].tolist() == [True, True, False, False, False]
        assert written_rows(dataset, axes_of_rows=0).tolist() == [False]


def test_without_chunks_all_rows_are_there_or_none(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        assert not written_rows(file.create_dataset("none", (4, 2), "u2")).any()
        file.create_dataset("some", (4, 2), "u2")[0] = 1
        assert written_rows(file["some"]) is None
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((4, 2))
        h5py.h5d.create(file.id, b"compact", h5py.h5t.NATIVE_UINT16, space, properties)
        assert written_rows(file["compact"]) is None


def test_the_fill_value_nan_says_itself_that_a_value_is_missing(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("/data", (4, 2), "f4", chunks=(1, 2), fillvalue=np.nan)
        assert written_rows(dataset) is None
        assert not written_rows(file.create_dataset("zero", (4, 2), "f4", chunks=(1, 2))).any()


def test_rows_are_named_by_their_spans():
    assert spans(np.array([1, 2, 3, 7])) == "1 to 3, 7"
    assert spans(np.arange(0, 20, 2)) == "0, 2, 4, 6, 8, ..."


def test_a_row_that_a_swmr_writer_adds_in_the_middle_is_read(tmp_path):
    path = made(tmp_path / "a.h5", [0, 3], maxshape=(None, 5, 7), chunks=(1, 5, 7))
    with h5py.File(path, "a", libver="latest", locking=False) as file:
        file.swmr_mode = True
        rows = HDF5Rows(path, "/data", swmr=True)
        with pytest.raises(EndsEarly, match="rows 1 to 2 of /data"):
            read(rows, Block(1, 2, 2, 1))
        file["/data"][1:3] = FRAMES[1:3]
        file["/data"].flush()
        np.testing.assert_array_equal(read(rows, Block(0, 4, 4, 1)), FRAMES[:, 1:4, :2])


@pytest.mark.parametrize("name", ["a.h5", "."])
def test_what_a_source_of_a_virtual_dataset_never_got_is_refused(tmp_path, name):
    path = made(tmp_path / "a.h5", [0, 1, 3], chunks=(1, 5, 7))
    layout = h5py.VirtualLayout((4, 5, 7), "u2")
    layout[...] = h5py.VirtualSource(name, "/data", FRAMES.shape)
    target = path if name == "." else str(tmp_path / "v.h5")
    with h5py.File(target, "a", libver="latest") as file:
        file.create_virtual_dataset("/all", layout)
    rows = HDF5Rows(target, "/all")
    np.testing.assert_array_equal(read(rows, Block(0, 2, 2, 1)), FRAMES[:2, 1:4, :2])
    with pytest.raises(EndsEarly, match="it has 2"):
        read(rows, Block(0, 4, 4, 1))
