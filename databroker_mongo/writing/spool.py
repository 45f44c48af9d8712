"""Files on this machine that hold documents until the database has acknowledged them.

A spool file is a sequence of BSON documents ``{"name": ..., "document": ..., "time": ...}``, the time being when it was
spooled. Its writer holds a lock on it as long as it lives, so that what a process left behind is told from what another
one is writing. A record that was cut short when the machine stopped was never promised to anybody, and is passed over.

What does not belong here: which folder is whose (``spool_folders``), what was refused (``quarantine``), when documents
are spooled, and when they are sent again (``backlog``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson

from ..file_locks import is_held, try_lock, unlock
from ..store import PLAIN, Document, Place, Store
from . import quarantine, spool_folders
from .files import numbered_name, sync_directory

_logger = logging.getLogger("databroker_mongo")

_ATTEMPTS, _PAUSE_SECONDS = 5, 0.02
# By https://bsonspec.org/spec.html a document is its length and a zero at least. What follows the length of a record is
# its first field: of the type 2, which is a text, and called "name".
_SHORTEST = 5
_HEAD = b"\x02name\0"


class SpoolFile:
    """One file of documents, made when the first one comes, and locked from then on.

    Parameters
    ----------
    path : pathlib.Path
        Where it lies; its directory need not exist.

    Attributes
    ----------
    size : int
        Bytes that it holds.
    n_documents : int
        How many were written here since it was last empty.
    oldest : float or None
        When the first of these was, seconds since 1970.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock: int | None = None
        self.size = 0
        self.n_documents = 0
        self.oldest: float | None = None
        self._n_read = 0

    def append(self, encoded: Sequence[bytes], *, is_synced: bool) -> None:
        """Write documents behind the others.

        Parameters
        ----------
        encoded : sequence of bytes
            What :func:`encode_rows` makes of them.
        is_synced : bool
            Whether they must be on the disk, and not only in the care of the system, before this returns.

        Raises
        ------
        OSError
            The file cannot be written. It holds what it held before.
        """
        file = self._opened()
        whole = b"".join(encoded)
        written = 0
        try:
            while written < len(whole):
                written += os.pwrite(file, whole[written:], self.size + written)
            if is_synced:
                os.fsync(file)
        except OSError:
            # What a failed fsync left on the disk is not known, and no part of a record may stand before others.
            os.ftruncate(file, self.size)
            raise
        self.size += written
        self.n_documents += len(encoded)
        self.oldest = self.oldest or time.time()

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        if self._lock is not None:
            os.fsync(self._lock)

    def rows(self) -> Iterator[tuple[str, Document]]:
        """Yield the documents in the order in which they came."""
        if self._lock is not None:
            self._n_read = 0
            for end, record in _records(self.path):
                self._n_read = end
                self.oldest = self.oldest or record.get("time", _time_of(self.path))
                yield record["name"], record["document"]

    def keep_damaged_rest(self) -> Path | None:
        """Keep beside what :meth:`rows`, having come to its end, could not read, unless it was only cut short."""
        rest = self.path.read_bytes()[self._n_read :]
        is_cut_short = len(rest) < _SHORTEST or _length(rest) > len(rest)
        if is_cut_short and not _holds_a_record(rest):
            return None
        beside = self.path.with_suffix(".damaged")
        beside.write_bytes(rest)
        return beside

    def clear(self) -> None:
        """Forget the documents: the database has them."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            self.size = 0
            self.n_documents = 0
            self.oldest = None

    def close(self) -> None:
        """Free the file: removed when it is empty, else left for a writer to come."""
        if self._lock is not None:
            # While it is locked: nobody else can have begun to write to it.
            if self.size == 0:
                self.path.unlink(missing_ok=True)
            unlock(self._lock)
            self._lock = None

    def adopt(self) -> bool:
        """Take over a file of a process that has ended; False when there is nothing to be taken over.

        Raises
        ------
        OSError
            It cannot be opened or locked.
        """
        self._lock = try_lock(self.path)
        if self._lock is None:
            return False
        self.size = os.fstat(self._lock).st_size
        if self.size == 0:
            self.close()
        return self.size > 0

    def _opened(self) -> int:
        if self._lock is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for attempt in range(_ATTEMPTS):  # others look at the lock for an instant
                time.sleep(_PAUSE_SECONDS if attempt else 0)
                self._lock = try_lock(self.path)
                if self._lock is not None:
                    break
            else:
                raise FileExistsError(f"{self.path} is in use by another process")
            sync_directory(self.path.parent)
        return self._lock


def _time_of(path: Path) -> float | None:
    """Return when a file was made, which its name says."""
    made = path.name.partition("-")[0]
    return int(made) / 1e9 if made.isdigit() else None


def encode_rows(rows: Iterable[tuple[str, Document]]) -> list[bytes]:
    """Return single documents of plain values as a spool file holds them."""
    now = time.time()
    return [bson.encode({"name": name, "document": document, "time": now}) for name, document in rows]


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the whole records of a spool file, each with the place where it ends, whoever holds the file."""
    end = 0
    with path.open("rb") as file:
        while len(head := file.read(4)) == 4:
            body = file.read(max(0, _length(head) - 4))
            try:
                record = bson.decode(head + body, PLAIN)
            except bson.errors.InvalidBSON:
                return
            end += len(head) + len(body)
            yield end, record


def _holds_a_record(rest: bytes) -> bool:
    """Tell whether there is a whole record behind one whose length cannot be right."""
    begin = rest.find(_HEAD, _SHORTEST)
    while begin >= 0:
        record = rest[begin - 4 :]
        with contextlib.suppress(bson.errors.InvalidBSON):
            if {"name", "document"} <= bson.decode(record[: max(0, _length(record))]).keys():
                return True
        begin = rest.find(_HEAD, begin + 1)
    return False


def _length(head: bytes) -> int:
    """Return how long a record is that begins so."""
    return int.from_bytes(head[:4], "little", signed=True)


@dataclass(frozen=True)
class SpooledFile:
    """A spool file that holds documents.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    n_documents : int
        How many it holds.
    oldest : float or None
        When the first of them was spooled, seconds since 1970; None if that cannot be told.
    is_held : bool
        Whether a writer is at work on it, which will send them by itself.
    """

    path: Path
    n_documents: int
    oldest: float | None
    is_held: bool


def find_spooled_files(folder: Path) -> Iterator[SpooledFile]:
    """Yield the spool files of a folder that hold documents, the oldest first."""
    for path in spool_folders.list_spool_files(folder):
        with contextlib.suppress(OSError):  # it was emptied just now, or is another user's
            n_documents, oldest = 0, None
            for _, record in _records(path):
                n_documents += 1
                oldest = oldest or record.get("time", _time_of(path))
            if n_documents:
                yield SpooledFile(path, n_documents, oldest, is_held(path))


def spool_of(store: Store, directory: Path) -> Spool:
    """Return the spool of a database in a directory that the spools of all databases share."""
    return Spool(directory, store.address, store.places)


class Spool:
    """The spool files and the quarantine of one database on this machine.

    Parameters
    ----------
    directory : pathlib.Path
        The directory that the spools of all databases share.
    address : str
        A URI of the database, without a password.
    places : sequence of Place
        Which databases that is: that of the runs and, where it is another, of their assets.

    Attributes
    ----------
    directory : pathlib.Path
        The folder of this database. It need not exist.
    """

    def __init__(self, directory: Path, address: str, places: Sequence[Place]):
        self._address = address
        self._places = tuple(places)
        self._shared = directory
        self.directory = spool_folders.folder_for(directory, self._places)

    def new_file(self) -> SpoolFile:
        """Return a file of this process; it is not made yet, but its folder is.

        Raises
        ------
        OSError
            The folder cannot be made.
        """
        spool_folders.prepare(self.directory, self._places, self._address)
        return SpoolFile(self.directory / numbered_name("bson"))

    def folders(self) -> list[Path]:
        """Return the folders in which documents for this database may lie: its own first, then those found beside."""
        beside = spool_folders.find_certain(self._shared, self._places, self._address)
        return [self.directory, *(path for path in beside if path != self.directory)]

    def similar_folders(self) -> list[Path]:
        """Return folders of an earlier version that hold documents, perhaps for this database: they do not say."""
        found = spool_folders.find_similar(self._shared, self._places, self._address)
        return [folder for folder in found if spool_folders.has_documents(folder)]

    def has_documents(self) -> bool:
        """Return whether there is a spool file, of any process."""
        return any(map(spool_folders.list_spool_files, self.folders()))

    def orphans(self, more_folders: Iterable[Path] = ()) -> Iterator[SpoolFile]:
        """Yield the files of processes that have ended, the oldest first, each locked; close them.

        A file that cannot be opened or locked, as one of another user, is passed over with a line in the log.
        """
        folders = dict.fromkeys([*self.folders(), *more_folders])
        paths = [path for folder in folders for path in spool_folders.list_spool_files(folder)]
        for path in sorted(paths, key=lambda path: path.name):
            file = SpoolFile(path)
            try:
                is_ours = file.adopt()
            except OSError as error:
                _logger.warning("the documents in %s stay there: %s", path, error)
                continue
            if is_ours:
                yield file

    def quarantine(self, name: str, doc: Mapping[str, Any], error: Exception) -> Path:
        """Put a document that was refused aside, with the reason, and return the file.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        spool_folders.prepare(self.directory, self._places, self._address)
        return quarantine.set_aside(self.directory / quarantine.FOLDER, self._address, name, doc, error)
