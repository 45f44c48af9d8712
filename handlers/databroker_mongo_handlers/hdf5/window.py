"""The bytes of a row among which a part of it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..rows import Array


@dataclass(frozen=True)
class Window:
    """The bytes of a row from the first to the last that a part of it needs.

    Attributes
    ----------
    first, n_bytes : int
        Where they begin in the row, and how many they are.
    shape, dtype, strides
        The part, as an array over these bytes.
    """

    first: int
    n_bytes: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, inner: Sequence[slice], row_shape: tuple[int, ...], dtype: np.dtype[Any]) -> Window:
        """Return the window of a part, a slice without a step for each axis of a row."""
        strides = tuple(math.prod(row_shape[axis + 1 :]) * dtype.itemsize for axis in range(len(inner)))
        first = sum(part.start * stride for part, stride in zip(inner, strides, strict=True))
        last = sum((part.stop - 1) * stride for part, stride in zip(inner, strides, strict=True))
        shape = tuple(part.stop - part.start for part in inner)
        return cls(first, last - first + dtype.itemsize, shape, dtype, strides)

    def part_of(self, buffer: Array) -> Array:
        """Return the part, given the bytes of the window."""
        part: Array = np.ndarray(self.shape, self.dtype, buffer, strides=self.strides)
        return part
