"""The files that a handler is tested with: which they are, and each of them cut, hidden and put back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest


def written(folder: Path) -> list[Path]:
    """Return every file below a folder, links followed."""
    return sorted(path.resolve() for path in folder.rglob("*") if path.is_file())


def listed(handler: Any, path: Path | str, datums: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Return the files that these datums are in, links followed: those that the handler lists, else its own path.

    Raises
    ------
    pytest.fail.Exception
        Nobody can tell which they are, or one is not there or not in the folder.
    """
    name = type(handler).__name__
    if hasattr(handler, "get_file_list"):
        found = [Path(each) for each in handler.get_file_list(iter(datums))]
        if not found:
            _fail(f"get_file_list() of {name} names no file for {_shown(datums)}: it must return the paths they are in")
        teller = f"get_file_list() of {name}"
    else:
        found, teller = [Path(path)], "make_case()"
        if not found[0].is_file():
            _fail(
                f"make_case() gives {name} the path {str(path)!r}, which is not a file but a folder or the beginning "
                f"of file names, and {name} has no get_file_list(). So nobody can tell which files a datum is in, and "
                "check them against the folders that may be read from. Add get_file_list(datum_kwargs), which returns "
                "their paths"
            )
    for each in found:
        if not each.is_file():
            _fail(f"{teller} names {str(each)!r}, which is {'a folder' if each.is_dir() else 'not there'}")
    require_inside(found, folder)
    return list(dict.fromkeys(each.resolve() for each in found))


def linked(handler: Any, datums: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Return the files that the handler says the files of these datums refer to, links followed."""
    return [Path(each).resolve() for each in handler.linked_files(iter(datums))] if _has_links(handler) else []


def require_inside(paths: Iterable[Path | str], folder: Path) -> None:
    """Insist that files may be damaged.

    Raises
    ------
    pytest.fail.Exception
        One is not below the folder that ``make_case`` was given.
    """
    for path in paths:
        if not Path(path).resolve().is_relative_to(folder.resolve()):
            _fail(
                f"{str(path)!r} is not below the folder that make_case(folder) was given, {str(folder)!r}. Files are "
                "cut and hidden in these tests: write them there, or copy them"
            )


@contextmanager
def cut(path: Path, n_bytes: int) -> Iterator[None]:
    """Keep only the first bytes of a file meanwhile."""
    content = path.read_bytes()
    path.write_bytes(content[:n_bytes])
    try:
        yield
    finally:
        path.write_bytes(content)


@contextmanager
def hidden(paths: Iterable[Path]) -> Iterator[None]:
    """Move files or folders out of sight meanwhile."""
    with tempfile.TemporaryDirectory() as away:
        places = {path: Path(away) / str(number) for number, path in enumerate(paths)}
        for path, place in places.items():
            path.rename(place)
        try:
            yield
        finally:
            for path, place in places.items():
                place.rename(path)


def _has_links(handler: Any) -> bool:
    return hasattr(handler, "linked_files")


def _shown(datums: Sequence[Mapping[str, Any]]) -> str:
    return f"the datums {', '.join(str(dict(datum)) for datum in datums[:3])}{', ...' if len(datums) > 3 else ''}"


def _fail(reason: str) -> NoReturn:
    pytest.fail(reason, pytrace=False)
