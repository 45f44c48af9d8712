"""Decoders of chunks beside HDF5 itself, for any bytes and for damaged ones, and what is left to HDF5."""

import contextlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Lock, Thread

import hdf5plugin
import numpy as np
import pytest
from databroker_mongo_handlers.decoding import (
    DecodingError,
    decoder_of,
    libraries,
    n_threads,
    pipelines,
    shuffle,
    streams,
    threads,
)
from databroker_mongo_handlers.decoding.known_chunks import KNOWN_BYTES, KNOWN_CHUNKS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from .pipelines import PIPELINES, Chunks

DTYPES = ["u1", "<u2", ">u2", "<i4", "<f4", "<f8", "<c16", "S3", "S16"]
BLOCKS = st.sampled_from([8, 16, 64, 128, 1024])
COMPRESSIONS = st.one_of(
    st.sampled_from([PIPELINES[name] for name in ("gzip", "zstd", "lz4", "blosc", "blosc/lz4", "blosc/zlib")]),
    st.builds(lambda n: {**hdf5plugin.LZ4(nbytes=n)}, st.sampled_from([1, 7, 64, 1000])),
).flatmap(lambda options: st.sampled_from([options, {**options, "shuffle": True}]))
BITSHUFFLES = st.builds(
    lambda n, name: {**hdf5plugin.Bitshuffle(nelems=n, cname=name)},
    BLOCKS | st.just(0),
    st.sampled_from(["none", "lz4", "zstd"]),
)
ARRAYS = npst.arrays(st.sampled_from(DTYPES), npst.array_shapes(max_dims=3, max_side=40), elements=None, fill=None)


@pytest.fixture(autouse=True)
def usual_environment(monkeypatch):
    monkeypatch.delenv(threads.DECODER_VARIABLE, raising=False)
    monkeypatch.delenv(threads.THREADS_VARIABLE, raising=False)


@pytest.fixture
def nothing_opened():
    """Decoders are opened once a process; these are opened anew, and forgotten."""
    caches = pipelines._decompress_of, pipelines._decode_blocks_of, shuffle._by_blosc2
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def decoded(decoder, chunk, n_bytes):
    out = np.empty(n_bytes, np.uint8)
    decoder.decode(chunk, out)
    return out.tobytes()


def span(decoder, chunk, first, n_bytes):
    out = np.empty(n_bytes, np.uint8)
    decoder.decode_span(chunk, first, out)
    return out.tobytes()


@settings(deadline=None)  # the first of each codec opens its library
@given(ARRAYS, COMPRESSIONS | BITSHUFFLES, st.data())
def test_any_values_come_out_as_they_went_in_whole_and_in_part(values, options, data):
    with Chunks(values, options) as chunks:
        assume(chunks.filter_mask == 0)  # else a filter was left out, as it made nothing smaller
        decoder = decoder_of(chunks.filters, itemsize=chunks.itemsize, n_bytes=chunks.n_bytes)
        first = data.draw(st.integers(0, values.nbytes))
        n_bytes = data.draw(st.integers(0, values.nbytes - first))

        assert decoded(decoder, chunks.stored, values.nbytes) == values.tobytes()
        assert span(decoder, chunks.stored, first, n_bytes) == values.tobytes()[first : first + n_bytes]


@pytest.mark.parametrize("name", PIPELINES)
def test_a_frame_comes_out_of_every_pipeline_whatever_holds_its_chunk(name):
    frame = np.random.default_rng(3).poisson(2, (211, 307)).astype("uint32")
    with Chunks(frame, PIPELINES[name]) as chunks:
        decoder = decoder_of(chunks.filters, itemsize=4, n_bytes=frame.nbytes)
        stored = chunks.stored

    for chunk in (stored, bytearray(stored), memoryview(stored), np.frombuffer(stored, np.uint8)):
        assert decoded(decoder, chunk, frame.nbytes) == frame.tobytes()
    for first in range(0, frame.nbytes - 5000, 17001):
        assert span(decoder, stored, first, 5000) == frame.tobytes()[first : first + 5000]


def test_spans_of_bitshuffled_chunks_alone_cost_less_than_the_whole():
    frame = np.zeros((100, 100), "uint16")
    partial = {}
    for name, options in PIPELINES.items():
        with Chunks(frame, options) as chunks:
            partial[name] = decoder_of(chunks.filters, itemsize=2, n_bytes=frame.nbytes).is_partial

    assert {name for name in partial if partial[name]} == {name for name in partial if name.startswith("bitshuffle")}


def test_a_span_decodes_only_the_blocks_that_it_needs():
    frame = np.random.default_rng(3).poisson(2, (256, 256)).astype("uint16")  # 16 blocks
    with Chunks(frame, PIPELINES["bitshuffle/lz4"]) as chunks:
        decoder = decoder_of(chunks.filters, itemsize=2, n_bytes=frame.nbytes)
        stored = chunks.stored
    n_elements = []
    decode_blocks = decoder._decode_blocks
    decoder._decode_blocks = lambda *args: n_elements.append(args[2]) or decode_blocks(*args)

    for first, n_bytes in [(0, 1), (8191, 2), (8192, 8192), (131071, 1), (0, 131072)]:
        assert span(decoder, stored, first, n_bytes) == frame.tobytes()[first : first + n_bytes]

    assert n_elements == [4096, 8192, 4096, 4096, 65536]


@pytest.mark.parametrize("name", [name for name in PIPELINES if name.startswith("bitshuffle")])
def test_the_beginning_of_a_chunk_gives_what_the_whole_gives_or_an_error(name):
    frame = np.random.default_rng(3).poisson(2, (61, 177)).astype("uint16")
    with Chunks(frame, PIPELINES[name]) as chunks:
        decoder = decoder_of(chunks.filters, itemsize=2, n_bytes=frame.nbytes)
        stored = chunks.stored
    for first in range(0, frame.nbytes - 300, 3001):
        given = []
        for n_bytes in range(0, len(stored), 61):
            with contextlib.suppress(DecodingError):
                assert span(decoder, stored[:n_bytes], first, 300) == frame.tobytes()[first : first + 300]
                given.append(n_bytes)
        likely = decoder.share_until(first + 300)
        if "blocks" in name and likely < 1.0:
            assert min(given) <= likely * len(stored)


def lets_go(call):
    """Tell whether a call lets go of Python's lock: another thread waits for it, and nobody is ever asked to let go."""
    others, woken = [], Lock()
    woken.acquire()

    def wait():
        with woken:
            others.append("had its turn")

    thread = Thread(target=wait)
    thread.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        woken.release()
        for _ in range(300):  # the other thread has to wake up first
            call()
            if others:
                return True
        return False
    finally:
        sys.setswitchinterval(interval)
        thread.join()


@pytest.mark.parametrize("name", PIPELINES)
def test_other_threads_have_their_turn_while_a_chunk_is_decoded(name):
    frame = np.random.default_rng(3).poisson(2, (511, 512)).astype("uint16")
    with Chunks(frame, PIPELINES[name]) as chunks:
        decoder = decoder_of(chunks.filters, itemsize=2, n_bytes=frame.nbytes)
        stored, out = chunks.stored, np.empty(frame.nbytes, np.uint8)

    assert lets_go(lambda: decoder.decode(stored, out))
    assert not lets_go(lambda: sorted(range(10000)))


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [(2, (2,))],
        [(3, ())],  # Fletcher32
        [(1, (4,)), (3, ())],
        [(1, (4,)), (1, (4,))],
        [(1, (4,)), (2, (2,))],
        [(2, (4,)), (1, (4,))],  # elements of another size than the dataset's
        [(2, ()), (1, (4,))],
        [(2, (2,)), (2, (2,)), (1, (4,))],
        [(2, (2,)), (32008, (0, 4, 2, 0, 2))],
        [(32008, (0, 4))],
        [(32008, (0, 4, 4, 0, 2))],
        [(32008, (0, 4, 2, 0, 1))],  # a compression that bitshuffle does not know
        [(32008, (0, 4, 2, 12, 0))],
        [(32000, ())],  # LZF
        [(32026, ())],  # blosc2
        [(4711, ())],
    ],
)
def test_what_is_unknown_or_unusual_is_left_to_hdf5(filters):
    assert decoder_of(filters, itemsize=2, n_bytes=1000) is None


@pytest.mark.parametrize("n_bytes", [0, 1001, 2**31])
def test_chunks_of_odd_sizes_are_left_to_hdf5(n_bytes):
    assert decoder_of([(2, (2,)), (1, (4,))], itemsize=2, n_bytes=n_bytes) is None


def test_the_environment_gives_all_back_to_hdf5(monkeypatch):
    monkeypatch.setenv("DATABROKER_MONGO_DECODER", "hdf5")
    assert decoder_of([(1, (4,))], itemsize=2, n_bytes=1000) is None
    monkeypatch.setenv("DATABROKER_MONGO_DECODER", "own")
    assert decoder_of([(1, (4,))], itemsize=2, n_bytes=1000) is not None
    monkeypatch.setenv("DATABROKER_MONGO_DECODER", "hdf")
    with pytest.raises(ValueError, match=r"'hdf'.*own.*hdf5"):
        decoder_of([(1, (4,))], itemsize=2, n_bytes=1000)


def test_as_many_threads_decode_as_there_are_cores_up_to_eight_or_as_the_environment_says(monkeypatch):
    for n_cores, expected in ((1, 1), (3, 3), (8, 8), (64, 8)):
        monkeypatch.setattr(threads, "_n_usable_cores", lambda n_cores=n_cores: n_cores)
        assert n_threads() == expected
    monkeypatch.setenv("DATABROKER_MONGO_DECODER_THREADS", "12")
    assert n_threads() == 12
    for wrong in ("0", "-1", "many", "1.5"):
        monkeypatch.setenv("DATABROKER_MONGO_DECODER_THREADS", wrong)
        with pytest.raises(ValueError, match=rf"'{wrong}'.*a number of threads"):
            n_threads()


@pytest.mark.parametrize("name", KNOWN_CHUNKS)
def test_hdf5_gives_the_known_bytes_for_the_known_chunks(name):
    values = np.frombuffer(KNOWN_BYTES, "<u2")
    with Chunks(values, PIPELINES[name.lower()]) as chunks:
        if name == "bitshuffle":  # whose blocks stand in the file, not in the chunk
            chunks = Chunks(values, PIPELINES["bitshuffle in blocks"])
        assert chunks.by_hdf5(KNOWN_CHUNKS[name]) == KNOWN_BYTES


OF_LIBRARIES = {
    "zstd": [(32015, (3,))],
    "LZ4": [(32004, (0,))],
    "blosc": [(32001, (2, 2, 2, 2006, 5, 1, 1))],
    "bitshuffle": [(32008, (0, 4, 2, 0, 0))],
    "bitshuffle/LZ4": [(32008, (0, 4, 2, 0, 2))],
    "bitshuffle/zstd": [(32008, (0, 4, 2, 0, 3, 3))],
}


@pytest.mark.parametrize("name", OF_LIBRARIES)
def test_a_library_that_is_not_hdf5plugins_is_not_used(name, monkeypatch, nothing_opened):
    nowhere = hdf5plugin.get_config()._replace(registered_filters={"bshuf": "unknown", "zstd": "unknown"})
    monkeypatch.setattr(hdf5plugin, "get_config", lambda: nowhere)

    assert decoder_of(OF_LIBRARIES[name], itemsize=2, n_bytes=1000) is None


@pytest.mark.parametrize("name", OF_LIBRARIES)
def test_a_library_without_the_function_is_not_used(name, monkeypatch, nothing_opened):
    monkeypatch.setattr(libraries.ctypes, "CDLL", lambda path: object())

    assert decoder_of(OF_LIBRARIES[name], itemsize=2, n_bytes=1000) is None


@pytest.mark.parametrize("name", KNOWN_CHUNKS)
def test_a_decoder_that_does_not_give_the_known_bytes_is_not_used(name, monkeypatch, nothing_opened):
    filters = OF_LIBRARIES.get(name, [(1, (4,))])
    assert decoder_of(filters, itemsize=2, n_bytes=1000) is not None
    for cache in (pipelines._decompress_of, pipelines._decode_blocks_of):
        cache.cache_clear()
    monkeypatch.setattr(pipelines, "KNOWN_BYTES", KNOWN_BYTES[::-1])

    assert decoder_of(filters, itemsize=2, n_bytes=1000) is None


def test_zlib_decodes_where_imagecodecs_is_missing(monkeypatch, nothing_opened):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    decoder = decoder_of([(1, (4,))], itemsize=2, n_bytes=len(KNOWN_BYTES))

    assert pipelines._decompress_of(1) is streams.open_zlib()
    assert decoded(decoder, KNOWN_CHUNKS["gzip"], len(KNOWN_BYTES)) == KNOWN_BYTES


@pytest.mark.parametrize("element_bytes", [1, 2, 3, 4, 8, 12, 16])
def test_bytes_of_elements_are_put_together_alike_by_either_way(element_bytes, monkeypatch, nothing_opened):
    for n_elements in (0, 1, 7, 203, 4099):
        shuffled = np.random.default_rng(n_elements).integers(0, 256, element_bytes * n_elements, np.uint8)
        expected = shuffled.reshape(element_bytes, -1).T.tobytes()
        with monkeypatch.context() as context:
            for _ in range(2):
                out = np.empty_like(shuffled)
                shuffle.unshuffle(shuffled, out, element_bytes)
                assert out.tobytes() == expected
                context.setattr(shuffle, "_by_blosc2", lambda: None)


@pytest.mark.parametrize("wrong", [lambda *args: 0, None])
def test_numpy_puts_bytes_together_where_blosc2_is_missing_or_does_something_else(wrong, monkeypatch, nothing_opened):
    assert shuffle._by_blosc2() is not None
    shuffle._by_blosc2.cache_clear()
    monkeypatch.setattr(shuffle, "function_of", lambda *args: wrong)
    assert shuffle._by_blosc2() is None


def test_a_window_of_gzip_smaller_than_usual_is_decoded():
    import zlib

    compressor = zlib.compressobj(wbits=10)
    chunk = compressor.compress(bytes(5000)) + compressor.flush()

    assert decoded(decoder_of([(1, (4,))], itemsize=2, n_bytes=5000), chunk, 5000) == bytes(5000)


def test_an_error_names_the_codec_and_the_reason_also_from_another_process():
    decoder = decoder_of([(32008, (0, 4, 2, 0, 2))], itemsize=2, n_bytes=1000)
    with pytest.raises(DecodingError, match="bitshuffle/LZ4: it holds 406 bytes; 1000 were expected") as caught:
        decoded(decoder, KNOWN_CHUNKS["bitshuffle/LZ4"], 1000)

    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.codec, copied.reason, str(copied)) == (caught.value.codec, caught.value.reason, str(caught.value))


@pytest.mark.parametrize(
    "out",
    [np.empty(405, "u1"), np.empty(407, "u1"), np.empty(203, "u2"), np.empty((2, 203), "u1"), np.empty(812, "u1")[::2]],
)
@pytest.mark.parametrize("name", ["gzip", "bitshuffle/LZ4"])
def test_a_buffer_that_does_not_fit_is_refused(name, out):
    decoder = decoder_of(OF_LIBRARIES.get(name, [(1, (4,))]), itemsize=2, n_bytes=len(KNOWN_BYTES))

    with pytest.raises(ValueError, match=r"were requested|were given"):
        decoder.decode(KNOWN_CHUNKS[name], out)


def test_a_span_beyond_the_chunk_is_refused():
    decoder = decoder_of(OF_LIBRARIES["bitshuffle/LZ4"], itemsize=2, n_bytes=len(KNOWN_BYTES))
    for first in (-1, 400):
        with pytest.raises(ValueError, match="were requested"):
            decoder.decode_span(KNOWN_CHUNKS["bitshuffle/LZ4"], first, np.empty(10, np.uint8))


DAMAGED = [
    "gzip",
    "shuffle+zstd",
    "lz4 in blocks",
    "bitshuffle in blocks",
    "bitshuffle/lz4 in blocks",
    "bitshuffle/zstd in blocks",
    "blosc",
    "blosc/lz4",
]


def outcomes(name: str, n_chunks: int, seed: int) -> dict[str, int]:
    program = Path(__file__).with_name("damaged_chunks.py")
    command = [sys.executable, str(program), name, str(n_chunks), str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert "unlike HDF5" not in found, run.stderr[-2000:]
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="memory is guarded by mprotect")
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_chunks_are_decoded_as_by_hdf5_or_refused(name):
    found = outcomes(name, 10_000, seed=13)

    assert sum(found.values()) == 10_000
    assert found["refused"] > 1000
    assert found["whole"] > 0 or found["like HDF5"] > 0


@pytest.mark.endurance
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="memory is guarded by mprotect")
@pytest.mark.parametrize("name", DAMAGED)
def test_a_million_damaged_chunks_are_decoded_as_by_hdf5_or_refused(name):
    assert sum(outcomes(name, 1_000_000, seed=14).values()) == 1_000_000
