"""Columns of rows out of the documents of copies: each number once in memory, and no more than some blocks beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...documents import Document
from ..connection.collections import Collections
from ..connection.decoding import BARE, PLAIN
from ..connection.splitting import split_by_size
from ..protocol import Values
from .coding import Kind
from .copies import (
    DOUBT,
    HEADER_FIELDS,
    MOST_BYTES,
    Copy,
    DoubtfulCopyError,
    column_of,
    seq_nums_of,
    times_of,
)
from .presence import COLLECTION

if TYPE_CHECKING:
    from bson.codec_options import CodecOptions

_BYTES_AT_ONCE = MOST_BYTES
"""Of a batch of blocks, which is in memory beside the columns."""

_FROM_BLOCKS = {"q": seq_nums_of, "t": times_of}


@dataclass
class Rows:
    """Rows of a copy, as they were read.

    Attributes
    ----------
    seq_num, time : numpy.ndarray or None
        ``(n_rows,)`` int64 and float64; None where they were not asked for.
    data : dict
        The columns, by key.
    """

    seq_num: Any = None
    time: Any = None
    data: dict[str, Values] = field(default_factory=dict)


def find_copies(
    collections: Collections, descriptor_uids: Sequence[str]
) -> tuple[dict[str, Copy], dict[str, DoubtfulCopyError]]:
    """Return what the first documents say, of those descriptors that have a copy, and why some cannot be used."""
    found: dict[str, Copy] = {}
    doubts: dict[str, DoubtfulCopyError] = {}
    for uids in split_by_size(descriptor_uids):
        query = {"d": {"$in": uids}, "b": {"$in": [0, DOUBT]}, "g": {"$in": [0, DOUBT]}}
        for document in _find(collections, query, {"_id": 0, **dict.fromkeys(HEADER_FIELDS, 1)}, n_at_once=1000):
            try:
                found[document["d"]] = Copy.of(document)
            except DoubtfulCopyError as error:
                doubts[document["d"]] = error
    return {uid: copy for uid, copy in found.items() if uid not in doubts}, doubts


def read_copies(
    collections: Collections, copies: Sequence[Copy], keys: Sequence[str], *, has_rows: bool
) -> tuple[dict[str, Rows], dict[str, DoubtfulCopyError]]:
    """Read columns of copies, all rows, in row order; a block that is missing or damaged casts doubt on its copy alone.

    Parameters
    ----------
    collections : Collections
        Where.
    copies : sequence of Copy
        The copies, which have all these keys.
    keys : sequence of str
        The columns.
    has_rows : bool
        Whether ``seq_num`` and ``time`` are wanted.

    Returns
    -------
    found : dict of str to Rows
        By descriptor.
    doubts : dict of str to DoubtfulCopyError
        Why others are not among them.
    """
    assemblies = {copy.descriptor_uid: _Assembly(copy, keys, has_rows, 0, copy.n_rows) for copy in copies}
    numbers = sorted({number for each in assemblies.values() for number in each.numbers})
    for uids in split_by_size(assemblies if numbers else ()):
        _fill(collections, {"d": {"$in": uids}, "g": {"$in": numbers}, "b": {"$gte": 0}}, assemblies)
    found: dict[str, Rows] = {}
    doubts: dict[str, DoubtfulCopyError] = {}
    for uid, assembly in assemblies.items():
        try:
            found[uid] = assembly.rows()
        except DoubtfulCopyError as error:
            doubts[uid] = error
    return found, doubts


def read_window(collections: Collections, copy: Copy, keys: Sequence[str], rows: slice) -> dict[str, Values]:
    """Read some rows of columns of a copy.

    Raises
    ------
    DoubtfulCopyError
        A block is missing or damaged.
    """
    assembly = _Assembly(copy, keys, False, rows.start, rows.stop)
    groups = [
        {"g": number, "b": {"$gte": blocks.start, "$lt": blocks.stop}} for number, blocks in assembly.blocks.items()
    ]
    if groups:
        query = {"d": copy.descriptor_uid, "$or": groups}
        _fill(collections, query, {copy.descriptor_uid: assembly})
    return assembly.rows().data


def _fill(collections: Collections, query: Mapping[str, Any], assemblies: Mapping[str, _Assembly]) -> None:
    fields = {name for each in assemblies.values() for name in each.fields}
    projection = {"_id": 0, **dict.fromkeys(["d", "b", "g", "m", "first", "n", *sorted(fields)], 1)}
    largest = max((each.block_bytes for each in assemblies.values()), default=1)
    n_at_once = max(1, min(1000, _BYTES_AT_ONCE // max(1, largest)))
    for document in _find(collections, query, projection, n_at_once=n_at_once, options=BARE):
        assemblies[document["d"]].add(document)
        del document  # before the next batch comes


def _find(
    collections: Collections,
    query: Mapping[str, Any],
    projection: Mapping[str, Any],
    *,
    n_at_once: int,
    options: CodecOptions[Document] = PLAIN,
) -> Iterator[Document]:
    blocks = collections.named(COLLECTION).with_options(codec_options=options)
    return iter(blocks.find(query, projection).batch_size(n_at_once))


class _Assembly:
    """Columns of some rows of a copy, in the making."""

    def __init__(self, copy: Copy, keys: Sequence[str], has_rows: bool, first: int, stop: int):
        self._copy = copy
        self._first, self._stop = first, stop
        self._names: dict[int, dict[str, Kind]] = {}
        self._of_key: dict[str, str] = {}
        for key in keys:
            place = copy.places[key]
            self._names.setdefault(copy.group_of(key), {})[str(place)] = copy.kinds[place]
            self._of_key[key] = str(place)
        if has_rows:
            self._names.setdefault(0, {}).update(q=Kind("<i8"), t=Kind("<f8"))
        self.blocks = {number: copy.groups[number].blocks(first, stop) for number in self._names}
        self._met: set[tuple[int, int]] = set()
        self._doubt: DoubtfulCopyError | None = None
        self._columns: dict[str, Any] = {
            name: np.empty((stop - first, *kind.shape), kind.dtype) if kind.is_array else {}
            for names in self._names.values()
            for name, kind in names.items()
        }

    @property
    def numbers(self) -> list[int]:
        """The groups that are wanted."""
        return list(self._names)

    @property
    def fields(self) -> list[str]:
        """What is wanted of the blocks."""
        return [name if name in _FROM_BLOCKS else f"c.{name}" for names in self._names.values() for name in names]

    @property
    def block_bytes(self) -> int:
        """About how large the largest block is."""
        sizes = [
            sum(min(group.n_rows, self._copy.n_rows) * k.row_bytes if k.is_array else MOST_BYTES // 5 for k in kinds)
            for number, names in self._names.items()
            for group, kinds in [(self._copy.groups[number], names.values())]
        ]
        return max(sizes, default=0)

    def add(self, document: Document) -> None:
        """Take what is wanted out of a block."""
        try:
            self._add(document)
        except DoubtfulCopyError as error:
            self._doubt = error

    def _add(self, document: Document) -> None:
        number, block = document["g"], document["b"]
        if number not in self._names or block not in self.blocks[number]:
            return
        first = block * self._copy.groups[number].n_rows
        n_rows = min(self._copy.groups[number].n_rows, self._copy.n_rows - first)
        if (document.get("m"), document.get("first"), document.get("n")) != (self._copy.made, first, n_rows):
            raise self._copy.doubt(f"block {block} of group {number} is of another copy")
        begin, end = max(first, self._first), min(first + n_rows, self._stop)
        for name, kind in self._names[number].items():
            read = _FROM_BLOCKS.get(name)
            values = column_of(document, name, self._copy, kind) if read is None else read(document, self._copy)
            part = values[begin - first : end - first]
            if kind.is_array:
                self._columns[name][begin - self._first : end - self._first] = part
            else:
                self._columns[name][block] = part
        self._met.add((number, block))

    def rows(self) -> Rows:
        """Return what was read.

        Raises
        ------
        DoubtfulCopyError
            A block is missing or damaged.
        """
        if self._doubt is not None:
            raise self._doubt
        wanted = {(number, block) for number, blocks in self.blocks.items() for block in blocks}
        if self._met != wanted:
            raise self._copy.doubt(f"{len(wanted - self._met)} of {len(wanted)} blocks are missing")
        data = {key: self._joined(name) for key, name in self._of_key.items()}
        return Rows(self._columns.get("q"), self._columns.get("t"), data)

    def _joined(self, name: str) -> Values:
        column = self._columns[name]
        if isinstance(column, np.ndarray):
            return column
        return [value for block in sorted(column) for value in column[block]]
