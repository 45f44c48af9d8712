"""HDF5 files opened for reading, each once in a process, and what goes wrong with them in words.

Files are opened without locking, so that reading neither disturbs a writer nor fails on file systems without locks,
and without touching the environment of the process. What a dataset means does not belong here.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import h5py
import hdf5plugin as hdf5plugin  # importing it registers the filters that detectors write with

from .file_locks import is_locked_by_a_writer

_BEING_WRITTEN = "it is open for writing by another process"
_REASONS = {
    "already open for write": f"{_BEING_WRITTEN}, or was not closed properly (h5clear -s mends that)",
    "not already open for SWMR": f"{_BEING_WRITTEN} without SWMR, or was not closed properly (h5clear -s mends that)",
    "truncated file": "it is truncated, or still being written",
    "signature not found": "it is not an HDF5 file",
}
_HELD_OTHERWISE_IN_THIS_PROCESS = ("locking flag values don't match", "SWMR read access flag not the same")


class OpenFile:
    """A file that this process has open, with its datasets, for all who read it.

    HDF5 shares a file among all who open it in a process. When a dataset that is open twice is refreshed, HDF5
    (1.14 and 2.0) loses its chunks; so each dataset is opened once.

    Attributes
    ----------
    file : h5py.File
        The file.
    """

    def __init__(self, file: h5py.File):
        self.file = file
        self._datasets: dict[h5py.h5d.DatasetID, h5py.Dataset] = {}

    @property
    def is_open(self) -> bool:
        """False once it is closed, and in a process forked from the one that opened it."""
        return bool(self.file)

    def dataset(self, name: str) -> h5py.Dataset:
        """Return a dataset.

        Raises
        ------
        OSError
            When there is none of that name, or the way to it leads through a broken link.
        """
        try:
            found = self.file[name]
        except (KeyError, OSError) as error:
            raise OSError(f"{self.file.filename} has no dataset {name}: {_where_it_ends(self.file, name)}") from error
        if not isinstance(found, h5py.Dataset):
            raise OSError(f"{self.file.filename}: {name} is not a dataset; it holds {_members(found)}")
        return self._datasets.setdefault(found.id, found)


class _OpenFiles:
    """The open files of this process, with the number of users of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[tuple[int, int, bool], OpenFile] = {}
        self._n_users: dict[OpenFile, int] = {}

    def acquire(self, path: str, *, swmr: bool) -> OpenFile:
        found = Path(path).stat()
        key = (found.st_dev, found.st_ino, swmr)
        with self._lock:
            if key not in self._files:
                self._files[key] = OpenFile(open_hdf5(path, swmr=swmr))
            self._n_users[self._files[key]] = self._n_users.get(self._files[key], 0) + 1
            return self._files[key]

    def release(self, file: OpenFile) -> None:
        with self._lock:
            if file not in self._n_users:
                return
            self._n_users[file] -= 1
            if self._n_users[file] == 0:
                del self._n_users[file]
                self._files = {key: other for key, other in self._files.items() if other is not file}
                file.file.close()

    def abandon(self) -> None:
        """Close in a forked child what its parent had open; the lock may have been held while forking."""
        self._lock = threading.Lock()
        for file in self._n_users:
            file.file.close()
        self._files.clear()
        self._n_users.clear()


_open_files = _OpenFiles()
os.register_at_fork(after_in_child=_open_files.abandon)


def acquire(path: str, *, swmr: bool = False) -> OpenFile:
    """Return a file opened for reading; who acquires it releases it.

    Parameters
    ----------
    path : str
        The file.
    swmr : bool
        Follow a writer in SWMR mode (single writer, multiple readers).

    Raises
    ------
    OSError
        When it is missing, empty, truncated, no HDF5 file, or open for writing elsewhere.
    """
    return _open_files.acquire(path, swmr=swmr)


def release(file: OpenFile) -> None:
    """Close a file when its last user releases it."""
    _open_files.release(file)


def open_hdf5(path: str, *, swmr: bool = False) -> h5py.File:
    """Open a file for reading, without locking, for headers only: its datasets must not be refreshed.

    Raises
    ------
    OSError
        When it is missing, empty, truncated, no HDF5 file, or open for writing elsewhere.
    """
    if Path(path).stat().st_size == 0:
        raise OSError(f"{path} is empty (0 bytes)")
    if is_locked_by_a_writer(path):
        raise OSError(f"{path} cannot be read: {_BEING_WRITTEN}")
    for mode in (swmr, not swmr):
        for locking in (False, None, True):
            try:
                return h5py.File(path, "r", locking=locking, swmr=mode)
            except PermissionError:
                raise
            except OSError as error:
                if not any(sign in str(error) for sign in _HELD_OTHERWISE_IN_THIS_PROCESS):
                    raise OSError(f"{path} cannot be opened as HDF5: {_reason(error)}") from error
    raise OSError(f"{path} cannot be read: this process holds it open in a way that HDF5 does not share")


def _reason(error: OSError) -> str:
    text = str(error)
    return next((reason for sign, reason in _REASONS.items() if sign in text), text)


def _where_it_ends(file: h5py.File, name: str) -> str:
    group: h5py.Group = file
    for part in filter(None, name.split("/")):
        link = group.get(part, getlink=True)
        if link is None:
            return f"{group.name} holds {_members(group)}"
        found = group.get(part)
        if found is None:
            target = getattr(link, "filename", None)
            return f"{part} in {group.name} links to " + (f"the file {target}" if target else str(link.path))
        if not isinstance(found, h5py.Group):
            return f"{found.name} is a dataset"
        group = found
    return "a link on the way to it is broken"


def _members(group: h5py.Group) -> str:
    names = sorted(group)
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") if names else "nothing"
