"""Advisory locks on files, which the kernel frees when their holder ends in whatever way.

They tell the processes of one machine who uses, who starts and who runs the local MongoDB server. What the locks of a
data directory mean is said in ``data_directory.py``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ..errors import DataDirectoryUnusable

POLL_SECONDS = 0.02


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file, made if missing, unless somebody holds a lock that excludes this one.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    shared : bool
        Whether others may hold it too, if they share.

    Returns
    -------
    int or None
        A file descriptor that holds the lock until it, and every copy of it in forked children, is closed.

    Raises
    ------
    DataDirectoryUnusable
        The file cannot be opened, or its file system has no locks.
    """
    import fcntl  # Windows has none, and must be able to import this module

    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError as error:
        os.close(lock)
        raise _unusable(path, error) from error
    return lock


def share(path: Path, timeout_seconds: float) -> int | None:
    """Wait for a shared lock; None when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while (lock := try_lock(path, shared=True)) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return lock


def unlock(lock: int) -> None:
    """Free a lock for good, also where another thread's fork has copied its descriptor, and close it."""
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def is_held(path: Path) -> bool:
    """Whether somebody holds the exclusive lock of a file; a file that is missing or may not be read is not held."""
    import fcntl

    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False


def _unusable(path: Path, error: OSError) -> DataDirectoryUnusable:
    return DataDirectoryUnusable(
        f"The data directory cannot be used: {error.strerror} (locking {path.name}). Choose a directory of yours on a "
        "local disk.",
        path=str(path.parent.parent),
    )
