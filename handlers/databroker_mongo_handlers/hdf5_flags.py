"""What the first bytes of an HDF5 file tell about its writer, without opening it as HDF5."""

from __future__ import annotations

from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK_WITH_FLAGS = 3
_OPEN_FOR_WRITING = 0b101


def has_flags(path: str) -> bool:
    """Tell whether the superblock says if a writer has the file open: it does in the formats since HDF5 1.10."""
    return _flags(path) is not None


def is_open_for_writing(path: str) -> bool:
    """Tell from the flags in the superblock whether a writer has the file open, or has died having it open.

    Files without such flags are never told to be.
    """
    return bool((_flags(path) or 0) & _OPEN_FOR_WRITING)


def _flags(path: str) -> int | None:
    try:
        with Path(path).open("rb", buffering=0) as file:
            head = file.read(12)
    except FileNotFoundError:
        return None
    is_hdf5 = len(head) == 12 and head.startswith(_SIGNATURE)
    return head[11] if is_hdf5 and head[8] >= _SUPERBLOCK_WITH_FLAGS else None
