"""The datums of many rows in little space: which resource serves which rows, and with which arguments.

A scan of 100,000 points has 100,000 datums that differ by a number. They travel as ranges.
"""

from __future__ import annotations

import bz2
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, overload

from ..documents import DatumColumns, DatumKwargs, number_ids
from .resource import Resource

_FIELDS = tuple(each.name for each in fields(Resource))


class DatumTable(Sequence[DatumKwargs]):
    """An immutable sequence of datum arguments, stored by argument: constant, range or list.

    Parameters
    ----------
    datums : sequence of mapping
        The keyword arguments of each datum. They may differ in their names.
    """

    __slots__ = ("_constant", "_irregular", "_n", "_varying")

    def __init__(self, datums: Sequence[DatumKwargs]):
        self._take(DatumColumns.of(datums))

    def _take(self, columns: DatumColumns) -> None:
        self._n, self._constant, self._varying = columns.n, columns.constant, columns.varying
        self._irregular = columns.irregular

    @classmethod
    def of_columns(cls, columns: DatumColumns) -> DatumTable:
        """Return the datums whose arguments are sorted already."""
        table = cls.__new__(cls)
        table._take(columns)
        return table

    @classmethod
    def of_indices(cls, start: int, stop: int) -> DatumTable:
        """Return the datums ``{"index": start}``, ..., ``{"index": stop - 1}``."""
        return cls.of_columns(DatumColumns(stop - start, {}, {"index": range(start, stop)}))

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, slice):
            return [self._row(number) for number in range(self._n)[item]]
        return self._row(range(self._n)[item])

    def __iter__(self) -> Iterator[DatumKwargs]:
        return map(self._row, range(self._n))

    def _row(self, number: int) -> DatumKwargs:
        if self._irregular is not None:
            return self._irregular[number]
        return {**self._constant, **{name: values[number] for name, values in self._varying.items()}}


class DatumIds(Sequence[str]):
    """The identifiers of datums, which are needed for nothing but to name one in an error.

    Parameters
    ----------
    ids : sequence of str
        The identifiers.
    """

    __slots__ = ("_ids", "_numbers", "_owner")

    def __init__(self, ids: Sequence[str] = ()):
        self._ids: Sequence[str] = ids
        self._owner, self._numbers = "", range(0)
        numbering = number_ids(ids)
        if numbering is not None:
            self._ids = ()
            self._owner, self._numbers = numbering

    @classmethod
    def numbered(cls, owner: str, numbers: range) -> DatumIds:
        """Return the identifiers ``OWNER/NUMBER``."""
        ids = cls()
        ids._owner, ids._numbers = owner, numbers
        return ids

    def numbers_of(self, owner: str) -> range:
        """Return the numbers, where the identifiers are ``OWNER/NUMBER``, and none where they are not."""
        return self._numbers if self._owner == owner else range(0)

    def __len__(self) -> int:
        return len(self._ids) or len(self._numbers)

    @overload
    def __getitem__(self, item: int) -> str: ...

    @overload
    def __getitem__(self, item: slice) -> list[str]: ...

    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[number] for number in range(len(self))[item]]
        return self._ids[item] if self._ids else f"{self._owner}/{self._numbers[item]}"


@dataclass(frozen=True)
class Segment:
    """Consecutive rows that one resource serves.

    Attributes
    ----------
    start, stop : int
        The rows, half-open.
    resource : Resource or None
        What serves them; None where rows have no datum and are filled with missing values.
    datums : DatumTable
        The datums, ``datums_per_row`` of them for each row in turn.
    datums_per_row : int
        How many rows of the stored data make one row of the stream.
    ids : DatumIds
        The identifiers of the datums, where they have any that is known here.
    """

    start: int
    stop: int
    resource: Resource | None
    datums: DatumTable
    datums_per_row: int = 1
    ids: DatumIds = field(default_factory=DatumIds, compare=False)

    def part(self, start: int, stop: int, *, at: int) -> Segment:
        """Return some of the rows as those that begin with row ``at``."""
        rows = slice(start - self.start, stop - self.start)
        datums = slice(rows.start * self.datums_per_row, rows.stop * self.datums_per_row)
        return Segment(
            at,
            at + stop - start,
            self.resource,
            DatumTable(self.datums[datums]),
            self.datums_per_row,
            DatumIds(self.ids[datums]),
        )

    def pick(self, numbers: Sequence[int]) -> tuple[list[DatumKwargs], list[str]]:
        """Return the datums of these numbers, and their identifiers where they have any that is known here."""
        return [self.datums[each] for each in numbers], [self.ids[each] for each in numbers] if self.ids else []

    def in_groups_of(self, n: int) -> Segment:
        """Return the same rows where each is made of ``n`` rows of the stored data (stream datums count in rows)."""
        if self.resource is None:
            return self
        first = self.datums[0]["index"]
        table = DatumTable.of_indices(first * n, (first + self.stop - self.start) * n)
        return Segment(self.start, self.stop, self.resource, table, n)


def pack_segments(segments: Sequence[Segment]) -> bytes:
    """Return segments as few bytes, for a journey to another process; `unpack_segments` gives them back.

    Where each row has a resource of its own, their documents are alike but for a uid and a name: 40 bytes a row are
    left. Identifiers of datums that are not the resource's uid and a number stay behind: the arguments tell datums
    apart as well.
    """
    rows = [_row_of(segment) for segment in segments]
    # By columns, in which like stands beside like, as bz2 needs it; and pickle writes what it has met as a number.
    shared: dict[str, Any] = {}
    columns = [[shared.setdefault(repr(value), value) for value in column] for column in zip(*rows, strict=True)]
    return bz2.compress(pickle.dumps(columns))


def unpack_segments(data: bytes) -> tuple[Segment, ...]:
    """Return the segments that `pack_segments` has put into bytes."""
    columns = pickle.loads(bz2.decompress(data))  # noqa: S301 it is part of a pickle that is being loaded
    return tuple(_segment_of(*row) for row in zip(*columns, strict=True))


def _row_of(segment: Segment) -> tuple[Any, ...]:
    resource = segment.resource
    numbers = range(0) if resource is None else segment.ids.numbers_of(resource.uid)
    described = [None if resource is None else getattr(resource, name) for name in _FIELDS]
    return (segment.start, segment.stop, segment.datums_per_row, segment.datums, numbers, *described)


def _segment_of(start: int, stop: int, per_row: int, datums: DatumTable, numbers: range, *described: Any) -> Segment:
    values = dict(zip(_FIELDS, described, strict=True))
    if values["uid"] is None:
        return Segment(start, stop, None, datums, per_row)
    return Segment(start, stop, Resource(**values), datums, per_row, DatumIds.numbered(values["uid"], numbers))
