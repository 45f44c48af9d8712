"""Which kind of file system a directory lies on, as far as that decides what may be kept there.

MongoDB's files and the locks on them need a file system that one machine has for itself; spooled documents one that is
still there tomorrow.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

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
