"""Any basic key of an array -> a region with unit steps inside the bounds, and what remains to be done in memory.

Pure: no array is touched but to learn the values of an index array. Columns and handlers see regions only.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

Region = tuple[slice, ...]


def split_key(key: Any, shape: tuple[int, ...]) -> tuple[Region, tuple[Any, ...]]:
    """Split ``key`` so that ``array[key]`` equals ``array[region][residual]``.

    Parameters
    ----------
    key : int, slice, Ellipsis, None, sequence of int, array of bool or int, or a tuple of these
        Any key that NumPy takes, but no single bool; at most one index array.
    shape : tuple of int
        Shape of the array.

    Returns
    -------
    region : tuple of slice
        One slice an axis, step 1, ``0 <= start <= stop <= shape[axis]``: the smallest that holds what is asked.
    residual : tuple
        The key to apply to what the region gave.

    Raises
    ------
    IndexError
        Too many indices, or one out of bounds, as NumPy has it; a single bool, which for NumPy is an axis more.
    """
    region: list[slice] = []
    residual: list[Any] = []
    for item in _expanded(key, len(shape)):
        if item is None:
            residual.append(None)
            continue
        bounds, rest = _split_item(item, shape[len(region)], axis=len(region))
        region.append(bounds)
        residual.append(rest)
    return tuple(region), tuple(residual)


def _expanded(key: Any, ndim: int) -> list[Any]:
    items = list(key) if isinstance(key, tuple) else [key]
    n_axes = sum(item is not None and item is not Ellipsis for item in items)
    if n_axes > ndim:
        raise IndexError(f"too many indices: the array has {ndim} axes, {n_axes} were indexed")
    fill = [slice(None)] * (ndim - n_axes)
    place = next((n for n, item in enumerate(items) if item is Ellipsis), len(items))
    return [*items[:place], *fill, *(item for item in items[place:] if item is not Ellipsis)]


def _split_item(item: Any, size: int, axis: int) -> tuple[slice, Any]:
    if isinstance(item, slice):
        return _split_slice(item, size)
    if np.ndim(item) > 0:
        return _split_array(_as_indices(item), size, axis)
    if isinstance(item, bool | np.bool_) or (isinstance(item, np.ndarray) and item.dtype == bool):
        raise IndexError(
            f"{bool(item)} picks no row: a mask has a bool for each of the {size} along axis {axis}, as "
            f"column[column.read() == value] makes one; the rows are 0 and 1 where {int(bool(item))} is meant"
        )
    position = operator.index(item)
    if not -size <= position < size:
        raise IndexError(f"index {position} is out of bounds for axis {axis} with size {size}")
    position %= size
    return slice(position, position + 1), 0


def _split_slice(item: slice, size: int) -> tuple[slice, slice]:
    wanted = range(size)[item]
    if not wanted:
        return slice(0, 0), slice(0, 0)
    low, high = min(wanted[0], wanted[-1]), max(wanted[0], wanted[-1])
    if wanted.step == 1:
        return slice(low, high + 1), slice(None)
    return slice(low, high + 1), slice(None, None, wanted.step)


def _as_indices(item: Any) -> np.ndarray[Any, Any]:
    found = np.asarray(item)
    if found.dtype.kind in "biu" or (found.size == 0 and not hasattr(item, "dtype")):
        return found
    raise IndexError(f"an index array holds integers or bools, not {found.dtype}")


def _split_array(item: np.ndarray[Any, Any], size: int, axis: int) -> tuple[slice, np.ndarray[Any, Any]]:
    positions = np.flatnonzero(item) if item.dtype == bool else item.astype(np.intp)
    if item.dtype == bool and item.shape != (size,):
        raise IndexError(f"a boolean index of shape {item.shape} does not fit axis {axis} with size {size}")
    if positions.size == 0:
        return slice(0, 0), positions
    if positions.min() < -size or positions.max() >= size:
        raise IndexError(f"an index is out of bounds for axis {axis} with size {size}")
    positions = positions % size
    low = int(positions.min())
    return slice(low, int(positions.max()) + 1), positions - low
