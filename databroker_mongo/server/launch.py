"""Start a supervised ``mongod`` on a data directory that has none, and end one that lost its supervisor.

Who needs a server, waits for it and shares it is in ``local.py``; what happens once the supervisor runs is in
``supervisor.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import ServerError
from ..file_locks import POLL_SECONDS, try_lock, unlock
from . import replica_set
from .data_directory import DataDirectory, boot_id
from .mongod import find_mongod
from .socket_directory import make_socket_path

CACHE_GIGABYTES = 0.5
"""By itself mongod takes half of the memory of a machine, which a user shares with others."""
OPLOG_MEGABYTES = 512
"""By itself it takes 5 % of the free disk; nobody replicates this server, and change streams look back a little."""
STOP_SECONDS = 120.0


def start_unless_served(directory: DataDirectory, linger_seconds: float) -> bool:
    """Start a server on a directory, unless it has one or another process is about to start one.

    Parameters
    ----------
    directory : DataDirectory
        The data directory, prepared.
    linger_seconds : float
        How long the server stays when nobody uses it.

    Returns
    -------
    bool
        Whether this process started it; it need not be ready yet.

    Raises
    ------
    ServerNotInstalled
        No mongod runs on this machine.
    DataDirectoryUnusable
        Another mongod uses the directory, or it cannot be locked.
    ServerError
        The supervisor did not start.
    """
    try:
        lock = try_lock(directory.start_lock)
    except OSError as error:
        raise directory.unlockable(error) from error
    if lock is None:
        return False
    try:
        if directory.is_served():
            return False
        end_orphan(directory)
        pid = directory.unsupervised_mongod()
        if pid is not None:
            raise directory.unusable(
                f"another mongod (process {pid or 'unknown'}) uses it", "Stop that one first, or name another directory"
            )
        return _start(directory, linger_seconds)
    finally:
        unlock(lock)


def _start(directory: DataDirectory, linger_seconds: float) -> bool:
    mongod = find_mongod()
    socket = make_socket_path(directory)
    order = {
        "command": _command(mongod.path, socket),
        "directory": str(directory.path),
        "facts": {"socket": str(socket), "version": mongod.version, "host": platform.node(), "boot": boot_id()},
        "linger_seconds": linger_seconds,
        "socket": str(socket),
        "lock": str(directory.server_lock),
        "lease": str(directory.lease),
        "record": str(directory.record),
        "keep": str(directory.keep),
        "log": str(directory.log),
    }
    try:
        return _run_supervisor(order)
    except ServerError:
        with contextlib.suppress(OSError):
            socket.parent.rmdir()
        raise


def _command(mongod: Path, socket: Path) -> list[str]:
    options: dict[str, Any] = {
        # It runs in the data directory. Opened by the directory's name, its files would be looked for, and written, in
        # another directory of that name as soon as this one is moved or deleted.
        "dbpath": ".",
        "bind_ip": socket,
        "filePermissions": "0600",
        "replSet": replica_set.NAME,
        "networkMessageCompressors": "disabled",
        "wiredTigerCacheSizeGB": CACHE_GIGABYTES,
        "oplogSize": OPLOG_MEGABYTES,
        "setParameter": "diagnosticDataCollectionEnabled=false",
    }
    # Without --nounixsocket there is a second socket, in /tmp, by whose name users of one machine collide.
    flags = ["--nounixsocket", "--quiet"]
    return [str(mongod), *flags, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]


def _run_supervisor(order: dict[str, Any]) -> bool:
    """Return when a supervisor in the background holds the server's lock: False when it is not this process's."""
    from . import supervisor as local_supervisor  # what it imports there is only on UNIX

    started = subprocess.run(  # noqa: S603
        # Isolated: neither this process's directory nor its environment changes what is imported.
        [sys.executable, "-I", "-S", local_supervisor.__file__],
        input=json.dumps(order).encode(),
        capture_output=True,
        cwd="/",
        check=False,
    )
    if started.returncode not in (0, local_supervisor.ALREADY_SUPERVISED):
        said = started.stderr.decode(errors="replace").strip()
        raise ServerError(f"The supervisor of the local MongoDB server did not start. It said:\n{said}")
    return started.returncode == 0


def end_orphan(directory: DataDirectory) -> bool:
    """End a mongod of ours that outlived its supervisor, and tell whether there was one.

    It holds the lock of its files, so its process id in the record has not become that of another process.
    """
    record = directory.read_record()
    deadline = time.monotonic() + STOP_SECONDS
    was_running = False
    while record is not None and directory.unsupervised_mongod() == record.mongod and time.monotonic() < deadline:
        was_running = True
        ask_to_end(record.mongod, directory)
        time.sleep(POLL_SECONDS)
    return was_running


def ask_to_end(pid: int, directory: DataDirectory) -> None:
    """Tell a supervisor, or a mongod, to shut down; one that has ended already is no error.

    Raises
    ------
    ServerError
        It belongs to another user.
    """
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise ServerError("The local MongoDB server belongs to another user.", path=str(directory.path)) from error
