"""The rows of streams in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...documents import Document
from ..connection.collections import Collections
from ..plain.events import PlainEvents


class MemoryRows(PlainEvents):
    """The rows of the streams of a database in memory.

    mongomock copies what it gives, so the few events that are first are picked by it.
    """

    def __init__(self, collections: Collections):
        super().__init__(self._find_events)
        self._collections = collections

    def _find_events(self, descriptor_uids: Sequence[str]) -> Iterable[Document]:
        return self._collections.event.find({"descriptor": {"$in": list(descriptor_uids)}}, {"_id": 0})

    def _find_any(self, filters: list[dict[str, Any]], descriptor_uids: Sequence[str]) -> Iterable[Document]:
        return self._collections.event.find({"$or": filters}, {"_id": 0})
