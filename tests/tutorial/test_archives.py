"""Archives are unpacked whole or not at all, and never outside their directory."""

from __future__ import annotations

import random
import stat
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from databroker_mongo.errors import SampleDataUnavailable
from databroker_mongo.tutorial import unpack


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


def make_archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path):
    return make_archive(tmp_path / "pack.zip", {"catalog.yml": b"a: 1", "documents/one.jsonl": b"[]", "empty/": b""})


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "pack"


def test_all_members_are_unpacked(archive, directory):
    unpack(archive, directory, label="1")
    assert (directory / "catalog.yml").read_bytes() == b"a: 1"
    assert (directory / "documents" / "one.jsonl").read_bytes() == b"[]"


def test_an_archive_that_is_unpacked_is_left_alone(archive, directory):
    unpack(archive, directory, label="1")
    archive.unlink()
    unpack(archive, directory, label="1")


def test_another_archive_takes_the_place_of_the_first(archive, directory, tmp_path):
    unpack(archive, directory, label="1")
    unpack(make_archive(tmp_path / "other.zip", {"new": b""}), directory, label="2")
    assert sorted(path.name for path in directory.iterdir() if path.name[0] != ".") == ["new"]


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside", "..\\outside", "\\outside"])
def test_a_member_outside_the_directory_is_refused(directory, tmp_path, name):
    archive = make_archive(tmp_path / "bad.zip", {"catalog.yml": b"", name: b"x"})
    with pytest.raises(SampleDataUnavailable, match="outside") as caught:
        unpack(archive, directory, label="1")
    assert caught.value.member == name
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]
    assert not Path("/outside").exists()


def test_a_symbolic_link_is_refused(directory, tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr(link, "/etc")
        file.writestr("link/passwd", "x")
    with pytest.raises(SampleDataUnavailable, match="link"):
        unpack(tmp_path / "bad.zip", directory, label="1")
    assert not directory.exists()


@pytest.mark.parametrize("at", [60, 300])
def test_a_damaged_archive_is_deleted_and_leaves_what_was_there(archive, directory, tmp_path, at):
    unpack(archive, directory, label="1")
    bad = make_archive(tmp_path / "bad.zip", {"big": random.Random(1).randbytes(1000)})
    content = bytearray(bad.read_bytes())
    content[at] ^= 0xFF
    bad.write_bytes(content)
    with pytest.raises(SampleDataUnavailable, match="damaged"):
        unpack(bad, directory, label="2")
    assert (directory / "catalog.yml").read_bytes() == b"a: 1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "pack.zip"]


def test_what_is_no_archive_is_refused(directory, tmp_path):
    (tmp_path / "page.zip").write_text("<html>Please log in</html>")
    with pytest.raises(SampleDataUnavailable, match="damaged"):
        unpack(tmp_path / "page.zip", directory, label="1")


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(archive, directory, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: DiskUsage(10**9, 10**9, 1000))
    with pytest.raises(SampleDataUnavailable, match="BLUESKY_TUTORIAL_DATA"):
        unpack(archive, directory, label="1")
    assert not directory.exists()


def test_a_directory_that_cannot_be_written_is_told_and_the_archive_kept(archive, directory):
    directory.with_name("pack.part").write_text("a file is in the way")
    with pytest.raises(SampleDataUnavailable, match="cannot be unpacked"):
        unpack(archive, directory, label="1")
    assert archive.exists()


def test_what_a_break_left_behind_is_no_obstacle(archive, directory):
    part = directory.with_name("pack.part")
    part.mkdir()
    (part / "catalog.yml").write_text("half")
    unpack(archive, directory, label="1")
    assert (directory / "catalog.yml").read_bytes() == b"a: 1"
    assert not part.exists()
