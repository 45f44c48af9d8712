"""Why mongod ended, read from lines that MongoDB 6.0 wrote."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from databroker_mongo.errors import DataDirectoryUnusable, ServerError
from databroker_mongo.server.mongod_log import explain_end

Usage = namedtuple("Usage", "total used free")
END = "mongod ended with status 100"


def entry(severity: str, said: str, /, **attributes: object) -> str:
    return json.dumps({"s": severity, "c": "CONTROL", "id": 1, "ctx": "main", "msg": said, "attr": attributes})


def explain(tmp_path: Path, *lines: str) -> ServerError:
    log = tmp_path / "mongod.log"
    log.write_text("\n".join([entry("I", "MongoDB starting"), *lines, END]))
    return explain_end(log, tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(
            entry("E", "DBException in initAndListen, terminating", error="DBPathInUse: Unable to lock the lock file"),
            "another mongod uses it",
            id="in use",
        ),
        pytest.param(
            entry("F", "Wrong mongod version", error='invalid featureCompatibilityVersion ... version: "8.0" }'),
            r"in the format of MongoDB 8\.0",
            id="another format",
        ),
        pytest.param(
            entry("F", "This version of MongoDB is too recent to start up on the existing data files."),
            "incompatible MongoDB",
            id="an old format",
        ),
        pytest.param(
            entry("E", "WiredTiger error message", message={"msg": "pwrite", "error_str": "No space left on device"}),
            "the disk is full",
            id="a full disk",
        ),
        pytest.param(
            entry("E", "WiredTiger error message", message={"msg": "open", "error_str": "Permission denied"}),
            "somebody else",
            id="files of another user",
        ),
        pytest.param(
            entry("E", "WiredTiger error message", error=-31804, message="the process must exit"),
            "damaged",
            id="damaged files",
        ),
    ],
)
def test_files_that_are_to_blame_are_told_in_a_sentence(tmp_path: Path, line: str, said: str) -> None:
    error = explain(tmp_path, line)
    assert isinstance(error, DataDirectoryUnusable)
    with pytest.raises(DataDirectoryUnusable, match=rf"(?s)cannot use {tmp_path}: .*{said}.*{END}"):
        raise error


def test_other_reasons_are_quoted_without_what_does_not_matter(tmp_path: Path) -> None:
    error = explain(tmp_path, entry("F", "Fatal assertion", error="something new"), "a library speaks")
    assert not isinstance(error, DataDirectoryUnusable)
    assert "Fatal assertion something new" in error.message
    assert "a library speaks" in error.message
    assert "MongoDB starting" not in error.message
    assert error.log == str(tmp_path / "mongod.log")


def test_a_log_that_could_not_be_written_because_the_disk_is_full_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 0))
    assert "the disk is full" in explain(tmp_path).message


def test_a_log_that_cannot_be_read_is_no_second_error(tmp_path: Path) -> None:
    assert "its log cannot be read (No such file" in explain_end(tmp_path / "none", tmp_path).message
