"""What is wrong with runs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...documents import Document
from ..connection.collections import Collections
from ..events.rows import Rows
from ..reports import EventKind
from ..upkeep.examination import NormalizedExamination
from .rows import MemoryRows

_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


class MemoryExamination(NormalizedExamination):
    """The questions, asked of a database in memory; mongomock does not know the types of values."""

    def event_kinds(self, descriptor_uids: Sequence[str]) -> list[EventKind]:
        """Sort the events of these descriptors by their keys and the types of their values."""
        with self._connection.translate_errors("sort events by their types") as collections:
            return _group(collections.event.find({"descriptor": {"$in": list(descriptor_uids)}}))

    def _rows(self, collections: Collections) -> Rows:
        return MemoryRows(collections)


def _group(events: Iterable[Document]) -> list[EventKind]:
    groups: dict[tuple[Any, ...], list[int]] = {}
    for event in events:
        types = tuple((key, _TYPES.get(type(value), type(value).__name__)) for key, value in _entries(event, "data"))
        timestamps = frozenset(key for key, _ in _entries(event, "timestamps"))
        seq_num = event.get("seq_num")
        groups.setdefault((event["descriptor"], types, timestamps), []).append(seq_num if type(seq_num) is int else 0)
    return [
        EventKind(descriptor, dict(types), timestamps, len(seq_nums), min(seq_nums))
        for (descriptor, types, timestamps), seq_nums in groups.items()
    ]


def _entries(event: Document, section: str) -> Iterable[tuple[str, Any]]:
    value = event.get(section)
    return value.items() if isinstance(value, dict) else ()
