"""What the first bytes of an HDF5 file tell about its writer, without opening it as HDF5."""

from __future__ import annotations

from pathlib import Path

_SUPERBLOCK_WITH_FLAGS = 3
_OPEN_FOR_WRITING = 0b101


def is_open_for_writing(path: str) -> bool:
    """Tell from the flags in the superblock whether a writer has the file open, or has died having it open.

    Files in the format before HDF5 1.10 have no such flags, and are never told to be.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        return False
    return len(head) == 12 and head[8] >= _SUPERBLOCK_WITH_FLAGS and bool(head[11] & _OPEN_FOR_WRITING)
