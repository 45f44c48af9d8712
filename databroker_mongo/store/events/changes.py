"""What is being stored, as it happens: a change stream where the server has them, else a pause.

Change streams tell at once, and resume by themselves after a failover. They are hints: what is there is always asked
for, so that nothing is missed where they end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from ...documents import Document
from ...errors import StoreError
from ..connection.collections import Collections
from ..connection.splitting import split_by_size

_LISTEN_MILLISECONDS = 50  # of each look; `Changes.wait` ends no later than so much after its time


class Changes:
    """The documents that are inserted while it is open.

    Parameters
    ----------
    stream : change stream, optional
        What tells of them; without one nothing does, and who waits waits out the time.
    """

    def __init__(self, stream: Any = None):
        self._stream = stream

    @classmethod
    def of(cls, collections: Collections, names: Sequence[str]) -> Changes:
        """Listen to some collections of a database."""
        import pymongo.errors

        pipeline = [
            {"$match": {"operationType": "insert", "ns.coll": {"$in": [collections.prefix + name for name in names]}}}
        ]
        try:
            return cls(collections.metadata.watch(pipeline, max_await_time_ms=_LISTEN_MILLISECONDS))
        except pymongo.errors.OperationFailure:
            return cls()  # a server of its own has none, or the account may not listen: it is polled

    def wait(self, seconds: float) -> list[Document]:
        """Return what has been inserted, as soon as something has; nothing when the time is over, or when polling."""
        if self._stream is None:
            time.sleep(seconds)
            return []
        import pymongo.errors

        deadline = time.monotonic() + seconds
        found: list[Document] = []
        try:
            while time.monotonic() < deadline:
                change = self._stream.try_next()
                if change is not None:
                    found.append(change["fullDocument"])
                elif found:
                    break
        except pymongo.errors.PyMongoError:
            self._stream.close()
            self._stream = None
        return found

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class NewEvents:
    """The events of a stream, each once, however late and in whatever order they are stored.

    Parameters
    ----------
    collections : Collections
        Of which database.
    """

    def __init__(self, collections: Collections):
        self._collections = collections
        self._seen: set[Any] = set()
        self._numbers: set[int] = set()
        self._all_up_to = 0
        self._last_time = -np.inf

    def fetch(self, descriptor_uids: Sequence[str], *, is_last: bool = False) -> list[Document]:
        """Return the events that were not there before, in row order.

        Asked for are those beyond the last number up to which all are known; and, since a plan that was rewound counts
        again, those that are younger than all before. At last, all are compared with those that were returned: of a
        repeat that was stored late, neither number nor time tells.

        Raises
        ------
        StoreError
            An event has no number, or no time.
        """
        query: dict[str, Any] = {"descriptor": {"$in": list(descriptor_uids)}}
        young = {"time": {"$gt": self._last_time}}
        beyond = {"seq_num": {"$gt": self._all_up_to}}
        events = self._unseen({**query, "$or": [beyond, young]})
        if is_last:
            stored = self._collections.event.find(query, {"_id": 1})
            late = [each["_id"] for each in stored if each["_id"] not in self._seen]
            for ids in split_by_size(late):
                events += self._unseen({**query, "_id": {"$in": ids}})
        return sorted(events, key=lambda event: (event["seq_num"], event["time"]))

    def _unseen(self, query: dict[str, Any]) -> list[Document]:
        events = [event for event in self._collections.event.find(query) if event["_id"] not in self._seen]
        for event in events:
            self._seen.add(event.pop("_id"))
            self._numbers.add(_number(event, "seq_num"))
            self._last_time = max(self._last_time, _number(event, "time"))
        while self._all_up_to + 1 in self._numbers:
            self._all_up_to += 1
            self._numbers.discard(self._all_up_to)
        return events


def _number(event: Document, field: str) -> Any:
    value = event.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise StoreError(f"an event of the stream has a {field!r} that is missing or not a number: {value!r}")
