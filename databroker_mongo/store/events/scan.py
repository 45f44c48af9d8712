"""Columns of the events that answer to a query, as fast as the server hands them out.

Most of the time is the server's, for walking over the documents; so a long answer is fetched by two cursors at once,
split where the time is in the middle.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, takewhile, zip_longest
from typing import Any

from ..connection.collections import Collections
from ..protocol import Values
from .columns import ColumnParts
from .layout import Path

_AT_ONCE = 20_000
"""How many events of many streams a batch may hold: their columns are made while the server collects the next."""

_MANY_EVENTS = 20_000
"""From here on a second cursor gains more than it costs to find where to split."""


def read_events(
    collections: Collections,
    query: Mapping[str, Any],
    *,
    fields: Sequence[Path],
    projection: Mapping[str, Any],
    n_expected: int | None = None,
) -> list[Values]:
    """Read columns of the events that answer to a query, each event once.

    Parameters
    ----------
    collections : Collections
        Where the events are. Each question carries their time limit.
    query : mapping
        A filter of the collection ``event``.
    fields : sequence of tuple of str
        Paths of literal keys, as for :class:`~.columns.ColumnParts`.
    projection : mapping
        Has to keep all of ``fields``, and should leave out ``_id``, which differs in every document.
    n_expected : int, optional
        About how many events there are, if that is known: it saves a question.

    Returns
    -------
    list of numpy.ndarray or list
        A column for each of ``fields``.
    """
    scan = _Scan(collections, fields, projection)
    if n_expected is None:
        whole = scan.batches(query)
        first = next(whole, b"")
        if not whole.alive:
            return scan.read([first]).join()
        middle = scan.middle_time(query)
        if middle is None:
            return scan.read(chain([first], whole)).join()
        whole.close()
    else:
        middle = scan.middle_time(query) if n_expected > _MANY_EVENTS else None
        if middle is None:
            return scan.read(scan.batches(query, _MANY_EVENTS + 1)).join()
    return scan.read_halves(query, middle).join()


def read_events_of_all(
    collections: Collections,
    queries: Sequence[Mapping[str, Any]],
    *,
    fields: Sequence[Path],
    projection: Mapping[str, Any],
) -> list[Values]:
    """Read columns of the events that answer to several queries, of which two are asked at once.

    Parameters
    ----------
    collections, fields, projection
        As for :func:`read_events`.
    queries : sequence of mapping
        Filters of the collection ``event``; no event may answer to two of them.
    """
    scan = _Scan(collections, fields, projection)
    parts = ColumnParts(fields)
    for first, second in zip_longest(queries[::2], queries[1::2]):
        parts.extend(
            scan.read(scan.batches(first, _AT_ONCE)) if second is None else scan.read_both(first, second, _AT_ONCE)
        )
    return parts.join()


@dataclass(frozen=True)
class _Scan:
    """What the cursors of one answer have in common."""

    collections: Collections
    fields: Sequence[Path]
    projection: Mapping[str, Any]

    def batches(self, query: Mapping[str, Any], n_at_once: int = 0) -> Any:
        """Return a cursor over batches of BSON: of so many documents, or with 0 of as many as the server likes."""
        from ..connection.raw_batches import RawBatches  # imports pymongo, which the first question may cost

        return RawBatches(
            self.collections.event,
            query,
            self.projection,
            max_time_ms=self.collections.max_time_ms,
            batch_size=n_at_once,
        )

    def read(self, batches: Iterable[bytes]) -> ColumnParts:
        """Read what one cursor yields."""
        parts = ColumnParts(self.fields)
        for batch in batches:
            parts.add_batch(batch)
        return parts

    def read_halves(self, query: Mapping[str, Any], middle: float) -> ColumnParts:
        """Read what is before and what is not before a time, at once."""
        # "Not from then on" rather than "before": a time that is missing or NaN is neither, and must not get lost.
        early = {"$and": [query, {"time": {"$not": {"$gte": middle}}}]}
        late = {"$and": [query, {"time": {"$gte": middle}}]}
        return self.read_both(early, late)

    def read_both(self, first: Mapping[str, Any], second: Mapping[str, Any], n_at_once: int = 0) -> ColumnParts:
        """Read the answers to two queries, at once."""
        is_given_up = threading.Event()
        reading: Future[ColumnParts] = Future()
        # A thread of a pool would be waited for, as long as the server may take, by whoever interrupts this.
        threading.Thread(target=self._read_into, args=(reading, second, n_at_once, is_given_up), daemon=True).start()
        try:
            parts = self.read(self.batches(first, n_at_once))
            parts.extend(reading.result())
        except BaseException:
            is_given_up.set()
            raise
        return parts

    def middle_time(self, query: Mapping[str, Any]) -> float | None:
        """Return the time halfway between the first event and the last, if it is worth it to split there."""
        last = self._event_at_end(query, -1)
        # The number of the last event is about how many there are; NaN, where it has none, is not greater.
        if not _number(last, "seq_num") > _MANY_EVENTS:
            return None
        first_time, last_time = _number(self._event_at_end(query, 1), "time"), _number(last, "time")
        middle = first_time + (last_time - first_time) / 2
        return middle if math.isfinite(middle) else None

    def _read_into(
        self,
        reading: Future[ColumnParts],
        query: Mapping[str, Any],
        n_at_once: int,
        is_given_up: threading.Event,
    ) -> None:
        """Read an answer, as long as it is wanted."""
        try:
            wanted = takewhile(lambda batch: not is_given_up.is_set(), self.batches(query, n_at_once))
            reading.set_result(self.read(wanted))
        except BaseException as error:
            reading.set_exception(error)

    def _event_at_end(self, query: Mapping[str, Any], direction: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] | None = self.collections.event.find_one(
            query,
            {"_id": 0, "time": 1, "seq_num": 1},
            sort=[("time", direction)],
            max_time_ms=self.collections.max_time_ms,
        )
        return found or {}


def _number(event: Mapping[str, Any], key: str) -> float:
    """Return a number of an event; NaN for anything else."""
    value = event.get(key)
    return float(value) if isinstance(value, (int, float)) else math.nan
