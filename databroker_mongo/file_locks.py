"""Advisory locks on files, which the kernel frees when their holder ends in whatever way.

They tell the processes of one machine who uses, who starts and who runs the local MongoDB server (what the locks of a
data directory mean is said in ``data_directory.py``), and whose spool is whose.

What a lock is worth, the file system under it decides, so that is told here too: MongoDB's files and the locks on them
need one that a single machine has for itself; spooled documents one that is still there tomorrow.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import NamedTuple

POLL_SECONDS = 0.02
MOUNTS = Path("/proc/self/mountinfo")
SHARED_BY_MACHINES = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "wekafs",
    }
)


IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"})
"""Gone with the machine's power."""

LAYERED = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})
"""What a container, or a machine that runs from a medium that cannot be written, has for its own."""

_LOCAL_LOCKS = frozenset({"local_lock=all", "local_lock=flock", "localflock", "nobrl", "nolock"})


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


def network_filesystem(path: Path, mounts: Path | None = None) -> str | None:
    """Name the file system under a path if other machines may share it.

    Parameters
    ----------
    path, mounts
        As for :func:`filesystem_of`.

    Returns
    -------
    str or None
        The type, such as ``"nfs4"``, or None for a local file system and where the system has no such table.
    """
    kind = filesystem_of(path, mounts)
    return kind if kind in SHARED_BY_MACHINES else None


def filesystem_of(path: Path, mounts: Path | None = None) -> str | None:
    """Name the file system under a path.

    Parameters
    ----------
    path : pathlib.Path
        An absolute path without symbolic links; what does not exist yet is judged by where it would be made.
    mounts : pathlib.Path, optional
        A table in the format of ``/proc/self/mountinfo``; see proc(5).

    Returns
    -------
    str or None
        The type, such as ``"ext4"``, or None where the system has no such table.
    """
    mount = _mount_of(path, mounts)
    return mount.kind or None if mount else None


def has_locks_of_its_own(path: Path, mounts: Path | None = None) -> bool:
    """Tell whether a network file system is mounted so that other machines do not see the locks of this one."""
    mount = _mount_of(path, mounts)
    return mount is not None and not _LOCAL_LOCKS.isdisjoint(mount.options)


class _Mount(NamedTuple):
    point: Path
    kind: str
    options: frozenset[str]


def _mount_of(path: Path, mounts: Path | None) -> _Mount | None:
    try:
        lines = (mounts or MOUNTS).read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    found = _Mount(Path("/"), "", frozenset())
    for mount in map(_mount, lines):
        # Of several mounts on one point the last one covers the others.
        if path.is_relative_to(mount.point) and mount.point.is_relative_to(found.point):
            found = mount
    return found


def _mount(line: str) -> _Mount:
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    kind, _, options = after.partition(" ")
    point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
    return _Mount(Path(point), kind, frozenset(",".join([fields[5], options.rpartition(" ")[2]]).split(",")))
