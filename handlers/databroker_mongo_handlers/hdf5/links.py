"""The other files that an HDF5 file refers to: external links, virtual datasets, raw data kept outside.

Only headers are read. Where HDF5 looks for those files is worked out here, so that a caller can be told which files
would be opened before any data of them is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import h5py

from ..rows import BeforeOpening
from .file import open_hdf5

_EXTERNAL_LINK_PREFIX = "HDF5_EXT_PREFIX"
_VIRTUAL_SOURCE_PREFIX = "HDF5_VDS_PREFIX"
_BLOCK_NUMBER = "%b"


class Behind(NamedTuple):
    """What was come upon on the way to a dataset, and behind it.

    Attributes
    ----------
    files : list of str
        The absolute paths of the other files that must be opened to read it.
    dataset : h5py.Dataset or None
        The dataset, where it is in the file itself.
    """

    files: list[str]
    dataset: h5py.Dataset | None


def look_behind(
    file: h5py.File, name: str, *, swmr: bool = False, before_opening: BeforeOpening | None = None
) -> Behind:
    """Return the other files that must be opened to read a dataset, and the dataset if no link leads out of the file.

    Links are followed from file to file, and into those sources of virtual datasets that exist.

    Parameters
    ----------
    file : h5py.File
        An open file.
    name : str
        The dataset. Where it is not there, the files on the way are returned, as far as the way goes.
    swmr : bool
        Open the other files in SWMR mode.
    before_opening : callable, optional
        Called with the path of each other file before it is opened; what it raises is passed on.
    """
    search = _Search(swmr=swmr, before_opening=before_opening)
    dataset = search.follow(file, name)
    return Behind(list(search.found), dataset)


def missing_behind(file: h5py.File, name: str, *, swmr: bool = False) -> list[str]:
    """Return those of the files behind a dataset that are not there."""
    return [path for path in look_behind(file, name, swmr=swmr).files if not Path(path).exists()]


def find_source(owner: str, source: str) -> str:
    """Return the absolute path of a source of a virtual dataset; ``owner`` is the file of the virtual dataset."""
    return _find(owner, source, _VIRTUAL_SOURCE_PREFIX)


class _Search:
    """One walk from a file to the files behind it."""

    def __init__(self, *, swmr: bool, before_opening: BeforeOpening | None):
        self.found: dict[str, None] = {}
        self._swmr = swmr
        self._before_opening = before_opening
        self._seen: set[tuple[str, str]] = set()

    def follow(self, file: h5py.File, name: str) -> h5py.Dataset | None:
        """Collect the files on the way to ``name`` and behind it; return the dataset where it is in this file."""
        if (file.filename, name) in self._seen:
            return None
        self._seen.add((file.filename, name))
        parts = [part for part in name.split("/") if part not in ("", ".")]
        for position in range(len(parts)):
            place, rest = "/".join(parts[: position + 1]), "/".join(parts[position + 1 :])
            if _is_hard(file, place):
                continue
            link = file.get(place, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                self._enter(_find(file.filename, link.filename, _EXTERNAL_LINK_PREFIX), f"{link.path}/{rest}")
            elif isinstance(link, h5py.SoftLink):
                start = "" if link.path.startswith("/") else "/".join(parts[:position])
                return self.follow(file, f"{start}/{link.path}/{rest}")
            return None
        found = file.get("/".join(parts) or "/")
        if not isinstance(found, h5py.Dataset):
            return None
        self._add_sources(found)
        return found

    def _enter(self, path: str, name: str) -> None:
        self.found.setdefault(path)
        if self._before_opening is not None:
            self._before_opening(path)
        try:
            file = open_hdf5(path, swmr=self._swmr)
        except OSError:
            return
        with file:
            self.follow(file, name)

    def _add_sources(self, dataset: h5py.Dataset) -> None:
        for raw, _, _ in dataset.external or ():
            self.found.setdefault(str(Path(raw).absolute()))
        if dataset.is_virtual:
            for source in dataset.virtual_sources():
                for file_name, name in _expand(dataset.file.filename, source.file_name, source.dset_name):
                    if file_name == ".":
                        self.follow(dataset.file, name)
                    else:
                        self._enter(find_source(dataset.file.filename, file_name), name)


def _is_hard(file: h5py.File, place: str) -> bool:
    """Tell whether there is a link by which a file holds something itself; those on the way to it are known to be."""
    try:
        return bool(file.id.links.get_info(place.encode()).type == h5py.h5l.TYPE_HARD)
    except RuntimeError:
        return False


def _expand(owner: str, file_name: str, dataset: str) -> Iterator[tuple[str, str]]:
    """Yield one pair for each block of an unlimited virtual dataset whose names hold a block number."""
    if _BLOCK_NUMBER not in file_name:
        yield file_name, dataset.replace(_BLOCK_NUMBER, "0")
        return
    for number in count():
        name = file_name.replace(_BLOCK_NUMBER, str(number))
        yield name, dataset.replace(_BLOCK_NUMBER, str(number))
        if not Path(find_source(owner, name)).exists():
            return


def _find(owner: str, name: str, prefix_variable: str) -> str:
    """Look where HDF5 looks, in its order (H5F_prefix_open_file); beside the owner when it is nowhere."""
    if Path(name).is_absolute():
        if Path(name).exists():
            return name
        name = Path(name).name
    folder = Path(owner).absolute().parent
    prefixes = [part for part in os.environ.get(prefix_variable, "").split(":") if part]
    places = [Path(prefix.replace("${ORIGIN}", str(folder))) for prefix in prefixes]
    places += [folder, Path.cwd(), Path(owner).resolve().parent]
    return str(next((place / name for place in places if (place / name).exists()), folder / name))
