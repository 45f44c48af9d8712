"""The bitshuffle filter, alone or with LZ4 or zstd: a chain of blocks that can be decoded one without the others.

A block has 8 kB unless a file says otherwise. Each compressed block stands behind its length, so the place of a block
is found by walking from length to length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from .chunk_decoder import Bytes, Chunk, DecodingError, require_target, source_of
from .libraries import LONG, POINTER, SIZE, address_of, function_of

_HEADER = struct.Struct(">QI")  # decoded bytes of the chunk, and of a block (bshuf_h5filter.c)
_LENGTH = struct.Struct(">I")
_MULTIPLE = 8  # elements; what is beyond a multiple of it stands at the end as it is (BSHUF_BLOCKED_MULT)
_USUAL_BLOCK_BYTES = 8192
_SPARE = 1.25  # blocks at the beginning of a chunk may be larger than others
_SYMBOLS: Final = {0: "bshuf_bitunshuffle", 2: "bshuf_decompress_lz4", 3: "bshuf_decompress_zstd"}


def open_bitshuffle(kind: int) -> Callable[..., int] | None:
    """Return bitshuffle's function for a kind of its filter (0 alone, 2 with LZ4, 3 with zstd), None for others."""
    symbol = _SYMBOLS.get(kind)
    return None if symbol is None else function_of("bshuf", symbol, LONG, POINTER, POINTER, SIZE, SIZE, SIZE)


def open_block_size() -> Callable[[int], int] | None:
    """Return bitshuffle's function that says how many elements, of so many bytes, a block has where nobody chose."""
    return function_of("bshuf", "bshuf_default_block_size", SIZE, SIZE)


class _Blocks(NamedTuple):
    """How a chunk is cut: ``n_whole`` blocks of ``n_elements`` from byte ``start`` on, then what is left."""

    start: int
    n_elements: int
    n_whole: int
    is_part_left: bool
    n_plain_bytes: int


class BitshuffledChunks:
    """Decodes chunks of ``n_bytes``, or the blocks that a span of them needs.

    Parameters
    ----------
    codec : str
        Its name, for errors.
    decode_blocks : callable
        bitshuffle's function: source, target, elements, bytes of an element, elements of a block; returns how many
        bytes of the source it has read, or less than 0.
    n_bytes : int
        Of a decoded chunk, a multiple of ``element_bytes``.
    element_bytes : int
        Of an element.
    block_elements : int, optional
        Elements of a block; None where each chunk says it itself, as compressed ones do.
    """

    is_partial = True

    def __init__(
        self,
        codec: str,
        decode_blocks: Callable[..., int],
        *,
        n_bytes: int,
        element_bytes: int,
        block_elements: int | None = None,
    ):
        self._codec, self._decode_blocks = codec, decode_blocks
        self._n_bytes, self._element_bytes, self._block_elements = n_bytes, element_bytes, block_elements

    def decode(self, chunk: Chunk, out: Bytes) -> None:
        """See `ChunkDecoder.decode`."""
        if out.size != self._n_bytes:
            raise ValueError(f"{out.size} bytes were given for a chunk of {self._n_bytes}")
        self.decode_span(chunk, 0, out)

    def share_until(self, end: int) -> float:
        """See `ChunkDecoder.share_until`; blocks shrink about alike, and the last is needed whole."""
        if self._block_elements is not None:
            return 1.0
        return min(1.0, _SPARE * (end + _USUAL_BLOCK_BYTES) / self._n_bytes)

    def decode_span(self, chunk: Chunk, first: int, out: Bytes) -> None:
        """See `ChunkDecoder.decode_span`; the blocks between its ends are decoded."""
        require_target(out, self._n_bytes, first=first)
        source = source_of(chunk, self._codec)
        blocks = self._blocks(source)
        if out.size == 0:
            return
        block_bytes = blocks.n_elements * self._element_bytes
        # What comes behind the whole blocks is decoded with the last of these.
        first_block = min(first // block_bytes, blocks.n_whole)
        end_block = -(-(first + out.size) // block_bytes)
        is_to_the_end = end_block > blocks.n_whole or first + out.size == self._n_bytes
        start = self._skip(source, blocks.start, first_block, block_bytes)
        n_blocks = (blocks.n_whole + blocks.is_part_left if is_to_the_end else end_block) - first_block
        self._require_blocks(source, start, n_blocks, block_bytes, blocks.n_plain_bytes if is_to_the_end else 0)
        begins = first_block * block_bytes
        n_decoded = (self._n_bytes if is_to_the_end else end_block * block_bytes) - begins
        is_in_place = begins == first and n_decoded == out.size
        target = out if is_in_place else np.empty(n_decoded, np.uint8)
        self._decode(source, start, target, blocks.n_elements)
        if not is_in_place:
            out[...] = target[first - begins : first - begins + out.size]

    def _decode(self, source: Bytes, start: int, target: Bytes, block_elements: int) -> None:
        n_elements = target.size // self._element_bytes
        n_read = self._decode_blocks(
            address_of(source, start), address_of(target), n_elements, self._element_bytes, block_elements
        )
        if n_read < 0:
            raise DecodingError(self._codec, f"one of the blocks from byte {start} on is damaged ({n_read})")

    def _blocks(self, source: Bytes) -> _Blocks:
        if self._block_elements is not None:
            if source.size != self._n_bytes:
                raise DecodingError(self._codec, f"it has {source.size} bytes; {self._n_bytes} were expected")
            return self._cut(0, self._block_elements)
        if source.size < _HEADER.size:
            raise DecodingError(self._codec, f"it has {source.size} bytes")
        n_bytes, block_bytes = _HEADER.unpack_from(source.data)
        if n_bytes != self._n_bytes:
            raise DecodingError(self._codec, f"it holds {n_bytes} bytes; {self._n_bytes} were expected")
        block_elements = block_bytes // self._element_bytes
        if block_elements == 0 or block_elements % _MULTIPLE:
            raise DecodingError(self._codec, f"it has blocks of {block_bytes} bytes")
        return self._cut(_HEADER.size, block_elements)

    def _cut(self, start: int, block_elements: int) -> _Blocks:
        n_whole, rest = divmod(self._n_bytes // self._element_bytes, block_elements)
        return _Blocks(start, block_elements, n_whole, rest >= _MULTIPLE, rest % _MULTIPLE * self._element_bytes)

    def _require_blocks(self, source: Bytes, start: int, n_blocks: int, block_bytes: int, n_plain_bytes: int) -> None:
        """Refuse lengths that lead beyond the chunk, for bitshuffle's function believes them."""
        if self._block_elements is not None:
            return
        end = self._skip(source, start, n_blocks, block_bytes) + n_plain_bytes
        if end > source.size:
            raise DecodingError(self._codec, f"its blocks end at byte {end}, but it has {source.size}")

    def _skip(self, source: Bytes, at: int, n_blocks: int, block_bytes: int) -> int:
        """Return where block ``n_blocks`` from ``at`` on is, perhaps beyond the end."""
        if self._block_elements is not None:
            return at + n_blocks * block_bytes
        length_at, size, chunk = _LENGTH.unpack_from, _LENGTH.size, source.data
        try:
            for _ in range(n_blocks):
                at += size + length_at(chunk, at)[0]
        except struct.error as error:
            raise DecodingError(self._codec, f"a block begins at byte {at}, but it has {source.size}") from error
        return at
