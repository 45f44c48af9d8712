"""HDF5's shuffle filter, undone: the first bytes of all elements lie together, then the second, and so on."""

from __future__ import annotations

import numpy as np

from .chunk_decoder import Bytes


def unshuffle(shuffled: Bytes, out: Bytes, element_bytes: int) -> None:
    """Put the bytes of each element together again.

    NumPy lets go of Python's lock in each of these steps.

    Parameters
    ----------
    shuffled : numpy.ndarray of uint8
        As many bytes as ``out`` has, which is a multiple of ``element_bytes``.
    out : numpy.ndarray of uint8
        C-contiguous.
    element_bytes : int
        Of each element.
    """
    planes = shuffled.reshape(element_bytes, -1)
    if element_bytes == 2:
        # Twice as fast as byte by byte; for longer elements it is not.
        words = out.view("<u2")
        np.copyto(words, planes[1])
        np.left_shift(words, 8, out=words)
        np.bitwise_or(words, planes[0], out=words)
        return
    elements = out.reshape(-1, element_bytes)
    for number, plane in enumerate(planes):
        elements[:, number] = plane
