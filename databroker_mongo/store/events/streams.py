"""The rows of many streams, in one question or two.

A plain search of their events, of the fields that are wanted alone, decoded by columns: what the server holds at once
is a batch, however long the streams are. An aggregation that collects the values of each stream would break off where
one has more than 16 MB, and the driver would ask for all of it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import StoreError
from ..connection.collections import Collections
from ..connection.retries import retry_once
from ..connection.splitting import split_by_size
from ..protocol import EventIndex, Values
from .columns import as_values
from .layout import Path
from .rows import EventRows, index_of, projection_of, put_in_order
from .scan import read_events_of_all


def read_indexes(
    collections: Collections, streams: Sequence[Sequence[str]], keys: Sequence[str]
) -> list[EventIndex | StoreError]:
    """Take a snapshot of the rows of each stream, with some columns of their data.

    Parameters
    ----------
    collections : Collections
        Where the events are.
    streams : sequence of sequence of str
        The descriptors of each stream; no descriptor is of two.
    keys : sequence of str
        The columns.

    Returns
    -------
    list of EventIndex or StoreError
        For each stream its rows, or why their order is not known.
    """
    origin, *columns = _read(collections, streams, [("descriptor",), ("seq_num",), ("time",), *_paths(keys)])
    EventRows(collections).warn_of_scans(len(origin))
    first_of = list(accumulate(map(len, streams), initial=0))
    numbers = _numbers_of(origin, chain.from_iterable(streams))
    stream_of = np.repeat(np.arange(len(streams)), np.diff(first_of))[numbers]
    # Within a stream they stay as they came: so are they, where all else is equal, when it is read by itself.
    order = np.argsort(stream_of, kind="stable")
    columns = [put_in_order(values, order) for values in columns]
    ends = np.searchsorted(stream_of[order], np.arange(len(streams) + 1)).tolist()
    numbers = numbers[order]
    return [
        _index(descriptors, numbers[start:stop] - first, [_part(values, start, stop) for values in columns], keys)
        for descriptors, first, (start, stop) in zip(streams, first_of[:-1], pairwise(ends), strict=True)
    ]


def _read(collections: Collections, streams: Sequence[Sequence[str]], fields: Sequence[Path]) -> list[Values]:
    """Read some fields of the events of all streams, half of these with each of two cursors."""
    middle = len(streams) // 2
    portions = [
        portion for half in (streams[:middle], streams[middle:]) for portion in split_by_size(chain.from_iterable(half))
    ]
    queries: list[dict[str, Any]] = [{"descriptor": {"$in": portion}} for portion in portions]
    projection = projection_of(fields)
    return retry_once(lambda: read_events_of_all(collections, queries, fields=fields, projection=projection))


def _paths(keys: Sequence[str]) -> list[Path]:
    return [("data", key) for key in keys]


def _numbers_of(origin: Values, descriptor_uids: Any) -> NDArray[np.intp]:
    """Return the number of the descriptor of each event."""
    place = {uid: number for number, uid in enumerate(descriptor_uids)}
    try:
        found = list(map(place.__getitem__, origin))
    except TypeError:  # of a list that another program stored, MongoDB compares each element
        found = [next(place[each] for each in _listed(uid) if each in place) for uid in origin]
    return np.array(found, np.intp)


def _listed(uid: Any) -> list[Any]:
    return [each for each in uid if isinstance(each, str)] if isinstance(uid, list) else [uid]


def _index(
    descriptor_uids: Sequence[str], numbers: NDArray[np.intp], columns: Sequence[Values], keys: Sequence[str]
) -> EventIndex | StoreError:
    seq_num, time, *data = columns
    try:
        return index_of(descriptor_uids, seq_num, time, numbers, dict(zip(keys, data, strict=True)))
    except StoreError as error:
        return error


def _part(values: Values, start: int, stop: int) -> Values:
    """Return the values of one stream: as an array, if they are one where it is read by itself."""
    part = values[start:stop]
    return as_values(part) if isinstance(part, list) else part
