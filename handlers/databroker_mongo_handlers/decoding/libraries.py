"""C functions of the filters that hdf5plugin carries: the very code by which HDF5 decodes, called without its lock."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from .chunk_decoder import Bytes

POINTER = ctypes.c_void_p
SIZE = ctypes.c_size_t
INT = ctypes.c_int
LONG = ctypes.c_int64


def function_of(filter_name: str, symbol: str, result: type[Any], *arguments: type[Any]) -> Callable[..., Any] | None:
    """Return a function, which lets go of Python's lock while it runs.

    Parameters
    ----------
    filter_name : str
        hdf5plugin's name of the filter.
    symbol : str
        The function's name in the library of the filter.
    result : type
        Of ctypes.
    *arguments : type
        Of ctypes, one for each argument.

    Returns
    -------
    callable or None
        None where HDF5 has its filter from elsewhere, or the library does not show the function.
    """
    # Not at the head: handlers of images come into this room too, and need nothing of HDF5.
    import hdf5plugin

    path = hdf5plugin.get_config().registered_filters.get(filter_name, "unknown")
    if path == "unknown":
        return None
    try:
        function = getattr(ctypes.CDLL(path), symbol)
    except (OSError, AttributeError):
        return None
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]


def address_of(array: Bytes, first: int = 0) -> int:
    """Return where in memory byte ``first`` of a buffer is."""
    # Half of the time of ``array.ctypes.data``, which makes an object for it.
    start: int = array.__array_interface__["data"][0]
    return start + first
