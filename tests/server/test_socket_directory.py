"""The socket lies in a short path, in a directory that is the user's alone."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from databroker_mongo.errors import ServerError
from databroker_mongo.server.data_directory import DataDirectory
from databroker_mongo.server.socket_directory import make_socket_path


@pytest.fixture
def short() -> Iterator[Path]:
    """A private directory with a short path."""
    with tempfile.TemporaryDirectory(prefix="s") as name:
        yield Path(name)


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory.named(tmp_path / "data")
    directory.prepare(force=True)
    directory.start_lock.touch()
    return directory


def test_the_socket_lies_in_a_private_directory_of_the_runtime_directory(directory: DataDirectory, short: Path) -> None:
    path = make_socket_path(directory, runtime=short / "databroker_mongo")
    assert path.is_relative_to(short / "databroker_mongo")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert make_socket_path(directory, runtime=short / "databroker_mongo") == path


@pytest.mark.parametrize(
    "runtime",
    [
        pytest.param("missing/databroker_mongo", id="is missing"),
        pytest.param("open/databroker_mongo", id="is open to others"),
        pytest.param(f"{'long' * 25}/databroker_mongo", id="has a long path"),
        pytest.param("with, comma/databroker_mongo", id="has a path that mongod would split"),
    ],
)
def test_another_private_directory_serves_when_the_runtime_directory(
    directory: DataDirectory, short: Path, runtime: str
) -> None:
    parent = short / runtime.split("/")[0]
    if parent.name != "missing":
        parent.mkdir(mode=0o700)
    if parent.name == "open":
        parent.chmod(0o755)
    path = make_socket_path(directory, runtime=short / runtime, fallback=short)
    assert path.parent.parent == short
    assert path.parent.name.startswith(f"databroker-mongo-{os.getuid()}-")
    assert len(os.fsencode(path)) <= 107
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_machine_without_a_runtime_directory_is_served_without_a_warning(
    directory: DataDirectory, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> Path:
        raise PermissionError(1, "not yours")

    monkeypatch.setattr(platformdirs, "user_runtime_path", fail)
    assert make_socket_path(directory, fallback=short).parent.parent == short


def test_each_data_directory_has_its_own_and_so_has_one_that_was_made_anew(tmp_path: Path, short: Path) -> None:
    paths = set()
    for name in ("one", "two", "two"):
        directory = DataDirectory.named(tmp_path / name)
        directory.prepare(force=True)
        directory.start_lock.unlink(missing_ok=True)
        directory.start_lock.touch()
        paths.add(make_socket_path(directory, fallback=short))
    assert len(paths) == 3


@pytest.mark.parametrize("trap", ["open to others", "a link", "a file"])
def test_a_directory_that_somebody_laid_out_as_a_trap_is_refused(
    directory: DataDirectory, short: Path, trap: str
) -> None:
    place = make_socket_path(directory, runtime=short / "none" / "x", fallback=short).parent
    if trap == "open to others":
        place.chmod(0o770)
    else:
        place.rmdir()
        (short / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(short / "elsewhere") if trap == "a link" else place.touch()
    with pytest.raises(ServerError, match=str(place)):
        make_socket_path(directory, runtime=short / "none" / "x", fallback=short)
