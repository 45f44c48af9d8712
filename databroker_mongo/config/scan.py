"""All configuration files of this machine, read now; what their sections mean is decided by whoever asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigurationError
from .directories import SearchDirectory, search_directories
from .yaml_files import YamlFile, read_text


@dataclass(frozen=True)
class Scanned:
    """One file, or a directory that may not be read.

    Attributes
    ----------
    directory : SearchDirectory
    path : pathlib.Path
    contents : YamlFile, optional
        None when there is an error.
    error : ConfigurationError, optional
    text : str
        Empty when it cannot be read.
    """

    directory: SearchDirectory
    path: Path
    contents: YamlFile | None = None
    error: ConfigurationError | None = None
    text: str = ""


def scan() -> Iterator[Scanned]:
    """Read each file once, in the order of `search_directories`, those that cannot be read or parsed as well."""
    seen: set[str] = set()
    for directory in search_directories():
        try:
            paths = directory.files()
        except OSError as error:
            problem = ConfigurationError(f"the directory cannot be read: {error.strerror}", file=directory.path)
            yield Scanned(directory, directory.path, error=problem)
            continue
        for path in paths:
            resolved = os.path.realpath(path)
            if resolved not in seen:
                seen.add(resolved)
                yield _read(directory, path)


def _read(directory: SearchDirectory, path: Path) -> Scanned:
    from .parsing import parse_yaml  # late: where no file is, none is parsed

    text = ""
    try:
        text = read_text(path)
        return Scanned(directory, path, contents=parse_yaml(text, path), text=text)
    except ConfigurationError as error:
        return Scanned(directory, path, error=error, text=text)
