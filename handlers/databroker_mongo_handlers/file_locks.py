"""Who else is writing a file, as far as the operating system tells without taking a lock.

Taking a lock, even for a moment and even a shared one, could make a detector's writer fail to open its file; so the
kernel's table is read instead. Nothing of any file format belongs here.
"""

from __future__ import annotations

import os
from pathlib import Path

_LOCK_TABLE = Path("/proc/locks")


def is_locked_by_a_writer(path: str) -> bool:
    """Tell whether another process of this machine holds a write lock on a file; False where that is not known."""
    try:
        found = Path(path).stat()
        table = _LOCK_TABLE.read_text()
    except OSError:
        return False
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any(_is_foreign_write_lock(line, file) for line in table.splitlines())


def _is_foreign_write_lock(line: str, file: str) -> bool:
    """Read a line such as ``1: FLOCK  ADVISORY  WRITE 1234 fe:00:2293926 0 EOF``."""
    words = line.split()
    return words[-5:-4] == ["WRITE"] and words[-3] == file and words[-4] != str(os.getpid())
