"""Columns: some fields over many documents, from raw BSON or from documents that are decoded already.

Documents that share a :class:`~.layout.Layout` are read by it; all others are decoded. Either way gives the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import bson
import numpy as np
from bson.errors import InvalidBSON
from bson.int64 import Int64
from numpy.typing import NDArray

from ..connection.decoding import PLAIN
from ..protocol import MISSING, Values
from .layout import Layout, Path, Table, flatten

_Rows = NDArray[np.intp]
_Piece = tuple[_Rows | slice, list[Values]]

_MIN_ROWS = 16
_MIN_BYTES = 16_000
"""Finding a layout takes as long as decoding a few documents, or many small ones of so many bytes together."""

_MIN_SHARE = 1 / 8
"""Where a layout matches fewer of the documents than this, there are too many layouts to look for the next."""

_CHUNK_ROWS = 10_000
"""Decoded documents are turned into columns this many at a time, so that they need not be held all at once."""

_MIN_DOCUMENT_BYTES = 5  # its length, and the zero at its end (https://bsonspec.org/spec.html)
_read_size = struct.Struct("<i").unpack_from


def read_documents(documents: Iterable[Mapping[str, Any]], fields: Sequence[Path]) -> list[Values]:
    """Read columns out of decoded documents: the same as out of the same documents encoded."""
    parts = ColumnParts(fields)
    remaining = iter(documents)
    while chunk := list(islice(remaining, _CHUNK_ROWS)):
        parts.add_documents(chunk)
    return parts.join()


class ColumnParts:
    """Columns in the making, for an answer that is read in several places at once.

    A column is an array ``(n, ...)`` of float64, int64 or bool where every document holds a double, an integer or a
    bool, or a (nested) array of such of one shape. Otherwise, and where there are no documents, it is a list: values
    equal to what :func:`bson.decode` gives, integers as `int`, with ``MISSING`` where a document lacks the path.

    Parameters
    ----------
    fields : sequence of tuple of str
        Paths of literal keys: ``("data", "a.b")`` is the key ``a.b`` in the sub-document ``data``.
    """

    def __init__(self, fields: Sequence[Path]):
        self._fields = tuple(fields)
        self._parts: list[tuple[int, list[_Piece]]] = []

    def add_batch(self, batch: bytes) -> None:
        """Append the rows of a batch of BSON documents, one after the other, as ``RawBatches`` yields them.

        Raises
        ------
        bson.errors.InvalidBSON
            When the batch does not consist of BSON documents.
        """
        bounds = _bounds(batch)
        pieces: list[_Piece] = []
        is_left = np.ones(len(bounds) - 1, np.bool_)
        for rows, table in _tables(batch, bounds):
            for matching, columns in self._read_by_layout(rows, table):
                is_left[matching] = False
                pieces.append((matching, columns))
        if is_left.any():
            left = np.flatnonzero(is_left)
            documents = bson.decode_all(_take(batch, bounds, left), PLAIN)
            pieces.append((left, _columns(documents, self._fields)))
        self._append(len(is_left), pieces)

    def add_documents(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Append the rows of decoded documents."""
        self._append(len(documents), [(slice(None), _columns(documents, self._fields))])

    def extend(self, other: ColumnParts) -> None:
        """Append the rows of other parts of the same fields."""
        self._parts.extend(other._parts)

    def join(self) -> list[Values]:
        """Return the columns; the parts are used up."""
        parts, self._parts = self._parts, []
        return [_join(parts, position) for position in range(len(self._fields))]

    def _append(self, n_rows: int, pieces: list[_Piece]) -> None:
        if len(pieces) == 1:
            pieces = [(slice(None), pieces[0][1])]
        if n_rows:
            self._parts.append((n_rows, pieces))

    def _read_by_layout(self, rows: _Rows, table: Table) -> Iterator[tuple[_Rows, list[Values]]]:
        """Yield the rows of one layout after the other; what is not yielded has to be decoded."""
        while len(rows) >= _MIN_ROWS and table.size >= _MIN_BYTES:
            # That of the first one that is left. Those it does not match have another, found in the next round.
            layout = Layout.of(table[0].tobytes(), self._fields)
            if layout is None:
                return
            same = layout.is_match(table)
            if same.all():
                yield rows, layout.columns(table)
                return
            if np.count_nonzero(same) < _MIN_SHARE * len(rows):
                return
            yield rows[same], layout.columns(table[same])
            rows, table = rows[~same], table[~same]


def _bounds(batch: bytes) -> _Rows:
    """Return where each document starts, and where the last one ends."""
    end = len(batch)
    size = int.from_bytes(batch[:4], "little")
    if size >= _MIN_DOCUMENT_BYTES and end % size == 0:
        # Each document begins with its size: where the first is met again at each of its multiples, up to the very
        # end, all documents are equally long. Most are, and this takes no loop.
        sizes: NDArray[np.uint32] = np.ndarray((end // size,), "<u4", batch, 0, (size,))
        if (sizes == size).all():
            return np.arange(0, end + 1, size)
    start, bounds = 0, [0]
    while start < end:
        (size,) = _read_size(batch, start) if start + _MIN_DOCUMENT_BYTES <= end else (0,)
        start += size
        if size < _MIN_DOCUMENT_BYTES or start > end:
            raise InvalidBSON(f"no document of {size} bytes can start at byte {bounds[-1]} of a batch of {end}")
        bounds.append(start)
    return np.array(bounds)


def _tables(batch: bytes, bounds: _Rows) -> Iterator[tuple[_Rows, Table]]:
    """Yield the documents of each length that is worth a layout, with their rows."""
    if len(batch) < _MIN_BYTES:
        return
    sizes, kinds, counts = np.unique(np.diff(bounds), return_inverse=True, return_counts=True)
    if sizes.size == 1:
        yield np.arange(kinds.size), np.frombuffer(batch, np.uint8).reshape(kinds.size, -1)
        return
    order = np.argsort(kinds, kind="stable")
    ends = np.cumsum(counts)
    for kind in np.flatnonzero((counts >= _MIN_ROWS) & (counts * sizes >= _MIN_BYTES)):
        rows, size = order[ends[kind] - counts[kind] : ends[kind]], int(sizes[kind])
        # A view of every window of so many bytes costs nothing; those that are documents are copied out of it.
        windows: NDArray[Any] = np.ndarray((len(batch) - size + 1,), f"V{size}", batch, 0, (1,))
        yield rows, windows[bounds[rows]].view(np.uint8).reshape(rows.size, size)


def _take(batch: bytes, bounds: _Rows, rows: _Rows) -> bytes:
    if len(rows) == len(bounds) - 1:
        return batch
    ends = zip(bounds[rows].tolist(), bounds[rows + 1].tolist(), strict=True)
    return b"".join(batch[start:end] for start, end in ends)


def _columns(documents: Sequence[Mapping[str, Any]], fields: Sequence[Path]) -> list[Values]:
    parents: dict[Path, Sequence[Mapping[str, Any]]] = {(): documents}
    columns = []
    for path in fields:
        for depth in range(1, len(path)):
            if path[:depth] not in parents:
                values = [parent.get(path[depth - 1]) for parent in parents[path[: depth - 1]]]
                parents[path[:depth]] = [value if isinstance(value, dict) else {} for value in values]
        columns.append(as_values([parent.get(path[-1], MISSING) for parent in parents[path[:-1]]]))
    return columns


def as_values(values: list[Any]) -> Values:
    """Return an array where all values are numbers of one kind and shape, else the list itself."""
    items, shape, types = flatten(values)
    try:
        if types == {float}:
            return np.array(items, np.float64).reshape(shape)
        if types == {bool}:
            return np.array(items, np.bool_).reshape(shape)
        if types and types <= {int, Int64}:
            return np.array(items, np.int64).reshape(shape)
    except OverflowError:
        pass
    return values


def _join(parts: Sequence[tuple[int, list[_Piece]]], position: int) -> Values:
    n_rows, pieces = _placed(parts, position)
    if len(pieces) == 1:
        return pieces[0][1]
    kinds = {(values.dtype, values.shape[1:]) if isinstance(values, np.ndarray) else None for _, values in pieces}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return _join_as_list(n_rows, pieces)
    dtype, shape = kind
    column = np.empty((n_rows, *shape), dtype)
    while pieces:
        rows, values = pieces.pop()  # so that the piece is let go, and the memory holds each value hardly ever twice
        column[rows] = values
    return column


def _placed(parts: Sequence[tuple[int, list[_Piece]]], position: int) -> tuple[int, list[tuple[_Rows | slice, Values]]]:
    """Take one column out of the parts, so that its pieces can be let go one by one while they are joined."""
    pieces: list[tuple[_Rows | slice, Values]] = []
    start = 0
    for n_rows, group in parts:
        for rows, columns in group:
            placed = slice(start, start + n_rows) if isinstance(rows, slice) else start + rows
            pieces.append((placed, columns[position]))
            columns[position] = []
        start += n_rows
    return start, pieces


def _join_as_list(n_rows: int, pieces: Sequence[tuple[_Rows | slice, Values]]) -> list[Any]:
    joined = np.empty(n_rows, object)
    for rows, values in pieces:
        listed = values.tolist() if isinstance(values, np.ndarray) else values
        # Assigned as it is, a list of lists would be taken for a table.
        joined[rows] = np.fromiter(listed, object, len(listed))
    joined_list: list[Any] = joined.tolist()
    return joined_list
