"""What the first bytes of an HDF5 file tell about its writer and its length, without opening it as HDF5.

The bytes are those of versions 2 and 3 of the superblock, section II.A of the "HDF5 File Format Specification".
"""

from __future__ import annotations

from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_VERSION, _SIZE_OF_ADDRESSES, _FLAGS, _ADDRESSES = 8, 9, 11, 12  # where they begin
_VERSION_WITH_FLAGS = 3
_OPEN_FOR_WRITING = 0b101  # bit 0: open for writing; bit 2: in SWMR mode
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
    size = head[_SIZE_OF_ADDRESSES] if head else 0
    if size not in _BYTES_OF_ADDRESSES:
        return 0
    # The third address, after that of the beginning and that of the extension of the superblock.
    end_of_file = int.from_bytes(head[_ADDRESSES + 2 * size : _ADDRESSES + 3 * size], "little")
    return max(end_of_file - Path(path).stat().st_size, 0)


def _flags(path: str) -> int | None:
    head = _superblock(path)
    return head[_FLAGS] if head else None


def _superblock(path: str) -> bytes:
    """Return the superblock, if it has flags: three addresses follow on them."""
    try:
        with Path(path).open("rb", buffering=0) as file:
            head = file.read(36)
    except FileNotFoundError:
        return b""
    is_hdf5 = len(head) == 36 and head.startswith(_SIGNATURE)
    return head if is_hdf5 and head[_VERSION] >= _VERSION_WITH_FLAGS else b""
