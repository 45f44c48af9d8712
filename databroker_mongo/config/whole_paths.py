"""Directories that settings name by their whole paths, so that they mean one place wherever they are used.

What a directory that is relative to a file means belongs to ``own_form``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import PureWindowsPath
from typing import Any

from ..errors import ConfigurationError
from .root_fields import split_root

Directory = str | os.PathLike[str]


def is_whole(place: str) -> bool:
    """Tell whether a path or URI means the same place whatever the working directory is, on any system."""
    return "://" in place or place.startswith(("/", "file:")) or PureWindowsPath(place).is_absolute()


def whole_root_map(root_map: Mapping[str, Directory]) -> dict[str, str]:
    """Return a root map given in code, ``~`` replaced by the home directory.

    Raises
    ------
    ConfigurationError
        A target is relative. In a file it would be relative to that file; here it would be to the working directory of
        whoever opens the data, perhaps on another machine.
    """
    return {str(root): _whole(place, f"root_map[{str(root)!r}]") for root, place in root_map.items()}


def whole_roots(roots: Directory | Iterable[Directory]) -> tuple[str, ...]:
    """Return the allowed roots given in code, one or several, ``~`` replaced by the home directory.

    Raises
    ------
    ConfigurationError
        One is relative, or has braces that hold no field.
    """
    several = [roots] if isinstance(roots, str | os.PathLike) else roots
    return tuple(_with_fields(_whole(place, "allowed_roots")) for place in several)


def require_whole(settings: Mapping[str, Any]) -> None:
    """Refuse the settings of a catalog given in code, if a directory among them is relative.

    Raises
    ------
    ConfigurationError
        One is. What is of another type altogether is left to those who read the settings.
    """
    root_map, roots = settings.get("root_map"), settings.get("allowed_roots")
    if isinstance(root_map, Mapping):
        whole_root_map(root_map)
    if isinstance(roots, str | os.PathLike | list | tuple):
        whole_roots(roots)


def _with_fields(root: str) -> str:
    try:
        split_root(root)
    except ValueError as error:
        raise ConfigurationError(str(error), setting="allowed_roots") from None
    return root


def _whole(place: object, setting: str) -> str:
    text = os.fspath(place) if isinstance(place, str | os.PathLike) else repr(place)
    whole = os.path.expanduser(text)  # noqa: PTH111 Path.expanduser raises where there is no such user
    if not isinstance(whole, str) or not is_whole(whole):
        raise ConfigurationError(
            f"{setting} is {text!r}, which is a relative path and would mean a different place in each working "
            f"directory: give an absolute path, such as os.path.abspath({text!r})",
            setting=setting.partition("[")[0],
        )
    return whole
