"""One column of some rows as bytes, and back: numbers as they lie in memory, anything else as BSON.

What comes back is what was given: bits of numbers, types of values, and which rows lack the key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import bson
import numpy as np
from numpy.typing import NDArray

from ..connection.decoding import PLAIN
from ..protocol import MISSING, Values

_LISTED = "bson"
_NONE = "none"
_NUMBERS = {"f": "<f8", "i": "<i8", "b": "|b1"}
_DTYPES = {stored: np.dtype(stored).newbyteorder("=") for stored in _NUMBERS.values()}


class Kind(NamedTuple):
    """How the values of a column are kept.

    Attributes
    ----------
    type : str
        ``"<f8"``, ``"<i8"`` or ``"|b1"`` for an array; ``"bson"`` for a list; ``"none"`` where no row has the key.
    shape : tuple of int
        The shape of one row of an array.
    """

    type: str
    shape: tuple[int, ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether the column is an array of numbers."""
        return self.type in _DTYPES

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of an array."""
        return _DTYPES[self.type]

    @property
    def row_bytes(self) -> int:
        """The bytes of one row of an array."""
        return math.prod(self.shape) * self.dtype.itemsize


def kind_of(values: Values) -> Kind:
    """Return how a column is kept, as a whole: so are all its parts."""
    if isinstance(values, np.ndarray):
        return Kind(_NUMBERS[values.dtype.kind], values.shape[1:])
    return Kind(_NONE if all(value is MISSING for value in values) else _LISTED)


def encode(values: Values, kind: Kind) -> bytes:
    """Return some rows of a column of this kind as bytes."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values, kind.type).tobytes()
    return b"" if kind.type == _NONE else _encode_list(values)


def decode(data: bytes, kind: Kind, n_rows: int) -> Values:
    """Return some rows of a column.

    Raises
    ------
    ValueError
        These are not the bytes of so many rows.
    bson.errors.InvalidBSON
        These are no bytes of a list.
    """
    if kind.is_array:
        # Of a bool only the values 0 and 1 are known to NumPy; the checksum has told that these bytes are as written.
        flat: NDArray[Any] = np.frombuffer(data, kind.type)
        return flat.reshape(n_rows, *kind.shape)
    values = [MISSING] * n_rows if kind.type == _NONE else _decode_list(data)
    if len(values) != n_rows:
        raise ValueError(f"{len(values)} values are kept for {n_rows} rows")
    return values


def _encode_list(values: Sequence[Any]) -> bytes:
    gaps = [row for row, value in enumerate(values) if value is MISSING]
    return bson.encode({"v": [None if value is MISSING else value for value in values], "gaps": gaps})


def _decode_list(data: bytes) -> list[Any]:
    kept = bson.decode(data, PLAIN)
    values: list[Any] = kept["v"]
    for row in kept["gaps"]:
        values[row] = MISSING
    return values


def join(pieces: Sequence[Values]) -> Values:
    """Return columns of different events as one: as an array, if they are arrays of one dtype and one shape of rows."""
    pieces = [piece for piece in pieces if len(piece)] or list(pieces[:1])
    if len(pieces) == 1:
        return pieces[0]
    kinds = {(each.dtype, each.shape[1:]) if isinstance(each, np.ndarray) else None for each in pieces}
    if len(kinds) == 1 and None not in kinds:
        return np.concatenate(pieces)
    return [value for piece in pieces for value in (piece.tolist() if isinstance(piece, np.ndarray) else piece)]
