"""Rows that lie uncompressed in a file, each in one piece: the bytes that are asked for, and no others, are read."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..rows import Array, read_side_by_side
from .window import Window

_PIECE_BYTES = 4 * 2**20  # what one thread reads at once


class PlainRows:
    """Rows as they would lie in memory.

    Parameters
    ----------
    row_shape : tuple of int
        The shape of a row.
    dtype : numpy.dtype
        Of its elements.
    """

    def __init__(self, row_shape: tuple[int, ...], dtype: np.dtype[Any]):
        self._row_shape, self._dtype = row_shape, dtype
        self._row_bytes = math.prod(row_shape) * dtype.itemsize

    def read(self, descriptor: int, out: Array, starts: Array, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(*starts.shape, *inner)``.

        Parameters
        ----------
        descriptor : int
            The open file.
        out : numpy.ndarray
            What is to be filled.
        starts : numpy.ndarray
            Where each row begins in the file.
        inner : sequence of slice
            The part of each row, without steps.

        Raises
        ------
        OSError
            When the file is short.
        """
        is_whole = all(part == slice(0, n) for part, n in zip(inner, self._row_shape, strict=True))
        if is_whole and out.flags.c_contiguous:
            self._read_whole(descriptor, out.reshape(-1).view(np.uint8).data, starts.ravel())
        else:
            self._read_parts(descriptor, out, starts, inner)

    def _read_whole(self, descriptor: int, view: memoryview, starts: Array) -> None:
        """Read neighbours in the file at once, as far as that leaves something for a second thread."""
        breaks = np.flatnonzero(np.diff(starts) != self._row_bytes) + 1
        at_most = max(1, _PIECE_BYTES // self._row_bytes)
        edges = sorted({*breaks.tolist(), *range(0, len(starts), at_most), len(starts)})

        def read_rows(span: tuple[int, int]) -> None:
            part = view[span[0] * self._row_bytes : span[1] * self._row_bytes]
            fill(descriptor, part, int(starts[span[0]]))

        spans = list(itertools.pairwise(edges))
        if len(spans) == 1:
            read_rows(spans[0])
        else:
            read_side_by_side(read_rows, spans, n_bytes=len(view))

    def _read_parts(self, descriptor: int, out: Array, starts: Array, inner: Sequence[slice]) -> None:
        """Read, of each row, the bytes from the first to the last that is asked for."""
        window = Window.of(inner, self._row_shape, self._dtype)
        buffer = np.empty(window.n_bytes, np.uint8)
        part = window.part_of(buffer)
        for place in np.ndindex(starts.shape):
            fill(descriptor, buffer.data, int(starts[place]) + window.first)
            out[place] = part


def fill(descriptor: int, view: memoryview, start: int) -> None:
    """Fill a buffer with the bytes of a file from ``start`` on.

    Raises
    ------
    OSError
        When the file ends before.
    """
    n_read = 0
    while n_read < len(view):
        n_more = os.preadv(descriptor, [view[n_read:]], start + n_read)
        if not n_more:
            raise OSError(f"the file ends {len(view) - n_read} bytes early")
        n_read += n_more
