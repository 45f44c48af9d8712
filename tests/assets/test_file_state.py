"""Changes of files are noticed, also where times do not tell."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from databroker_mongo.assets.file_state import FileState

LONG_AGO = 1_600_000_000


@pytest.fixture
def settled(monkeypatch) -> None:
    """Let ten seconds pass, for the time of the last change of attributes cannot be set back."""
    later = time.time_ns() + 10_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "scan.h5"
    path.write_bytes(b"12345678")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def replace(file: Path) -> None:
    new = file.with_suffix(".new")
    new.write_bytes(b"87654321")
    os.utime(new, (LONG_AGO, LONG_AGO))
    new.replace(file)


def rewrite_in_place(file: Path) -> None:
    file.write_bytes(b"87654321")
    os.utime(file, (LONG_AGO, LONG_AGO))


def grow(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"9")
    os.utime(file, (LONG_AGO, LONG_AGO))


def remove(file: Path) -> None:
    file.unlink()


def test_a_file_that_is_left_alone_holds(file, settled):
    state = FileState.of(str(file)).with_linked([])

    assert state.is_unchanged()
    assert state.is_unchanged()


@pytest.mark.parametrize("change", [replace, rewrite_in_place, grow, remove])
def test_a_change_is_noticed_although_the_time_of_modification_is_the_same(file, settled, change):
    state = FileState.of(str(file))
    time.sleep(0.02)

    change(file)

    assert not state.is_unchanged()


def test_a_file_that_was_written_just_now_is_not_trusted(file):
    assert not FileState.of(str(file)).is_unchanged()


def test_a_file_that_is_not_there_is_not_trusted(tmp_path, settled):
    assert not FileState.of(str(tmp_path / "prefix")).with_linked([]).is_unchanged()


@pytest.mark.parametrize("change", [replace, grow, remove])
def test_a_change_of_a_linked_file_is_noticed(file, tmp_path, settled, change):
    source = tmp_path / "source.h5"
    source.write_bytes(b"12345678")
    state = FileState.of(str(file)).with_linked([str(source)])
    assert state.is_unchanged()
    time.sleep(0.02)

    change(source)

    assert not state.is_unchanged()


def test_a_linked_file_may_come_later(file, tmp_path, settled):
    source = tmp_path / "source.h5"
    state = FileState.of(str(file)).with_linked([str(source)])
    assert state.is_unchanged()

    source.write_bytes(b"1")

    assert not state.is_unchanged()
