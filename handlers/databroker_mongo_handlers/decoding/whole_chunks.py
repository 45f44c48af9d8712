"""Chunks that are compressed as a whole, shuffled before or not."""

from __future__ import annotations

import numpy as np

from .chunk_decoder import Bytes, Chunk, require_target, source_of
from .shuffle import unshuffle
from .streams import Decompress


class WholeChunks:
    """Decodes chunks of ``n_bytes`` that must be decoded from their beginning to their end.

    Parameters
    ----------
    codec : str
        Its name, for errors.
    decompress : callable
        Decodes.
    n_bytes : int
        Of a decoded chunk.
    shuffled_bytes : int
        How many bytes an element has, when the bytes of elements were shuffled before they were compressed, else 1.
    """

    is_partial = False

    def __init__(self, codec: str, decompress: Decompress, *, n_bytes: int, shuffled_bytes: int = 1):
        self._codec, self._decompress = codec, decompress
        self._n_bytes, self._shuffled_bytes = n_bytes, shuffled_bytes

    def decode(self, chunk: Chunk, out: Bytes) -> None:
        """See `ChunkDecoder.decode`."""
        require_target(out, self._n_bytes)
        source = source_of(chunk, self._codec)
        if out.size != self._n_bytes:
            raise ValueError(f"{out.size} bytes were given for a chunk of {self._n_bytes}")
        if self._shuffled_bytes == 1:
            self._decompress(source, out)
            return
        shuffled = np.empty(self._n_bytes, np.uint8)
        self._decompress(source, shuffled)
        unshuffle(shuffled, out, self._shuffled_bytes)

    def share_until(self, end: int) -> float:
        """See `ChunkDecoder.share_until`; the whole is needed for whatever part."""
        return 1.0

    def decode_span(self, chunk: Chunk, first: int, out: Bytes) -> None:
        """See `ChunkDecoder.decode_span`; all of the chunk is decoded."""
        require_target(out, self._n_bytes, first=first)
        whole = np.empty(self._n_bytes, np.uint8)
        self.decode(chunk, whole)
        out[...] = whole[first : first + out.size]
