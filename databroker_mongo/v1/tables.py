"""Streams as tables: a row for each event, a column for each data key, and the time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import OpenedColumns, as_moments, column_name, has_integers_beyond_floats
from ..errors import CatalogWarning, DocumentWarning, stacklevel_of_caller
from ..store import Values
from .documents import ChosenFields, choose_fields
from .values import is_external, open_external, stored_values

if TYPE_CHECKING:
    import pandas

    from ..runs import Run, Stream


"""Of what nanoseconds since 1970 in 64 bits can count."""


class _Index(NamedTuple):
    """``(n_rows,)`` each: the rows of a table."""

    seq_num: NDArray[np.int64]
    time: NDArray[np.float64]
    descriptor: NDArray[np.intp]


def make_table(
    run: Run, stream_name: str, *, fields: Iterable[str] | None, fill: bool, convert_times: bool
) -> pandas.DataFrame:
    """Return the table of one stream of a run, in the order of its rows.

    Parameters
    ----------
    run : Run
        The run.
    stream_name : str
        The stream; a run without it has an empty table.
    fields : iterable of str, or None
        Regular expressions for data keys and metadata; None for all data keys.
    fill : bool
        Whether external data take the place of the identifiers of datums.
    convert_times : bool
        Whether times are ``datetime64``, in UTC, or seconds since 1970.
    """
    import pandas  # half a second, in this file, that brokers do without until a table is asked for

    stream = run.get(stream_name)
    frame = None if stream is None else _frame(stream, run, fields, fill=fill, convert_times=convert_times)
    if frame is None:
        frame = pandas.DataFrame()
    frame.index.name = "seq_num"
    return frame


def join_tables(tables: Sequence[pandas.DataFrame]) -> pandas.DataFrame:
    """Return tables below one another; those without columns are left out."""
    import pandas

    kept = [table for table in tables if len(table.columns)]
    kept = [table for table in kept if len(table)] or kept[:1]
    result = pandas.concat(_without_rounding(kept)) if kept else pandas.DataFrame()
    result.index.name = "seq_num"
    return result


def _without_rounding(tables: Sequence[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    """Yield tables whose large integers stay what they are below those that have other numbers there, or none."""
    names = dict.fromkeys(name for table in tables for name in table)
    kinds = {name: {table[name].dtype.kind if name in table else "" for table in tables} for name in names}
    for table in tables:
        integers = [name for name in table if table[name].dtype.kind == "i" and kinds[name] != {"i"}]
        large = [name for name in integers if has_integers_beyond_floats(table[name].tolist())]
        yield table.astype(dict.fromkeys(large, object))


def warn_of_time_zone(timezone: str | None) -> None:
    """Tell who asked the caller for a time zone that it has no effect."""
    if timezone is not None:
        warnings.warn(
            "timezone has no effect: times are in UTC. Convert them with "
            f"table['time'].dt.tz_localize('UTC').dt.tz_convert({timezone!r})",
            CatalogWarning,
            stacklevel=stacklevel_of_caller(),
        )


def _frame(
    stream: Stream, run: Run, fields: Iterable[str] | None, *, fill: bool, convert_times: bool
) -> pandas.DataFrame | None:
    """Return the table of a stream, or None where no data key is wanted."""
    import pandas

    patterns = fields if fields is None or isinstance(fields, str) else list(fields)
    start, stop = run.start, run.stop or {}
    chosen = [choose_fields(patterns, each, start=start, stop=stop) for each in stream.source.descriptors]
    wanted = {key for each in chosen for key in each.keys}
    keys = [key for key in stream.source.data_keys if key in wanted]
    external = [key for key in keys if fill and is_external(stream.source, key)]
    opened = open_external(stream, external) if external else None
    if not keys:
        return None
    found = _columns(stream, keys, opened)
    index = _index(stream, opened)
    descriptor = index.descriptor
    columns = {key: _as_long(values, len(descriptor)) for key, values in found.items()}
    without = [key for key, values in found.items() if len(values) < len(descriptor)]
    if without:
        _warn(stream, f"no event is stored, so there are no values of {', '.join(map(repr, without))}")
    has_times = opened is None or opened.time is not None
    times = _moments(index.time, stream if has_times else None) if convert_times else index.time
    has_time_key = "time" in columns
    columns.update(_extra_columns(chosen, descriptor, columns))
    taken = {*stream.source.data_keys, *columns}
    named = {column_name(key, taken): values for key, values in columns.items()}
    if has_time_key:
        name = column_name("time", taken)
        _warn(stream, f"the data key 'time' is called {name!r} here, because 'time' holds the times of the events")
    table = pandas.DataFrame({"time": times, **named}, index=index.seq_num)
    # As in databroker 1, a descriptor without any of the wanted keys has no rows, whatever metadata are wanted.
    is_wanted = np.array([bool(each.keys) for each in chosen])[descriptor]
    return table if is_wanted.all() else table[is_wanted]


def _warn(stream: Stream, told: str) -> None:
    """Tell whoever called this package something of a stream."""
    warnings.warn(f"{stream.source.where}: {told}", DocumentWarning, stacklevel=stacklevel_of_caller())


def _columns(stream: Stream, keys: Sequence[str], opened: OpenedColumns | None) -> dict[str, Values]:
    """Return the values of data keys, those that are opened from files; lists and arrays in a row stay one value."""
    filled = {} if opened is None else {key: list(column[...]) for key, column in opened.columns.items()}
    values = {**stored_values(stream.source, [key for key in keys if key not in filled]), **filled}
    return {key: _whole(values[key]) for key in keys if key in values}


def _index(stream: Stream, opened: OpenedColumns | None) -> _Index:
    """Return the rows of a table: those that all columns have."""
    found = stream.source.rows.index
    if opened is None:
        return _Index(found.seq_num, found.time, found.descriptor)
    if opened.time is None:
        nothing = np.full(opened.n_rows, np.nan)
        return _Index(opened.seq_num, nothing, np.zeros(opened.n_rows, np.intp))
    return _Index(opened.seq_num, opened.time, found.descriptor[: opened.n_rows])


def _as_long(values: Values, n_rows: int) -> Values:
    """Return as many values as a table has rows; where no event is stored, there is none."""
    return values[:n_rows] if len(values) >= n_rows else [np.nan] * n_rows


def _moments(time: NDArray[np.float64], stream: Stream | None) -> pandas.DatetimeIndex:
    """Return times as moments in UTC, and tell of those of a stream that are none."""
    moments = as_moments(time)
    odd = time[moments.isna()]
    if len(odd) and stream is not None:
        told = f"{len(odd)} events have a time that is missing or not valid ({odd[0]:g}), and is NaT in the table"
        _warn(stream, f"{told}. convert_times=False and localize_times=False give all times as they are stored.")
    return moments


def _whole(values: Values) -> Values:
    """Return values as a column; what is not a number or text is kept as one value, whatever it is made of.

    Integers stay integers where other numbers, or missing ones, stand among them and floats would round some.
    """
    if isinstance(values, np.ndarray):
        return values if values.ndim == 1 else _objects(values.tolist())
    if has_integers_beyond_floats(values) or any(isinstance(value, list | np.ndarray | dict) for value in values):
        return _objects(values)
    return values


def _objects(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column


def _extra_columns(
    chosen: Sequence[ChosenFields], descriptor: np.ndarray[Any, Any], columns: Mapping[str, Values]
) -> Mapping[str, Values]:
    """Return columns of metadata; what is a data key of some descriptors keeps its values in their rows."""
    found: dict[str, Values] = {}
    for name in dict.fromkeys(name for each in chosen for name in each.extra):
        values: list[Any] = [chosen[each].extra.get(name, np.nan) for each in descriptor.tolist()]
        if name in columns:
            for row, each in enumerate(descriptor.tolist()):
                values[row] = columns[name][row] if name in chosen[each].keys else values[row]
        found[name] = _whole(values)
    return found
