"""Which kind of file system a directory lies on, as far as that decides whether MongoDB may keep its files there.

MongoDB's files and the locks on them need a file system that one machine has for itself.
"""

from __future__ import annotations

import re
from pathlib import Path

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


def network_filesystem(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Name the file system under a path if other machines may share it.

    Parameters
    ----------
    path : pathlib.Path
        An absolute path without symbolic links; what does not exist yet is judged by where it would be made.
    mounts : pathlib.Path
        A table in the format of ``/proc/self/mountinfo``; see proc(5).

    Returns
    -------
    str or None
        The type, such as ``"nfs4"``, or None for a local file system and where the system has no such table.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    found = (Path("/"), "")
    for mount_point, kind in map(_mount, lines):
        # Of several mounts on one point the last one covers the others.
        if path.is_relative_to(mount_point) and mount_point.is_relative_to(found[0]):
            found = (mount_point, kind)
    return found[1] if found[1] in SHARED_BY_MACHINES else None


def _mount(line: str) -> tuple[Path, str]:
    before, _, after = line.partition(" - ")
    escaped = before.split(" ")[4]
    mount_point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), escaped)
    return Path(mount_point), after.split(" ")[0]
