"""Whether files are still what they were when they were opened. Who opened them does not matter here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SETTLING_SECONDS: Final = 2.0
"""Changes this close together may leave equal times behind: the coarsest clock of a file system in use (FAT)."""

_Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class FileState:
    """What the file system said of some files.

    Attributes
    ----------
    stamps : mapping of str to tuple
        Device, inode, size, and times of the last change of data and of attributes in nanoseconds, by path; None for a
        file that is not there.
    is_settled : bool
        Whether the last change was so long ago that another one cannot look the same.
    """

    stamps: Mapping[str, _Stamp | None] = field(default_factory=dict)
    is_settled: bool = False

    @classmethod
    def of(cls, *paths: str) -> FileState:
        """Ask the file system."""
        stamps = {path: _stamp(path) for path in paths}
        latest = max((max(stamp[3:]) for stamp in stamps.values() if stamp), default=0)
        return cls(stamps, latest < time.time_ns() - SETTLING_SECONDS * 1e9)

    def with_linked(self, paths: Iterable[str]) -> FileState:
        """Return the state of these files and of others that belong to them; those may be missing."""
        if None in self.stamps.values():
            return FileState()
        others = FileState.of(*paths)
        return FileState({**others.stamps, **self.stamps}, self.is_settled and others.is_settled)

    def is_unchanged(self) -> bool:
        """Tell whether the files are known not to have changed since.

        It is not enough that the times are equal: a file that was written to just before may be written to again
        within one tick of the file system's clock.
        """
        return self.is_settled and all(_stamp(path) == stamp for path, stamp in self.stamps.items())


def _stamp(path: str) -> _Stamp | None:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
