"""Columnar copies of all that is stored, made when it is read, so that tests of reading run on copies as they are."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from databroker_mongo.store.columnar import building
from databroker_mongo.store.connection.collections import Collections
from databroker_mongo.store.normalized import NormalizedStore

READ_FROM_COPIES = {
    "test_header.py",
    "test_inline.py",
    "test_live.py",
    "test_odd_events.py",
    "test_reading.py",
    "test_replaying.py",
    "test_run.py",
    "test_stream.py",
    "test_stream_columns.py",
    "test_tables.py",
    "test_values.py",
}
"""The files of tests that read rows of streams, and count no questions."""


def copy_before_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """See to it that copies of all events are there whenever rows are read, also of runs that are in progress."""
    rows_of, one_at_a_time = NormalizedStore._rows, threading.Lock()
    copied: dict[str, tuple[int, ...]] = {}

    def copying(self: NormalizedStore, collections: Collections) -> Any:
        with one_at_a_time:  # columns are read by several threads
            there = tuple(each.estimated_document_count() for each in (collections.event_descriptor, collections.event))
            if copied.get(collections.address) != there:
                building.build(collections, apply=True)
                copied[collections.address] = there
        return rows_of(self, collections)

    monkeypatch.setattr(NormalizedStore, "_rows", copying)
    monkeypatch.setattr(building, "_rests", lambda last, now: True)
