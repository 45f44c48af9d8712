"""Runs while they happen: the events of a stream as they are stored, the runs of a catalog as they start and stop.

What does not belong here: how a server tells that something was stored (``store``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ..queries import NEWEST_FIRST, Comparison, In, InProgress, Query, conjunction
from ..store import Document, Store

_MOST_IN_PROGRESS = 100
_BEHIND_SECONDS = 900.0
"""How far the clock of one beamline may be behind that of another, for its runs to be seen where a server is asked."""

R = TypeVar("R")


@dataclass(frozen=True)
class Row:
    """One event of a stream.

    Attributes
    ----------
    number : int
        Its number among the yielded events, from 0.
    time : float
        The time of the event, seconds since 1970.
    data : dict
        Its values by data key; for external data, the identifier of the datum.
    timestamps : dict
        The time when each value was taken, seconds since 1970.
    """

    number: int
    time: float
    data: Mapping[str, Any]
    timestamps: Mapping[str, float]


@dataclass(frozen=True)
class Change(Generic[R]):
    """A run that has started or stopped.

    Attributes
    ----------
    kind : {"start", "stop"}
        Which of the two.
    run : Run
        The run, as it is then.
    """

    kind: Literal["start", "stop"]
    run: R


def follow(store: Store, run_uid: str, is_of_stream: Callable[[Document], bool], *, seconds: float) -> Iterator[Row]:
    """Yield the events of a stream, those there are and those to come, until its run has stopped.

    Parameters
    ----------
    store : Store
        Where they are stored.
    run_uid : str
        The run.
    is_of_stream : callable
        Tells whether a descriptor belongs to the stream.
    seconds : float
        How often to look where the server does not tell.
    """
    numbers = itertools.count()
    new_events = store.new_events()
    with store.changes(("event", "run_stop")) as changes:
        while True:
            # Asked before the events, so that the last of them are there when it is.
            has_stopped = run_uid in store.stops([run_uid])
            uids = [each["uid"] for each in store.descriptors([run_uid])[run_uid] if is_of_stream(each)]
            for event in new_events.fetch(uids, is_last=has_stopped):
                yield Row(next(numbers), event["time"], event.get("data") or {}, event.get("timestamps") or {})
            if has_stopped:
                return
            changes.wait(seconds)


def watch(
    store: Store, query: Query, make_runs: Callable[[list[Document]], Iterable[R]], *, seconds: float
) -> Iterator[Change[R]]:
    """Yield the runs that start and stop from now on, for as long as it is asked.

    Parameters
    ----------
    store : Store
        Where they are stored.
    query : Query
        What the runs must answer to.
    make_runs : callable
        Makes runs of start documents.
    seconds : float
        How often to look where the server does not tell.
    """
    with store.changes(("run_start", "run_stop")) as changes:
        latest = next(store.find_starts(query, sort=NEWEST_FIRST, limit=1), None)
        since = latest["time"] - _BEHIND_SECONDS if latest is not None else 0.0
        open_runs = conjunction([query, InProgress()])
        running = {each["uid"] for each in store.find_starts(open_runs, sort=NEWEST_FIRST, limit=_MOST_IN_PROGRESS)}
        known = running | {each["uid"] for each in store.find_starts(_since(query, since), sort=NEWEST_FIRST)}
        while True:
            told = changes.wait(seconds)
            # A run that is stored long after it was taken has a time before `since`: only the server tells of it.
            named = [uid for uid in {doc.get("run_start") or doc["uid"] for doc in told} if uid not in known]
            found = _fetch(store, [_since(query, since), *([conjunction([query, In("uid", named)])] if named else [])])
            starts = [start for uid, start in found.items() if uid not in known]
            known |= found.keys()
            running |= {start["uid"] for start in starts}
            yield from (Change("start", run) for run in make_runs(starts))
            since = max([since, *(start["time"] - _BEHIND_SECONDS for start in starts)])
            stopped = list(store.stops(list(running)))
            running -= set(stopped)
            ended = _fetch(store, [conjunction([query, In("uid", stopped)])]) if stopped else {}
            yield from (Change("stop", run) for run in make_runs(list(ended.values())))


def _since(query: Query, time: float) -> Query:
    return conjunction([query, Comparison("ge", "time", time)])


def _fetch(store: Store, queries: list[Query]) -> dict[str, Document]:
    found = (start for query in queries for start in store.find_starts(query, sort=NEWEST_FIRST))
    return {start["uid"]: start for start in found}
