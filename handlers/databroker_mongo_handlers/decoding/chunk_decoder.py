"""What decodes chunks, and what is said of a chunk that cannot be decoded."""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Chunk = bytes | bytearray | memoryview | Bytes
MOST_BYTES: Final = 2**31 - 1
"""LZ4 and blosc count in C's int, and ctypes cuts what is longer without a word."""


class DecodingError(ValueError):
    """A chunk cannot be decoded, or not to the bytes that it should have.

    Attributes
    ----------
    codec : str
        What the chunk should be compressed with.
    reason : str
        What is wrong with it.
    """

    def __init__(self, codec: str, reason: str):
        super().__init__(f"a chunk cannot be decoded as {codec}: {reason}")
        self.codec, self.reason = codec, reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.codec, self.reason)


class ChunkDecoder(Protocol):
    """Decodes the chunks of one dataset; threads may share it.

    Of a damaged chunk it gives what HDF5 gives, or an error, and it reads nothing beyond the chunk. Lengths in a chunk
    are checked before they are believed, so the chunk must not change meanwhile: it may not be a mapped file.
    """

    @property
    def is_partial(self) -> bool:
        """Whether a span costs less than the whole."""
        ...

    def decode(self, chunk: Chunk, out: Bytes) -> None:
        """Fill ``out`` with all that a chunk holds.

        Parameters
        ----------
        chunk : bytes-like
            As it lies in the file, whole.
        out : numpy.ndarray of uint8
            C-contiguous, with as many bytes as a decoded chunk has.

        Raises
        ------
        DecodingError
            When the chunk is damaged; ``out`` then holds anything.
        """
        ...

    def share_until(self, end: int) -> float:
        """Return how much of a chunk, from its beginning, most likely holds what is decoded to its first ``end`` bytes.

        It is 1 where a chunk can be decoded as a whole alone.
        """
        ...

    def decode_span(self, chunk: Chunk, first: int, out: Bytes) -> None:
        """Fill ``out`` with the decoded bytes from ``first`` on, decoding no more of the chunk than is needed.

        Damage elsewhere in the chunk may go unnoticed. Where a span costs less than the whole, the beginning of a chunk
        gives the same as the whole, or an error.

        Raises
        ------
        DecodingError
            When what was decoded is damaged; ``out`` then holds anything.
        """
        ...


def source_of(chunk: Chunk, codec: str) -> Bytes:
    """Return a chunk as an array.

    Raises
    ------
    DecodingError
        When it is empty, or longer than decoders can count.
    """
    source: Bytes = np.frombuffer(chunk, np.uint8)
    if not 0 < source.size <= MOST_BYTES:
        raise DecodingError(codec, f"it has {source.size} bytes")
    return source


def require_target(out: Bytes, n_bytes: int, *, first: int = 0) -> None:
    """Refuse a buffer that C functions cannot fill, or that would be written beyond.

    Raises
    ------
    ValueError
        With what it is and what was expected.
    """
    is_buffer = out.dtype == np.uint8 and out.ndim == 1 and out.flags.c_contiguous and out.flags.writeable
    if not is_buffer or first < 0 or first + out.size > n_bytes:
        raise ValueError(
            f"decoded bytes {first} to {first + out.size} of {n_bytes} were requested into {out.dtype} of shape "
            f"{out.shape}; a contiguous, writable line of uint8 within the chunk is needed"
        )
