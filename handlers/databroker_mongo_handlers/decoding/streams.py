"""Codecs that compress a chunk as a whole: gzip, zstd, and HDF5's framing of LZ4 and blosc."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .chunk_decoder import Bytes, DecodingError
from .libraries import INT, POINTER, SIZE, address_of, function_of

Decompress = Callable[[Bytes, Bytes], None]
"""Fills the second array, to its last byte, with what is compressed in the first, or raises `DecodingError`."""


def open_gzip() -> Decompress:
    """Return libdeflate's decoder where imagecodecs is installed, which takes half the time of zlib's, else zlib's."""
    try:
        import imagecodecs
    except ImportError:
        return _inflate
    deflate_decode: Callable[..., Any] = imagecodecs.deflate_decode  # whose stubs do not know arrays

    def decompress(source: Bytes, out: Bytes) -> None:
        # libdeflate does not keep to the window of a header that says less than 32 kB, and takes gzip's header too.
        if source[0] != 0x78:
            _inflate(source, out)
            return
        try:
            n_decoded = len(deflate_decode(source, out=out))
        except Exception as error:
            damage = DecodingError("gzip", str(error))
        else:
            _require_all("gzip", n_decoded, out)
            return
        raise damage  # by itself: dask's workers send all that an error came from, and this cannot be unpickled

    return decompress


def open_zlib() -> Decompress:
    """Return zlib's decoder."""
    return _inflate


def _inflate(source: Bytes, out: Bytes) -> None:
    inflater = zlib.decompressobj()
    try:
        # One byte more than there should be: damage must not fill the memory, and zlib sees the end only behind it.
        decoded = inflater.decompress(source.data, out.size + 1)
    except zlib.error as error:
        raise DecodingError("gzip", str(error)) from error
    if not inflater.eof:
        raise DecodingError("gzip", f"it does not end at byte {out.size} of what it holds")
    _require_all("gzip", len(decoded), out)
    out[...] = np.frombuffer(decoded, np.uint8)


def open_zstd() -> Decompress | None:
    """Return zstd's own decoder; None where the library lacks it."""
    size_of = function_of("zstd", "ZSTD_getFrameContentSize", SIZE, POINTER, SIZE)
    decode = function_of("zstd", "ZSTD_decompress", SIZE, POINTER, SIZE, POINTER, SIZE)
    if size_of is None or decode is None:
        return None

    def decompress(source: Bytes, out: Bytes) -> None:
        # HDF5's filter makes its buffer as long as the first frame says; in a longer one, more might be decoded.
        at = address_of(source)
        _require_all("zstd", size_of(at, source.size), out)
        _require_all("zstd", decode(address_of(out), out.size, at, source.size), out)

    return decompress


_LZ4_HEADER = struct.Struct(">QI")  # decoded bytes of the chunk, and of a block
_LENGTH = struct.Struct(">I")


def open_lz4() -> Decompress | None:
    """Return the decoder of HDF5's LZ4 filter, which cuts a chunk into blocks; None where the library lacks LZ4's."""
    decode = function_of("lz4", "LZ4_decompress_safe", INT, POINTER, POINTER, INT, INT)
    if decode is None:
        return None

    def decompress(source: Bytes, out: Bytes) -> None:
        at = _LZ4_HEADER.size
        if source.size < at:
            raise DecodingError("LZ4", f"it has {source.size} bytes")
        n_bytes, block_bytes = _LZ4_HEADER.unpack_from(source.data)
        _require_all("LZ4", n_bytes, out)
        if block_bytes == 0:
            raise DecodingError("LZ4", "its blocks are empty")
        for first in range(0, out.size, block_bytes):
            block = out[first : first + block_bytes]
            at = _decode_lz4_block(decode, source, at, block)

    return decompress


def _decode_lz4_block(decode: Callable[..., Any], source: Bytes, at: int, block: Bytes) -> int:
    """Fill a block from the bytes at ``at``, and return where the next one is."""
    start = at + _LENGTH.size
    end = start + (_LENGTH.unpack_from(source.data, at)[0] if start <= source.size else 0)
    if max(start, end) > source.size:
        raise DecodingError("LZ4", f"a block ends at byte {max(start, end)}, but it has {source.size}")
    if end - start == block.size:  # as the filter marks what could not be compressed
        block[...] = source[start:end]
    elif decode(address_of(source, start), address_of(block), end - start, block.size) != block.size:
        raise DecodingError("LZ4", f"the block from byte {start} on is damaged")
    return end


_BLOSC_HEADER = struct.Struct("<4x3I")  # bytes decoded, of a block, compressed: README_CHUNK_FORMAT of c-blosc


def open_blosc() -> Decompress | None:
    """Return blosc's decoder, in the thread that calls it; None where the library lacks it."""
    decode = function_of("blosc", "blosc_decompress_ctx", INT, POINTER, POINTER, SIZE, INT)
    if decode is None:
        return None

    def decompress(source: Bytes, out: Bytes) -> None:
        if source.size < _BLOSC_HEADER.size:
            raise DecodingError("blosc", f"it has {source.size} bytes")
        n_bytes, _, n_compressed = _BLOSC_HEADER.unpack_from(source.data)
        _require_all("blosc", n_bytes, out)
        if not _BLOSC_HEADER.size <= n_compressed <= source.size:
            raise DecodingError("blosc", f"it should have {n_compressed} bytes, but has {source.size}")
        _require_all("blosc", decode(address_of(source), address_of(out), out.size, 1), out)

    return decompress


def _require_all(codec: str, n_bytes: int, out: Bytes) -> None:
    if n_bytes != out.size:
        found = "it is damaged" if not 0 <= n_bytes < 2**63 else f"it holds {n_bytes} bytes"
        raise DecodingError(codec, f"{found}; {out.size} were expected")
