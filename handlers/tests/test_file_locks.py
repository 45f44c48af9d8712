from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import pytest
from databroker_mongo_handlers.hdf5 import file_locks
from databroker_mongo_handlers.hdf5.file_locks import is_locked_by_a_writer
from databroker_mongo_handlers.rows import file_identity

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.flock(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def tables_read(monkeypatch):
    """The number of times that the kernel's table was read, as a list of as many items."""
    read, found = file_locks._is_in_table, []

    def counting(file):
        found.append(file)
        return read(file)

    monkeypatch.setattr(file_locks, "_is_in_table", counting)
    return found


def make(path, *, age_seconds):
    path.write_bytes(b"data")
    changed = path.stat().st_mtime - age_seconds
    os.utime(path, (changed, changed))
    return path


def settle(monkeypatch):
    """Take what was changed just now, such as the times of the file, for changed long ago."""
    monkeypatch.setattr(file_identity, "SETTLING_NANOSECONDS", -(10**9))


def test_a_file_that_was_free_and_has_not_changed_is_looked_up_once(tmp_path, tables_read, monkeypatch):
    settle(monkeypatch)
    path = make(tmp_path / "scan.h5", age_seconds=60)

    assert [is_locked_by_a_writer(str(path)) for _ in range(3)] == [False] * 3
    assert len(tables_read) == 1


def test_a_file_that_changed_is_looked_up_again_and_found_locked(tmp_path, tables_read, monkeypatch):
    settle(monkeypatch)
    path = make(tmp_path / "scan.h5", age_seconds=60)
    assert not is_locked_by_a_writer(str(path))

    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        path.write_bytes(b"more data")
        assert is_locked_by_a_writer(str(path))
        assert is_locked_by_a_writer(str(path))
        holder.stdin.close()

    assert len(tables_read) == 3
    assert not is_locked_by_a_writer(str(path))


def test_a_file_that_changed_just_now_is_looked_up_each_time(tmp_path, tables_read):
    path = make(tmp_path / "scan.h5", age_seconds=0)

    assert [is_locked_by_a_writer(str(path)) for _ in range(2)] == [False, False]
    assert len(tables_read) == 2


def test_a_lock_of_this_process_is_no_foreign_one(tmp_path):
    path = make(tmp_path / "scan.h5", age_seconds=0)

    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not is_locked_by_a_writer(str(path))


def test_a_missing_file_is_locked_by_nobody(tmp_path):
    assert not is_locked_by_a_writer(str(tmp_path / "scan.h5"))
