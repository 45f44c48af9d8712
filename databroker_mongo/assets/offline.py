"""Which files are offline: on tape, or moved away by whatever looks after the disks. They are not opened.

A rule says so of a path, from what the file system tells without opening it. Whether a file may be opened all the same
belongs to ``reader``.
"""

from __future__ import annotations

import importlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import Final

from ..config import NO_BLOCKS
from ..errors import AssetOffline, AssetUnreadable, ConfigurationError

MIN_BYTES: Final = 64_000
MIN_AGE_SECONDS: Final = 3600.0

Rule = Callable[[str], bool]


def has_no_blocks(path: str) -> bool:
    """Tell whether a file has a size, and nothing on the disk.

    Some file systems keep small files beside their names, and give a new one its blocks later: files below 64 kB, and
    those that were written to within an hour, are taken for online.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 a path with a NUL byte is the reader's to refuse
    except (OSError, ValueError):
        return False
    if not stat.S_ISREG(found.st_mode) or found.st_size < MIN_BYTES:
        return False
    return getattr(found, "st_blocks", 1) == 0 and time.time() - found.st_mtime > MIN_AGE_SECONDS


def rule_of(said: str | Rule | None, **where: object) -> Rule | None:
    """Return the rule that settings name, or that is given in code.

    Parameters
    ----------
    said : str or callable, optional
        ``"no-blocks"``, ``"module:function"`` or a function, which is given the path of a file that exists and returns
        whether it is offline. None where every file is there.
    **where : object
        Where it was said, for errors.

    Raises
    ------
    ConfigurationError
        It is neither, or cannot be imported.
    """
    if said is None or callable(said):
        return said
    if said == NO_BLOCKS:
        return has_no_blocks
    text = str(said)
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    try:
        rule = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"offline is {said!r}, which cannot be imported ({error}): write {NO_BLOCKS}, or module:function", **where
        ) from error
    if not callable(rule):
        raise ConfigurationError(f"offline is {said!r}, which is not a function but {rule!r}", **where)
    found: Rule = rule
    return found


def offline_among(paths: Iterable[str | os.PathLike[str]], rule: Rule | None) -> list[str]:
    """Return those of some files that are offline; none is opened.

    Raises
    ------
    AssetUnreadable
        The rule fails.
    """
    return [] if rule is None else [path for path in (os.fspath(each) for each in paths) if _is_offline(rule, path)]


def require_online(paths: Iterable[str | os.PathLike[str]], rule: Rule | None) -> None:
    """Insist that files are online.

    Raises
    ------
    AssetOffline
        One is not.
    AssetUnreadable
        The rule fails.
    """
    found = offline_among(paths, rule)
    if found:
        others = f", and so are {len(found) - 1} more that are needed with it" if len(found) > 1 else ""
        raise AssetOffline(
            f"the file {found[0]} is offline, on tape for example{others}. Fetching it may take long: "
            "read(recall=True), to_dask(recall=True) and a catalog that is opened with recall=True do it",
            path=found[0],
            n_offline=len(found) if len(found) > 1 else None,
        )


def _is_offline(rule: Rule, path: str) -> bool:
    try:
        return os.path.isfile(path) and bool(rule(path))  # noqa: PTH113 Path.is_file may raise
    except Exception as error:
        name = getattr(rule, "__qualname__", repr(rule))
        raise AssetUnreadable(
            f"the function that decides which files are offline, {name}, fails on {path!r}: {error!r}", path=path
        ) from error
