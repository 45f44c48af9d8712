"""The embedded MongoDB server: started once, shared, ended when unused, and not confused by what a crash left."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pymongo
import pytest

from databroker_mongo.store.local_server import LocalServer, local_server, stop_server

pytestmark = pytest.mark.usefixtures("mongod_uri")

Serve = Callable[..., LocalServer]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    stop_server(tmp_path / "data")


@pytest.fixture
def serve(data: Path) -> Iterator[Serve]:
    """Use the server of the test's own directory; every share is given back, and the server ends soon after."""
    shares = []

    def use(**options: object) -> LocalServer:
        shares.append(local_server(data, **{"linger_seconds": 0.2, **options}))  # type: ignore[arg-type]
        return shares[-1]

    yield use
    for share in shares:
        share.close()


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def hello(server: LocalServer) -> dict[str, object]:
    with pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=2000) as client:
        return dict(client.admin.command("hello"))


def test_a_server_is_a_writable_replica_set_of_one_that_knows_itself_by_its_socket(serve: Serve) -> None:
    server = serve()
    answer = hello(server)
    assert answer["isWritablePrimary"]
    assert answer["hosts"] == [str(server.socket)]
    assert answer["setName"] == "rs0"


def test_only_the_owner_can_reach_the_socket_and_nothing_else_listens(serve: Serve) -> None:
    server = serve()
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
    listening = [c.laddr for c in psutil.Process(server.pid).net_connections("all") if c.status == psutil.CONN_LISTEN]
    paths = [c.laddr for c in psutil.Process(server.pid).net_connections("unix") if c.laddr]
    assert listening == []
    assert set(paths) == {str(server.socket)}
