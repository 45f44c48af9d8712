"""The datums of many rows in little space: which resource serves which rows, and with which arguments.

A scan of 100,000 points has 100,000 datums that differ by a number. They travel as ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from .resource import Resource

DatumKwargs = Mapping[str, Any]


class DatumTable(Sequence[DatumKwargs]):
    """An immutable sequence of datum arguments, stored by argument: constant, range or list.

    Parameters
    ----------
    datums : sequence of mapping
        The keyword arguments of each datum. They may differ in their names.
    """

    __slots__ = ("_constant", "_irregular", "_n", "_varying")

    def __init__(self, datums: Sequence[DatumKwargs]):
        self._n = len(datums)
        self._constant: dict[str, Any] = {}
        self._varying: dict[str, Sequence[Any]] = {}
        self._irregular: list[DatumKwargs] | None = None
        if any(datum.keys() != datums[0].keys() for datum in datums):
            self._irregular = [dict(datum) for datum in datums]
            return
        for name in datums[0] if datums else ():
            values = [datum[name] for datum in datums]
            if all(type(value) is type(values[0]) and value == values[0] for value in values):
                self._constant[name] = values[0]
            else:
                self._varying[name] = _as_range(values) or values

    @classmethod
    def of_indices(cls, start: int, stop: int) -> DatumTable:
        """Return the datums ``{"index": start}``, ..., ``{"index": stop - 1}``."""
        table = cls(())
        table._n = stop - start
        table._varying = {"index": range(start, stop)}
        return table

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


def _as_range(values: list[Any]) -> range | None:
    if any(type(value) is not int for value in values):
        return None
    step = values[1] - values[0]
    candidate = range(values[0], values[0] + step * len(values), step) if step else None
    return candidate if candidate is not None and list(candidate) == values else None


class DatumIds(Sequence[str]):
    """The identifiers of datums, which are needed for nothing but to name one in an error.

    Where they are numbered steadily, as ``RESOURCE/0``, ``RESOURCE/1`` and so on, they travel with the datums; others
    stay behind, for they are long and their datums' arguments tell them apart as well.

    Parameters
    ----------
    ids : sequence of str
        The identifiers; of rows without a datum, nothing.
    """

    __slots__ = ("_ids", "_numbers", "_prefix")

    def __init__(self, ids: Sequence[str] = ()):
        self._ids: Sequence[str] = ids
        self._prefix, self._numbers = "", range(0)
        parts = [each.rpartition("/") for each in ids]
        if parts and all(part[:2] == parts[0][:2] and part[2].isdecimal() for part in parts):
            numbers = [int(part[2]) for part in parts]
            steady = range(numbers[0], numbers[0] + 1) if len(numbers) == 1 else _as_range(numbers)
            prefix = "".join(parts[0][:2])
            if steady is not None and all(f"{prefix}{n}" == each for n, each in zip(numbers, ids, strict=True)):
                self._ids, self._prefix, self._numbers = (), prefix, steady

    def __len__(self) -> int:
        return len(self._ids) or len(self._numbers)

    @overload
    def __getitem__(self, item: int) -> str: ...

    @overload
    def __getitem__(self, item: slice) -> list[str]: ...

    def __getitem__(self, item: int | slice) -> str | list[str]:
        if isinstance(item, slice):
            return [self[number] for number in range(len(self))[item]]
        return self._ids[item] if self._ids else f"{self._prefix}{self._numbers[item]}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._prefix, self._numbers)


def _arrived(prefix: str, numbers: range) -> DatumIds:
    ids = DatumIds()
    ids._prefix, ids._numbers = prefix, numbers
    return ids


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

    def in_groups_of(self, n: int) -> Segment:
        """Return the same rows where each is made of ``n`` rows of the stored data (stream datums count in rows)."""
        if self.resource is None:
            return self
        first = self.datums[0]["index"]
        table = DatumTable.of_indices(first * n, (first + self.stop - self.start) * n)
        return Segment(self.start, self.stop, self.resource, table, n)
