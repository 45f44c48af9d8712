"""Files on this machine that hold documents until the database has acknowledged them.

A spool file is a sequence of BSON documents ``{"name": ..., "document": ...}``. Its writer holds a lock on it as long
as it lives, so that what a process left behind is told from what another one is writing. A record that was cut short
when the machine stopped was never promised to anybody, and is passed over.

Beside them lies ``quarantine/``: one JSON file for each document that was refused, with the reason.

What does not belong here: when documents are spooled, and when they are sent again (``writing``).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..values import Unencodable, encodable
from .locks import try_lock, unlock
from .protocol import Document

_numbers = itertools.count()


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
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock: int | None = None
        self.size = 0

    def append(self, encoded: bytes, *, is_synced: bool) -> None:
        """Write documents behind the others.

        Parameters
        ----------
        encoded : bytes
            What :func:`encode_rows` makes of them.
        is_synced : bool
            Whether they must be on the disk, and not only in the care of the system, before this returns.

        Raises
        ------
        OSError
            The file cannot be written. It holds what it held before.
        """
        file = self._opened()
        written = 0
        try:
            while written < len(encoded):
                written += os.pwrite(file, encoded[written:], self.size + written)
            if is_synced:
                os.fsync(file)
        except OSError:
            os.ftruncate(file, self.size)
            raise
        self.size += written

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        if self._lock is not None:
            os.fsync(self._lock)

    def rows(self) -> Iterator[tuple[str, Document]]:
        """Yield the documents in the order in which they came."""
        import bson

        if self._lock is None:
            return
        with self.path.open("rb") as file:
            while len(head := file.read(4)) == 4:
                body = file.read(max(0, int.from_bytes(head, "little", signed=True) - 4))
                try:
                    record = bson.decode(head + body)
                except bson.errors.InvalidBSON:
                    return
                yield record["name"], record["document"]

    def clear(self) -> None:
        """Forget the documents: the database has them."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            self.size = 0

    def close(self) -> None:
        """Free the file: removed when it is empty, else left for a writer to come."""
        if self._lock is not None:
            if self.size == 0:
                self.path.unlink(missing_ok=True)
            unlock(self._lock)
            self._lock = None

    def adopt(self) -> bool:
        """Take over a file of a process that has ended; False when there is nothing to be taken over."""
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
            self._lock = try_lock(self.path)
            if self._lock is None:
                raise FileExistsError(f"{self.path} is in use by another process")
            _sync_directory(self.path.parent)
        return self._lock


def encode_rows(rows: Iterable[tuple[str, Document]]) -> bytes:
    """Return single documents of plain values as a spool file holds them."""
    import bson

    return b"".join([bson.encode({"name": name, "document": document}) for name, document in rows])


class Spool:
    """The spool files and the quarantine of one database on this machine.

    Parameters
    ----------
    directory : pathlib.Path
        The directory that the spools of all databases share.
    address : str
        The URI of the database, without a password.
    """

    def __init__(self, directory: Path, address: str):
        self._address = address
        readable = re.sub(r"[^A-Za-z0-9.-]+", "_", address.partition("?")[0])[-60:]
        self.directory = directory / f"{readable}-{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"

    def new_file(self) -> SpoolFile:
        """Return a file of this process; it is not made yet."""
        return SpoolFile(self.directory / f"{time.time_ns():020}-{os.getpid()}-{next(_numbers)}.bson")

    def holds_documents(self) -> bool:
        """Return whether there is a spool file, of any process."""
        return any(self.directory.glob("*.bson"))

    def left_behind(self) -> Iterator[SpoolFile]:
        """Yield the files of processes that have ended, the oldest first, each locked; close them."""
        for path in sorted(self.directory.glob("*.bson")):
            file = SpoolFile(path)
            if file.adopt():
                yield file

    def quarantine(self, name: str, doc: Mapping[str, Any], error: Exception) -> Path:
        """Put a document that was refused aside, with the reason, and return the file.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        directory = self.directory / "quarantine"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / f"{time.time_ns():020}-{os.getpid()}-{next(_numbers)}.json"
        record = {"time": time.time(), "database": self._address, "error": str(error), "name": name, "document": doc}
        with path.open("x") as file:
            file.write(_as_json(record))
            file.flush()
            os.fsync(file.fileno())
        _sync_directory(directory)
        return path


def _as_json(record: dict[str, Any]) -> str:
    try:
        return json.dumps(record, default=_as_json_value)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({**record, "document": repr(record["document"])})


def _as_json_value(value: Any) -> Any:
    try:
        plain = encodable(value)
    except Unencodable:
        return repr(value)
    return plain if isinstance(plain, list | dict | str | int | float) else repr(value)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
