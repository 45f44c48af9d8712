"""A directory of MongoDB's files: whether a server may be started on it, and what lies beside the data.

The folder ``local_server`` in it holds what lets processes find and share one server::

    lease        locked, shared, by every process that uses the server
    start.lock   locked while a process starts the server
    server.lock  locked while the server's supervisor lives; this alone says that a server runs
    server.json  the record: where the running server is to be found
    keep         present when the server stays until it is stopped
    mongod.log   what MongoDB had to say since it was started, and mongod.log.1 the time before

Kernel locks decide, never a process id in a file; so whatever is left by a crash blocks nothing. Starting and stopping
is done in ``local.py``.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import DataDirectoryUnusable
from ..file_locks import is_held, network_filesystem

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ServerRecord:
    """Where the server of a directory is, as its supervisor wrote it.

    Attributes
    ----------
    supervisor, mongod : int
        Process ids.
    socket : str
        The path of the UNIX socket.
    version : str
        MongoDB's version.
    host, boot : str
        The machine, and which of its boots.
    """

    supervisor: int
    mongod: int
    socket: str
    version: str
    host: str
    boot: str

    def is_of_another_host(self) -> bool:
        """Whether another machine wrote this; a reboot of the same one, and a container on it, do not count."""
        return self.boot != boot_id() and self.host != platform.node()


@dataclass(frozen=True)
class DataDirectory:
    """A data directory and the files beside the data; constructing it touches nothing.

    Attributes
    ----------
    path : pathlib.Path
        Absolute and without symbolic links, so that all names of one directory mean the same server.
    """

    path: Path

    @classmethod
    def named(cls, data: str | os.PathLike[str] | None) -> DataDirectory:
        """Take the directory of a name; None means the one in the user's data directory."""
        path = platformdirs.user_data_path("databroker_mongo") / "mongodb" if data is None else Path(data)
        return cls(path.expanduser().resolve())

    @property
    def control(self) -> Path:
        """The folder beside the data."""
        return self.path / "local_server"

    @property
    def lease(self) -> Path:
        """Locked, shared, by users."""
        return self.control / "lease"

    @property
    def start_lock(self) -> Path:
        """Locked while starting."""
        return self.control / "start.lock"

    @property
    def server_lock(self) -> Path:
        """Locked while the supervisor lives."""
        return self.control / "server.lock"

    @property
    def record(self) -> Path:
        """Where the server is."""
        return self.control / "server.json"

    @property
    def keep(self) -> Path:
        """Present when the server stays until it is stopped."""
        return self.control / "keep"

    @property
    def log(self) -> Path:
        """What MongoDB and its supervisor write."""
        return self.control / "mongod.log"

    def is_served(self) -> bool:
        """Whether a server started by this package runs on it, be it only just starting or ending."""
        return is_held(self.server_lock)

    def read_record(self) -> ServerRecord | None:
        """Read where the server is; None when there is no record, or not a whole one."""
        try:
            return ServerRecord(**json.loads(self.record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def unsupervised_mongod(self) -> int | None:
        """Find the process that has MongoDB's files open, unless our supervisor runs; 0 when it tells no id."""
        # mongod holds it by flock as well (storage_engine_lock_file_posix.cpp), so that a look at it tells the truth.
        lock = self.path / "mongod.lock"
        if not is_held(lock):
            return None
        written = lock.read_text().strip()
        # In this order: if there is no supervisor now, then whoever held the lock before has none.
        if self.is_served():
            return None
        return int(written) if written.isdigit() else 0

    def prepare(self, *, force: bool) -> None:
        """Make the directory if it is missing, and refuse it if no server should be started on it.

        Parameters
        ----------
        force : bool
            Accept a network file system, and a directory that another host has not given up. What was forced once
            need not be again while that server runs.

        Raises
        ------
        DataDirectoryUnusable
            Says what is wrong with it and what to do.
        """
        is_served = self.is_served()
        if not force and not is_served:
            self._refuse_network_filesystem()
        if not force or is_served:
            self._refuse_other_host()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.control.mkdir(mode=0o700, exist_ok=True)
            self.lease.touch(mode=0o600)
        except OSError as error:
            is_file = isinstance(error, FileExistsError | NotADirectoryError)
            found = "there is a file of that name" if is_file else f"it cannot be written ({error.strerror})"
            raise self.unusable(found, "Name a directory of yours, or one that can be made") from error

    def unusable(self, found: str, advice: str) -> DataDirectoryUnusable:
        """Build the error for this directory."""
        return DataDirectoryUnusable(
            f"The local MongoDB server cannot keep its files in {self.path}: {found}. {advice}.", path=str(self.path)
        )

    def unlockable(self, error: OSError) -> DataDirectoryUnusable:
        """Build the error for this directory where a file in it cannot be locked."""
        return self.unusable(
            f"{error.filename} cannot be locked ({error.strerror})", "Name a directory of yours on a local disk"
        )

    def _refuse_network_filesystem(self) -> None:
        kind = network_filesystem(self.path)
        if kind is not None:
            raise self.unusable(
                f"it lies on a network file system ({kind}), where MongoDB's files can be damaged",
                "Name a directory on a local disk (--data DIRECTORY, local:///DIRECTORY); if you are sure that one "
                "machine alone uses it, --force overrides",
            )

    def _refuse_other_host(self) -> None:
        record = self.read_record()
        if record is not None and record.is_of_another_host():
            raise self.unusable(
                f"the host {record.host} holds it",
                f"Run `databroker-mongo server stop --data {self.path}` on {record.host}; if that machine is gone or "
                "was renamed, --force overrides",
            )


def boot_id() -> str:
    """Name the present run of this machine's kernel; where there is no name for it, that is the host's name alone."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return platform.node()
