"""Where settings and data of this package lie on a machine. The search order is here, the reading of files is not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

APP_NAME: Final = "databroker_mongo"
PATH_VARIABLE: Final = "DATABROKER_MONGO_PATH"

Owner = Literal["user", "environment", "site"]
Form = Literal["own", "intake", "v0"]


@dataclass(frozen=True)
class SearchDirectory:
    """A directory, or one file, in which catalogs may be configured.

    Attributes
    ----------
    path : pathlib.Path
        Need not exist.
    owner : {"user", "environment", "site"}
        Who may write there. Directories that a variable of the environment adds count as the user's.
    form : {"own", "intake", "v0"}
        Which package looks for files there. Only in directories of our own is a file without a catalog a mistake, and
        only there may a ``site`` section stand.
    """

    path: Path
    owner: Owner
    form: Form

    def files(self) -> list[Path]:
        """Return its YAML files, sorted by name; none when there is no such directory.

        Raises
        ------
        OSError
            When it may not be read.
        """
        if self.path.is_file():
            return [self.path]
        suffixes = (".yml",) if self.form == "v0" else (".yml", ".yaml")
        try:
            found = sorted(self.path.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [path for path in found if path.suffix in suffixes and path.name[0] not in "._" and path.is_file()]


def search_directories() -> list[SearchDirectory]:
    """Return where catalogs are looked for now, the user's directories first, each directory once.

    Beside this package's own directories these are the ones of intake and of databroker before it, so that catalogs
    that are configured for them are found as they are.
    """
    seen: set[Path] = set()
    directories = []
    for directory in (*_own(), *_v0(), *_intake()):
        resolved = Path(os.path.realpath(directory.path))
        if resolved not in seen:
            seen.add(resolved)
            directories.append(directory)
    return directories


def user_directory() -> Path:
    """Return the directory that `write_entry` writes to; it need not exist."""
    return platformdirs.user_config_path(APP_NAME)


def tutorial_data_directory() -> Path:
    """Return where the tutorial's data are kept; it need not exist.

    The variable ``BLUESKY_TUTORIAL_DATA`` names it; else it is in the user's data directory.
    """
    chosen = os.environ.get("BLUESKY_TUTORIAL_DATA")
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path(APP_NAME) / "tutorial"


def spool_directory() -> Path:
    """Return the directory where documents wait while their database is away."""
    return platformdirs.user_state_path(APP_NAME) / "spool"


def _own() -> Iterator[SearchDirectory]:
    yield SearchDirectory(user_directory(), "user", "own")
    for path in _from_variable(PATH_VARIABLE):
        yield SearchDirectory(path, "user", "own")
    for prefix in _prefixes():
        yield SearchDirectory(prefix / "share" / APP_NAME, "environment", "own")
    for path in _several(platformdirs.site_config_dir(APP_NAME, multipath=True)):
        yield SearchDirectory(path, "site", "own")


def _v0() -> Iterator[SearchDirectory]:
    if os.name == "nt":
        roaming = os.environ.get("APPDATA")
        if roaming:
            yield SearchDirectory(Path(roaming, "databroker"), "user", "v0")
        return
    yield SearchDirectory(Path.home() / ".config" / "databroker", "user", "v0")
    yield SearchDirectory(Path(sys.executable).parent.parent / "etc" / "databroker", "environment", "v0")
    yield SearchDirectory(Path("/etc/databroker"), "site", "v0")


def _intake() -> Iterator[SearchDirectory]:
    yield SearchDirectory(platformdirs.user_data_path("intake", "intake"), "user", "intake")
    for prefix in _prefixes():
        yield SearchDirectory(prefix / "share" / "intake", "environment", "intake")
    for path in _several(platformdirs.site_data_dir("intake", "intake", multipath=True)):
        yield SearchDirectory(path, "site", "intake")
    for path in _from_variable("INTAKE_PATH"):
        yield SearchDirectory(path, "user", "intake")


def _prefixes() -> Iterable[Path]:
    """Return the prefixes of the environment: the interpreter's own, and the one that is activated if another is."""
    activated = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    return [Path(prefix) for prefix in (sys.prefix, activated) if prefix]


def _from_variable(name: str) -> list[Path]:
    return [path.expanduser() for path in _several(os.environ.get(name, ""))]


def _several(paths: str) -> list[Path]:
    return [Path(path) for path in paths.split(os.pathsep) if path]
