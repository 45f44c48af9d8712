"""Columns as arrays of Tiled. A slice goes down to the column, which reads the rows and pixels in it alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tiled.structures.array import ArrayStructure, BuiltinDtype, StructDtype
from tiled.structures.core import Spec, StructureFamily

from ..arrays import has_integers_beyond_floats
from ..printable import as_json
from .answers import DISCREET, Answers
from .expected_shapes import require_expected

Array = NDArray[Any]
Key = tuple[Any, ...]


class ArrayAdapter:
    """A column of a stream, as Tiled serves it.

    Parameters
    ----------
    column : array-like
        Reads what is between its brackets: a column of a stream, or an array.
    shape, dtype, chunks, dims
        What it is, known without reading it.
    metadata : mapping
        What is told of it.
    specs : sequence of Spec, optional
        What it is to clients.
    """

    structure_family = StructureFamily.array

    def __init__(
        self,
        column: Any,
        *,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[tuple[int, ...], ...],
        dims: Sequence[str],
        metadata: Mapping[str, Any],
        specs: Sequence[Spec] = (),
    ):
        self.specs = list(specs)
        self.access_tags: frozenset[str] = frozenset()  # those of what holds it, once that hands it on
        self.answers: Answers = DISCREET
        self._column = column
        self._metadata = metadata
        data_type = BuiltinDtype.from_numpy_dtype(dtype) if dtype.names is None else StructDtype.from_numpy_dtype(dtype)
        self._structure = ArrayStructure(data_type=data_type, shape=shape, chunks=chunks, dims=tuple(dims))

    @classmethod
    def of_array(
        cls, values: Array, *, dims: Sequence[str], metadata: Mapping[str, Any], specs: Sequence[Spec] = ()
    ) -> ArrayAdapter:
        """Return an array that is at hand."""
        shown = without_objects(values)
        chunks = tuple((size,) for size in shown.shape)
        return cls(
            shown, shape=shown.shape, dtype=shown.dtype, chunks=chunks, dims=dims, metadata=metadata, specs=specs
        )

    def metadata(self) -> Mapping[str, Any]:
        """Return what is told of it."""
        return self._metadata

    def structure(self) -> ArrayStructure:
        """Return shape, dtype, blocks and axes."""
        return self._structure

    def read(self, slice: Key | None = None) -> Array:
        """Read a part of it, or all; Tiled calls this in a thread.

        Raises
        ------
        HTTPException
            It cannot be read: 410, with what is at fault.
        ShapeMismatchError
            It has grown since the client was told its shape.
        """
        with self.answers.translate_errors():
            values = np.asarray(self._column[slice or ...])
        require_expected(values)
        return values

    def read_block(self, block: Sequence[int], slice: Key | None = None) -> Array:
        """Read a block, or a part of one."""
        starts = [[0, *itertools.accumulate(lengths)] for lengths in self._structure.chunks]
        ranges = [range(edges[number], edges[number + 1]) for edges, number in zip(starts, block, strict=True)]
        return self.read(tuple(_parts(ranges, slice or ())))


def without_objects(values: Array) -> Array:
    """Return values as an array that any language can read.

    Missing values are NaN among numbers and empty among texts; whatever else has no dtype is told as JSON.
    """
    if not values.dtype.hasobject:
        return values
    each = list(values.flat)
    if all(map(_is_number_or_missing, each)) and not has_integers_beyond_floats(each):
        return np.array([np.nan if value is None else value for value in each], np.float64).reshape(values.shape)
    return np.array([as_text(value) or "" for value in each], np.str_).reshape(values.shape)


def as_text(value: Any) -> str | None:
    """Return a value of no dtype as a text: JSON, unless it is a text already; None if it is missing."""
    if value is None or isinstance(value, str):
        return value
    return as_json(value.tolist() if isinstance(value, np.ndarray | np.generic) else value)


def _is_number_or_missing(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _parts(ranges: Sequence[range], key: Key) -> list[int | slice]:
    """Return which part of an array some part of a block is."""
    if ... in key:
        place = key.index(...)
        missing = len(ranges) - (len(key) - 1)
        key = (*key[:place], *[slice(None)] * missing, *key[place + 1 :])
    key = (*key, *[slice(None)] * (len(ranges) - len(key)))
    parts = (part[each] for part, each in zip(ranges, key, strict=True))
    return [part if isinstance(part, int) else _slice_of(part) for part in parts]


def _slice_of(part: range) -> slice:
    # A range that runs down to the first element ends at -1, which would be the last one between brackets.
    return slice(part.start, part.stop if part.stop >= 0 else None, part.step)
