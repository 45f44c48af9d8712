"""Columns of many runs, one below the other: each as it is read by itself, then of one dtype.

Pure: the rows that were found of each run go in. What does not belong here: which runs, and how their events are found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError, ShapeMismatch
from ..store import MISSING, Document, EventIndex, Values
from .inline import structure_of_no_rows
from .source import StreamSource
from .structure import DataKey, attributes, contradictions, declared_dtype, name_dims
from .values import as_array, is_exact_as, missing_value

Array = NDArray[Any]
_TAKEN = ("time", "run", "run_number", "uid", "scan_id", "n_rows", "start_time")
"""The axes and coordinates of the dataset."""

_MOST_NAMED = 5


@dataclass
class RunRows:
    """What a run adds to a table of many: its rows of one stream, and its values of some keys.

    Attributes
    ----------
    uid : str
        The run.
    scan_id : object
        Its scan id, as it is stored; ``MISSING`` if it has none.
    start_time : float
        When it began; NaN if that is not known.
    has_stream : bool
        Whether it has the stream.
    declared : dict
        What the first descriptor that has a key declares of it, for each key that one has.
    devices : dict
        Their devices, where the descriptors tell.
    time : numpy.ndarray
        Of each row.
    values : dict
        An array for each key that is declared; None if no event has the key.
    notes : dict
        What its documents got wrong, by data key or ``"time"``.
    """

    uid: str
    scan_id: Any
    start_time: float
    has_stream: bool = False
    declared: dict[str, DataKey] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    time: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    values: dict[str, Array | None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, start: Document, source: StreamSource | None, keys: Collection[str]) -> RunRows:
        """Begin with the documents of a run; without a source it has no such stream."""
        time = start.get("time")
        seconds = float(time) if isinstance(time, int | float) and not isinstance(time, bool) else np.nan
        run = cls(start["uid"], start.get("scan_id", MISSING), seconds)
        descriptors = () if source is None else source.descriptors
        run.notes = contradictions(descriptors, keys)
        for descriptor in descriptors:
            data_keys, owners = descriptor["data_keys"], descriptor.get("object_keys") or {}
            for key in keys:
                if key in data_keys:
                    run.declared.setdefault(key, data_keys[key])
                run.devices.update((key, device) for device, owned in owners.items() if key in owned)
        run.has_stream = source is not None
        return run

    def __len__(self) -> int:
        return len(self.time)

    def take(self, index: EventIndex) -> None:
        """Keep the rows that were found, each column of the dtype that it has when this run is read alone."""
        self.time = index.time
        n_without = int(np.count_nonzero(np.isnan(index.time)))
        if n_without:
            self.notes["time"] = f"{n_without} events have a time that is missing or not a number, and is NaN here"
        self.values = {key: _column(index.data[key], data_key) for key, data_key in self.declared.items()}


@dataclass
class Joined:
    """A column of many runs.

    Attributes
    ----------
    name : str
        What it is called in the dataset.
    dims : tuple of str
        Its axes.
    values : numpy.ndarray
        Of all rows.
    attrs : dict
        What all runs say of it.
    lacking : list of str
        The runs that have rows of the stream and no value of it.
    dtypes : dict
        Where the runs do not agree, those of each dtype.
    """

    name: str
    dims: tuple[str, ...]
    values: Array
    attrs: dict[str, Any]
    lacking: list[str]
    dtypes: dict[str, list[str]]


def refuse_external(runs: Sequence[RunRows], keys: Iterable[str]) -> None:
    """Refuse the keys whose values are in files.

    Raises
    ------
    QueryError
        Naming one, and some of the runs.
    """
    for key in keys:
        outside = [run for run in runs if "external" in run.declared.get(key, ())]
        if outside:
            raise QueryError(
                f"The values of {key!r} are in files, in {_named(outside)}; the rows of many runs are read of numbers "
                f"and texts alone. catalog.map(function, keys=[{key!r}]) gives the data of each run to a function, and "
                "a table of what that returns.",
                data_key=key,
            )


def join(runs: Sequence[RunRows], keys: Sequence[str], data_keys: Mapping[str, DataKey]) -> list[Joined]:
    """Join the columns of runs, run after run.

    Parameters
    ----------
    runs : sequence of RunRows
        The runs, which give their values away.
    keys : sequence of str
        The columns.
    data_keys : mapping
        All data keys of one of the runs, through which axes are numbered.

    Raises
    ------
    QueryError
        The units of a column differ.
    ShapeMismatch
        The shapes of its rows differ.
    """
    for key in keys:
        _require_one_unit(key, runs)
    lacking = {key: [run.uid for run in runs if len(run) and run.values.get(key) is None] for key in keys}
    columns = {key: _join_values(key, runs) for key in keys}
    names = _names(keys)
    dims = _name_dims(runs, {key: values.shape[1:] for key, (values, _) in columns.items()}, data_keys)
    return [
        Joined(names[key], dims[key], values, _common_attributes(key, runs), lacking[key], dtypes)
        for key, (values, dtypes) in columns.items()
    ]


def _column(values: Values, data_key: DataKey) -> Array | None:
    if len(values) == 0:
        shape, dtype = structure_of_no_rows(data_key)
        return np.empty((0, *shape), dtype)
    if isinstance(values, list) and all(value is MISSING for value in values):
        return None
    return as_array(values, declared=declared_dtype(data_key))


def _join_values(key: str, runs: Sequence[RunRows]) -> tuple[Array, dict[str, list[str]]]:
    """Return the values of all rows; and, if they were not all of one dtype, of which runs each was."""
    found = [(run, values) for run in runs if len(run) and (values := run.values.get(key)) is not None]
    if not found:
        return _without_values(key, runs), {}
    _require_one_shape(key, found)
    by_dtype: dict[str, list[str]] = {}
    for run, values in found:
        by_dtype.setdefault(_said(values.dtype), []).append(run.uid)
    n_rows = sum(map(len, runs))
    is_whole = n_rows == sum(len(values) for _, values in found)
    dtype, gap = _common_dtype([values for _, values in found], is_whole=is_whole)
    row_shape = found[0][1].shape[1:]
    joined = np.empty((n_rows, *row_shape), dtype) if is_whole else np.full((n_rows, *row_shape), gap, dtype)
    start = 0
    for run in runs:
        part = run.values.pop(key, None)
        if part is not None and len(run):
            joined[start : start + len(run)] = part
        start += len(run)
    return joined, by_dtype if len(by_dtype) > 1 else {}


def _without_values(key: str, runs: Sequence[RunRows]) -> Array:
    """Return a column of which no run has a value: as it is read of one run, or NaN if none declares it."""
    n_rows = sum(map(len, runs))
    if n_rows == 0:
        declared = next((run.declared[key] for run in runs if key in run.declared), None)
        shape, dtype = ((), np.dtype(np.float64)) if declared is None else structure_of_no_rows(declared)
        return np.empty((0, *shape), dtype)
    is_declared = any(len(run) and key in run.values for run in runs)
    return np.full(n_rows, None, object) if is_declared else np.full(n_rows, np.nan)


def _common_dtype(columns: Sequence[Array], *, is_whole: bool) -> tuple[np.dtype[Any], Any]:
    """Return the dtype that holds all values exactly, and what is missing in it: what NumPy promotes to, or objects."""
    dtypes = {values.dtype for values in columns}
    kinds = {dtype.kind for dtype in dtypes}
    common = np.dtype(object)
    if len(dtypes) == 1:
        common = next(iter(dtypes))
    elif kinds <= set("biufc") or kinds == {"U"}:
        common = np.result_type(*dtypes)
    dtype, gap = (common, None) if is_whole else missing_value(common)
    is_exact = dtype.kind not in "fiuc" or all(
        values.dtype == dtype or is_exact_as(values, dtype) for values in columns
    )
    return (dtype, gap) if is_exact else (np.dtype(object), None)


def _require_one_shape(key: str, found: Sequence[tuple[RunRows, Array]]) -> None:
    by_shape: dict[tuple[int, ...], list[RunRows]] = {}
    for run, values in found:
        by_shape.setdefault(values.shape[1:], []).append(run)
    if len(by_shape) > 1:
        said = "; ".join(f"{_shape_said(shape)} in {_named(of)}" for shape, of in by_shape.items())
        raise ShapeMismatch(
            f"The rows of {key!r} have different shapes: {said}. Nothing is padded or cropped: search for the runs of "
            "one shape, or let catalog.map give each run to a function.",
            data_key=key,
        )


def _require_one_unit(key: str, runs: Sequence[RunRows]) -> None:
    by_unit: dict[str, list[RunRows]] = {}
    for run in runs:
        unit = run.declared.get(key, {}).get("units")
        if unit is not None:
            by_unit.setdefault(repr(unit), []).append(run)
    if len(by_unit) > 1:
        said = "; ".join(f"{unit} in {_named(of)}" for unit, of in by_unit.items())
        raise QueryError(
            f"The units of {key!r} differ: {said}. Nothing is converted: search for the runs of one unit, or correct "
            "the descriptors with the catalog's transforms when they are read.",
            data_key=key,
        )


def _shape_said(shape: tuple[int, ...]) -> str:
    return f"{list(shape)}" if shape else "single values"


def _said(dtype: np.dtype[Any]) -> str:
    return "text" if dtype.kind == "U" else str(dtype)


def _named(runs: Sequence[RunRows]) -> str:
    names = [f"{run.uid} (scan id {None if run.scan_id is MISSING else run.scan_id})" for run in runs[:_MOST_NAMED]]
    more = f" and {len(runs) - _MOST_NAMED} more" if len(runs) > _MOST_NAMED else ""
    return f"{'the run' if len(runs) == 1 else 'the runs'} {', '.join(names)}{more}"


def _common_attributes(key: str, runs: Sequence[RunRows]) -> dict[str, Any]:
    """Return what all runs that declare a key say of it; units also if some say them, with those that do not."""
    common: dict[str, Any] | None = None
    for run in runs:
        if key in run.declared:
            said = attributes(run.declared[key], run.devices.get(key))
            common = said if common is None else {name: each for name, each in common.items() if said.get(name) == each}
    units = {run.uid: run.declared[key].get("units") for run in runs if key in run.declared}
    without = [uid for uid, unit in units.items() if unit is None]
    if without and len(without) < len(units):
        unit = next(each for each in units.values() if each is not None)
        return {**(common or {}), "units": unit, "runs_without_units": without}
    return common or {}


def _name_dims(
    runs: Sequence[RunRows], row_shapes: Mapping[str, tuple[int, ...]], data_keys: Mapping[str, DataKey]
) -> dict[str, tuple[str, ...]]:
    """Name the axes of each column."""
    known = dict(data_keys)
    for key in row_shapes:
        known.setdefault(key, next((run.declared[key] for run in runs if key in run.declared), {}))
    known = {key: _without_taken(data_key, _TAKEN) for key, data_key in known.items()}
    return {key: ("time", *dims) for key, dims in name_dims(known, row_shapes).items() if key in row_shapes}


def _without_taken(data_key: DataKey, taken: Collection[str]) -> DataKey:
    own = {str(dim) for dim in data_key.get("dims") or ()}
    return {**data_key, "dims": None} if own & set(taken) else data_key


def _names(keys: Sequence[str]) -> dict[str, str]:
    """Return what each column is called: its data key, or the next free name if that is one of a coordinate."""
    names: dict[str, str] = {}
    for key in keys:
        name = key
        while name in _TAKEN or (name != key and name in keys):
            name += "_"
        names[key] = name
    return names
