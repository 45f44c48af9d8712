"""Stream datums joined to rows: which stream resource holds which row, and at which index.

The only place beside ``store/`` that sees ``seq_num``: stream datums name rows by ranges of it. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeMismatch
from .datums import DatumTable, Segment
from .resource import Resource


class Piece(NamedTuple):
    """One stream datum: rows ``seq_start <= seq_num < seq_stop`` are at ``index_start``, ``index_start + 1``, ..."""

    resource: Resource
    seq_start: int
    seq_stop: int
    index_start: int


def pieces(documents: Iterable[dict[str, Any]], resources: dict[str, Resource]) -> list[Piece]:
    """Return the stream datums of these stream resources in order of their rows, neighbours joined.

    One that holds no row is left out.

    Raises
    ------
    ShapeMismatch
        One counts other rows by ``seq_nums`` than by ``indices``.
    """
    found = [_piece(doc, resources[doc["stream_resource"]]) for doc in documents]
    found = [piece for piece in found if piece.seq_start < piece.seq_stop]
    joined: list[Piece] = []
    for piece in sorted(set(found), key=lambda each: (each.seq_start, each.index_start)):
        last = joined[-1] if joined else None
        if last is not None and _continues(last, piece):
            joined[-1] = last._replace(seq_stop=max(last.seq_stop, piece.seq_stop))
        else:
            joined.append(piece)
    return joined


def _piece(doc: dict[str, Any], resource: Resource) -> Piece:
    seq_nums, indices = ((doc[name]["start"], doc[name]["stop"]) for name in ("seq_nums", "indices"))
    if seq_nums[1] - seq_nums[0] != indices[1] - indices[0]:
        raise ShapeMismatch(
            f"a stream datum counts the rows {seq_nums} by seq_nums and {indices} by indices; which belong together is "
            "not known",
            datum=doc.get("uid"),
            resource_uid=resource.uid,
        )
    return Piece(resource, *seq_nums, indices[0])


def _continues(last: Piece, piece: Piece) -> bool:
    return (
        last.resource.uid == piece.resource.uid
        and last.seq_start <= piece.seq_start <= last.seq_stop
        and piece.index_start - last.index_start == piece.seq_start - last.seq_start
    )


def rows_without_events(found: Sequence[Piece]) -> NDArray[np.int64]:
    """Return the ``seq_num`` of each row of a stream that has stream datums and no events."""
    ranges = [np.arange(piece.seq_start, piece.seq_stop) for piece in found]
    return np.unique(np.concatenate(ranges)) if ranges else np.empty(0, np.int64)


def n_beyond(seq_num: NDArray[np.int64], found: Sequence[Piece]) -> int:
    """Count the rows of stream datums after the last event."""
    last = int(seq_num.max(initial=0))
    return sum(max(0, piece.seq_stop - max(piece.seq_start, last + 1)) for piece in found)


def join(seq_num: NDArray[np.int64], found: Sequence[Piece]) -> tuple[Segment, ...]:
    """Return the segments of a column: each row is served by the piece that covers its ``seq_num``.

    Parameters
    ----------
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64.
    found : sequence of Piece
        What there is; a later piece covers what an earlier one covers too.
    """
    owner = np.full(len(seq_num), -1)
    for number, piece in enumerate(found):
        owner[(seq_num >= piece.seq_start) & (seq_num < piece.seq_stop)] = number
    starts = np.array([piece.index_start - piece.seq_start for piece in found] or [0])
    index = np.where(owner >= 0, seq_num + starts[owner], -1)
    breaks = np.flatnonzero((np.diff(owner) != 0) | ((np.diff(index) != 1) & (owner[1:] >= 0))) + 1
    edges = [0, *breaks.tolist(), len(seq_num)] if len(seq_num) else []
    return tuple(
        _segment(start, stop, found[owner[start]] if owner[start] >= 0 else None, int(index[start]))
        for start, stop in itertools.pairwise(edges)
    )


def _segment(start: int, stop: int, piece: Piece | None, index: int) -> Segment:
    if piece is None:
        return Segment(start, stop, None, DatumTable(()))
    return Segment(start, stop, piece.resource, DatumTable.of_indices(index, index + stop - start))
