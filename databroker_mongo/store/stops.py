"""Which stop counts where a run has several: the first by its time, here and on a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..documents import Document
from .order import order_key


def sort_by_time(documents: Iterable[Document]) -> list[Document]:
    """Put documents in the order of their time, whatever stands in its place; equal ones stay as they come."""
    found = list(documents)
    return sorted(found, key=lambda document: order_key(document.get("time"))) if len(found) > 1 else found


def pick_first_stops(stops: Iterable[Document]) -> list[Document]:
    """Return the stop that counts of each run, in the order of their time."""
    first: dict[Any, Document] = {}
    for stop in sort_by_time(stops):
        # What a stop names as its run may be whatever another program stored, and no key of a dict.
        run_uid = stop.get("run_start")
        first.setdefault(run_uid if isinstance(run_uid, str) else order_key(run_uid), stop)
    return list(first.values())


FIRST_STOPS: tuple[Document, ...] = (
    {"$sort": {"time": 1, "_id": 1}},
    {"$group": {"_id": "$run_start", "stop": {"$first": "$$ROOT"}}},
    {"$replaceRoot": {"newRoot": "$stop"}},
)
"""The same as stages of a pipeline."""
