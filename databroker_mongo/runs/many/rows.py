"""The rows of the streams of many runs: of small ones together, of large ones by themselves."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence

from ...arrays import RunRows
from ...errors import DocumentWarning, StoreError, stacklevel_of_caller
from ...store import EventIndex, Store
from ..stream import Stream

Taken = tuple[Stream, EventIndex | StoreError]

RUNS_A_PAGE = 1000
"""The documents of so many runs are fetched together."""

LARGE = 10_000
"""A stream of more rows is read by itself: all that a question costs beside is little then."""

_MOST_TOLD = 3

_ROWS_TOGETHER = 200_000
"""No more rows are in memory before they are made columns of; to find them takes the server half a second."""


def take_rows(store: Store, streams: Sequence[Stream], keys: Sequence[str]) -> Iterator[list[Taken]]:
    """Yield the streams in groups, in order, each with its rows, or why the order of these is not known."""
    for group in _groups(streams):
        if len(group) == 1 and _n_rows(group[0]) > LARGE:
            yield [(group[0], _take_alone(store, group[0], keys))]
        else:
            found = store.event_indexes([descriptor_uids(stream) for stream in group], keys=keys)
            yield list(zip(group, found, strict=True))


def descriptor_uids(stream: Stream) -> list[str]:
    """Return the uids of the descriptors of a stream."""
    return [descriptor["uid"] for descriptor in stream.source.descriptors]


def known_rows(taken: EventIndex | StoreError, stream: Stream) -> EventIndex:
    """Return the rows that were found of a stream; raise, naming it, if their order is not known."""
    if isinstance(taken, StoreError):
        error = copy.copy(taken)
        error.add_facts(**stream.source.facts)
        raise error
    return taken


def warn_of_notes(stream: str, runs: Sequence[RunRows]) -> None:
    """Tell what the documents of some runs got wrong."""
    noted = [run for run in runs if run.notes]
    told = [
        f"run {run.uid}: {'; '.join(f'{key!r}: {note}' for key, note in run.notes.items())}"
        for run in noted[:_MOST_TOLD]
    ]
    if noted:
        more = f". There is such a note of {len(noted) - _MOST_TOLD} more runs" if len(noted) > _MOST_TOLD else ""
        text = f"stream {stream!r}: {'. '.join(told)}{more}"
        warnings.warn(text, DocumentWarning, stacklevel=stacklevel_of_caller())


def _take_alone(store: Store, stream: Stream, keys: Sequence[str]) -> EventIndex | StoreError:
    try:
        return store.event_index(descriptor_uids(stream), keys=keys, n_expected=_n_rows(stream))
    except StoreError as error:
        if error.facts.get("field") != "seq_num":
            raise
        return error


def _groups(streams: Sequence[Stream]) -> Iterator[list[Stream]]:
    group: list[Stream] = []
    n_rows = 0
    for stream in streams:
        n_own = _n_rows(stream)
        if group and (n_own > LARGE or n_rows + n_own > _ROWS_TOGETHER):
            yield group
            group, n_rows = [], 0
        group.append(stream)
        n_rows += n_own
        if n_own > LARGE:
            yield group
            group, n_rows = [], 0
    if group:
        yield group


def _n_rows(stream: Stream) -> int:
    """Return how many rows the stop says there are; of a run that does not tell, they are taken for few."""
    return stream.source.n_said or 0
