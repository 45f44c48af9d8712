"""Compressed HDF5 rows, decoded outside HDF5: whatever the shape, chunks, filter, dtype and window, what h5py gives."""

import math
import os
import threading
import zlib
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from databroker_mongo_handlers.hdf5 import chunks
from databroker_mongo_handlers.hdf5 import rows as hdf5_rows
from databroker_mongo_handlers.hdf5.chunks import DamagedChunk
from databroker_mongo_handlers.hdf5.rows import HDF5Rows
from databroker_mongo_handlers.rows import Block
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from .rows_in_hdf5 import read, write
from .travelling import send

GZIP = {"compression": "gzip", "compression_opts": 1}
FILTERS = {
    "gzip": GZIP,
    "gzip, shuffled": {**GZIP, "shuffle": True},
    "zstd": dict(hdf5plugin.Zstd()),
    "zstd, shuffled": {"shuffle": True, **hdf5plugin.Zstd()},
    "LZ4": dict(hdf5plugin.LZ4()),
    "LZ4, shuffled": {"shuffle": True, **hdf5plugin.LZ4()},
    "bitshuffle": dict(hdf5plugin.Bitshuffle(cname="none")),
    "bitshuffle/LZ4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
    "bitshuffle/zstd": dict(hdf5plugin.Bitshuffle(cname="zstd")),
    "blosc": dict(hdf5plugin.Blosc(cname="zstd")),
}
LEFT_TO_HDF5 = {
    "fletcher32": {**GZIP, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "scaleoffset": {"scaleoffset": 0},
    "blosc2": dict(hdf5plugin.Blosc2()),
    "szip": {"compression": "szip"} if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP) else {"shuffle": True},
}
SZIP_PIXELS = 8  # that a chunk must have at least
OWN_FILES = Path("/proc/self/fd")
pytestmark = pytest.mark.usefixtures("settled")
DTYPES = ["<u2", ">u2", "<i4", "<f4", ">f8", "u1", "<u8"]


def numbers(shape, dtype="<u2"):
    """Return what compresses, but not to nothing."""
    rng = np.random.default_rng(7)
    return (rng.poisson(3, shape) + np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1))).astype(dtype)


def read_all(path, data):
    return read(HDF5Rows(path, "/data"), Block(0, len(data), len(data), 1), [slice(0, n) for n in data.shape[1:]])[0]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_hdf5_decodes_nothing(tmp_path, asked, name, dtype):
    data = numbers((7, 30, 21), dtype)
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **FILTERS[name])
    np.testing.assert_array_equal(read_all(path, data), data)
    window = read(HDF5Rows(path, "/data"), Block(1, 1, 1, 6), (slice(4, 6), slice(20, 21)))
    np.testing.assert_array_equal(window[:, 0], data[1:, 4:6, 20:21])
    assert not asked


@pytest.mark.parametrize("name", ["bitshuffle/LZ4", "bitshuffle/zstd"])
@pytest.mark.parametrize("has_large_blocks_first", [False, True])
def test_of_a_chunk_no_more_is_read_than_holds_a_window(tmp_path, monkeypatch, name, has_large_blocks_first):
    frames = np.random.default_rng(7).integers(0, 2**16, (20, 256, 256), dtype="<u2")
    if has_large_blocks_first:
        frames[:, 40:] = 0  # so that the window is behind most of the bytes
    path = write(tmp_path / "a.h5", frames, chunks=(1, 256, 256), **FILTERS[name])
    sizes = []
    read_bytes = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *asked: sizes.append(len(asked[1][0])) or read_bytes(*asked))
    monkeypatch.setenv("DATABROKER_MONGO_DECODER_THREADS", "1")

    window = read(HDF5Rows(path, "/data"), Block(0, 1, 1, 20), (slice(30, 40), slice(3, 13)))

    np.testing.assert_array_equal(window[:, 0], frames[:, 30:40, 3:13])
    n_stored = Path(path).stat().st_size
    if has_large_blocks_first:
        assert len(sizes) == 21, "one was tried in vain"
    else:
        assert len(sizes) == 20
        assert sum(sizes) < 0.3 * n_stored


@pytest.mark.parametrize("name", LEFT_TO_HDF5)
def test_other_filters_are_left_to_hdf5(tmp_path, asked, name):
    data = numbers((7, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **LEFT_TO_HDF5[name])
    np.testing.assert_array_equal(read_all(path, data), data)
    assert asked


def test_hdf5_decodes_where_the_environment_says_so(tmp_path, asked, monkeypatch):
    monkeypatch.setenv("DATABROKER_MONGO_DECODER", "hdf5")
    data = numbers((7, 30, 21))
    np.testing.assert_array_equal(read_all(write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **GZIP), data), data)
    assert asked


@settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_window_of_any_dataset_is_what_h5py_gives(tmp_path_factory, data, monkeypatch):
    draw = data.draw
    inner_shape = draw(st.lists(st.integers(1, 40), max_size=3).map(tuple), label="inner shape")
    n_rows = draw(st.integers(1, 20), label="rows")
    rows_per_chunk = draw(st.integers(1, n_rows), label="rows a chunk")
    cuts = draw(st.booleans(), label="chunks cut rows") if inner_shape else False
    chunk = (rows_per_chunk, *(max(1, n // 2) if cuts else n for n in inner_shape))
    name = draw(st.sampled_from([*FILTERS, *LEFT_TO_HDF5, "none"]), label="filter")
    assume(name != "szip" or math.prod(chunk) >= SZIP_PIXELS)
    options = {**FILTERS, **LEFT_TO_HDF5, "none": {}}[name]
    kinds = ["<u2", ">u4"] if "scaleoffset" in options else DTYPES
    array = numbers((n_rows, *inner_shape), draw(st.sampled_from(kinds), label="dtype"))
    monkeypatch.setenv("DATABROKER_MONGO_DECODER_THREADS", str(draw(st.integers(1, 3), label="threads")))
    path = write(tmp_path_factory.mktemp("any") / "a.h5", array, chunks=chunk, **options)

    rows = HDF5Rows(path, "/data")
    for _ in range(draw(st.integers(1, 3), label="reads")):
        size = draw(st.integers(1, n_rows), label="size")
        step = draw(st.integers(1, n_rows), label="step")
        count = draw(st.integers(1, 1 + (n_rows - size) // step), label="count")
        first = draw(st.integers(0, n_rows - size - (count - 1) * step), label="first")
        inner = tuple(
            slice(start, draw(st.integers(start + 1, n), label="stop"))
            for n in inner_shape
            for start in [draw(st.integers(0, n - 1), label="start")]
        )
        block = Block(first, size, max(step, size), count if step >= size else 1)
        found = read(rows, block, inner, order=draw(st.sampled_from("CF"), label="order"))
        with h5py.File(path) as file:
            expected = file["/data"][()][block.numbers][(..., *inner)]
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == array.dtype


@pytest.mark.parametrize("name", ["gzip", "bitshuffle/LZ4"])
def test_rows_of_a_file_that_changed_just_now_are_decoded_without_hdf5_as_well(tmp_path, asked, monkeypatch, name):
    monkeypatch.undo()
    data = numbers((10, 300, 210))
    path = write(tmp_path / "a.h5", data, chunks=(4, 300, 210), **FILTERS[name])
    places = []
    monkeypatch.setattr(chunks, "ChunkPlaces", lambda *args, **how: places.append(1))
    reads = []
    monkeypatch.setattr(hdf5_rows, "_select_and_read", lambda *args: reads.append(1))

    np.testing.assert_array_equal(read_all(path, data), data)
    assert places == reads == []


@pytest.mark.parametrize("is_settled", [True, False])
def test_chunks_of_which_a_filter_was_left_out_are_left_to_hdf5(tmp_path, asked, monkeypatch, is_settled):
    data = numbers((6, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **GZIP)
    with h5py.File(path, "r+") as file:
        file["/data"].id.write_direct_chunk((3, 0, 0), data[3].tobytes(), filter_mask=1)
    if not is_settled:
        monkeypatch.setattr(chunks.RowChunks, "locate", lambda *args, **how: None)
    np.testing.assert_array_equal(read_all(path, data), data)
    assert asked
    asked.clear()
    others = read(HDF5Rows(path, "/data"), Block(4, 2, 2, 1), (slice(0, 30), slice(0, 21)))[0]
    np.testing.assert_array_equal(others, data[4:])
    assert not asked


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_chunk_that_ends_beyond_the_dataset_and_may_be_stored_without_filters_is_left_to_hdf5(
    tmp_path, asked, monkeypatch, is_settled
):
    data = numbers((6, 30, 21))
    whole = np.zeros((4, 30, 21), data.dtype)
    whole[:2] = data[4:]
    path = write(tmp_path / "a.h5", data, chunks=(4, 30, 21), **GZIP)
    if not is_settled:
        monkeypatch.setattr(chunks.RowChunks, "locate", lambda *args, **how: None)
    rows = HDF5Rows(path, "/data")
    inner = (slice(0, 30), slice(0, 21))
    np.testing.assert_array_equal(read(rows, Block(3, 3, 3, 1), inner)[0], data[3:])
    assert not asked  # it is compressed: by its length it can be nothing else

    # A chunk that has by chance the length of one that is not compressed.
    padded = zlib.compress(whole.tobytes())
    padded += bytes(whole.nbytes - len(padded))
    with h5py.File(path, "r+") as file:
        file["/data"].id.write_direct_chunk((4, 0, 0), padded)
    np.testing.assert_array_equal(read(rows, Block(3, 3, 3, 1), inner)[0], data[3:])
    assert asked


def test_rows_that_were_never_written_are_nan_where_the_file_says_so(tmp_path, asked):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("/data", (6, 30), "<f4", chunks=(1, 30), fillvalue=np.nan, **GZIP)
        assert np.isnan(data[2]).all()
    rows = HDF5Rows(str(tmp_path / "a.h5"), "/data")
    assert np.isnan(read(rows, Block(0, 6, 6, 1), (slice(0, 30),))).all()
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["/data"][:3] = 5
    assert np.isnan(read(rows, Block(0, 6, 6, 1), (slice(0, 30),))).any(axis=2).tolist() == [[False] * 3 + [True] * 3]
    asked.clear()
    assert (read(rows, Block(0, 3, 3, 1), (slice(0, 30),)) == 5).all()
    assert not asked


def spoiled(path, number, change):
    """Change the bytes of a chunk in the file, and return them."""
    with h5py.File(path) as file:
        place = file["/data"].id.get_chunk_info(number)
    with open(path, "r+b") as file:  # noqa: PTH123 a path of type str
        file.seek(place.byte_offset)
        chunk = bytearray(file.read(place.size))
        change(chunk)
        file.seek(place.byte_offset)
        file.write(chunk)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("place", [0, 3, 8, 13, 20, 60])
def test_a_damaged_chunk_is_what_h5py_gives_or_an_error_with_file_dataset_and_chunk(tmp_path, name, place):
    data = numbers((4, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(2, 30, 21), **FILTERS[name])

    def flip(chunk):
        chunk[place % len(chunk)] ^= 0x10

    spoiled(path, 1, flip)
    rows = HDF5Rows(path, "/data")
    inner = (slice(0, 30), slice(0, 21))
    np.testing.assert_array_equal(read(rows, Block(0, 2, 2, 1), inner)[0], data[:2])
    caught = None
    try:
        found = read(rows, Block(0, 4, 4, 1), inner)[0]
    except DamagedChunk as error:
        caught = error
    if caught is None:
        with h5py.File(path) as file:
            np.testing.assert_array_equal(found, file["/data"][()])
        return
    assert (caught.path, caught.dataset, caught.chunk) == (path, "/data", (2, 0, 0))
    assert str(caught).startswith(f"{path}: the chunk of /data that begins at (2, 0, 0) is damaged: ")
    copy = send(caught)
    assert (str(copy), copy.chunk) == (str(caught), caught.chunk)


def test_a_chunk_that_should_lie_beyond_the_end_of_the_file_is_an_error(tmp_path, monkeypatch):
    data = numbers((4, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **GZIP)
    places = chunks.ChunkPlaces

    def damaged(*args, **how):
        found = places(*args, **how)
        found.n_bytes[2] = 2**31
        return found

    monkeypatch.setattr(chunks, "ChunkPlaces", damaged)
    with pytest.raises(OSError, match=r"rows 0 to 4 of /data cannot be read: the file ends .* bytes early"):
        read_all(path, data)


def test_what_is_changed_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    data = numbers((4, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **GZIP)
    rows = HDF5Rows(path, "/data")
    inner = (slice(0, 30), slice(0, 21))
    read(rows, Block(0, 4, 4, 1), inner)
    fill, n_filled = chunks.fill, []

    def meddle(*args):
        n_filled.append(fill(*args))
        if len(n_filled) == 2:
            with h5py.File(path, "r+") as file:
                file["/data"][...] = data + 1

    monkeypatch.setattr(chunks, "fill", meddle)
    np.testing.assert_array_equal(read(rows, Block(0, 4, 4, 1), inner)[0], data + 1)
    assert len(n_filled) >= 4


def test_only_blocks_that_a_window_needs_are_decoded(tmp_path, monkeypatch):
    data = numbers((10, 512, 512))
    path = write(tmp_path / "a.h5", data, chunks=(1, 512, 512), **FILTERS["bitshuffle/LZ4"])
    rows = HDF5Rows(path, "/data")
    rows.describe(0, 1)
    decoder = type(rows._known.past._decoded._decoder)
    decoded = []
    original = decoder.decode_span

    def noting(self, chunk, first, out):
        decoded.append(out.size)
        original(self, chunk, first, out)

    monkeypatch.setattr(decoder, "decode_span", noting)
    found = read(rows, Block(0, 1, 1, 10), (slice(100, 110), slice(200, 210)))
    np.testing.assert_array_equal(found[:, 0], data[:, 100:110, 200:210])
    assert decoded == [9 * 1024 + 20] * 10


def test_as_many_threads_decode_as_are_allowed(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABROKER_MONGO_DECODER_THREADS", "3")
    data = numbers((30, 300, 300))
    path = write(tmp_path / "a.h5", data, chunks=(1, 300, 300), **GZIP)
    fill, together, threads = chunks.fill, threading.Barrier(3, timeout=30), set()

    def noting(*args):
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            together.wait()
        fill(*args)

    monkeypatch.setattr(chunks, "fill", noting)
    np.testing.assert_array_equal(read_all(path, data), data)
    assert len(threads) == 3


@pytest.mark.skipif(not OWN_FILES.is_dir(), reason="this system does not list open files")
def test_no_descriptor_is_left_behind(tmp_path):
    data = numbers((4, 30, 21))
    path = write(tmp_path / "a.h5", data, chunks=(1, 30, 21), **GZIP)
    spoiled(path, 2, lambda chunk: chunk.__setitem__(slice(4, 30), bytes(26)))
    n_before = len(list(OWN_FILES.iterdir()))
    rows = HDF5Rows(path, "/data")
    for _ in range(3):
        with pytest.raises(DamagedChunk):
            read(rows, Block(0, 4, 4, 1), (slice(0, 30), slice(0, 21)))
    assert len(list(OWN_FILES.iterdir())) == n_before
