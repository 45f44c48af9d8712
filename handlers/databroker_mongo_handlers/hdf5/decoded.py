"""Rows out of compressed chunks, decoded side by side outside HDF5 and its lock, straight to where they are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..decoding import ChunkDecoder, DecodingError, n_threads
from ..rows import Array, read_side_by_side
from .window import Window


class Scratch:
    """Room for one chunk at a time, of one thread: the system is as slow to give new room as a decoder to fill it."""

    def __init__(self) -> None:
        self._room: Array = np.empty(0, np.uint8)

    def of(self, n_bytes: int) -> Array:
        """Return room for so many bytes; what was there before is lost."""
        if self._room.size < n_bytes:
            self._room = np.empty(n_bytes, np.uint8)
        return self._room[:n_bytes]


Fetch = Callable[[int, Scratch, float], Array]
"""Returns so much or more of the chunk of a number, from its beginning, as it lies in the file, perhaps in the room."""


class _Piece(NamedTuple):
    """The rows that one chunk has: their places among those asked for, and in the chunk."""

    chunk: int
    places: Array
    rows: Array


class DecodedRows:
    """Rows in chunks of whole rows.

    Parameters
    ----------
    decoder : ChunkDecoder
        Decodes the chunks.
    row_shape : tuple of int
        The shape of a row.
    dtype : numpy.dtype
        Of its elements.
    rows_per_chunk : int
        How many rows a chunk has.
    """

    def __init__(self, decoder: ChunkDecoder, *, row_shape: tuple[int, ...], dtype: np.dtype[Any], rows_per_chunk: int):
        self._decoder = decoder
        self._row_shape, self._dtype, self._rows_per_chunk = row_shape, dtype, rows_per_chunk
        self._row_bytes = math.prod(row_shape) * dtype.itemsize
        self._chunk_bytes = self._row_bytes * rows_per_chunk

    def read(
        self,
        fetch: Fetch,
        out: Array,
        numbers: Array,
        inner: Sequence[slice],
        *,
        damaged: Callable[[int, DecodingError], Exception],
    ) -> None:
        """Fill ``out``, of shape ``(*numbers.shape, *inner)``.

        Parameters
        ----------
        fetch : callable
            Gets the bytes of a chunk, or of its beginning; several threads call it.
        out : numpy.ndarray
            What is to be filled.
        numbers : numpy.ndarray
            The numbers of the rows.
        inner : sequence of slice
            The part of each row, without steps.
        damaged : callable
            Makes the error about the chunk of a number that cannot be decoded.

        Raises
        ------
        Exception
            What ``fetch`` raises and ``damaged`` makes.
        """
        window = Window.of(inner, self._row_shape, self._dtype)
        pieces = self._cut(numbers)
        n_shares = min(n_threads(), len(pieces))
        flat = self._flat(out, window)

        def read_share(share: Sequence[_Piece]) -> None:
            raw, decoded = Scratch(), Scratch()
            can_guess = True
            for piece in share:
                if can_guess and self._is_small(window, piece):
                    can_guess = self._decode_beginning(fetch, piece, window, out=out, raw=raw, scratch=decoded)
                    if can_guess:
                        continue
                chunk = fetch(piece.chunk, raw, 1.0)
                try:
                    if flat is not None and self._fills(piece):
                        start = int(piece.places[0]) * self._row_bytes
                        self._decoder.decode(chunk, flat[start : start + self._chunk_bytes])
                    elif self._is_small(window, piece):
                        self._decode_windows(chunk, piece, window, out=out, scratch=decoded)
                    else:
                        self._decode_rows(chunk, piece, inner, out=out, scratch=decoded)
                except DecodingError as error:
                    raise damaged(piece.chunk, error) from error

        decoded_bytes = (min(len(piece.rows) * window.n_bytes, self._chunk_bytes) for piece in pieces)
        shares = [pieces[first::n_shares] for first in range(n_shares)]
        read_side_by_side(read_share, shares, n_bytes=sum(decoded_bytes), n_threads=n_shares)

    def _cut(self, numbers: Array) -> list[_Piece]:
        """Put together what lies in one chunk, in the order asked for."""
        chunks, rows = np.divmod(numbers.reshape(-1), self._rows_per_chunk)
        order = np.argsort(chunks, kind="stable")
        edges = np.flatnonzero(np.diff(chunks[order])) + 1
        return [_Piece(int(chunks[places[0]]), places, rows[places]) for places in np.split(order, edges)]

    def _flat(self, out: Array, window: Window) -> Array | None:
        """Return the bytes of ``out`` in a row, if whole rows can be decoded into them."""
        if window.n_bytes != self._row_bytes or not out.flags.c_contiguous:
            return None
        flat: Array = out.reshape(-1).view(np.uint8)
        return flat

    def _fills(self, piece: _Piece) -> bool:
        """Tell whether all rows of a chunk are asked for, one after the other."""
        if len(piece.rows) != self._rows_per_chunk:
            return False
        if self._rows_per_chunk == 1:
            return True
        counted = np.arange(self._rows_per_chunk)
        return bool((piece.rows == counted).all() and (piece.places == piece.places[0] + counted).all())

    def _is_small(self, window: Window, piece: _Piece) -> bool:
        """Tell whether decoding the windows alone takes less than decoding the chunk."""
        return self._decoder.is_partial and 2 * window.n_bytes * len(piece.rows) <= self._chunk_bytes

    def _decode_beginning(
        self, fetch: Fetch, piece: _Piece, window: Window, *, out: Array, raw: Scratch, scratch: Scratch
    ) -> bool:
        """Decode the windows from as much of a chunk as most likely holds them; tell whether it does."""
        needed = self._decoder.share_until(int(piece.rows.max()) * self._row_bytes + window.first + window.n_bytes)
        if needed >= 1:
            return False
        try:
            self._decode_windows(fetch(piece.chunk, raw, needed), piece, window, out=out, scratch=scratch)
        except DecodingError:
            return False  # the whole tells whether it is damaged
        return True

    def _decode_windows(self, chunk: Array, piece: _Piece, window: Window, *, out: Array, scratch: Scratch) -> None:
        decoded = scratch.of(window.n_bytes)
        part = window.part_of(decoded)
        for place, row in zip(piece.places.tolist(), piece.rows.tolist(), strict=True):
            self._decoder.decode_span(chunk, row * self._row_bytes + window.first, decoded)
            out[divmod(place, out.shape[1])] = part

    def _decode_rows(
        self, chunk: Array, piece: _Piece, inner: Sequence[slice], *, out: Array, scratch: Scratch
    ) -> None:
        decoded = scratch.of(self._chunk_bytes)
        self._decoder.decode(chunk, decoded)
        rows = decoded.view(self._dtype).reshape(self._rows_per_chunk, *self._row_shape)
        for place, row in zip(piece.places.tolist(), piece.rows.tolist(), strict=True):
            out[divmod(place, out.shape[1])] = rows[(row, *inner)]
