"""Columns of events that are fetched together when one of them is first needed, in one query.

The server walks through the events of a stream for one column as long as for ten. A few rows are fetched by
themselves where an index finds them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..store import Snapshot, Store
from .values import as_array

Array = NDArray[Any]
Declared = np.dtype[Any] | None


class EventBlock:
    """Some columns of a snapshot, fetched in one query and kept as long as one of its columns lives.

    A pickle holds the query without what it fetched.

    Parameters
    ----------
    store : Store
        Where the events are.
    snapshot : Snapshot
        The rows.
    declared : mapping of str to numpy.dtype or None
        The columns, by key, and the dtype that the descriptor declares for each.
    arrays : mapping of str to numpy.ndarray, optional
        The columns, where they have been read already.
    """

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        declared: Mapping[str, Declared],
        arrays: Mapping[str, Array] | None = None,
    ):
        self._store = store
        self.snapshot = snapshot
        self._declared = dict(declared)
        self._arrays = None if arrays is None else dict(arrays)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_arrays": None, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def address(self) -> str:
        """Where the events are, without any password."""
        return self._store.address

    def read_column(self, key: str) -> Array:
        """Return a column, ``(n_rows, ...)``."""
        with self._lock:
            if self._arrays is None or key not in self._arrays:
                found = self._store.event_columns(self.snapshot, list(self._declared))
                self._arrays = {each: as_array(found[each], declared=self._declared[each]) for each in found}
            return self._arrays[key]

    def take_column(self, key: str) -> Array:
        """Return a column for whoever asks for it alone, and keep it no longer: it is in memory once."""
        found = self.read_column(key)
        with self._lock:
            if self._arrays is not None:
                self._arrays.pop(key, None)
        return found if found.flags.owndata and found.flags.writeable else found.copy()

    def read_rows(self, keys: Sequence[str], rows: slice) -> dict[str, Array]:
        """Return some rows of columns, fetched by themselves where that is cheaper."""
        # Half of the rows or more: whoever asks for these will ask for the others, which then cost no second query.
        is_small_part = 2 * (rows.stop - rows.start) <= self.snapshot.n_rows
        if self._arrays is None and is_small_part and self._store.can_find_rows(self.snapshot):
            found = self._store.event_columns(self.snapshot, keys, rows=rows)
            return {key: as_array(found[key], declared=self._declared[key]) for key in keys}
        return {key: self.read_column(key)[rows] for key in keys}
