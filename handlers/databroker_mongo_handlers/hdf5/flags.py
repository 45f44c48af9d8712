"""What the first bytes of an HDF5 file tell about its writer and its length, without opening it as HDF5.

The bytes are those of versions 2 and 3 of the superblock, section II.A of the "HDF5 File Format Specification".
"""

from __future__ import annotations

import os
from typing import NamedTuple

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_VERSION, _SIZE_OF_ADDRESSES, _FLAGS, _ADDRESSES = 8, 9, 11, 12  # where they begin
_VERSION_WITH_FLAGS = 3
_OPEN_FOR_WRITING = 0b101  # bit 0: open for writing; bit 2: in SWMR mode
_BYTES_OF_ADDRESSES = (4, 8)


class Head(NamedTuple):
    """The length of a file, and its superblock if that has flags, else no bytes."""

    n_bytes: int
    superblock: bytes

    @classmethod
    def of(cls, path: str) -> Head:
        """Look at a file.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 a Path takes twice as long, and each opening asks
            head = file.read(36)
            n_bytes = os.fstat(file.fileno()).st_size
        is_hdf5 = len(head) == 36 and head.startswith(_SIGNATURE)
        return cls(n_bytes, head if is_hdf5 and head[_VERSION] >= _VERSION_WITH_FLAGS else b"")

    @property
    def has_flags(self) -> bool:
        """Whether it says if a writer has the file open, as it does in the formats since HDF5 1.10."""
        return bool(self.superblock)

    @property
    def n_missing_bytes(self) -> int:
        """How many bytes are missing at the end.

        In SWMR mode HDF5 does not compare the two: it reads zeros, or asks for minutes whether the rest has come. Files
        without flags are left to HDF5.
        """
        size = self.superblock[_SIZE_OF_ADDRESSES] if self.superblock else 0
        if size not in _BYTES_OF_ADDRESSES:
            return 0
        # The third address, after that of the beginning and that of the extension of the superblock.
        end_of_file = int.from_bytes(self.superblock[_ADDRESSES + 2 * size : _ADDRESSES + 3 * size], "little")
        return max(end_of_file - self.n_bytes, 0)


def is_open_for_writing(path: str) -> bool:
    """Tell from the flags in the superblock whether a writer has the file open, or has died having it open.

    Files without such flags are never told to be, nor one that is missing.
    """
    try:
        superblock = Head.of(path).superblock
    except FileNotFoundError:
        return False
    return bool(superblock and superblock[_FLAGS] & _OPEN_FOR_WRITING)
