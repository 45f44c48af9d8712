"""Which decoder undoes a pipeline of HDF5 filters, if any; none is used before it has decoded a chunk that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from .bitshuffle import BitshuffledChunks, open_bitshuffle, open_block_size
from .chunk_decoder import MOST_BYTES, ChunkDecoder
from .known_chunks import KNOWN_BYTES, KNOWN_CHUNKS, KNOWN_ITEMSIZE
from .streams import Decompress, open_blosc, open_gzip, open_lz4, open_zlib, open_zstd
from .threads import is_left_to_hdf5
from .whole_chunks import WholeChunks

# Numbers that the HDF Group has given out: H5Zpublic.h, and docs/RegisteredFilterPlugins.md of hdf5_plugins.
_SHUFFLE: Final = 2
_BITSHUFFLE: Final = 32008


class _Codec(NamedTuple):
    """A name, for errors and known chunks, and what opens its decoder, the better one first."""

    name: str
    openers: tuple[Callable[[], Decompress | None], ...]


_CODECS: Final = {
    1: _Codec("gzip", (open_gzip, open_zlib)),
    32001: _Codec("blosc", (open_blosc,)),
    32004: _Codec("LZ4", (open_lz4,)),
    32015: _Codec("zstd", (open_zstd,)),
}
# By the fifth of its client data: bshuf_h5filter.h.
_BITSHUFFLE_KINDS: Final = {0: "bitshuffle", 2: "bitshuffle/LZ4", 3: "bitshuffle/zstd"}


def decoder_of(filters: Sequence[tuple[int, tuple[int, ...]]], *, itemsize: int, n_bytes: int) -> ChunkDecoder | None:
    """Return what decodes the chunks of a dataset to which all of its filters were applied.

    Parameters
    ----------
    filters : sequence of (int, tuple of int)
        Numbers and client data (``cd_values``), in the order of the dataset's creation properties.
    itemsize : int
        Bytes of an element of the dataset.
    n_bytes : int
        Of a decoded chunk, whole.

    Returns
    -------
    ChunkDecoder or None
        None where HDF5 has to decode: filters that are unknown or oddly combined, a library that is missing or has not
        decoded the chunk that is known, no filters at all, or when the environment leaves decoding to HDF5.

    Raises
    ------
    ValueError
        When the environment asks for a decoder that there is not.
    """
    if is_left_to_hdf5() or not 0 < n_bytes <= MOST_BYTES:
        return None
    *before, (number, values) = list(filters) or [(0, ())]
    if number == _BITSHUFFLE and not before:
        return _bitshuffled(values, itemsize=itemsize, n_bytes=n_bytes)
    if number not in _CODECS or len(before) > 1:
        return None
    shuffled_bytes = 1
    if before:
        (first, sizes) = before[0]
        if first != _SHUFFLE or sizes[:1] != (itemsize,) or n_bytes % itemsize:
            return None
        shuffled_bytes = itemsize
    decompress = _decompress_of(number)
    name = _CODECS[number].name
    if decompress is None:
        return None
    return WholeChunks(name, decompress, n_bytes=n_bytes, shuffled_bytes=shuffled_bytes)


def _bitshuffled(values: tuple[int, ...], *, itemsize: int, n_bytes: int) -> ChunkDecoder | None:
    # The filter's version in two numbers, bytes of an element, elements of a block or 0, the kind (bshuf_h5_set_local).
    kind = values[4] if len(values) > 4 else 0
    if values[2:3] != (itemsize,) or n_bytes % itemsize:
        return None
    decode_blocks = _decode_blocks_of(kind)
    if decode_blocks is None:
        return None
    block_elements = None
    if kind == 0:
        block_elements = values[3] if len(values) > 3 and values[3] else _usual_block_elements(itemsize)
        if block_elements is None or block_elements % 8:
            return None
    return BitshuffledChunks(
        _BITSHUFFLE_KINDS[kind],
        decode_blocks,
        n_bytes=n_bytes,
        element_bytes=itemsize,
        block_elements=block_elements,
    )


def _usual_block_elements(itemsize: int) -> int | None:
    size_of = open_block_size()
    return None if size_of is None else size_of(itemsize)


@cache
def _decompress_of(number: int) -> Decompress | None:
    name, openers = _CODECS[number]
    for opener in openers:
        decompress = opener()
        if decompress is not None and _decodes_known(WholeChunks(name, decompress, n_bytes=len(KNOWN_BYTES)), name):
            return decompress
    return None


@cache
def _decode_blocks_of(kind: int) -> Callable[..., int] | None:
    name = _BITSHUFFLE_KINDS.get(kind)
    decode_blocks = open_bitshuffle(kind)
    if name is None or decode_blocks is None:
        return None
    decoder = BitshuffledChunks(
        name,
        decode_blocks,
        n_bytes=len(KNOWN_BYTES),
        element_bytes=KNOWN_ITEMSIZE,
        block_elements=None if kind else 64,
    )
    return decode_blocks if _decodes_known(decoder, name) else None


def _decodes_known(decoder: ChunkDecoder, name: str) -> bool:
    """Return whether a decoder gives what is known to be in the known chunk of a codec."""
    out = np.zeros(len(KNOWN_BYTES), np.uint8)
    try:
        decoder.decode(KNOWN_CHUNKS[name], out)
    except Exception:
        return False  # of whatever kind: HDF5 decodes then
    return out.tobytes() == KNOWN_BYTES
