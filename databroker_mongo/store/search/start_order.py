"""The order of runs, made here of start documents that are few enough to be held at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


def merge_starts(ordered: Iterable[Iterable[Document]], sort: Sort) -> Iterator[Document]:
    """Merge starts that are in order in each of several databases; of equal ones, those of the first come first."""
    return heapq.merge(*ordered, key=partial(_place, sort=sort))


@dataclass(frozen=True, slots=True)
class _Descending:
    """A key that sorts before those that are less."""

    key: tuple[Any, ...]

    def __lt__(self, other: _Descending) -> bool:
        return other.key < self.key


def _place(start: Document, *, sort: Sort) -> tuple[Any, ...]:
    """Return the key by which a start sorts among those of other databases."""
    if len(sort) == 1 and sort[0][0] == "time" and not is_time(start.get("time")):
        return (True,)
    keys = [(_sort_key(start, name=name, direction=direction), direction) for name, direction in sort]
    return (False, *(key if direction > 0 else _Descending(key) for key, direction in keys))


def _sort_key(start: Document, *, name: str, direction: int) -> tuple[Any, ...]:
    """Return the key by which a start sorts: of a list its least element counts, or its greatest."""
    elements = [each for value in field_values(start, name) for each in (value if isinstance(value, list) else [value])]
    keys = [order_key(each) for each in elements] or [order_key(None)]
    return min(keys) if direction > 0 else max(keys)
