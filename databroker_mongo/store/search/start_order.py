"""The order of runs, made here of start documents that are few enough to be held at once."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...documents import Document
from ...queries import Sort
from ..fields import field_values
from ..order import is_time, order_key


def sort_starts(starts: list[Document], sort: Sort) -> list[Document]:
    """Sort as a server does; equal runs by their ``_id``, and runs whose time is no number after all others."""
    ordered = sorted(starts, key=lambda start: order_key(start["_id"]), reverse=sort[-1][1] < 0)
    timeless: list[Document] = []
    if len(sort) == 1 and sort[0][0] == "time":
        timeless = [start for start in ordered if not is_time(start.get("time"))]
        ordered = [start for start in ordered if is_time(start.get("time"))]
    for name, direction in reversed(sort):
        ordered.sort(key=partial(_sort_key, name=name, direction=direction), reverse=direction < 0)
    return ordered + timeless


def _sort_key(start: Document, *, name: str, direction: int) -> tuple[Any, ...]:
    """Return the key by which a start sorts: of a list its least element counts, or its greatest."""
    elements = [each for value in field_values(start, name) for each in (value if isinstance(value, list) else [value])]
    keys = [order_key(each) for each in elements] or [order_key(None)]
    return min(keys) if direction > 0 else max(keys)
