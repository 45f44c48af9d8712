"""A columnar copy of the events of a descriptor: which documents it has, what is in them, and what vouches for it.

Documents of the collection ``event_columns``, of about 1 MB each::

    {d: descriptor uid, b: number of the block of rows, g: number of the group of columns, m: made, first, n: rows,
     q: column, t: column,                      seq_num and time in row order (g = 0)
     c: {"0": column, ...}}                     by the place of its key, since a key may hold "." or "$"
    {d, b: number of the piece, g: number of the group, m: made, x: bytes, k: checksum}     what datums say (datums)
    column = {t: type, s: [shape of a row], v: bytes, k: checksum}

The first one (``b = g = 0``) is written last, and vouches for all of them::

    {of: rows in all, keys: [...], kinds: [[type, size, ...], ...], groups: [[rows of a block, place, ...], ...],
     datums: [[place, number of pieces, whether identifiers are numbered], ...],      in groups after those of columns
     rows: {last_seq_num, last_time, is_consecutive, has_times},
     vouch: {version, last: the last event, made_at, verified: [times]}, k: checksum}

What does not belong here: whether a copy is believed (``belief``).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bson
from bson import ObjectId

from ...documents import DatumRun, Document, are_numbered
from ..protocol import EventIndex, Snapshot, Values
from . import coding
from .coding import Kind

VERSION = 1
MOST_ROWS = 10_000
MOST_BYTES = 1_000_000
"""Of a group of columns, and so about of a document: one column of many is read without much beside it."""

HEADER_FIELDS = ("d", "m", "of", "keys", "kinds", "groups", "datums", "rows", "vouch", "k", "doubt")
DOUBT = -1
"""In the place of a block's number: whoever may not remove a copy says so that it is not to be believed."""

_SEQ_NUM, _TIME = Kind("<i8"), Kind("<f8")
_Made = Mapping[str, Any]


class DoubtfulCopyError(Exception):
    """A copy is not believed; the events are read.

    Parameters
    ----------
    reason : str
        Why, in words.
    made : ObjectId, optional
        The copy, if it is of no use any more and can be removed.
    """

    def __init__(self, reason: str, made: ObjectId | None = None):
        super().__init__(reason)
        self.reason = reason
        self.made = made


@dataclass(frozen=True)
class Group:
    """Columns that lie in one document.

    Attributes
    ----------
    n_rows : int
        Of each block but the last.
    places : tuple of int
        The columns.
    """

    n_rows: int
    places: tuple[int, ...]

    def blocks(self, first: int, stop: int) -> range:
        """Return the numbers of the blocks that hold some rows."""
        return range(first // self.n_rows, -(-stop // self.n_rows))


class CopiedDatums(NamedTuple):
    """What the datums of a column say, as it is copied.

    Attributes
    ----------
    data : bytes
        All of it, as bytes.
    runs : tuple of DatumRun
        The datums of all rows.
    """

    data: bytes
    runs: tuple[DatumRun, ...]

    @property
    def are_numbered(self) -> bool:
        """Whether the runs tell the identifiers of all datums too, so that their column need not be read."""
        return are_numbered(self.runs)


class DatumsPlace(NamedTuple):
    """Where in a copy it is what the datums of a column say.

    Attributes
    ----------
    group : int
        The number of its documents' group.
    n_pieces : int
        How many documents.
    are_numbered : bool
        Whether the identifiers are told too.
    """

    group: int
    n_pieces: int
    are_numbered: bool


@dataclass(frozen=True)
class Copy:
    """What the first document of a copy says.

    Attributes
    ----------
    descriptor_uid : str
        Whose events these are.
    made : ObjectId
        Which copy of them; its documents have the same.
    n_rows : int
        How many.
    places : dict
        The place of each key.
    kinds : tuple of Kind
        Of each column.
    groups : tuple of Group
        Which columns are in which documents; the first one also has ``seq_num`` and ``time``.
    snapshot : Snapshot
        The rows, where these are all of their stream.
    vouch : mapping
        What tells whether the events are still these.
    datums : dict of str to DatumsPlace
        Where it is what datums say, by the key of each column of which that is copied.
    """

    descriptor_uid: str
    made: ObjectId
    n_rows: int
    places: Mapping[str, int]
    kinds: tuple[Kind, ...]
    groups: tuple[Group, ...]
    snapshot: Snapshot
    vouch: Mapping[str, Any]
    datums: Mapping[str, DatumsPlace] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> Copy:
        """Read the first document of a copy.

        Raises
        ------
        DoubtfulCopyError
            It is of another version, or damaged.
        """
        uid = document["d"]
        try:
            if document["vouch"]["version"] != VERSION:
                raise DoubtfulCopyError("it is of another version")
            if document["k"] != _header_checksum(document):
                raise ValueError("checksum")
            rows = document["rows"]
            snapshot = Snapshot(
                (uid,),
                document["of"],
                rows["last_seq_num"],
                rows["last_time"],
                rows["is_consecutive"],
                rows["has_times"],
            )
            return cls(
                descriptor_uid=uid,
                made=document["m"],
                n_rows=document["of"],
                places={key: place for place, key in enumerate(document["keys"])},
                kinds=tuple(Kind(type, tuple(shape)) for type, *shape in document["kinds"]),
                groups=tuple(Group(n_rows, tuple(places)) for n_rows, *places in document["groups"]),
                snapshot=snapshot,
                vouch=document["vouch"],
                datums={
                    document["keys"][place]: DatumsPlace(len(document["groups"]) + number, n_pieces, are_numbered)
                    for number, (place, n_pieces, are_numbered) in enumerate(document.get("datums", ()))
                },
            )
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, bson.errors.InvalidDocument) as error:
            raise DoubtfulCopyError("its first document is damaged", document.get("m")) from error

    @property
    def last(self) -> bytes:
        """What tells its last event from others."""
        return bytes(self.vouch["last"])

    @property
    def is_settled(self) -> bool:
        """Whether two counts an hour or more apart, by the clock of the server, have agreed."""
        return len(self.vouch["verified"]) > 1

    def group_of(self, key: str) -> int:
        """Return the number of the group of a key."""
        place = self.places[key]
        return next(number for number, group in enumerate(self.groups) if place in group.places)

    def doubt(self, reason: str) -> DoubtfulCopyError:
        """Return the error that says that it is not believed, and of no use any more."""
        return DoubtfulCopyError(reason, self.made)


def column_of(document: Document, name: str, copy: Copy, kind: Kind) -> Values:
    """Return some rows of a column out of a document of a copy.

    Raises
    ------
    DoubtfulCopyError
        It is not there, or not as it was written.
    """
    try:
        column = document[name] if name in ("q", "t") else document["c"][name]
        data, n_rows = column["v"], document["n"]
        if Kind(column["t"], tuple(column["s"])) != kind or column["k"] != _checksum(document, name, kind, data):
            raise ValueError("checksum")
        return coding.decode(data, kind, n_rows)
    except (KeyError, TypeError, ValueError, bson.errors.InvalidBSON) as error:
        raise copy.doubt(f"a column of block {document.get('b')} is damaged") from error


def seq_nums_of(document: Document, copy: Copy) -> Values:
    """Return ``seq_num`` of the rows of a document of the first group."""
    return column_of(document, "q", copy, _SEQ_NUM)


def times_of(document: Document, copy: Copy) -> Values:
    """Return the times of the rows of a document of the first group."""
    return column_of(document, "t", copy, _TIME)


def datums_of(documents: Sequence[Document], copy: Copy, keys: Sequence[str]) -> dict[str, bytes]:
    """Return what the datums of some columns say, as bytes, out of the documents that have pieces of it.

    Raises
    ------
    DoubtfulCopyError
        A piece is not there, or not as it was written.
    """
    pieces = {(document.get("g"), document.get("b")): document for document in documents}
    return {
        key: b"".join(
            _piece_of(pieces.get((copy.datums[key].group, number)), copy) for number in range(copy.datums[key].n_pieces)
        )
        for key in keys
    }


def _piece_of(document: Document | None, copy: Copy) -> bytes:
    try:
        if document is None or document["m"] != copy.made or document["k"] != _piece_checksum(document):
            raise ValueError("checksum")
        return bytes(document["x"])
    except (KeyError, TypeError, ValueError) as error:
        raise copy.doubt("what its datums say is missing or damaged") from error


def _piece_checksum(document: _Made) -> int:
    return zlib.crc32(document["x"], zlib.crc32(repr([document[name] for name in ("d", "m", "b", "g")]).encode()))


class _Planned(NamedTuple):
    """How a column is copied: as what, how many rows to a document, and the bytes that these take at most."""

    kind: Kind
    n_rows: int
    n_bytes: int


def plan_columns(data: Mapping[str, Values]) -> dict[str, _Planned]:
    """Return how each column is copied; one of which a row is larger than a document is left out."""
    planned = {key: _plan_column(values) for key, values in data.items()}
    return {key: each for key, each in planned.items() if each.n_rows}


def documents_of(  # noqa: PLR0915 the documents in their order, at one look
    index: EventIndex, *, vouch: Mapping[str, Any], made: ObjectId, datums: Mapping[str, CopiedDatums]
) -> Iterator[Document]:
    """Yield the documents of the copy of the events of one descriptor; the one that vouches for all of them comes last.

    Parameters
    ----------
    index : EventIndex
        The rows, with all columns.
    vouch : mapping
        What tells later whether the events are still these.
    made : ObjectId
        A name for this copy.
    datums : mapping of str to CopiedDatums
        What the datums of some columns say.
    """
    [uid] = index.snapshot.descriptor_uids
    columns = plan_columns(index.data)
    keys = list(columns)
    kinds = [each.kind for each in columns.values()]
    groups = _groups_of(list(columns.values()), index.snapshot.n_rows)
    names = {"q": (index.seq_num, _SEQ_NUM), "t": (index.time, _TIME)}
    head: Document = {}
    for number, group in enumerate(groups):
        for block in group.blocks(0, index.snapshot.n_rows):
            first = block * group.n_rows
            rows = slice(first, min(first + group.n_rows, index.snapshot.n_rows))
            document: Document = {"d": uid, "b": block, "g": number, "m": made, "first": first}
            document["n"] = rows.stop - rows.start
            for name, (values, kind) in names.items() if number == 0 else ():
                document[name] = _column(document, name, values[rows], kind)
            document["c"] = {
                str(place): _column(document, str(place), index.data[keys[place]][rows], kinds[place])
                for place in group.places
            }
            if block == number == 0:
                head = document
            else:
                yield document
    head["datums"] = []
    for key in keys:
        if key in datums:
            pieces = _pieces_of(datums[key], {"d": uid, "g": len(groups) + len(head["datums"]), "m": made})
            head["datums"].append([keys.index(key), len(pieces), datums[key].are_numbered])
            yield from pieces
    head["of"] = index.snapshot.n_rows
    head["keys"] = keys
    head["kinds"] = [[kind.type, *kind.shape] for kind in kinds]
    head["groups"] = [[group.n_rows, *group.places] for group in groups]
    names_of_rows = ("last_seq_num", "last_time", "is_consecutive", "has_times")
    head["rows"] = {name: getattr(index.snapshot, name) for name in names_of_rows}
    head["vouch"] = {**vouch, "version": VERSION}
    head["k"] = _header_checksum(head)
    yield head


def _column(document: _Made, name: str, values: Values, kind: Kind) -> Document:
    data = coding.encode(values, kind)
    return {"t": kind.type, "s": list(kind.shape), "v": data, "k": _checksum(document, name, kind, data)}


def _pieces_of(copied: CopiedDatums, whose: Document) -> list[Document]:
    """Return the documents that have what the datums of a column say."""
    cuts = range(0, len(copied.data), MOST_BYTES)
    pieces = [{**whose, "b": b, "x": copied.data[first : first + MOST_BYTES]} for b, first in enumerate(cuts)]
    return [{**piece, "k": _piece_checksum(piece)} for piece in pieces]


def _plan_column(values: Values) -> _Planned:
    kind = coding.kind_of(values)
    if kind.is_array:
        n_rows = min(MOST_ROWS, MOST_BYTES // max(1, kind.row_bytes))
        return _Planned(kind, n_rows, min(n_rows, len(values)) * kind.row_bytes)
    n_rows = MOST_ROWS
    while n_rows:
        sizes = [len(coding.encode(values[i : i + n_rows], kind)) for i in range(0, len(values), n_rows)]
        if max(sizes) <= MOST_BYTES:
            return _Planned(kind, n_rows, max(sizes))
        n_rows = min(n_rows // 2, n_rows * MOST_BYTES // max(sizes))
    return _Planned(kind, 0, 0)


def _groups_of(columns: Sequence[_Planned], n_rows: int) -> list[Group]:
    """Put columns of as many rows a block together, up to the size of a document, in their order."""
    places: dict[int, list[list[int]]] = {MOST_ROWS: [[]]}
    sizes = {MOST_ROWS: min(n_rows, MOST_ROWS) * (_SEQ_NUM.row_bytes + _TIME.row_bytes)}
    for place, column in enumerate(columns):
        groups = places.setdefault(column.n_rows, [[]])
        size = sizes.get(column.n_rows, 0)
        if size + column.n_bytes > MOST_BYTES and size:
            groups.append([])
            size = 0
        groups[-1].append(place)
        sizes[column.n_rows] = size + column.n_bytes
    return [Group(n_of_block, tuple(group)) for n_of_block, groups in places.items() for group in groups]


def _checksum(document: _Made, name: str, kind: Kind, data: bytes) -> int:
    """Return a checksum of a column that also tells whose it is, so that none can take the place of another."""
    whose = (document["d"], document["m"], document["b"], document["g"], document["first"], document["n"], name, kind)
    return zlib.crc32(data, zlib.crc32(repr(whose).encode()))


def _header_checksum(document: _Made) -> int:
    vouch = {name: value for name, value in document["vouch"].items() if name != "verified"}
    said = {name: document[name] for name in HEADER_FIELDS if name in document and name not in ("vouch", "k")}
    return zlib.crc32(bson.encode({**said, "vouch": vouch}))
