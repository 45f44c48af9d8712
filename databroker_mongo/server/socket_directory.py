"""A short, private place for the socket of a local MongoDB server.

A socket's path may hold 107 bytes, and whoever can reach the socket can read and write all data: so it lies in a
directory that no other user may enter. What listens on it is not decided here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import warnings
from pathlib import Path

import platformdirs

from ..errors import ServerError
from .data_directory import DataDirectory

LONGEST_SOCKET_PATH_BYTES = 107
"""The 108 of Linux's ``sun_path``, see unix(7), without the NUL at the end."""
SOCKET_NAME = "mongod.sock"
SAFE_PATH = re.compile(r"[\w./@+-]+", re.ASCII)
"""Without a comma, at which ``--bind_ip`` divides, and the like."""
FALLBACK = Path("/tmp")  # noqa: S108  the directories made in it are private, and checked to be


def make_socket_path(directory: DataDirectory, *, runtime: Path | None = None, fallback: Path = FALLBACK) -> Path:
    """Choose where the server of a data directory listens, and make the private directory for it.

    Parameters
    ----------
    directory : DataDirectory
        The data directory, prepared.
    runtime : pathlib.Path, optional
        A directory for the sockets of this package; by default in the user's runtime directory.
    fallback : pathlib.Path
        Where a directory is made if the user has no runtime directory or its path is too long.

    Returns
    -------
    pathlib.Path
        The same for the same data directory, another one when that was deleted and made anew. It holds at most 107
        bytes, and no character that means something to mongod's options.

    Raises
    ------
    ServerError
        The directory belongs to somebody else, or others may enter it.
    """
    # The lock file is made once and never written, so its age tells a directory from a later one of the same name.
    made = directory.start_lock.stat().st_mtime_ns
    name = hashlib.sha256(f"{directory.path}\0{made}".encode(errors="surrogateescape")).hexdigest()[:16]
    parent = _runtime_directory() if runtime is None else runtime
    if parent is not None and _is_usable(parent / name / SOCKET_NAME) and _is_private(parent.parent):
        try:
            return _make_private(_make_private(parent) / name) / SOCKET_NAME
        except (OSError, ServerError):
            pass
    return _make_private(fallback / f"databroker-mongo-{os.getuid()}-{name}") / SOCKET_NAME


def _runtime_directory() -> Path | None:
    with warnings.catch_warnings():
        # A missing runtime directory is the ordinary case in batch jobs and containers, and is dealt with here.
        warnings.simplefilter("ignore")
        try:
            return platformdirs.user_runtime_path("databroker_mongo")
        except OSError:
            return None


def _is_usable(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH_BYTES and SAFE_PATH.fullmatch(str(path)) is not None


def _is_private(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _make_private(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ServerError(
            f"The directory {path} for the socket of the local MongoDB server cannot be made ({error.strerror}).",
            path=str(path),
        ) from error
    if not _is_private(path):
        raise ServerError(
            f"The directory {path} should hold the socket of the local MongoDB server, but it is not yours alone: it "
            "must be a directory that you own with mode 0700. Remove it, or ask its owner to.",
            path=str(path),
        )
    return path
