"""Small files that must be on the disk, whole, or not at all."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

_numbers = itertools.count()


def numbered_name(suffix: str) -> str:
    """Return a name that no other file has, and that sorts by the time."""
    return f"{time.time_ns():020}-{os.getpid()}-{next(_numbers)}.{suffix}"


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole, on the disk, or as it was before."""
    beside = path.with_name(f".{path.name}.{numbered_name('new')}")
    try:
        with beside.open("x") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(path.parent)


def exists(path: Path) -> bool:
    """Tell whether there is something; where that may not be looked at, there is nothing."""
    return os.path.exists(path)  # noqa: PTH110 (that of Path raises where it may not look)


def is_directory(path: Path) -> bool:
    """Tell whether there is a directory; where that may not be looked at, there is none."""
    return os.path.isdir(path)  # noqa: PTH112 (that of Path raises where it may not look)


def can_write(directory: Path) -> bool:
    """Tell whether this process may make files in a directory."""
    effective = os.access in os.supports_effective_ids
    return is_directory(directory) and os.access(directory, os.W_OK | os.X_OK, effective_ids=effective)


def sync_directory(directory: Path) -> None:
    """Wait until the names in a directory are on the disk."""
    # fsync(2): that of a file does not see to the entry in its directory.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
