"""The datums of consecutive rows in little space: what is the same in all of them, what counts, and what varies.

Pure, and of no resource: which datum belongs to which row, and what a resource says, is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DatumKwargs = Mapping[str, object]


@dataclass(frozen=True)
class DatumColumns:
    """The keyword arguments of datums, by argument.

    Attributes
    ----------
    n : int
        How many datums.
    constant : dict
        Arguments that are the same in all of them, of one type as well.
    varying : dict
        The others, a range or a list each.
    irregular : list of mapping or None
        The arguments one by one, where datums differ in their names.
    """

    n: int
    constant: Mapping[str, Any] = field(default_factory=dict)
    varying: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    irregular: Sequence[DatumKwargs] | None = None

    @classmethod
    def of(cls, datums: Sequence[DatumKwargs]) -> DatumColumns:
        """Sort the arguments of some datums.

        Parameters
        ----------
        datums : sequence of mapping
            The keyword arguments of each. They may differ in their names.
        """
        if len(set(map(frozenset, datums))) > 1:  # their names
            return cls(len(datums), irregular=[dict(datum) for datum in datums])
        constant: dict[str, Any] = {}
        varying: dict[str, Sequence[Any]] = {}
        for name in datums[0] if datums else ():
            values = [datum[name] for datum in datums]
            # Of one type as well: 1, 1.0 and True are equal, and a handler may tell them apart.
            if len(set(map(type, values))) == 1 and values.count(values[0]) == len(values):
                constant[name] = values[0]
            else:
                varying[name] = _as_range(values) or values
        return cls(len(datums), constant, varying)


@dataclass(frozen=True)
class DatumRun:
    """Consecutive rows whose datums are of one resource.

    Attributes
    ----------
    start, stop : int
        The rows, half-open.
    resource_uid : str or None
        What the datums call their resource; None where rows have no datum.
    kwargs : DatumColumns
        The arguments of the datums, of each row in turn; of none, where they have no datum.
    numbering : tuple of str and range, or None
        OWNER and NUMBERS, where the identifiers are ``OWNER/NUMBER``; None where they are not.
    """

    start: int
    stop: int
    resource_uid: str | None
    kwargs: DatumColumns
    numbering: tuple[str, range] | None = None


def are_numbered(runs: Sequence[DatumRun]) -> bool:
    """Tell whether runs tell the identifiers of all datums too, so that their column need not be read."""
    return all(run.numbering is not None for run in runs if run.resource_uid is not None)


def number_ids(ids: Sequence[str]) -> tuple[str, range] | None:
    """Return OWNER and NUMBERS of identifiers ``OWNER/NUMBER`` that go on as they begin; None where they do not."""
    owner, steady = _steady_numbers(ids)
    if steady and all(f"{owner}/{number}" == each for number, each in zip(steady, ids, strict=True)):
        return owner, steady
    return None


def _as_range(values: list[Any]) -> range | None:
    if set(map(type, values)) != {int}:
        return None
    step = values[1] - values[0]  # there are two, or they would be one constant
    candidate = range(values[0], values[0] + step * len(values), step) if step else None
    return candidate if candidate is not None and list(candidate) == values else None


def _steady_numbers(ids: Sequence[str]) -> tuple[str, range]:
    """Return what stands before the numbers of identifiers, and how they go on if they go on as they begin."""
    first, second = (each.rpartition("/") for each in (*ids[:2], "", "")[:2])
    if not first[2].isdecimal() or not (len(ids) == 1 or second[2].isdecimal()):
        return "", range(0)
    start = int(first[2])
    step = 1 if len(ids) == 1 else int(second[2]) - start
    return first[0], range(start, start + step * len(ids), step) if step else range(0)
