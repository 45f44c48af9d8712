"""What is known of an HDF5 dataset for as long as its files are what they were, so that nobody has to open them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from h5py._objects import phil

from ..rows import Array, Block, FileIdentity
from .chunks import RowChunks, obstacle
from .flags import is_open_for_writing
from .growth import Extent

_ALL = h5py.h5f.OBJ_ALL


@dataclass
class KnownDataset:
    """What was found out about a dataset while it was open.

    Attributes
    ----------
    shape, dtype, chunks
        As of the dataset; without what h5py notes on a dtype for values of variable length.
    extent : Extent
        How many whole rows there are.
    linked : list of str or None
        The files behind it; None where nobody has asked.
    stored : tuple or None
        What `written_rows` returns, in a tuple; None where nobody has asked.
    found : set of int
        Rows that were looked for one by one, and are there in full.
    past : RowChunks or None
        What reads it past HDF5, if anything does.
    way : str
        How it is read, in words.
    identities : mapping of str to FileIdentity or None
        What all of its files were, None for one that is missing. Without it, nothing here outlives the open files.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None
    extent: Extent = field(default_factory=lambda: Extent(0))
    linked: list[str] | None = None
    stored: tuple[Array | None] | None = None
    found: set[int] = field(default_factory=set)
    past: RowChunks | None = None
    way: str = ""
    identities: Mapping[str, FileIdentity | None] | None = None

    @classmethod
    def of(cls, dataset: h5py.Dataset, own: h5py.File, *, axes_of_rows: int) -> KnownDataset:
        """Take down what the header of a dataset says, which is in the file ``own``; its first axes count rows."""
        dtype = np.dtype(object) if dataset.dtype == object else dataset.dtype
        known = cls(dataset.shape, dtype, dataset.chunks)
        reason = obstacle(dataset, own, axes_of_rows=axes_of_rows)
        if not reason:
            past = RowChunks(dataset, own.filename, axes_of_rows=axes_of_rows)
            reason = past.obstacle
            known.past = None if reason else past
        known.way = f"by HDF5: {reason}" if known.past is None else known.past.way
        return known

    def is_current(self) -> bool:
        """Tell whether all of it is still so, as far as can be seen without opening a file."""
        return (
            self.identities is not None
            and all(_identity(path) == identity for path, identity in self.identities.items())
            and not _writes_here(self.identities.values())
        )

    def has(self, block: Block) -> bool:
        """Tell whether rows are known to be there in full."""
        if block.stop > self.extent.n_rows:
            return False
        if self.stored is None:
            return self.found.issuperset(block.numbers.flat)
        return not len(self.not_stored(block))

    def not_stored(self, block: Block) -> Array | tuple[()]:
        """Return which rows were never written, as far as that is known."""
        (stored,) = self.stored or (None,)
        if stored is None:
            return ()
        numbers = block.numbers.reshape(-1)
        return numbers[~stored[numbers]]

    def remember(self, own: h5py.File, *, files: Sequence[str], opened_ns: int) -> None:
        """Take down what its files are, if nothing can have changed in them since they were opened.

        Parameters
        ----------
        own : h5py.File
            The file that it is in, open.
        files : sequence of str
            All files that it depends on.
        opened_ns : int
            When they were opened at the earliest, in nanoseconds since 1970.
        """
        # HDF5 shares with others in this process what it knows of a file, since whenever they have opened it.
        is_shared = h5py.h5f.get_obj_count(own.id, h5py.h5f.OBJ_FILE) > 1
        if own.mode != "r" or is_shared or is_open_for_writing(own.filename):
            return
        identities = {path: _identity(path) for path in files}
        if all(identity is None or identity.is_settled(opened_ns) for identity in identities.values()):
            self.identities = identities


def _identity(path: str) -> FileIdentity | None:
    try:
        return FileIdentity.of(path)
    except OSError:
        return None


def _writes_here(identities: Iterable[FileIdentity | None]) -> bool:
    """Tell whether this process has one of these files open for writing: what it wrote need not be in the file yet."""
    if not h5py.h5f.get_obj_count(_ALL, h5py.h5f.OBJ_FILE):
        return False
    inodes = {(found.device, found.inode) for found in identities if found is not None}
    with phil:  # of what another thread closes meanwhile, the identifier may be another object's
        return any(
            file.get_intent() & h5py.h5f.ACC_RDWR and _inode(os.fsdecode(file.name)) in inodes
            for file in h5py.h5f.get_obj_ids(_ALL, h5py.h5f.OBJ_FILE)
        )


def _inode(path: str) -> tuple[int, int] | None:
    found = _identity(path)
    return None if found is None else (found.device, found.inode)
