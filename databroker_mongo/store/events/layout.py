"""Where the values lie in BSON documents that differ in nothing but the bytes of their values.

Such documents are equally long. A :class:`Layout` is taken from one of them, by means of the BSON library alone: the
document is decoded, and encoded twice with every number and text replaced, by two values that differ in each of their
bytes. The bytes that stay the same are the *frame*: lengths, types, keys, and all that was not replaced. A document of
the same frame decodes to the same keys and types, so that its values may be taken from their places; one of another
frame, whatever the reason, does not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product, repeat
from typing import Any, NamedTuple, Protocol, Self

import bson
import numpy as np
from bson.errors import InvalidBSON
from bson.int64 import Int64
from numpy.typing import NDArray

from ..protocol import MISSING, Values

Path = tuple[str, ...]
Table = NDArray[np.uint8]
"""``(n_documents, n_bytes)``, contiguous: documents of equal length."""


class _Number(NamedTuple):
    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    low: Any
    high: Any


_NUMBERS: dict[type, _Number] = {
    float: _Number(np.dtype("<f8"), np.dtype(np.float64), 0.0, float(np.array(-1, np.int64).view(np.float64))),
    int: _Number(np.dtype("<i4"), np.dtype(np.int64), 0, -1),
    Int64: _Number(np.dtype("<i8"), np.dtype(np.int64), Int64(0), Int64(-1)),
    bool: _Number(np.dtype("u1"), np.dtype(np.bool_), False, True),
}
"""By type of the decoded value: how BSON stores it, the dtype of a column, two values that differ in each byte."""

_BLOCK_BYTES = 2**18
"""Documents are compared about this many bytes at a time, so that they stay in the processor's cache."""


_PROBED = 200
"""So many texts tell whether equal ones follow each other."""


class _Reader(Protocol):
    """Takes one column out of a table of documents that match."""

    def read(self, table: Table) -> Values: ...


@dataclass(frozen=True)
class _Constant:
    """What the frame alone tells: null, or that the path is missing."""

    value: Any

    def read(self, table: Table) -> Values:
        return [self.value] * len(table)


@dataclass(frozen=True)
class _Text:
    """Strings; those of documents that match have the same number of bytes."""

    start: int
    n_bytes: int

    def read(self, table: Table) -> Values:
        if self.n_bytes == 0:
            return [""] * len(table)
        texts = table[:, self.start : self.start + self.n_bytes]
        # Of equal ones in a row, as the names of streams are over their events, one is decoded.
        if 2 * len(_firsts_of_equal(texts[:_PROBED])) > len(texts[:_PROBED]):
            return self._decode(texts.tobytes())
        firsts = _firsts_of_equal(texts)
        counts = np.diff(firsts, append=len(texts)).tolist()
        return list(chain.from_iterable(map(repeat, self._decode(texts[firsts].tobytes()), counts)))

    def _decode(self, raw: bytes) -> list[str]:
        starts = range(0, len(raw), self.n_bytes)
        if raw.isascii():  # then a character is a byte, and one decoding serves for all
            text = raw.decode("ascii")
            return [text[start : start + self.n_bytes] for start in starts]
        try:
            return [raw[start : start + self.n_bytes].decode() for start in starts]
        except UnicodeDecodeError as error:
            raise InvalidBSON(str(error)) from error


def _firsts_of_equal(texts: Table) -> NDArray[np.intp]:
    """Return which rows differ from the one before."""
    is_first = np.ones(len(texts), np.bool_)
    np.any(texts[1:] != texts[:-1], axis=1, out=is_first[1:])
    return np.flatnonzero(is_first)


@dataclass(frozen=True)
class _Numbers:
    """Numbers or regular arrays of numbers; ``starts`` has the shape of one and says where its items lie."""

    number: _Number
    starts: NDArray[np.intp]

    def read(self, table: Table) -> Values:
        n_rows, n_bytes = table.shape
        column = np.empty((n_rows, *self.starts.shape), self.number.dtype)
        for index in product(*map(_evenly_spaced, self.starts.shape)):
            run = self.starts[index]
            strides = [int(np.diff(run, axis=axis).flat[0]) if n > 1 else 0 for axis, n in enumerate(run.shape)]
            values: NDArray[Any] = np.ndarray(
                (n_rows, *run.shape), self.number.stored, table, int(run.flat[0]), (n_bytes, *strides)
            )
            column[:, *index] = values
            if self.number.dtype == np.bool_ and values.max() > 1:
                raise InvalidBSON(f"invalid boolean value: {values.max()}")
        return column


def _evenly_spaced(n_items: int) -> Iterator[slice]:
    """Cut an axis where its indices gain a digit: BSON spells them out before each item."""
    start, stop = 0, 10
    while start < n_items:
        yield slice(start, min(stop, n_items))
        start, stop = stop, 10 * stop


@dataclass(frozen=True)
class _Leaf:
    """A value that was replaced: where in the document, as what (None for a text), and how many bytes it has."""

    path: Path
    number: _Number | None
    shape: tuple[int, ...]
    n_bytes: int

    def reader(self, places: NDArray[np.intp]) -> _Reader:
        """Return the reader for a value whose bytes are at these places."""
        if self.number is None:
            return _Text(int(places[0]) if places.size else 0, places.size)
        return _Numbers(self.number, places[:: self.number.stored.itemsize].reshape(self.shape))


def flatten(values: list[Any]) -> tuple[list[Any], tuple[int, ...], set[type]]:
    """Take nested lists apart, as deep as all lists of a level are equally long.

    Returns
    -------
    items : list
        The innermost values, in order.
    shape : tuple of int
        The lengths of the levels, outermost first.
    types : set of type
        The types of the items: ``{list}`` where lists of one level differ in length.
    """
    shape: tuple[int, ...] = (len(values),)
    types = set(map(type, values))
    while types == {list}:
        lengths = set(map(len, values))
        if len(lengths) > 1:
            break
        shape = (*shape, *lengths)
        values = list(chain.from_iterable(values))
        types = set(map(type, values))
    return values, shape, types


class Layout:
    """A frame, and where in it the values of some fields are; made by :meth:`of`."""

    def __init__(self, frame: NDArray[np.uint8], is_frame: NDArray[np.bool_], readers: Sequence[_Reader]):
        self._frame = frame
        self._is_frame = is_frame
        self._readers = readers

    @classmethod
    def of(cls, document: bytes, fields: Sequence[Path]) -> Self | None:
        """Return the layout of a document, or None where one of the fields holds what only decoding can tell.

        Raises
        ------
        bson.errors.InvalidBSON
            When it is no BSON document.
        """
        decoded = bson.decode(document)
        leaves: list[_Leaf] = []
        low, high = (np.frombuffer(bson.encode(outline), np.uint8) for outline in _outlines(decoded, (), leaves))
        if low.size != len(document):
            return None  # what was decoded is not what was stored: keys that repeat, for one, are decoded as one
        # The bytes that differ, cut into those of each leaf; no cut is made behind the last one.
        places = np.split(np.flatnonzero(low != high), np.cumsum([leaf.n_bytes for leaf in leaves], dtype=np.intp))
        readers = {leaf.path: leaf.reader(at) for leaf, at in zip(leaves, places, strict=False)}
        for path in fields:
            value = _lookup(decoded, path)
            if value is None or value is MISSING:
                # A null is of another type than a value, so that a document with one has another frame.
                readers[path] = _Constant(value)
        if not readers.keys() >= set(fields):
            return None
        return cls(low, low == high, [readers[path] for path in fields])

    def is_match(self, table: Table) -> NDArray[np.bool_]:
        """Tell which documents have this frame: ``(n_documents,)``."""
        same = np.empty(len(table), np.bool_)
        step = max(1, _BLOCK_BYTES // self._frame.size)
        for start in range(0, len(table), step):
            differs = table[start : start + step] != self._frame
            differs &= self._is_frame
            np.logical_not(differs.any(axis=1), out=same[start : start + step])
        return same

    def columns(self, table: Table) -> list[Values]:
        """Return a column for each field over documents that all match.

        Raises
        ------
        bson.errors.InvalidBSON
            When the bytes of a text or a bool are none.
        """
        return [reader.read(table) for reader in self._readers]


def _outlines(value: Any, path: Path, leaves: list[_Leaf]) -> tuple[Any, Any]:
    """Return the value with its numbers and texts replaced in two ways, and list these in document order."""
    if type(value) is dict:
        pairs = {key: _outlines(item, (*path, key), leaves) for key, item in value.items()}
        return {key: low for key, (low, _) in pairs.items()}, {key: high for key, (_, high) in pairs.items()}
    if type(value) is str:
        n_bytes = len(value.encode())
        leaves.append(_Leaf(path, None, (), n_bytes))
        return "\0" * n_bytes, "\1" * n_bytes
    items, (_, *shape), types = flatten([value])
    number = _NUMBERS.get(types.pop()) if len(types) == 1 else None
    if number is None:
        return value, value
    leaves.append(_Leaf(path, number, tuple(shape), len(items) * number.stored.itemsize))
    low, high = number.low, number.high
    for n_items in reversed(shape):
        low, high = [low] * n_items, [high] * n_items
    return low, high


def _lookup(document: Any, path: Path) -> Any:
    for key in path:
        document = document.get(key, MISSING) if type(document) is dict else MISSING
    return document
