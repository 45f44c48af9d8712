"""Stream datums joined to rows: which stream resource holds which row, and at which index.

The only place in ``assets/`` that sees ``seq_num``: stream datums name rows by ranges of it. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..documents import Span, n_stored, pairs_of
from .datums import DatumTable, Segment
from .resource import Resource


class Stored(NamedTuple):
    """What is stored of one data key.

    Attributes
    ----------
    spans : list of Span
        Which rows are where, in the order in which they were written.
    resources : dict
        The stream resources, by uid.
    """

    spans: list[Span]
    resources: dict[str, Resource]


class Joined(NamedTuple):
    """The rows of a column, and what does not come out even between events and stored rows.

    Attributes
    ----------
    segments : tuple of Segment
        Which resource serves which rows; together they cover all rows, in order.
    n_ahead : int
        How many stored rows come after the last event.
    n_without_event : int
        How many stored rows before that no event takes.
    contested : numpy.ndarray
        Each ``seq_num`` that has stored rows, but fewer than it has events.
    """

    segments: tuple[Segment, ...]
    n_ahead: int
    n_without_event: int
    contested: NDArray[np.int64]

    def notes(self) -> Iterator[str]:
        """Yield what has to be told of stored rows and events that do not come out even."""
        if self.n_ahead:
            yield f"{self.n_ahead} rows of stored data are ahead of the events and are left out"
        if self.n_without_event:
            yield f"{self.n_without_event} rows of stored data have no event and are left out"
        if len(self.contested):
            numbers = ", ".join(map(str, self.contested[:10].tolist()))
            yield (
                f"there are fewer rows of stored data than events of seq_num {numbers}; they are given to the first "
                "of these events, though they may belong to others"
            )


def join(
    seq_num: NDArray[np.int64],
    stored: Stored,
    *,
    time: NDArray[np.float64] | None = None,
    declares: NDArray[np.bool_] | None = None,
) -> Joined:
    """Join the rows of a stream with what is stored of one data key.

    Parameters
    ----------
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64, never falling; the rows of one ``seq_num`` in the order in which they were taken.
    stored : Stored
        What there is.
    time : numpy.ndarray, optional
        ``(n_rows,)`` float64. Where there are too few stored rows, rows of one ``seq_num`` and one time share one: they
        are copies of one event.
    declares : numpy.ndarray, optional
        ``(n_rows,)`` bool: whether a row is of a descriptor that has the data key; all are by default.
    """
    spans = stored.spans
    rows = np.arange(len(seq_num)) if declares is None else np.flatnonzero(declares)
    numbers = seq_num[rows]
    n_rows_stored = n_stored(numbers, spans)
    repeat = _repeats(numbers, n_rows_stored, None if time is None else time[rows])
    taken_from = np.full(len(rows), -1)
    # A pair is a row and a span that has its seq_num; of the pairs of one row, which stand together, it takes the one
    # whose turn it is among the rows of that number.
    places, owners = pairs_of(numbers, spans)
    is_taken = np.arange(len(places)) - np.searchsorted(places, places) == repeat[places]
    taken_from[places[is_taken]] = owners[is_taken]
    owner = np.full(len(seq_num), -1)
    owner[rows] = taken_from
    last = int(numbers[-1]) if len(numbers) else 0
    n_ahead = sum(max(0, span.seq_stop - max(span.seq_start, last + 1)) for span in spans)
    is_shared = (numbers[1:] == numbers[:-1]) & (repeat[1:] == repeat[:-1])
    n_taken = np.count_nonzero(taken_from >= 0) - np.count_nonzero(taken_from[1:][is_shared] >= 0)
    n_without_event = sum(span.n_rows for span in spans) - int(n_taken) - n_ahead
    contested = np.unique(numbers[(taken_from < 0) & (n_rows_stored > 0)])
    return Joined(_segments(seq_num, owner, stored), n_ahead, n_without_event, contested)


def _repeats(
    numbers: NDArray[np.int64], n_rows_stored: NDArray[np.int64], time: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Return which stored row of its ``seq_num`` each row has, from 0."""
    first = np.searchsorted(numbers, numbers)
    repeat = np.arange(len(numbers)) - first
    if time is None:
        return repeat
    is_copy = (numbers[1:] == numbers[:-1]) & (time[1:] == time[:-1])
    n_copies = np.cumsum(np.append(np.zeros(min(1, len(numbers)), bool), is_copy))
    # As long as there is a stored row for each, copies have one each: that is what was written.
    is_short = n_rows_stored < np.searchsorted(numbers, numbers, "right") - first
    return np.where(is_short, repeat - (n_copies - n_copies[first]), repeat)


def _segments(seq_num: NDArray[np.int64], owner: NDArray[np.intp], stored: Stored) -> tuple[Segment, ...]:
    spans, resources = stored
    numbers = {span.stream_resource: number for number, span in enumerate(spans)}
    of_spans = [(span.offset, numbers[span.stream_resource]) for span in spans]
    offset, resource = np.array(of_spans or [(0, 0)]).T
    index = np.where(owner >= 0, seq_num + offset[owner], -1)
    server = np.where(owner >= 0, resource[owner], -1)
    # A segment ends where another resource serves, or the same at another index than the next.
    breaks = np.flatnonzero((np.diff(server) != 0) | ((np.diff(index) != 1) & (server[1:] >= 0))) + 1
    edges = [0, *breaks.tolist(), len(seq_num)] if len(seq_num) else []
    uids = [spans[number].stream_resource if number >= 0 else None for number in server[edges[:-1]].tolist()]
    return tuple(
        _segment(start, stop, None if uid is None else resources[uid], int(index[start]))
        for (start, stop), uid in zip(itertools.pairwise(edges), uids, strict=True)
    )


def _segment(start: int, stop: int, resource: Resource | None, index: int) -> Segment:
    if resource is None:
        return Segment(start, stop, None, DatumTable(()))
    return Segment(start, stop, resource, DatumTable.of_indices(index, index + stop - start))
