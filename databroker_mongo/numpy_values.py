"""How values of NumPy are put as MongoDB keeps them: arrays as lists, scalars as Python's numbers. Nothing else.

They are known from when this is imported, as it is by whatever writes; to read a run of a catalog takes no NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .values import LARGEST, TOO_LARGE, converts, encodable, refuse

_ARRAY_TYPES = (np.ndarray, np.memmap, np.matrix, np.recarray)
_PLAIN_KINDS = "biufUSO"

converts(np.float64)(float)


@converts(np.generic)
def _scalar(value: np.generic) -> Any:
    if value.dtype.kind not in _PLAIN_KINDS:
        refuse(value, "no BSON value equals a NumPy value of this type; convert it to numbers or a string")
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        return _extended(np.asarray(value))
    if value.dtype.kind == "u" and int(value) > LARGEST:
        refuse(value, TOO_LARGE)
    return encodable(value.item())


@converts(np.ndarray)
def _array(value: np.ndarray[Any, Any]) -> Any:
    if type(value) not in _ARRAY_TYPES:
        refuse(value, "this kind of array holds more than its values (a mask, a unit); convert it to a plain array")
    if value.dtype.kind not in _PLAIN_KINDS:
        refuse(value, f"no list of BSON values equals an array of {value.dtype}; convert it to numbers or strings")
    if 0 in value.shape[:-1]:
        refuse(value, f"a list cannot keep the shape {value.shape}")
    if value.dtype.kind == "u" and value.size and int(value.max()) > LARGEST:
        refuse(value, TOO_LARGE)
    if value.dtype.kind in "USO":
        return encodable(value.tolist())
    return _extended(value) if value.dtype.itemsize > 8 else value.tolist()


def _extended(value: np.ndarray[Any, Any]) -> Any:
    shorter = value.astype(np.float64)
    if not np.array_equal(shorter, value, equal_nan=True):
        refuse(value[()], "a number needs more than the 64 bits of a double; convert it to float64 or to strings")
    return shorter.tolist()
