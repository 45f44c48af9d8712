"""One value of a data key for each of many runs: its first or last one, the least, the greatest, or the mean."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import RunRows, refuse_external
from ...documents import NAMELESS_STREAM
from ...errors import CatalogWarning, QueryError, stacklevel_of_caller
from ...store import Store
from ..run import Run
from .rows import known_rows, take_rows, warn_of_notes

_WRITTEN = re.compile(r"(?:(?P<stream>[^(]+?)\.)?(?P<reduction>[a-z]+)\((?P<key>.+)\)", re.DOTALL)
_OTHERS = ("average", "avg", "count", "median", "ptp", "std", "sum", "var")


@dataclass(frozen=True)
class DataColumn:
    """A column of a table of runs that tells of their data.

    Attributes
    ----------
    name : str
        As it was written: ``max(I0)``, ``baseline.first(temperature)``.
    stream, reduction, key : str
        Its parts.
    """

    name: str
    stream: str
    reduction: str
    key: str

    @classmethod
    def of(cls, name: str) -> DataColumn | None:
        """Return the column that is written so; None for a field of a document.

        Raises
        ------
        QueryError
            It is written like one, and there is no such function.
        """
        written = _WRITTEN.fullmatch(name)
        if written is None:
            return None
        if written["reduction"] in _OTHERS:
            raise QueryError(
                f"{name!r} is no column: a table has {', '.join(_REDUCTIONS)} of the data of each run. "
                f"catalog.map(function, keys=[{written['key']!r}]) calls any function of them."
            )
        if written["reduction"] not in _REDUCTIONS:
            return None
        return cls(name, written["stream"] or NAMELESS_STREAM, written["reduction"], written["key"])


@dataclass
class _Seen:
    """What the runs of a table so far say of a stream."""

    n_runs: int = 0
    declared: set[str] = field(default_factory=set)
    example: tuple[str, ...] | None = None


class Reducer:
    """Reads the columns of a table that tell of data.

    Parameters
    ----------
    store : Store
        Where the events are.
    columns : sequence of DataColumn
        The columns.
    """

    def __init__(self, store: Store, columns: Sequence[DataColumn]):
        self._store = store
        self._columns = columns
        self._seen = {column.stream: _Seen() for column in columns}

    def cells(self, runs: Sequence[Run]) -> list[dict[str, Any]]:
        """Return the cells of each run by the names of their columns; None where a run has no value.

        Raises
        ------
        QueryError
            The values are in files, or not such that this can be told of them.
        """
        cells = [dict[str, Any].fromkeys([column.name for column in self._columns]) for _ in runs]
        for stream in self._seen:
            of_stream = [column for column in self._columns if column.stream == stream]
            self._reduce(stream, of_stream, runs, cells)
        return cells

    def _reduce(
        self, stream: str, columns: Sequence[DataColumn], runs: Sequence[Run], cells: list[dict[str, Any]]
    ) -> None:
        keys = list(dict.fromkeys(column.key for column in columns))
        places = [place for place, run in enumerate(runs) if stream in run]
        streams = [runs[place][stream] for place in places]
        rows = [RunRows.of(runs[place].start, found.source, keys) for place, found in zip(places, streams, strict=True)]
        refuse_external(rows, keys)
        seen = self._seen[stream]
        seen.n_runs += len(runs)
        seen.declared.update(*(each.declared for each in rows))
        if streams and seen.example is None:
            seen.example = tuple(streams[0].source.data_keys)
        waiting = iter(zip(places, rows, strict=True))
        for group in take_rows(self._store, streams, keys):
            for found, taken in group:
                place, own = next(waiting)
                own.take(known_rows(taken, found))
                cells[place].update((column.name, _reduced(column, own)) for column in columns)
                own.values.clear()  # of a page, no more than a group of runs has its rows in memory
        warn_of_notes(stream, rows)

    def warn_of_unknown(self) -> None:
        """Warn of the columns that no run can have a value of, at the end of the table."""
        for column in self._columns:
            seen = self._seen[column.stream]
            if not seen.n_runs or column.key in seen.declared:
                continue
            lacking = f"stream {column.stream!r}"
            if seen.example is not None:
                known = ", ".join(seen.example) or "none"
                lacking = (
                    f"data key {column.key!r} in its stream {column.stream!r}. The first run that has the stream has: "
                    f"{known}"
                )
            text = f"the column {column.name!r} is empty: none of the {seen.n_runs} runs has a {lacking}"
            warnings.warn(text, CatalogWarning, stacklevel=stacklevel_of_caller())


def _reduced(column: DataColumn, run: RunRows) -> Any:
    values = run.values.get(column.key)
    if values is None or not len(values):
        return None
    if values.ndim > 1:
        raise QueryError(
            f"{column.name!r} of the run {run.uid} is not one value: each row of {column.key!r} has the shape "
            f"{list(values.shape[1:])}. catalog.map(function, keys=[{column.key!r}]) calls a function of the rows.",
            data_key=column.key,
        )
    value = _REDUCTIONS[column.reduction](values)
    if value is NotImplemented:
        raise QueryError(
            f"{column.name!r} of the run {run.uid} is not a number: {column.key!r} has {_said(values)} there. "
            "Of these a table has the first and the last.",
            data_key=column.key,
        )
    return value.item() if isinstance(value, np.generic) else value


def _said(values: NDArray[Any]) -> str:
    return "texts" if values.dtype.kind == "U" else "values that are not numbers alone"


def _numbers(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return the numbers of a column without those that are missing; None if there is anything else."""
    if values.dtype.kind in "biu":
        return values
    if values.dtype.kind == "f":
        present_numbers: NDArray[Any] = values[~np.isnan(values)]
        return present_numbers
    if values.dtype.kind != "O":
        return None
    present = [value for value in values.tolist() if value is not None and not _is_nan(value)]
    if not all(isinstance(value, int | float) for value in present):
        return None
    numbers = np.empty(len(present), object)
    numbers[:] = present
    return numbers


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _least(values: NDArray[Any]) -> Any:
    numbers = _numbers(values)
    return NotImplemented if numbers is None else numbers.min() if len(numbers) else None


def _greatest(values: NDArray[Any]) -> Any:
    numbers = _numbers(values)
    return NotImplemented if numbers is None else numbers.max() if len(numbers) else None


def _mean(values: NDArray[Any]) -> Any:
    numbers = _numbers(values)
    return NotImplemented if numbers is None else np.mean(numbers, dtype=np.float64) if len(numbers) else None


_REDUCTIONS = {
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "min": _least,
    "max": _greatest,
    "mean": _mean,
}
