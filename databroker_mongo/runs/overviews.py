"""What a catalog tells of many runs at once: which a text may mean, tables, the values of fields, what happens to them.

What does not belong here: single runs (``run_mapping``), and what narrows a catalog (``run_catalog``).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import QueryError
from ..queries import Exists, plain_path
from . import keys as run_keys
from . import live
from . import tables as run_table
from .live import Change
from .mapping import RunMapping
from .run import Run

if TYPE_CHECKING:
    import pandas

_MOST_NAMES = 10_000


class RunOverviews(RunMapping):
    """A mapping from uids to runs that tells of many of them at once."""

    def find(self, text: str | int, *, limit: int = 20) -> list[Run]:
        """Return all runs that a key or some words may mean, the likeliest first.

        Parameters
        ----------
        text : str or int
            A uid, a scan id, the beginning of a uid, or words that the metadata hold.
        limit : int, optional
            The maximum number of runs of each kind.

        Raises
        ------
        QueryError
            The text can only be words, and the database has no text index.
        """
        return self._runs(run_keys.find_all(text, self._store, self.query, limit=run_keys.n_runs(limit, "limit")))

    def table(
        self, columns: str | Iterable[str] | None = None, *, timezone: str | None = None, limit: int | None = None
    ) -> pandas.DataFrame:
        """Return a table of the runs, one row each, in order.

        Parameters
        ----------
        columns : str or iterable of str, optional
            Dotted fields of the start document, or of the stop document after ``stop.``; ``time`` and ``stop.time``
            as times of day; ``duration`` in seconds; ``streams``, their names; ``n_events``, as the stop document
            counts them, or counted if it does not.
        timezone : str, optional
            The zone of the times; the local one by default.
        limit : int, optional
            The maximum number of rows.

        Returns
        -------
        pandas.DataFrame
            Indexed by uid.
        """
        wanted = _names(run_table.DEFAULT_COLUMNS if columns is None else columns)
        table = run_table.table(self.rows(wanted, limit=limit), wanted, timezone=timezone)
        for name in run_table.empty_columns(table) if columns is not None else ():
            self._hint((self.query, Exists(name)), near_only=True)
        return table

    def rows(self, columns: Sequence[str], *, limit: int | None = None) -> Iterator[tuple[str, list[Any]]]:
        """Yield the uid of each run with the cells of a :meth:`table`, page after page; times are in seconds."""
        wanted = _names(columns)
        n_most = run_keys.n_runs(limit, "limit")
        starts = self._starts(limit=n_most, fields=run_table.needed_fields(wanted))
        return run_table.rows(self._store, starts, wanted)

    def distinct(self, field: str, *, counts: bool = False) -> Any:
        """Return the values that a field has in these runs.

        Parameters
        ----------
        field : str
            A dotted field of the start document, or of another document after ``stop.`` or ``descriptor.``. Each
            element of a list counts; missing values and null do not.
        counts : bool, optional
            Whether to count the runs with each value.

        Returns
        -------
        list, or dict of int by value
            A list is in MongoDB's order: numbers, texts, mappings, bytes, bools, dates, each by size; 1 and 1.0 are one
            value, True is another. Counts are in the order of their size, the largest first, equal ones as in a list.
            What cannot be a key of a dict is given as text where it is counted: mappings and lists as JSON, a
            ``Decimal128`` or a ``Regex`` as its repr. So is a value that is equal to another as a key: where there are
            1 and True, these are the keys 1 and ``"true"``.
        """
        found = self._store.distinct(self.query, plain_path(field), counts=counts)
        if not found:
            self._hint((self.query, Exists(field)))
        return _counted(found) if counts else [value for value, _ in found]

    def facets(self, fields: str | Iterable[str]) -> dict[str, dict[Any, int]]:
        """Return, for each field, how many of these runs have each value."""
        return {field: self.distinct(field, counts=True) for field in _names(fields)}

    def watch(self, *, seconds: float = 1.0) -> Iterator[Change[Run]]:
        """Yield the runs that start and stop from now on, until you stop iterating.

        A replica set reports when runs are stored. Any other server is polled; then a run is missed if its clock is
        more than a quarter of an hour behind that of the latest run. Of the runs that are in progress already, the
        newest hundred are watched for their stop.

        Parameters
        ----------
        seconds : float
            The interval for polling such a server.

        Yields
        ------
        Change
            ``kind``, ``"start"`` or ``"stop"``, and ``run``, as it is then.
        """
        return live.watch(self._store, self.query, self._runs, seconds=seconds)


def _counted(found: Sequence[tuple[Any, int]]) -> dict[Any, int]:
    """Return counts by value, each value under a key of its own."""
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


def _names(names: str | Iterable[str]) -> list[str]:
    """Return one name, or several, as a list."""
    is_one = isinstance(names, str) or not isinstance(names, Iterable) or getattr(names, "ndim", 1) == 0
    found: list[str] = []
    for name in [names] if is_one else names:
        if len(found) == _MOST_NAMES:
            raise QueryError(f"At most {_MOST_NAMES} fields can be requested at once; more were given.")
        found.append(plain_path(name))
    return found
