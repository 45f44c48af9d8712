"""What an agent may ask of a catalog: six questions, each of which reads and changes nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..display import local_time
from ..documents import NAMELESS_STREAM
from ..errors import CatalogWarning, QueryError
from ..queries import Query, TimeRange, from_words
from ..runs import Catalog, OpenColumn, Run, StreamColumns
from .answers import Found
from .previews import middle_of, preview

Array = NDArray[Any]
Words = Annotated[
    Sequence[str],
    Field(
        description="What the runs must have, all of it: 'plan_name=count' (also != < <= > >=), 'sample.name~^Ni' for "
        "a regular expression, 'purpose:align' for a part of a text, 'stop.exit_status=fail', 'sample=' for a field "
        "that is there. By default all runs."
    ),
]
Moment = Annotated[str, Field(description="A time: '2020-03', '2020-03-05 12:30', 'today', 'last 2 h'.")]
Key = Annotated[str, Field(description="A uid or its beginning, a scan id, or '-1' for the latest run.")]
StreamName = Annotated[str, Field(description="The name of a stream of the run.")]
Count = Annotated[int, Field(ge=1, le=1000)]
Skipped = Annotated[int, Field(ge=0)]

_COLUMNS: Final = ("scan_id", "uid", "time", "plan_name", "sample", "stop.exit_status", "duration")
_TIMES: Final = ("time", "stop.time")
_MOST_BYTES_OF_A_ROW: Final = 500_000_000


class Tools:
    """The six questions, to be asked one at a time: warnings are caught, which is the business of one thread.

    Parameters
    ----------
    catalog : Catalog
        The runs that may be asked for; nothing is told of others.
    """

    def __init__(self, catalog: Catalog):
        self._catalog = catalog

    def find(
        self,
        query: Words = (),
        since: Moment = "",
        until: Moment = "",
        columns: Annotated[
            Sequence[str],
            Field(
                description="Fields of the start document, of the stop document after 'stop.', 'duration' in seconds, "
                "'streams', 'n_events', and of the data 'max(I0)', 'first(T)' and such."
            ),
        ] = _COLUMNS,
        sort: Annotated[str, Field(description="A field of the start document; '-' before it reverses.")] = "-time",
        limit: Count = 20,
        skip: Skipped = 0,
    ) -> Found:
        """Find runs by their metadata, the newest first, and count those that match."""
        found = self._catalog.search(_query(query, since, until))
        with _hints() as hints:
            page = found.search(sort=sort, skip=skip, limit=limit).rows(columns)
            runs = [_as_row(columns, cells) for _, cells in page]
        data = {"n_runs": found.estimate_len(), "runs": runs, **({"hints": hints} if hints else {})}
        return Found(
            data,
            "Ask for fewer columns, or a smaller limit.",
            rows="runs",
            follow=lambda n: f"Ask with skip={skip + n} for the next.",
        )

    def show(
        self,
        run: Key,
        part: Annotated[
            str,
            Field(description="What alone is wanted: 'start.sample', 'streams.primary'; all by default."),
        ] = "",
    ) -> Found:
        """Show the metadata of one run: its start and stop documents, and the data keys of its streams."""
        found = self._find(run)
        streams = {name: _described(stream.data_keys) for name, stream in found.items()}
        data = {**found.metadata, "streams": streams}
        return Found({part: _part(data, part)} if part else data, "Ask for a part: 'start.NAME', 'streams.NAME'.")

    def table(
        self,
        run: Key,
        stream: StreamName = NAMELESS_STREAM,
        columns: Annotated[
            Sequence[str], Field(description="Data keys; by default all that have one value a row.")
        ] = (),
        first_row: Skipped = 0,
        n_rows: Count = 100,
    ) -> Found:
        """Read rows of the numbers and texts of a stream. Images and other arrays are for `preview`."""
        opened = self._find(run)[stream].columns(columns or None)
        told = {key: column for key, column in opened.items() if _is_scalar(column)}
        rows = slice(first_row, first_row + n_rows)
        found = opened.read_rows(rows, list(told))
        if opened.time is not None:
            found = {"time": opened.time[rows], **{key: each for key, each in found.items() if key != "time"}}
        data = {
            "n_rows": opened.n_rows,
            "units": {key: column.attrs["units"] for key, column in told.items() if column.attrs.get("units")},
            "left_out": {key: _why(column) for key, column in opened.items() if key not in told},
            "columns": list(found),
            "rows": [list(each) for each in zip(*(values.tolist() for values in found.values()), strict=True)],
        }
        return Found(
            {name: each for name, each in data.items() if each or name in ("n_rows", "rows")},
            "Ask for fewer columns.",
            rows="rows",
            follow=lambda n: f"Ask with first_row={first_row + n} for the next.",
        )

    def values(
        self,
        field: Annotated[
            str,
            Field(description="'plan_name', 'sample.name', 'stop.exit_status', or 'descriptor.name' for streams."),
        ],
        query: Words = (),
        since: Moment = "",
        until: Moment = "",
        limit: Count = 100,
        skip: Skipped = 0,
    ) -> Found:
        """List which values a field has, and how many runs have each, the most frequent first."""
        with _hints() as hints:
            found = self._catalog.search(_query(query, since, until)).distinct(field, counts=True)
        values = [{"value": value, "n_runs": n_runs} for value, n_runs in found.items()]
        data = {"n_values": len(values), "values": values[skip : skip + limit], **({"hints": hints} if hints else {})}
        return Found(
            data,
            "Ask with a query, for fewer runs.",
            rows="values",
            follow=lambda n: f"Ask with skip={skip + n} for the next.",
        )

    def preview(
        self,
        run: Key,
        column: Annotated[str, Field(description="A data key of the stream.")],
        stream: StreamName = NAMELESS_STREAM,
        row: Annotated[
            int | None, Field(ge=0, description="Of which row; by default the middle one, of numbers all rows.")
        ] = None,
    ) -> Found:
        """Tell of the values of a column in few numbers: least, greatest, mean, and means of blocks.

        Of images one is read: that of a row, the middle one if a row has several.
        """
        opened = self._find(run)[stream].columns([column])
        found = opened[column]
        data: dict[str, Any] = {
            "column": {"shape": list(found.shape), "dtype": str(found.dtype), "units": found.attrs.get("units")},
        }
        if not opened.n_rows:
            return Found({**data, "n_rows": 0}, "")
        if found.ndim == 1:
            values = np.asarray(found[:] if row is None else found[_row(row, opened) : row + 1])
        else:
            data["row"] = _row(opened.n_rows // 2 if row is None else row, opened)
            data["image"] = list(middle_of(found.shape[1:]))
            if int(np.prod(found.shape[-2:])) * found.dtype.itemsize > _MOST_BYTES_OF_A_ROW:
                raise QueryError("One image of this column is too large for a preview.")
            values = np.asarray(found[(data["row"], *data["image"])])
        return Found({**data, **preview(values)}, "")

    def health(self, run: Key, skip: Skipped = 0) -> Found:
        """Tell what is wrong with one run: its documents, and each column that cannot be read, with the reason."""
        rows = self._find(run).health().drop(columns="facts").to_dict("records")
        told = [{name: each for name, each in row.items() if _is_told(each)} for row in rows]
        worst_first = sorted(told, key=lambda each: each["status"] == "ok")
        n_not_ok = sum(each["status"] != "ok" for each in told)
        return Found(
            {"n_entries": len(told), "n_not_ok": n_not_ok, "entries": worst_first[skip:]},
            "What is wrong comes first.",
            rows="entries",
            follow=lambda n: f"Ask with skip={skip + n} for the next.",
        )

    def _find(self, key: str) -> Run:
        return self._catalog[int(key) if key.startswith("-") and key[1:].isdecimal() else key]


@contextmanager
def _hints() -> Iterator[list[str]]:
    """Collect what the library warns of: a field that no run has, and what may be meant."""
    hints: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield hints
        hints += dict.fromkeys(str(each.message) for each in caught if issubclass(each.category, CatalogWarning))


def _query(words: Sequence[str], since: str, until: str) -> Query:
    query = from_words(words)
    return query & TimeRange(since or None, until or None) if since or until else query


def _as_row(columns: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
    """Return what is known of a run; times of day, where documents have seconds."""
    named = zip(columns, cells, strict=True)
    return {name: local_time(cell) if name in _TIMES else cell for name, cell in named if cell is not None}


def _part(data: Mapping[str, Any], name: str) -> Any:
    found: Any = data
    for step in name.split("."):
        if not isinstance(found, Mapping) or step not in found:
            raise QueryError(f"The run has no {name!r}.")
        found = found[step]
    return found


def _described(data_keys: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: {name: value for name, value in each.items() if value not in (None, "", [], {})}
        for key, each in data_keys.items()
    }


def _is_scalar(column: OpenColumn) -> bool:
    return column.problem is None and column.absence is None and column.ndim == 1


def _why(column: OpenColumn) -> str:
    wrong = column.absence or column.problem
    return f"an array of {column.shape[1:]} a row" if wrong is None else wrong.message


def _row(row: int, opened: StreamColumns) -> int:
    if row >= opened.n_rows:
        raise QueryError(f"There is no row {row}: there are {opened.n_rows}, counted from 0.")
    return row


def _is_told(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and np.isnan(value))
