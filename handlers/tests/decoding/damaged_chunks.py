"""Program that damages chunks, decodes them, and compares the outcome with HDF5's; it may crash, so it runs by itself.

Chunk and target end where memory ends that may be touched, so that one byte read or written beyond is a crash as well.
Arguments: the pipeline, how many chunks, the seed. It prints how often what came out.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import random
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
from databroker_mongo_handlers.decoding import DecodingError, decoder_of
from pipelines import PIPELINES, Chunks

# 407 elements: blocks, a part of one, and 7 beyond.
VALUES = np.random.default_rng(5).poisson(0.4, (11, 37)).astype("uint16")
OTHER_VALUES = np.arange(407, dtype="uint16").reshape(VALUES.shape)
LENGTHS = [0, 1, 4, 8, 12, 16, 127, 128, 400, 600, 814, 815, 8192, 2**16, 2**30, 2**31 - 1, 2**31, 2**32 - 1]
PAGE = mmap.PAGESIZE


def lines_before_a_wall(n_bytes: int) -> np.ndarray:
    """Return memory of which the page behind the last byte may not be touched."""
    n_pages = -(-n_bytes // PAGE)
    memory = mmap.mmap(-1, (n_pages + 1) * PAGE)
    line = np.frombuffer(memory, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(line.ctypes.data + n_pages * PAGE), ctypes.c_size_t(PAGE), 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    return line[: n_pages * PAGE]


def damaged(stored: bytes, other: bytes, draw: random.Random) -> bytes:
    """Return a chunk that something has happened to."""
    chunk = bytearray(stored)
    at = draw.randrange(len(chunk))
    match draw.randrange(8):
        case 0 | 1:
            for _ in range(draw.choice([1, 1, 1, 2, 8])):
                chunk[draw.randrange(len(chunk))] ^= 1 << draw.randrange(8)
        case 2:
            del chunk[at:]
        case 3:
            chunk += draw.randbytes(draw.choice([1, 4, 100]))
        case 4 | 5:  # where lengths stand more often than elsewhere
            at = draw.choice([0, 4, 8, 12, 16, at])
            size = draw.choice([1, 2, 4, 4, 8])
            value = draw.choice([*LENGTHS, len(chunk), len(chunk) - at, draw.randrange(2**32)])
            chunk[at : at + size] = (value % 2 ** (8 * size)).to_bytes(size, draw.choice(["big", "little"]))
        case 6:
            chunk[at:] = other[draw.randrange(len(other)) :]
        case 7:
            size = draw.randrange(1, 40)
            chunk[at : at + size] = draw.choice([bytes(size), b"\xff" * size, draw.randbytes(size), b""])
    return bytes(chunk)


def outcomes(pipeline: str, n_chunks: int, draw: random.Random) -> Iterator[str]:
    with Chunks(VALUES, PIPELINES[pipeline]) as chunks, Chunks(OTHER_VALUES, PIPELINES[pipeline]) as others:
        decoder = decoder_of(chunks.filters, itemsize=chunks.itemsize, n_bytes=chunks.n_bytes)
        assert decoder is not None, pipeline
        stored, other = chunks.stored, others.stored
        memory = lines_before_a_wall(4 * len(stored) + len(other) + 1000)
        target = lines_before_a_wall(chunks.n_bytes)[-chunks.n_bytes :]
        for number in range(n_chunks):
            chunk = damaged(stored, other, draw) if number else b""
            source = memory[len(memory) - len(chunk) :]
            source[:] = np.frombuffer(chunk, np.uint8)
            first = draw.randrange(chunks.n_bytes)
            span = target[-draw.randrange(1, chunks.n_bytes - first + 1) :]
            try:
                decoder.decode_span(source, first, span)
                of_span = span.tobytes()
            except DecodingError:
                of_span = None
            try:
                decoder.decode(source, target)
            except DecodingError:
                yield "span alone" if of_span is not None else "refused"
                continue
            decoded = target.tobytes()
            if chunks.by_hdf5(chunk) != decoded or of_span != decoded[first : first + len(span)]:
                sys.stderr.write(f"{pipeline}: {chunk.hex()} is not decoded as by HDF5, from {first}\n")
                yield "unlike HDF5"
            else:
                yield "whole" if decoded == VALUES.tobytes() else "like HDF5"


if __name__ == "__main__":
    pipeline, n_chunks, seed = sys.argv[1:]
    sys.stdout.write(json.dumps(Counter(outcomes(pipeline, int(n_chunks), random.Random(int(seed))))))
