"""Advisory locks on files, which the kernel frees when their holder ends in whatever way.

They tell the processes of one machine who uses, who starts and who runs the local MongoDB server (what the locks of a
data directory mean is said in ``data_directory.py``), and whose spool is whose.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

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
    OSError
        The file cannot be opened, or its file system has no locks; ``filename`` is its path.
    """
    import fcntl  # Windows has none, and must be able to import this module

    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError as error:
        os.close(lock)
        raise OSError(error.errno, f"{error.strerror}, when it was to be locked", str(path)) from error
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
