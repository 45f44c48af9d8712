"""What tests of HDF5 files share: time that passes, and what is read by HDF5."""

from __future__ import annotations

import time

import pytest
from databroker_mongo_handlers.hdf5 import rows


@pytest.fixture
def settled(monkeypatch):
    """Let ten seconds pass, as the time of the last change of attributes cannot be set back.

    Of a file that changed just now, nothing is remembered.
    """
    passed = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: passed() + 10 * 10**9)


@pytest.fixture
def asked(monkeypatch):
    """The reads that went to HDF5."""
    reads = []
    original = rows._select_and_read
    monkeypatch.setattr(rows, "_select_and_read", lambda *args: reads.append(args[2]) or original(*args))
    return reads
