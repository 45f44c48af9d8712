"""The embedded default: a private ``mongod`` on a data directory of yours, shared by all your processes that name it.

Here is how processes agree on one server, by three kernel locks in the data directory (``data_directory.py``): a user
holds the *lease*; who finds no server takes the *start lock* and starts a supervisor (``supervisor.py``), which
takes the *server lock*, runs mongod, and ends it when nobody has held the lease for a minute. Nothing that a crash
leaves behind is believed. Go on in ``data_directory.py`` (what a directory must be, and its locks), ``launch.py`` (how
a server is started and ended) and ``replica_set.py`` (mongod as a set of one).
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NoReturn
from urllib.parse import quote

from ..errors import DataDirectoryUnusable, ServerError, ServerNotInstalled
from ..file_locks import POLL_SECONDS, share
from . import replica_set
from .data_directory import DataDirectory, ServerRecord
from .launch import STOP_SECONDS, ask_to_end, end_orphan, start_unless_served
from .mongod_log import explain_end

LINGER_SECONDS = 60.0
START_SECONDS = 180.0


@dataclass(frozen=True)
class LocalServer:
    """A share in the server of a data directory; it runs at least as long as this process lives or until `close`.

    A forked child shares it. Use it as a context manager, or keep it: forgetting it does not close it.

    Attributes
    ----------
    data : pathlib.Path
        The data directory.
    socket : pathlib.Path
        The UNIX socket, the only thing that the server listens on.
    pid : int
        The process id of mongod.
    version : str
        MongoDB's version.
    """

    data: Path
    socket: Path
    pid: int
    version: str
    _lease: list[int] = field(repr=False, compare=False)

    @property
    def uri(self) -> str:
        """The ``mongodb://`` URI, without a database."""
        return _uri(str(self.socket))

    def close(self) -> None:
        """Release the server; it ends a minute after its last user. May be called more than once."""
        while self._lease:
            os.close(self._lease.pop())

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalServer is this process's share in a server; send its uri to other processes instead")


@dataclass(frozen=True)
class ServerStatus:
    """What is known about the server of a data directory.

    Attributes
    ----------
    data : pathlib.Path
        The data directory.
    is_running : bool
        Whether a server runs on it, or is starting or stopping.
    is_kept : bool
        Whether it runs until it is stopped, instead of until a minute after its last use.
    uri, version : str or None
        Its URI and MongoDB's version; None unless it runs.
    pid : int or None
        The process id of mongod; None unless it runs.
    host : str or None
        Another machine that holds the directory, if one does.
    """

    data: Path
    is_running: bool = False
    is_kept: bool = False
    uri: str | None = None
    version: str | None = None
    pid: int | None = None
    host: str | None = None


def local_server(
    data: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
    keep: bool = False,
    linger_seconds: float = LINGER_SECONDS,
) -> LocalServer:
    """Use the private MongoDB server of a data directory; start it if it does not run.

    Parameters
    ----------
    data : path, optional
        The data directory, made if missing; by default one in the user's data directory.
    force : bool
        Accept a network file system, and a directory that another host has not given up.
    keep : bool
        Keep the server running until `stop_server`, used or not.
    linger_seconds : float
        How long a server that this call starts runs after its last use.

    Returns
    -------
    LocalServer
        Ready: a replica set of one member that accepts writes.

    Raises
    ------
    ServerNotInstalled
        No mongod runs on this machine.
    DataDirectoryUnusable
        The directory is in use elsewhere, unwritable, on a network file system or of another MongoDB version.
    ServerError
        It cannot be started for another reason, which the message quotes from MongoDB's log.
    """
    _require_unix()
    directory = DataDirectory.named(data)
    directory.prepare(force=force)
    lease = _take_lease(directory)
    try:
        record = _find_or_start(directory, linger_seconds)
        if keep:
            directory.keep.touch(mode=0o600)
    except BaseException:
        os.close(lease)
        raise
    return LocalServer(directory.path, Path(record.socket), record.mongod, record.version, [lease])


def stop_server(data: str | os.PathLike[str] | None = None) -> bool:
    """Shut the server of a data directory down, even if it is in use, and wait for its end.

    Parameters
    ----------
    data : path, optional
        The data directory; by default one in the user's data directory.

    Returns
    -------
    bool
        Whether there was one.

    Raises
    ------
    ServerError
        It runs on another host, belongs to another user, or does not end.
    """
    _require_unix()
    directory = DataDirectory.named(data)
    _refuse_to_stop_elsewhere(directory)
    was_running = False
    deadline = time.monotonic() + STOP_SECONDS
    while directory.is_served():
        was_running = True
        record = directory.read_record()
        if record is not None:
            ask_to_end(record.supervisor, directory)
        if time.monotonic() > deadline:
            raise ServerError("The local MongoDB server did not stop.", path=str(directory.path))
        time.sleep(POLL_SECONDS)
    return end_orphan(directory) or was_running


def server_status(data: str | os.PathLike[str] | None = None) -> ServerStatus:
    """Report whether a server runs on a data directory, and where; nothing is started, made or changed.

    Parameters
    ----------
    data : path, optional
        The data directory; by default one in the user's data directory.

    Returns
    -------
    ServerStatus
    """
    _require_unix()
    directory = DataDirectory.named(data)
    record = directory.read_record()
    if record is not None and record.is_of_another_host():
        return ServerStatus(directory.path, host=record.host)
    if not directory.is_served():
        return ServerStatus(directory.path)
    is_kept = directory.keep.exists()
    if record is None:
        return ServerStatus(directory.path, is_running=True, is_kept=is_kept)
    return ServerStatus(directory.path, True, is_kept, _uri(record.socket), record.version, record.mongod)


def _require_unix() -> None:
    if platform.system() == "Windows":
        raise ServerNotInstalled(
            "The local MongoDB server needs UNIX sockets, which MongoDB does not have on Windows: use it in WSL, or "
            "give the mongodb:// URI of a server."
        )


def _uri(socket: str) -> str:
    return f"mongodb://{quote(socket, safe='')}/?directConnection=true"


def _take_lease(directory: DataDirectory) -> int:
    # The supervisor locks users out while it shuts down a server that nobody used.
    try:
        lease = share(directory.lease, STOP_SECONDS)
    except OSError as error:
        raise directory.unlockable(error) from error
    if lease is None:
        raise ServerError("The local MongoDB server is stopping, but does not finish.", path=str(directory.path))
    # The supervisor sees by this that there was a user, however short its stay.
    os.utime(lease)
    return lease


def _find_or_start(directory: DataDirectory, linger_seconds: float) -> ServerRecord:
    """Return the record of a server that accepts writes. Whoever finds none starts it, once."""
    has_started = False
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if directory.is_served():
            record = directory.read_record()
            if record is not None and Path(record.socket).exists() and _make_writable(record, directory):
                return record
        elif has_started:
            raise explain_end(directory.log, directory.path)
        else:
            has_started = start_unless_served(directory, linger_seconds)
        time.sleep(POLL_SECONDS)
    raise ServerError(
        f"The local MongoDB server did not become ready within {START_SECONDS:.0f} s. After a crash it may still be "
        f"recovering: try again later, and see {directory.log}.",
        path=str(directory.path),
    )


def _make_writable(record: ServerRecord, directory: DataDirectory) -> bool:
    try:
        return replica_set.make_writable(_uri(record.socket), record.socket)
    except DataDirectoryUnusable as error:
        error.add_facts(path=str(directory.path))
        ask_to_end(record.supervisor, directory)
        raise


def _refuse_to_stop_elsewhere(directory: DataDirectory) -> None:
    record = directory.read_record()
    if record is not None and record.is_of_another_host():
        raise ServerError(f"The server of {directory.path} runs on {record.host}: stop it there.", host=record.host)
