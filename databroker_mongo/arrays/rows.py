"""The rows of a stream: a snapshot, taken when it is first needed, and the values of its events."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..documents import are_numbered
from ..errors import StoreError
from ..store import MISSING, CopiedRuns, Document, EventIndex, Section, Snapshot, Store, Values


def latest_of_repeats(seq_num: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which rows are the latest of their ``seq_num``, which never falls."""
    # A row is, if another number follows it; so is the last row, if there is any.
    return np.flatnonzero(np.append(seq_num[1:] != seq_num[:-1], np.ones(min(1, len(seq_num)), bool)))


class StreamRows:
    """Which events are the rows of a stream, fixed at first use, and their columns.

    Parameters
    ----------
    store : Store
        Where the events are.
    descriptor_uids : sequence of str
        The descriptors of the stream.
    n_expected : int, optional
        About how many events there are, where documents tell: it saves queries.
    """

    def __init__(self, store: Store, descriptor_uids: Sequence[str], *, n_expected: int | None = None):
        self.store = store
        self._n_expected = n_expected
        self._descriptor_uids = tuple(descriptor_uids)
        self._index: EventIndex | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def index(self) -> EventIndex:
        """Descriptor, ``seq_num`` and time of each row."""
        with self._lock:
            return self._first_look(()) if self._index is None else self._index

    @property
    def snapshot(self) -> Snapshot:
        """The rows, as the store knows them."""
        return self.index.snapshot

    @property
    def n_expected(self) -> int | None:
        """The number of rows once it is fixed; before, about how many there will be, or None where nobody tells."""
        return self._n_expected if self._index is None else self._index.snapshot.n_rows

    @property
    def are_copied(self) -> bool:
        """Whether they were taken from columnar copies of the events; False until they are fixed."""
        return self._index is not None and bool(self._index.snapshot.copies)

    def columns(self, keys: Sequence[str], *, section: Section = "data") -> dict[str, Values]:
        """Return the values of these keys in all rows, in one query."""
        with self._lock:
            if self._index is None and section == "data":
                return self._first_look(keys).data
        snapshot = self.snapshot
        if not keys:
            return {}
        if snapshot.n_rows == 0:
            return {key: np.empty(0) for key in keys}
        return self.store.event_columns(snapshot, keys, section=section)

    def columns_with_datums(
        self, keys: Sequence[str], datum_keys: Sequence[str]
    ) -> tuple[dict[str, Values], CopiedRuns]:
        """Return the values of these keys, and of ``datum_keys`` what their datums say where that is copied.

        Those of which it is not, or not what the datums are called, are among the values.
        """
        with self._lock:
            if self._index is None:
                found, datums = self.store.event_index_with_datums(
                    self._descriptor_uids, keys=keys, datum_keys=datum_keys, n_expected=self._n_expected
                )
                self._keep(found)
                return found.data, datums
        datums = self.store.copied_datums(self.snapshot, datum_keys) if self.are_copied and datum_keys else {}
        unknown = [key for key in datum_keys if key not in datums or not are_numbered(datums[key])]
        return self.columns([*keys, *unknown]), datums

    def first_events(self) -> Mapping[str, Document]:
        """Return the first event of each descriptor that has any."""
        return self.store.first_events(self.index)

    def of_events(self) -> StreamRows:
        """Return the same rows, all of which is read from the events, whatever copies of them there are."""
        return _RowsOfEvents(self, self._descriptor_uids)

    def _first_look(self, keys: Sequence[str]) -> EventIndex:
        """Fix the rows, and return them along with the values of these keys, which are not kept."""
        found = self.store.event_index(self._descriptor_uids, keys=keys, n_expected=self._n_expected)
        self._keep(found)
        return found

    def _keep(self, found: EventIndex) -> None:
        self._index = EventIndex(found.snapshot, found.descriptor, found.seq_num, found.time)


class _RowsOfEvents(StreamRows):
    """The rows of a stream, all of which is read from the events; whoever looks first fixes which rows these are."""

    def __init__(self, rows: StreamRows, descriptor_uids: Sequence[str]):
        super().__init__(rows.store.reading_events(), descriptor_uids, n_expected=rows.n_expected)
        self._rows = rows
        if (index := rows._index) is not None:
            self._index = replace(index, snapshot=replace(index.snapshot, copies=()))

    def _keep(self, found: EventIndex) -> None:
        super()._keep(found)
        if self._rows._index is None:
            self._rows._index = self._index


class TakenRows(StreamRows):
    """The rows of a stream that were taken together with those of other streams.

    Parameters
    ----------
    store : Store
        Where all else is found.
    descriptor_uids : sequence of str
        The descriptors of the stream.
    taken : EventIndex or StoreError
        The rows, with all values that are going to be asked for; or why their order is not known.
    """

    def __init__(self, store: Store, descriptor_uids: Sequence[str], taken: EventIndex | StoreError):
        super().__init__(store, descriptor_uids)
        self._taken: EventIndex | StoreError | None = taken
        self._n_expected = len(taken.seq_num) if isinstance(taken, EventIndex) else None

    def _first_look(self, keys: Sequence[str]) -> EventIndex:
        taken, self._taken = self._taken, None
        if isinstance(taken, StoreError):
            raise taken
        if taken is None or not taken.data.keys() >= set(keys):
            return super()._first_look(keys)
        self._keep(taken)
        return taken

    def columns_with_datums(
        self, keys: Sequence[str], datum_keys: Sequence[str]
    ) -> tuple[dict[str, Values], CopiedRuns]:
        """Return the values of all these keys, and no datums."""
        return self.columns([*keys, *datum_keys]), {}


class PageRows:
    """The rows of one ``event_page``, for filling it; the page's values stand in for the store's.

    Parameters
    ----------
    store : Store
        Where datums and resources are.
    page : dict
        The page.
    """

    def __init__(self, store: Store, page: Document):
        self.store = store
        self._page = page
        n_rows = len(page["time"])
        # In the place of their numbers and times, by which nothing is found here: another program may have left none.
        self.snapshot = Snapshot((page["descriptor"],), n_rows, n_rows, 0.0, True)
        self.index = EventIndex(
            self.snapshot, np.zeros(n_rows, np.intp), np.arange(1, n_rows + 1), np.zeros(n_rows, np.float64)
        )
        self.n_expected = n_rows
        self.are_copied = False

    def columns(self, keys: Sequence[str], *, section: Section = "data") -> dict[str, Values]:
        """Return the values of these keys in all rows."""
        without: Values = [MISSING] * self.n_expected
        return {key: self._page[section].get(key, without) for key in keys}

    def columns_with_datums(
        self, keys: Sequence[str], datum_keys: Sequence[str]
    ) -> tuple[dict[str, Values], CopiedRuns]:
        """Return the values of all these keys, and no datums."""
        return self.columns([*keys, *datum_keys]), {}

    def of_events(self) -> PageRows:
        """Return the page itself."""
        return self

    def first_events(self) -> Mapping[str, Document]:
        """Return no event: all values are at hand."""
        return {}
