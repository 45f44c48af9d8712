"""What many runs tell at once: tables, a row for each run, and counts of the values of a field."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..arrays import has_integers_beyond_floats
from ..documents import n_events_said
from ..errors import QueryError
from ..queries import plain_path, split_key, zone_of
from ..store import RUNS_AT_ONCE, Document, Store
from .many import DataColumn, MakeRuns, Reducer

if TYPE_CHECKING:
    import pandas

DEFAULT_COLUMNS = ("time", "scan_id", "plan_name", "stop.exit_status", "duration", "streams")
MOST_FIELDS = 10_000
LARGEST_TIME = 9.2e9
"""Seconds; pandas counts nanoseconds, and has no room for times beyond the year 2261."""

_TIMES = ("time", "stop.time")
_OF_STOP = ("duration", "n_events")
_OF_STREAMS = ("streams", "n_events")


def list_fields(names: str | Iterable[str]) -> list[str]:
    """Return one name of a field, or several, as a list.

    Raises
    ------
    QueryError
        One is no name of a field, or there are more than `MOST_FIELDS`.
    """
    return _list_names(names, plain_path)


def list_columns(names: str | Iterable[str]) -> list[str]:
    """Return one name of a column, or several, as a list.

    Raises
    ------
    QueryError
        One is the name of neither a field nor a column of data, or there are more than `MOST_FIELDS`.
    """
    return _list_names(names, lambda name: name if isinstance(name, str) and DataColumn.of(name) else plain_path(name))


def list_data_columns(columns: Iterable[str]) -> list[DataColumn]:
    """Return the columns that tell of data."""
    return [column for column in map(DataColumn.of, columns) if column is not None]


def _list_names(names: str | Iterable[str], require: Callable[[Any], str]) -> list[str]:
    is_one = isinstance(names, str) or not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0
    found: list[str] = []
    for name in [names] if is_one else names:
        if len(found) == MOST_FIELDS:
            raise QueryError(f"At most {MOST_FIELDS} fields can be requested at once; more were given.")
        found.append(require(name))
    return found


def list_needed_fields(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the fields of the start documents that these columns need.

    Raises
    ------
    QueryError
        A column is no field of the start or stop document, nor one of those that are worked out.
    """
    of_data = list_data_columns(columns)
    fields = {"uid", "scan_id", "time"} if of_data else {"uid"}
    for column in [name for name in columns if name not in {each.name for each in of_data}]:
        document, path = split_key(column)
        if document == "descriptor":
            raise QueryError(f"A run has several descriptors, so {column!r} is not a column; 'streams' names them.")
        if document == "start" and column not in (*_OF_STOP, *_OF_STREAMS):
            fields.add(path)
    return tuple(sorted(fields))


def find_rows(
    store: Store, starts: Iterator[Document], columns: Sequence[str], make_runs: MakeRuns
) -> Iterator[tuple[str, list[Any]]]:
    """Yield the uid of each run, and its cells; times are seconds since 1970.

    Parameters
    ----------
    store : Store
        Where the other documents are.
    starts : iterator of dict
        The start documents, with the fields that the columns need.
    columns : sequence of str
        Fields of the start document or, after ``stop.``, of the stop document; or ``duration``, ``streams``,
        ``n_events``; or values of data, such as ``max(I0)``.
    make_runs : callable
        Makes runs of start documents, with their descriptors at hand, for the columns of data.
    """
    of_data = list_data_columns(columns)
    reducer = Reducer(store, of_data)
    of_documents = [name for name in columns if name not in {column.name for column in of_data}]
    while page := list(islice(starts, RUNS_AT_ONCE)):
        uids = [start["uid"] for start in page]
        stops = _stops(store, uids, of_documents)
        values = reducer.cells(make_runs(page)) if of_data else [{}] * len(page)
        streams = store.streams(uids) if set(columns) & set(_OF_STREAMS) else {}
        counts = _n_events(store, stops, streams) if "n_events" in columns else {}
        for start, own in zip(page, values, strict=True):
            uid = start["uid"]
            known = {"streams": list(streams.get(uid, ())), "n_events": counts.get(uid), **own}
            yield uid, [known[name] if name in known else _cell(name, start, stops.get(uid)) for name in columns]
    reducer.warn_of_unknown()


def make_table(
    found: Iterable[tuple[str, list[Any]]], columns: Sequence[str], *, timezone: str | None = None
) -> pandas.DataFrame:
    """Return rows as a table indexed by uid, with ``time`` and ``stop.time`` in a zone: the local one for None.

    What is stored as a time and is none, or one that pandas has no room for, is NaT.
    """
    import pandas as pd  # a shell's command lists runs without it

    from .run_table import RunTable

    found = list(found)
    uids = pd.Index([uid for uid, _ in found], name="uid", dtype=object)
    cells = {name: [cells[place] for _, cells in found] for place, name in enumerate(columns)}
    # Beside a missing value, pandas would make floats of them.
    large = {name: object for name, column in cells.items() if has_integers_beyond_floats(column)}
    series = {name: pd.Series(column, uids, large.get(name)) for name, column in cells.items()}
    frame = RunTable(series, index=uids, columns=list(columns))
    for name in set(columns) & set(_TIMES):
        seconds = pd.Series(map(_seconds, frame[name]), index=frame.index, dtype=float)
        frame[name] = pd.to_datetime(seconds, unit="s", utc=True).dt.round("us").dt.tz_convert(zone_of(timezone))
    return frame


def find_empty_columns(table: pandas.DataFrame) -> list[str]:
    """Return the columns of fields of which no run in a table has a value."""
    worked_out = (*_TIMES, *_OF_STOP, *_OF_STREAMS)
    fields = [name for name in table.columns if name not in worked_out and DataColumn.of(name) is None]
    return [name for name in fields if len(table) and table[name].isna().all()]


def count_by_value(found: Sequence[tuple[Any, int]]) -> dict[Any, int]:
    """Return counts by value; what cannot be a key of a dict, or is equal to another as a key, is given as text."""
    counts: dict[Any, int] = {}
    # Which of 1 and True is the text does not hang on how many runs have each.
    numbers = {value for value, _ in found if isinstance(value, int | float) and not isinstance(value, bool)}
    for value, n_runs in found:
        is_taken = isinstance(value, bool) and value in numbers
        key = value if not is_taken and _has_hash(value) and value not in counts else _as_text(value)
        while key in counts:
            key += " "  # as a text that is stored may be that of another value
        counts[key] = n_runs
    return counts


def _stops(store: Store, uids: Sequence[str], columns: Iterable[str]) -> dict[str, Document]:
    needed = any(column in _OF_STOP or split_key(column)[0] == "stop" for column in columns)
    return store.stops(uids) if needed else {}


def _n_events(
    store: Store, stops: Mapping[str, Document], streams: Mapping[str, Mapping[str, Sequence[str]]]
) -> dict[str, int]:
    """Return how many events each run has: as its stop says, or counted."""
    counts: dict[str, int] = {}
    for uid, stop in stops.items():
        said = n_events_said(stop)
        if said is not None and None not in said.values():
            counts[uid] = sum(n or 0 for n in said.values())
    to_count = {
        uid: [descriptor for descriptors in of_run.values() for descriptor in descriptors]
        for uid, of_run in streams.items()
        if uid not in counts
    }
    found = store.count_events([descriptor for of_run in to_count.values() for descriptor in of_run])
    return counts | {uid: sum(found[each] for each in descriptors) for uid, descriptors in to_count.items()}


def _cell(column: str, start: Document, stop: Document | None) -> Any:
    if column == "duration":
        seconds = _seconds((stop or {}).get("time")) - _seconds(start.get("time"))
        return seconds if math.isfinite(seconds) else None
    document, path = split_key(column)
    value: Any = start if document == "start" else stop
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _seconds(time: Any) -> float:
    """Return a time as a document has it; NaN for what is none."""
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    return float(time) if is_number and abs(time) <= LARGEST_TIME else math.nan


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, datetime.datetime) else repr(value)


def _as_text(value: Any) -> str:
    return json.dumps(value, default=_shown) if isinstance(value, dict | list | bool | int | float) else repr(value)
