"""What stream datums say: which rows of a stream are which rows of which stream resource.

They name rows of a stream by ``seq_num``. A plan that was rewound takes a ``seq_num`` again, and its detectors write a
row again: the k-th event of a ``seq_num`` has the k-th stored row. Pure. What does not belong here: where a stream
resource is, and how it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidDocument, ShapeMismatch

_MOST_ROWS = 2**26
"""The rows of a stream without events are as many as its documents say, and each takes some tens of bytes."""

_LAST_NUMBER = 2**53
"""Sums and differences of such numbers are exact in 64 bits."""


class Span(NamedTuple):
    """Rows ``seq_start <= seq_num < seq_stop`` are ``index_start``, ``index_start + 1``, ... of a stream resource."""

    stream_resource: str
    seq_start: int
    seq_stop: int
    index_start: int

    @property
    def offset(self) -> int:
        """What the index of a row is beyond its ``seq_num``."""
        return self.index_start - self.seq_start

    @property
    def n_rows(self) -> int:
        """How many rows it is."""
        return self.seq_stop - self.seq_start


def spans_of(stream_datums: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return what stream datums of one data key say, in the order in which their rows were written.

    Neighbours are joined, and what two of them say alike counts once. One that holds no row is left out.

    Parameters
    ----------
    stream_datums : iterable of mapping
        The documents; the first of an earlier stream resource before those of a later one.

    Raises
    ------
    ShapeMismatch
        One counts other rows by ``seq_nums`` than by ``indices``.
    InvalidDocument
        One has no numbers of rows, such beyond 2**53, or more rows than can be read.
    """
    ranks: dict[str, int] = {}
    found = []
    for datum in stream_datums:
        span = _span(datum)
        ranks.setdefault(span.stream_resource, len(ranks))
        if span.seq_start < span.seq_stop:
            found.append(span)
    joined: list[Span] = []
    # Of two rows of one seq_num in one resource, that with the larger offset has the larger index.
    for span in sorted(found, key=lambda each: (ranks[each.stream_resource], each.offset, each.seq_start)):
        last = joined[-1] if joined else None
        if last is not None and _continues(last, span):
            joined[-1] = last._replace(seq_stop=max(last.seq_stop, span.seq_stop))
        else:
            joined.append(span)
    return joined


def _span(datum: Mapping[str, Any]) -> Span:
    seq_nums, indices = (_bounds(datum, name) for name in ("seq_nums", "indices"))
    facts = {"datum": datum.get("uid"), "resource_uid": str(datum.get("stream_resource"))}
    n_rows = seq_nums[1] - seq_nums[0]
    if n_rows != indices[1] - indices[0]:
        raise ShapeMismatch(
            f"a stream datum counts the rows {seq_nums} by seq_nums and {indices} by indices; how they belong "
            "together is unknown",
            **facts,
        )
    _require_few(n_rows, seq_nums, **facts)
    return Span(str(datum.get("stream_resource")), *seq_nums, indices[0])


def indices_of(datum: Mapping[str, Any]) -> tuple[int, int]:
    """Return the half-open range of the stored rows that a stream datum tells of.

    Raises
    ------
    InvalidDocument
        As for `spans_of`.
    """
    start, stop = _bounds(datum, "indices")
    facts = {"datum": datum.get("uid"), "resource_uid": str(datum.get("stream_resource"))}
    _require_few(stop - start, (start, stop), **facts)
    return start, stop


def _require_few(n_rows: int, bounds: tuple[int, int], **facts: Any) -> None:
    if n_rows > _MOST_ROWS:
        raise InvalidDocument(
            f"a stream datum describes {n_rows} rows, {bounds[0]} to {bounds[1]}; more than {_MOST_ROWS} in one are "
            "taken for an error of whoever wrote it, and not read",
            **facts,
        )


def _bounds(datum: Mapping[str, Any], name: str) -> tuple[int, int]:
    bounds = datum.get(name)
    if isinstance(bounds, Mapping):
        start, stop = bounds.get("start"), bounds.get("stop")
        if isinstance(start, int) and isinstance(stop, int) and max(abs(start), abs(stop)) <= _LAST_NUMBER:
            return int(start), int(stop)
    raise InvalidDocument(
        f"a stream datum has no usable {name}: {bounds!r}",
        datum=datum.get("uid"),
        resource_uid=str(datum.get("stream_resource")),
    )


def _continues(last: Span, span: Span) -> bool:
    is_alike = last.stream_resource == span.stream_resource and last.offset == span.offset
    return is_alike and last.seq_start <= span.seq_start <= last.seq_stop


def pairs_of(numbers: NDArray[np.int64], spans: Sequence[Span]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all pairs of a place in ``(n,)`` sorted ``seq_num`` and a span that has it, by place and then by span."""
    starts, stops = _edges(numbers, spans).T
    lengths = stops - starts
    owners = np.repeat(np.arange(len(spans)), lengths)
    places = np.arange(len(owners)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    order = np.argsort(places, kind="stable")
    return places[order], owners[order]


def n_stored(numbers: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.int64]:
    """Count the stored rows of each of ``(n,)`` sorted ``seq_num``."""
    starts, stops = _edges(numbers, spans).T
    n = len(numbers) + 1
    return np.cumsum(np.bincount(starts, minlength=n) - np.bincount(stops, minlength=n))[:-1]


def _edges(numbers: NDArray[np.int64], spans: Sequence[Span]) -> NDArray[np.intp]:
    bounds = np.array([(span.seq_start, span.seq_stop) for span in spans], np.int64).reshape(-1, 2)
    return np.searchsorted(numbers, bounds)


def rows_without_events(by_key: Iterable[Sequence[Span]]) -> NDArray[np.int64]:
    """Return the ``seq_num`` of each row of a stream that has stream datums and no events.

    Parameters
    ----------
    by_key : iterable of sequence of Span
        What there is, for each data key: a ``seq_num`` has as many rows as the data key that has most.
    """
    bounds = [np.array([(span.seq_start, span.seq_stop) for span in spans], np.int64) for spans in by_key if spans]
    if not bounds:
        return np.empty(0, np.int64)
    # Between two neighbouring edges every seq_num has the same number of rows: count it once there, and not a row.
    edges = np.unique(np.concatenate(bounds))
    n_rows = np.zeros(len(edges), np.int64)
    for starts_and_stops in bounds:
        starts, stops = np.searchsorted(edges, starts_and_stops).T
        steps = np.bincount(starts, minlength=len(edges)) - np.bincount(stops, minlength=len(edges))
        np.maximum(n_rows, np.cumsum(steps), out=n_rows)
    parts = zip(edges[:-1].tolist(), edges[1:].tolist(), n_rows.tolist(), strict=False)
    return np.concatenate([np.repeat(np.arange(start, stop), n) for start, stop, n in parts if n])


class LeftOver(NamedTuple):
    """What does not come out even between events and stored rows.

    Attributes
    ----------
    n_events : int
        How many events have no stored row.
    n_rows : int
        How many stored rows have no event.
    n_in_gaps : int
        How many of these are of a ``seq_num`` before the last that no event has.
    """

    n_events: int
    n_rows: int
    n_in_gaps: int


def left_over(seq_num: NDArray[np.int64], time: NDArray[np.float64], spans: Sequence[Span]) -> LeftOver:
    """Compare events with stored rows; copies of an event are one.

    Parameters
    ----------
    seq_num, time : numpy.ndarray
        ``(n,)`` of each event.
    spans : sequence of Span
        What is stored.
    """
    # An event without a time is nobody's copy: each is given a time of its own.
    time = np.where(np.isnan(time), -1.0 - np.arange(len(time)), time)
    order = np.lexsort((time, seq_num))
    number, moment = seq_num[order], time[order]
    is_copy = np.append(np.zeros(min(1, len(order)), bool), (number[1:] == number[:-1]) & (moment[1:] == moment[:-1]))
    numbers, n_events = np.unique(number[~is_copy], return_counts=True)
    stored = n_stored(numbers, spans)
    n_both = int(np.minimum(n_events, stored).sum())
    end = int(numbers[-1]) + 1 if len(numbers) else 0
    n_before_end = sum(max(0, min(span.seq_stop, end) - span.seq_start) for span in spans)
    n_rows = sum(span.n_rows for span in spans)
    return LeftOver(int(n_events.sum()) - n_both, n_rows - n_both, n_before_end - int(stored.sum()))
