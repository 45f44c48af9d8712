"""What tells that a file is still the one that it was, and no other has taken its place.

Equal times alone do not: a file that was changed just now may change again within one tick of its file system's clock.
"""

from __future__ import annotations

import os
import time
from typing import Final, NamedTuple, Self

SETTLING_NANOSECONDS: Final = 2 * 10**9
"""Changes this close together may leave equal times behind: the coarsest clock of a file system in use (FAT)."""


class FileIdentity(NamedTuple):
    """Device, inode, size, and the times of the last change of data and of attributes, in nanoseconds."""

    device: int
    inode: int
    n_bytes: int
    data_changed_ns: int
    attributes_changed_ns: int

    @classmethod
    def of(cls, path: str) -> Self:
        """Ask the file system about a path, links followed.

        Raises
        ------
        OSError
            When there is no such file.
        """
        return cls._of_status(os.stat(path))  # noqa: PTH116 a Path takes twice as long, and each frame asks

    @classmethod
    def of_descriptor(cls, descriptor: int) -> Self:
        """Ask the file system about an open file, whatever its path means by now."""
        return cls._of_status(os.fstat(descriptor))

    @classmethod
    def _of_status(cls, found: os.stat_result) -> Self:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def is_settled(self, at_ns: int | None = None) -> bool:
        """Tell whether the last change was so long ago that another one cannot look the same.

        Parameters
        ----------
        at_ns : int, optional
            At which moment, in nanoseconds since 1970, by default now.
        """
        moment = time.time_ns() if at_ns is None else at_ns
        return max(self.data_changed_ns, self.attributes_changed_ns) < moment - SETTLING_NANOSECONDS
