"""Which folder of a spool holds the documents of which database.

A folder is named by the hosts and the name of the database, so that any account finds what another has left, and says
so in ``database.json``. Earlier it was named by the whole URI, with the user and the options, and said nothing.

What does not belong here: the files in it (``spool``, ``quarantine``).
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..store import Place, is_same_database
from .files import can_write, is_directory, write_whole

RECORD = "database.json"

_LONGEST_NAME = 60  # a hash comes behind it; most file systems take 255 bytes, the one of eCryptfs some 140


@dataclass(frozen=True)
class Folder:
    """A folder of a spool.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    places : tuple of Place
        Which databases its documents are for; none where an earlier version, which did not say so, made it.
    """

    path: Path
    places: tuple[Place, ...]

    @property
    def shown(self) -> str:
        """Its database, in words."""
        return " and ".join(map(str, self.places)) or "not known (see the name of the folder)"


def name_folder(places: Sequence[Place]) -> str:
    """Return the name of the folder for these databases."""
    return _name(" ".join(map(str, places)))


def folder_for(directory: Path, places: Sequence[Place]) -> Path:
    """Return the folder for these databases; where that is another user's, one of this user's own."""
    folder = directory / name_folder(places)
    is_foreign = is_directory(folder) and not can_write(folder)
    return folder.with_name(f"{folder.name}-{getpass.getuser()}") if is_foreign else folder


def prepare(folder: Path, places: Sequence[Place], address: str) -> None:
    """Make a folder, for its user alone, and write down which databases it is for.

    Raises
    ------
    OSError
        It cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / RECORD).exists():
        databases = [{"scheme": p.scheme, "hosts": sorted(p.hosts), "database": p.database} for p in places]
        write_whole(folder / RECORD, json.dumps({"databases": databases, "address": address}, indent=1))


def list_folders(directory: Path) -> Iterator[Folder]:
    """Yield all folders of a spool."""
    for path in _in(directory):
        if is_directory(path):
            yield Folder(path, _recorded(path))


def list_spool_files(folder: Path) -> list[Path]:
    """Return the spool files of a folder, the oldest first; none where it may not be read."""
    return [path for path in _in(folder) if path.suffix == ".bson"]


def _in(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def has_documents(folder: Path) -> bool:
    """Tell whether a folder has a spool file with something in it."""
    for path in list_spool_files(folder):
        with contextlib.suppress(OSError):  # it was emptied just now, or is another user's
            if path.stat().st_size:
                return True
    return False


def find_certain(directory: Path, places: Sequence[Place], address: str) -> list[Path]:
    """Return the folders that are certainly for these databases."""
    return [
        folder.path
        for folder in list_folders(directory)
        if is_same_database(folder.places, places)
        or (not folder.places and _is_old_name(folder.path.name, places, address))
    ]


def find_similar(directory: Path, places: Sequence[Place], address: str) -> list[Path]:
    """Return the folders of an earlier version that may be for these databases: their names do not tell all of it."""
    certain = find_certain(directory, places, address)
    tail = _readable(_unschemed(address))
    return [
        folder.path
        for folder in list_folders(directory)
        if not folder.places
        and folder.path not in certain
        and folder.path.name.rpartition("-")[0].endswith(f"_{tail}"[-_LONGEST_NAME:])
    ]


def _recorded(path: Path) -> tuple[Place, ...]:
    try:
        databases = json.loads((path / RECORD).read_text())["databases"]
        return tuple(Place(each["scheme"], frozenset(each["hosts"]), each["database"]) for each in databases)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _is_old_name(name: str, places: Sequence[Place], address: str) -> bool:
    """Tell whether an earlier version gave this name to a folder for this database, by whichever account."""
    if name in (name_folder(places), _name(address)):
        return True
    scheme, _, rest = address.partition("://")
    hosts = _unschemed(address)
    # Thousands of folders may stand here; of another database, the end of the name differs as a rule.
    is_alike = name.rpartition("-")[0].endswith(f"_{_readable(hosts)}"[-_LONGEST_NAME:])
    if len(places) > 1 or not scheme.startswith("mongodb") or not is_alike:
        return False
    user = name.rpartition("-")[0].removeprefix(f"{scheme.replace('+', '_')}_").removesuffix(f"_{_readable(hosts)}")
    _, question_mark, options = rest.partition("?")
    return name in {
        _name(f"{scheme}://{account}{hosts}{query}")
        for account in ("", f"{user}@", f"{user}:***@")
        for query in ("", question_mark + options)
    }


def _unschemed(address: str) -> str:
    """Return hosts and database as they are written in an address."""
    return address.partition("://")[2].partition("?")[0].rpartition("@")[2]


def _name(text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
    return f"{_readable(text.partition('?')[0])[-_LONGEST_NAME:]}-{digest}"


def _readable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)
