"""The datums of many rows in little space: which resource serves which rows, and with which arguments.

A scan of 100,000 points has 100,000 datums that differ by a number. They travel as ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """

    start: int
    stop: int
    resource: Resource | None
    datums: DatumTable
    datums_per_row: int = 1

    def in_groups_of(self, n: int) -> Segment:
        """Return the same rows where each is made of ``n`` rows of the stored data (stream datums count in rows)."""
        if self.resource is None:
            return self
        first = self.datums[0]["index"]
        table = DatumTable.of_indices(first * n, (first + self.stop - self.start) * n)
        return Segment(self.start, self.stop, self.resource, table, n)
