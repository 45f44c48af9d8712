"""HDF5's shuffle filter, undone: the first bytes of all elements lie together, then the second, and so on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from .chunk_decoder import Bytes
from .libraries import INT, POINTER, address_of, function_of

_FAST_BYTES: Final = (2, 4, 8, 16)  # of an element; for others, blosc2 goes byte by byte


def unshuffle(shuffled: Bytes, out: Bytes, element_bytes: int) -> None:
    """Put the bytes of each element together again, without Python's lock.

    Parameters
    ----------
    shuffled : numpy.ndarray of uint8
        C-contiguous, with as many bytes as ``out`` has, which is a multiple of ``element_bytes``.
    out : numpy.ndarray of uint8
        C-contiguous.
    element_bytes : int
        Of each element.
    """
    by_blosc2 = _by_blosc2() if element_bytes in _FAST_BYTES else None
    if by_blosc2 is None:
        _by_numpy(shuffled, out, element_bytes)
    else:
        by_blosc2(element_bytes, out.size, address_of(shuffled), address_of(out))


def _by_numpy(shuffled: Bytes, out: Bytes, element_bytes: int) -> None:
    elements = out.reshape(-1, element_bytes)
    for number, plane in enumerate(shuffled.reshape(element_bytes, -1)):
        elements[:, number] = plane


@cache
def _by_blosc2() -> Callable[..., int] | None:
    """Return blosc2's function, several times as fast; None where it is missing or does something else."""
    function = function_of("blosc2", "blosc2_unshuffle", INT, INT, INT, POINTER, POINTER)
    return function if function is not None and all(_is_right(function, size) for size in _FAST_BYTES) else None


def _is_right(function: Callable[..., int], element_bytes: int) -> bool:
    shuffled = (np.arange(element_bytes * 203) % 251).astype(np.uint8)
    expected, found = np.empty_like(shuffled), np.zeros_like(shuffled)
    _by_numpy(shuffled, expected, element_bytes)
    function(element_bytes, found.size, address_of(shuffled), address_of(found))
    return bool((found == expected).all())
