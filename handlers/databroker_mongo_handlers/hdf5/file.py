"""HDF5 files opened for reading, each once in a process and no longer than they are read, and what goes wrong in words.

Files are opened without locking, so that reading neither disturbs a writer nor fails on file systems without locks,
and without touching the environment of the process.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import h5py
import hdf5plugin as hdf5plugin  # importing it registers the filters that detectors write with

from ..rows import EndsEarly, FileIdentity, close_later
from .file_locks import is_locked_by_a_writer
from .flags import Head, is_open_for_writing

# h5py raises OSError for all of this; HDF5's sentences tell more (H5F_open in H5Fint.c, H5F__super_read in H5Fsuper.c).
_BEING_WRITTEN = "it is open for writing by another process"
_REASONS = {
    "already open for write": f"{_BEING_WRITTEN}, or was not closed properly (h5clear -s mends that)",
    "not already open for SWMR": f"{_BEING_WRITTEN} without SWMR, or was not closed properly (h5clear -s mends that)",
    "truncated file": "it is truncated, or still being written",
    "signature not found": "it is not an HDF5 file",
}
# H5F_open shares a file that the process has open already, and insists that both have opened it in one way.
_HELD_OTHERWISE_IN_THIS_PROCESS = ("locking flag values don't match", "SWMR read access flag not the same")


class OpenFile:
    """A file that this process has open, for all who read it here.

    HDF5 shares a file, and what it knows of its length, among all who open it in a process. To see what a writer added,
    all must let go of it: `look_again` does that. (Refreshing a dataset instead makes HDF5 1.14 and 2.0 lose chunks of
    it when it is open twice.)

    Parameters
    ----------
    path : str
        The file.
    swmr : bool
        Follow a writer in SWMR mode (single writer, multiple readers).

    Attributes
    ----------
    lock : threading.RLock
        To be held while a dataset is used, as it is closed when another user looks again.
    is_fresh : bool
        No length has been read from it since it was opened; kept by its users.
    identity : FileIdentity
        What the file system said of it just before it was opened.
    opened_ns : int
        When that was, in nanoseconds since 1970: what changed later HDF5 may have read before or after.
    """

    def __init__(self, path: str, *, swmr: bool):
        self.lock = threading.RLock()
        self._path, self._swmr = path, swmr
        # Without a writer to follow, damage is an error at once: in SWMR mode HDF5 waits for it to be mended.
        self._file = self._open(swmr=swmr and is_open_for_writing(path))

    def _open(self, *, swmr: bool) -> h5py.File:
        self.opened_ns = time.time_ns()
        self.identity = FileIdentity.of(self._path)
        self.is_fresh = True
        return open_hdf5(self._path, swmr=swmr)

    @property
    def was_settled(self) -> bool:
        """Whether its last change before it was opened was so long ago that a later one cannot look the same."""
        return self.identity.is_settled(self.opened_ns)

    @property
    def file(self) -> h5py.File:
        """The file as opened last."""
        return self._file

    def dataset(self, name: str, found: h5py.Dataset | None = None) -> h5py.Dataset:
        """Return a dataset.

        Parameters
        ----------
        name : str
            Its name.
        found : h5py.Dataset, optional
            The dataset, where it was come upon since the file was opened last.

        Raises
        ------
        OSError
            When there is none of that name, or the way to it leads through a broken link.
        """
        file = self._file
        try:
            found = found or file[name]
        except (KeyError, OSError) as error:
            raise OSError(f"{file.filename} has no dataset {name}: {_where_it_ends(file, name)}") from error
        if not isinstance(found, h5py.Dataset):
            raise OSError(f"{file.filename}: {name} is not a dataset; it holds {_members(found)}")
        if found.is_virtual and self._swmr and not file.swmr_mode:
            self.look_again()  # its sources may have writers
            found = self._file[name]
        return found

    def look_again(self) -> None:
        """Open the file again, to see what was added; datasets handed out before are closed.

        Raises
        ------
        OSError
            When the file cannot be opened any more.
        """
        with self.lock:
            self._file.close()
            self._file = self._open(swmr=self._swmr)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _OpenFiles:
    """The open files of this process, with the number of users of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[tuple[int, int, bool], OpenFile] = {}
        self._n_users: Counter[OpenFile] = Counter()

    def acquire(self, path: str, *, swmr: bool) -> OpenFile:
        found = FileIdentity.of(path)
        key = (found.device, found.inode, swmr)
        with self._lock:
            is_new = key not in self._files
            if is_new:
                self._files[key] = OpenFile(path, swmr=swmr)
            file = self._files[key]
            self._n_users[file] += 1
        if not is_new and file.identity != found:
            self._renew(file)
        return file

    def release(self, file: OpenFile) -> None:
        with self._lock:
            if file not in self._n_users:
                return  # the parent of a forked process had it open
            self._n_users[file] -= 1
            if self._n_users[file] == 0:
                del self._n_users[file]
                self._files = {key: other for key, other in self._files.items() if other is not file}
                file.close()

    def abandon(self) -> None:
        """Close in a forked child what its parent had open; the lock may have been held while forking."""
        files = list(self._n_users)
        # In place, as the door and `os.register_at_fork` hold this object: with a lock that nobody holds, and no users.
        self.__init__()  # type: ignore[misc]
        for file in files:
            file.close()

    def _renew(self, file: OpenFile) -> None:
        """Open a file again that changed since: others have had it open without a break."""
        try:
            file.look_again()
        except BaseException:
            self.release(file)
            raise


_open_files = _OpenFiles()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_files.abandon)


@contextmanager
def opened(path: str, *, swmr: bool = False, on_leaving: Callable[[], object] | None = None) -> Iterator[OpenFile]:
    """Give a file opened for reading, which is closed when nobody reads it here and no more calls are said to come.

    Parameters
    ----------
    path : str
        The file.
    swmr : bool
        Follow a writer in SWMR mode.
    on_leaving : callable, optional
        Called when it may be closed for all that this user needs: closes what else may hold it open.

    Raises
    ------
    OSError
        When it is missing, empty, truncated, no HDF5 file, or open for writing elsewhere.
    """
    file = _open_files.acquire(path, swmr=swmr)

    def leave() -> None:
        if on_leaving is not None:
            on_leaving()
        _open_files.release(file)

    try:
        yield file
    finally:
        close_later(leave)


def open_hdf5(path: str, *, swmr: bool = False) -> h5py.File:
    """Open a file for reading, without locking.

    Parameters
    ----------
    path : str
        The file.
    swmr : bool
        Follow a writer in SWMR mode.

    Raises
    ------
    OSError
        When it is missing, empty, truncated, no HDF5 file, or open for writing elsewhere.
    """
    head = Head.of(path)
    _require_whole(path, head)
    if not head.has_flags and is_locked_by_a_writer(path):
        raise OSError(f"{path} cannot be read: {_BEING_WRITTEN}")
    # Without locking, in the mode that was asked for; the others are for a file that something else in this process has
    # open with them.
    for mode in (swmr, not swmr):
        for locking in (False, None, True):
            try:
                return h5py.File(path, "r", locking=locking, swmr=mode)
            except PermissionError:
                raise  # as it is: the remedy is another
            except OSError as error:
                if not any(sign in str(error) for sign in _HELD_OTHERWISE_IN_THIS_PROCESS):
                    raise OSError(f"{path} cannot be opened as HDF5: {reason_of(error)}") from error
    raise OSError(f"{path} cannot be read: this process holds it open in a way that HDF5 does not share")


def _require_whole(path: str, head: Head) -> None:
    if head.n_bytes == 0:
        raise EndsEarly(f"{path} is empty (0 bytes)")
    if head.n_missing_bytes:
        missing = f"its last {head.n_missing_bytes} bytes are missing"
        raise EndsEarly(f"{path} is truncated, or still being written: {missing}")


def reason_of(error: Exception) -> str:
    """Say in words why HDF5 cannot read a file."""
    text = str(error)
    return next((reason for sign, reason in _REASONS.items() if sign in text), text)


def _where_it_ends(file: h5py.File, name: str) -> str:
    group: h5py.Group = file
    for part in filter(None, name.split("/")):
        link = group.get(part, getlink=True)
        if link is None:
            return f"{group.name} holds {_members(group)}"
        found = group.get(part)
        if found is None and isinstance(link, h5py.HardLink):
            return f"{part} in {group.name} is damaged"
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
