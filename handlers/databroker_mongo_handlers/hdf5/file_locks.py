"""Who else is writing a file, as far as the operating system tells without taking a lock.

Taking a lock, even for a moment and even a shared one, could make a detector's writer fail to open its file; so the
kernel's table is read instead. Nothing of any file format belongs here.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..rows import FileIdentity

_LOCK_TABLE = Path("/proc/locks")  # proc_locks(5); there is none but on Linux

# The kernel waits for all processors before it shows its table, which takes ten milliseconds. What a file holds that
# was nobody's, and has not changed since, is whole, whoever may have opened it meanwhile.
_MOST_REMEMBERED = 10_000
_seen_unlocked: dict[tuple[int, int], FileIdentity] = {}


def is_locked_by_a_writer(path: str) -> bool:
    """Tell whether another process of this machine holds a write lock on a file; False where that is not known.

    False also for a file that was not locked when it was looked at before, and has not changed since.
    """
    try:
        found = FileIdentity.of(path)
        file = found.device, found.inode
        if _seen_unlocked.get(file) == found:
            return False
        is_locked = _is_in_table(f"{os.major(found.device):02x}:{os.minor(found.device):02x}:{found.inode}")
    except OSError:
        return False
    if not is_locked and found.is_settled():
        if len(_seen_unlocked) >= _MOST_REMEMBERED:
            _seen_unlocked.clear()
        _seen_unlocked[file] = found
    return is_locked


def _is_in_table(file: str) -> bool:
    return any(_is_foreign_write_lock(line, file) for line in _LOCK_TABLE.read_text().splitlines())


def _is_foreign_write_lock(line: str, file: str) -> bool:
    """Read a line such as ``1: FLOCK  ADVISORY  WRITE 1234 fe:00:2293926 0 EOF``."""
    words = line.split()
    # From the end, as a lock that waits for another has "->" after its number.
    return words[-5:-4] == ["WRITE"] and words[-3] == file and words[-4] != str(os.getpid())
