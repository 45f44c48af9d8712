"""Directories of data that are not on this machine: which one is the first that is not, and what its owner can do.

What does not belong here: from a document to a path (``roots``).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from ..errors import AssetUnreadable
from .places import Place


@dataclass(frozen=True)
class Absence:
    """A directory that is not on this machine, with all that should be in it.

    Attributes
    ----------
    directory : pathlib.Path
        Where it should be.
    remedy : str
        What to do about it, in a sentence.
    """

    directory: Path
    remedy: str


def find_absence(path: Path, place: Place, root: Path | None, mapped: tuple[str, Path] | None) -> Absence | None:
    """Return the directory whose absence explains that a file is not there; None if the file alone is missing.

    Parameters
    ----------
    path : pathlib.Path
        Where the file should be on this machine.
    place : Place
        Where the document says it is.
    root : pathlib.Path or None
        Where the root of the document should be on this machine, if it has one.
    mapped : tuple of (str, pathlib.Path), or None
        The entry of the root map that led to the path.
    """
    if mapped is not None and _is_absent(mapped[1]):
        entry = f"{{{mapped[0]!r}: {str(mapped[1])!r}}}"
        return _absence(mapped[1], f"correct the entry of root_map that leads there: {entry}")
    directory = _absent_directory(path, root)
    if directory is None:
        return None
    n_below = len(path.parts) - len(directory.parts)
    entry = f"{{{str(Place(place.drive, place.parts[: len(place.parts) - n_below]))!r}: '/where/it/is/here'}}"
    where = "in the settings of the catalog or as an argument of Catalog.from_uri"
    return _absence(directory, f"say where it is with root_map: {entry}, {where}")


def may_still_come(error: Exception) -> bool:
    """Tell whether a file ends early, or is missing in a directory that is there: any other is lost, or not mounted."""
    if not isinstance(error, AssetUnreadable):
        return False
    if not isinstance(error.__cause__, FileNotFoundError):
        return isinstance(error.__cause__, EOFError)
    missing = error.__cause__.filename or error.facts.get("path")
    return missing is not None and Path(os.fsdecode(missing)).parent.is_dir()


def _absence(directory: Path, advice: str) -> Absence:
    what = "is not there" if _is_gone(directory) else "is empty, and perhaps not mounted"
    return Absence(directory, f"On {socket.gethostname()} {directory} {what}. Mount it, or {advice}")


def _absent_directory(path: Path, root: Path | None) -> Path | None:
    if os.path.lexists(path):
        return path if _is_empty(path) else None
    if root is not None and _is_absent(root):
        return root
    outermost = next((each for each in reversed(path.parents) if _is_gone(each)), None)
    return path.parent if outermost is None and _is_empty(path.parent) else outermost


def _is_absent(directory: Path) -> bool:
    return _is_gone(directory) or _is_empty(directory)


def _is_gone(directory: Path) -> bool:
    """Tell whether there is nothing; a directory that may not be looked at is not gone."""
    try:
        directory.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def _is_empty(directory: Path) -> bool:
    try:
        with os.scandir(directory) as entries:
            return next(entries, None) is None
    except (OSError, ValueError):
        return False
