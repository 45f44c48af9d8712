"""What the first bytes of an HDF5 file tell about its writer and its length, without opening it as HDF5."""

from __future__ import annotations

from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK_WITH_FLAGS = 3
_OPEN_FOR_WRITING = 0b101
_BYTES_OF_ADDRESSES = (4, 8)


def has_flags(path: str) -> bool:
    """Tell whether the superblock says if a writer has the file open: it does in the formats since HDF5 1.10."""
    return _flags(path) is not None


def is_open_for_writing(path: str) -> bool:
    """Tell from the flags in the superblock whether a writer has the file open, or has died having it open.

    Files without such flags are never told to be.
    """
    return bool((_flags(path) or 0) & _OPEN_FOR_WRITING)


def n_missing_bytes(path: str) -> int:
    """Return how many bytes are missing at the end of a file, by what its superblock says.

    In SWMR mode HDF5 does not compare the two: it reads zeros, or asks for minutes whether the rest has come. Files
    without flags are left to HDF5.
    """
    head = _superblock(path)
    size = head[9] if head else 0
    if size not in _BYTES_OF_ADDRESSES:
        return 0
    stored = int.from_bytes(head[12 + 2 * size : 12 + 3 * size], "little")
    return max(stored - Path(path).stat().st_size, 0)


def _flags(path: str) -> int | None:
    head = _superblock(path)
    return head[11] if head else None


def _superblock(path: str) -> bytes:
    """Return the superblock, if it has flags: three addresses follow on them."""
    try:
        with Path(path).open("rb", buffering=0) as file:
            head = file.read(36)
    except FileNotFoundError:
        return b""
    is_hdf5 = len(head) == 36 and head.startswith(_SIGNATURE)
    return head if is_hdf5 and head[8] >= _SUPERBLOCK_WITH_FLAGS else b""
