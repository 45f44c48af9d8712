"""An array in a few numbers: its least, greatest and mean value, and means of blocks of it."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_MOST_BLOCKS: Final = {1: 64, 2: 16}
"""Along an axis, by the number of axes."""

_DIGITS: Final = 5


def preview(values: Array) -> dict[str, Any]:
    """Return what can be said of values in few numbers.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n,)`` or ``(rows, columns)``.

    Returns
    -------
    dict
        ``shape``, ``dtype``; of numbers ``min``, ``max``, ``mean``, ``n_not_finite``, and ``blocks``: the values, or
        means of blocks of ``block_shape`` values, in their order; of anything else the first values.
    """
    told: dict[str, Any] = {"shape": list(values.shape), "dtype": str(values.dtype)}
    if values.dtype.kind not in "biuf" or not values.size:
        return {**told, "first": values.ravel()[: _MOST_BLOCKS[1]].tolist()}
    finite = values[np.isfinite(values)]
    if finite.size:
        told |= {"min": finite.min().item(), "max": finite.max().item()}
        told["mean"] = _rounded(finite.mean(dtype=np.float64))
    blocks, block_shape = _means(values)
    return {
        **told,
        "n_not_finite": int(values.size - finite.size),
        "block_shape": block_shape,
        "blocks": blocks,
    }


def middle_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return which image of a row is in the middle: an index for each axis but the last two."""
    return tuple(size // 2 for size in shape[:-2])


def _means(values: Array) -> tuple[list[Any], list[int]]:
    most = _MOST_BLOCKS[values.ndim]
    steps = [math.ceil(size / most) for size in values.shape]
    means = values.astype(np.float64)
    counts = np.ones(values.shape)
    for axis, step in enumerate(steps):
        starts = np.arange(0, values.shape[axis], step)
        means, counts = (np.add.reduceat(each, starts, axis=axis) for each in (means, counts))
    return [_as_lists(row) for row in means / counts], steps


def _as_lists(row: Any) -> Any:
    return [_rounded(each) for each in row] if isinstance(row, np.ndarray) else _rounded(row)


def _rounded(value: Any) -> float:
    return float(f"{value:.{_DIGITS}g}")
