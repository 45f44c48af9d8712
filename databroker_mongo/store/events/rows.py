"""The rows of a stream: which events they are, in which order, and their columns.

MongoDB hands events out along the index on (descriptor, time), which every database of runs has; rows are put in
order of (seq_num, time) here, those of which both are equal in the order of their descriptors. Nobody above this file
counts in ``seq_num``.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...documents import Document
from ...errors import CatalogWarning, StoreError, stacklevel_of_caller
from ..connection.collections import Collections
from ..connection.index_cache import Keys
from ..connection.retries import retry_once
from ..protocol import UNNUMBERED, CopiedRuns, EventIndex, Section, Snapshot, Values
from .layout import Path
from .scan import read_events

_FEW_EVENTS = 1000  # with fewer, nobody notices that there is no index
_MOST_PROJECTED = 100  # to pick more takes the server longer than to hand out whole sections


class Rows(ABC):
    """The rows of the streams of a database, by whatever way the events are read."""

    def read_index(
        self,
        descriptor_uids: Sequence[str],
        keys: Sequence[str] = (),
        *,
        n_expected: int | None = None,
        is_strict: bool = True,
    ) -> EventIndex:
        """Take a snapshot of the rows of these descriptors, with some columns of their data.

        A time that is missing or no number is NaN.

        Raises
        ------
        StoreError
            A ``seq_num`` is missing or no whole number, and ``is_strict``; else it is `UNNUMBERED`.
        """
        origin = _origin(descriptor_uids)
        fields = [("seq_num",), ("time",), *(("data", key) for key in keys), *origin]
        seq_num, time, *data = self._read_all(descriptor_uids, fields, n_expected=n_expected)
        numbers = _positions(data.pop() if origin else [], descriptor_uids, len(time))
        self.warn_of_scans(len(time))
        columns = dict(zip(keys, data, strict=True))
        return index_of(descriptor_uids, seq_num, time, numbers, columns, is_strict=is_strict)

    def read_index_with_datums(
        self,
        descriptor_uids: Sequence[str],
        keys: Sequence[str],
        datum_keys: Sequence[str],
        *,
        n_expected: int | None = None,
    ) -> tuple[EventIndex, CopiedRuns]:
        """Take a snapshot of the rows of these descriptors; what datums say is told by copies alone."""
        return self.read_index(descriptor_uids, [*keys, *datum_keys], n_expected=n_expected), {}

    def read_copied_datums(self, snapshot: Snapshot, keys: Sequence[str]) -> CopiedRuns:
        """Return nothing, for these are no copies."""
        return {}

    def read_columns(
        self, snapshot: Snapshot, keys: Sequence[str], *, section: Section = "data", rows: slice | None = None
    ) -> dict[str, Values]:
        """Return columns of a snapshot in row order: those of ``rows``, or all."""
        # Only of rows whose numbers are not consecutive, two may have the same one.
        origin = [] if snapshot.is_consecutive else _origin(snapshot.descriptor_uids)
        fields = [("seq_num",), ("time",), *((section, key) for key in keys), *origin]
        window = rows if rows is not None and self.can_find_rows(snapshot) else None
        seq_num, time, *values = self._read_snapshot(snapshot, window, fields)
        _require_rows(len(seq_num), snapshot.n_rows if window is None else window.stop - window.start)
        numbers = _positions(values.pop() if origin else [], snapshot.descriptor_uids, len(time))
        order = np.lexsort((numbers, numbers_of(time), _row_numbers(seq_num)))
        if rows is not None and window is None:
            order = order[rows]
        return {key: put_in_order(column, order) for key, column in zip(keys, values, strict=True)}

    def find_first_events(self, index: EventIndex) -> dict[str, Document]:
        """Return the first event that has a time, in row order, of each descriptor that has any."""
        timed = np.flatnonzero(~np.isnan(index.time))
        numbers, places = np.unique(index.descriptor[timed], return_index=True)
        rows = timed[places]
        uids = index.snapshot.descriptor_uids
        wanted = [
            {"descriptor": uids[number], "time": float(index.time[row]), "seq_num": int(index.seq_num[row])}
            for number, row in zip(numbers, rows, strict=True)
        ]
        if not wanted:
            return {}
        return {event["descriptor"]: event for event in self._find_any(wanted, uids)}

    @abstractmethod
    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""

    @abstractmethod
    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each key holds the type and length of its sample value in every event of the snapshot.

        False also means: it cannot be told more cheaply than by reading the columns.
        """

    @abstractmethod
    def _find_any(self, filters: list[dict[str, Any]], descriptor_uids: Sequence[str]) -> Iterable[Document]:
        """Return the events of these descriptors that match one of these filters, without their ``_id``."""

    @abstractmethod
    def _read_all(
        self, descriptor_uids: Sequence[str], fields: Sequence[Path], *, n_expected: int | None
    ) -> list[Values]:
        """Read some fields of the events of these descriptors, in no order."""

    @abstractmethod
    def _read_snapshot(self, snapshot: Snapshot, window: slice | None, fields: Sequence[Path]) -> list[Values]:
        """Read some fields of the rows of a snapshot, or of a window of them that is found by ``seq_num``."""

    @abstractmethod
    def warn_of_scans(self, n_rows: int) -> None:
        """Warn when no index leads to the events of a stream, where an index might."""


class EventRows(Rows):
    """The rows of the streams of a database on a server.

    Parameters
    ----------
    collections : Collections
        Where.
    """

    def __init__(self, collections: Collections):
        self._collections = collections

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""
        keys = self._list_index_keys() if snapshot.is_consecutive else ()
        return any([field for field, _ in key[:2]] == ["descriptor", "seq_num"] for key in keys or ())

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each key holds the type and length of its sample value in every event of the snapshot."""
        if not all(map(_is_plain, sample)):
            return False
        unlike: list[dict[str, Any]] = []
        for key, value in sample.items():
            conditions = _unlike(f"data.{key}", value)
            if not conditions:
                return False
            unlike += conditions
        if not unlike:
            return True
        return self._collections.event.find_one({**_rows_of(snapshot), "$or": unlike}, {"_id": 1}) is None

    def _find_any(self, filters: list[dict[str, Any]], descriptor_uids: Sequence[str]) -> Iterable[Document]:
        return self._collections.event.find({"$or": filters}, {"_id": 0})

    def _read_all(
        self, descriptor_uids: Sequence[str], fields: Sequence[Path], *, n_expected: int | None
    ) -> list[Values]:
        return self._read({"descriptor": {"$in": list(descriptor_uids)}}, fields, n_expected=n_expected)

    def _read(self, query: dict[str, Any], fields: Sequence[Path], *, n_expected: int | None = None) -> list[Values]:
        """Read some fields of the events that answer to a query, in no order."""
        projection = projection_of(fields)
        return retry_once(
            lambda: read_events(self._collections, query, fields=fields, projection=projection, n_expected=n_expected)
        )

    def _read_snapshot(self, snapshot: Snapshot, window: slice | None, fields: Sequence[Path]) -> list[Values]:
        """Read some fields of the rows of a snapshot, or of a window of them that is found by ``seq_num``."""
        query, n_rows = _rows_of(snapshot), snapshot.n_rows
        if window is not None:
            query["seq_num"] = {"$gt": window.start, "$lte": window.stop}
            n_rows = window.stop - window.start
        return self._read(query, fields, n_expected=n_rows)

    def _list_index_keys(self) -> tuple[Keys, ...] | None:
        return self._collections.index_cache.list_keys(self._collections.event)

    def warn_of_scans(self, n_rows: int) -> None:
        """Warn once when no index leads to the events of a stream, so that each read looks at all events."""
        keys = self._list_index_keys() if n_rows > _FEW_EVENTS else None
        if keys is None or any(key[0][0] == "descriptor" for key in keys):
            return
        if self._collections.index_cache.is_first_warning("scans"):
            warnings.warn(
                f"the events at {self._collections.address} have no index on 'descriptor', so each read of a stream "
                "examines the events of all runs. databroker-mongo admin create-indexes --apply makes it.",
                CatalogWarning,
                stacklevel=stacklevel_of_caller(),
            )


def index_of(
    descriptor_uids: Sequence[str],
    seq_num: Values,
    time: Values,
    numbers: NDArray[np.intp],
    columns: Mapping[str, Values],
    *,
    is_strict: bool = True,
) -> EventIndex:
    """Put what was found of the events of a stream in row order.

    Parameters
    ----------
    descriptor_uids : sequence of str
        The descriptors of the stream.
    seq_num, time : numpy.ndarray or list
        Of each event, as they are stored.
    numbers : numpy.ndarray
        For each event, the position of its descriptor among those of the stream.
    columns : mapping
        Values of each event, by key.
    is_strict : bool
        Whether a ``seq_num`` that is missing or no whole number is an error.
    """
    seq_nums, times = _row_numbers(seq_num, is_strict=is_strict), numbers_of(time)
    order = np.lexsort((numbers, times, seq_nums))
    seq_nums, times = seq_nums[order], times[order]
    known = times[~np.isnan(times)]
    snapshot = Snapshot(
        descriptor_uids=tuple(descriptor_uids),
        n_rows=len(order),
        last_seq_num=int(seq_nums[-1]) if len(order) else 0,
        last_time=float(known.max()) if len(known) else 0.0,
        is_consecutive=bool(np.array_equal(seq_nums, np.arange(1, len(order) + 1))),
        has_times=len(known) == len(times),
    )
    in_order = {key: put_in_order(values, order) for key, values in columns.items()}
    return EventIndex(snapshot, numbers[order], seq_nums, times, in_order)


def _unlike(path: str, value: Any) -> list[dict[str, Any]]:
    """Return conditions of which an event meets one when its value differs in type or length; none if unknowable."""
    if isinstance(value, list):
        kinds = {_bson_type(element) for element in value}
        if len(kinds) != 1 or None in kinds:
            return []
        other = {"$elemMatch": {"$not": {"$type": kinds.pop()}}}
        nested = {"$elemMatch": {"$type": "array"}}
        return [{path: {"$not": {"$size": len(value)}}}, {path: other}, {path: nested}]
    kind = _bson_type(value)
    # $type looks into arrays, so an array of numbers would pass for a number.
    return [] if kind is None else [{path: {"$not": {"$type": kind}}}, {path: {"$type": "array"}}]


def _bson_type(value: Any) -> str | tuple[str, ...] | None:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return ("int", "long")
    return "double" if isinstance(value, float) else None


def _rows_of(snapshot: Snapshot) -> dict[str, Any]:
    rows = {"descriptor": {"$in": list(snapshot.descriptor_uids)}, "seq_num": {"$lte": snapshot.last_seq_num}}
    if snapshot.has_times:
        return {**rows, "time": {"$lte": snapshot.last_time}}
    # "Not later" rather than "until then": what is no number is neither. A list is compared by each of its elements.
    return {**rows, "$and": [{"$or": [{"time": {"$not": {"$gt": snapshot.last_time}}}, {"time": {"$type": "array"}}]}]}


def projection_of(fields: Sequence[Path]) -> dict[str, int]:
    """Ask for the fields alone, or for a whole section where a key cannot be written as a path or there are many."""
    is_whole = len(fields) > _MOST_PROJECTED or not all(_is_plain(part) for field in fields for part in field)
    paths = {field[0] if is_whole else ".".join(field) for field in fields}
    return {"_id": 0, **dict.fromkeys(sorted(paths), 1)}


def _is_plain(key: str) -> bool:
    # In a path MongoDB takes a dot for a step, and refuses a dollar, an empty name and a NUL.
    return bool(key) and "." not in key and "$" not in key and "\0" not in key


def _require_rows(n_found: int, n_expected: int) -> None:
    """Insist on the rows of the snapshot: they may be fewer, or others, when events were deleted or came late."""
    if n_found != n_expected:
        raise StoreError(
            f"the events of the stream have changed since it was first read: {n_expected} were expected, {n_found} "
            "were found. run.refresh() returns the run as it is now."
        )


def _origin(descriptor_uids: Sequence[str]) -> list[Path]:
    """Return the field that tells of which of these descriptors an event is, if that is a question."""
    return [("descriptor",)] if len(descriptor_uids) > 1 else []


def _positions(found: Values, descriptor_uids: Sequence[str], n_rows: int) -> NDArray[np.intp]:
    """Return for each event the position of its descriptor; 0 where nobody asked."""
    if len(found) == 0:
        return np.zeros(n_rows, dtype=np.intp)
    position = {uid: number for number, uid in enumerate(descriptor_uids)}
    return np.array([position[uid] for uid in found], dtype=np.intp)


def _row_numbers(found: Values, *, is_strict: bool = True) -> NDArray[np.int64]:
    """Return the ``seq_num`` of each event."""
    if isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype.kind == "i":
        return found
    numbers = numbers_of(found)
    # Larger floats are whole, but not the numbers that were meant.
    is_whole = (np.abs(numbers) < 2**53) & (numbers == np.floor(numbers))
    if is_whole.all():
        return numbers.astype(np.int64)
    if is_strict:
        raise StoreError(
            f"{np.count_nonzero(~is_whole)} of {len(numbers)} events of the stream have a 'seq_num' that is missing or "
            "no whole number, so that the order of the rows is not known. run.findings() tells which; run.documents() "
            "gives the events as they are stored.",
            field="seq_num",
        )
    return np.where(is_whole, np.nan_to_num(numbers), UNNUMBERED).astype(np.int64)


def numbers_of(found: Values) -> NDArray[np.float64]:
    """Return the numbers of a column, and NaN for anything else."""
    if isinstance(found, np.ndarray):
        is_number = found.ndim == 1 and found.dtype.kind in "iuf"
        return np.asarray(found, np.float64) if is_number else np.full(len(found), np.nan)
    return np.array([float(each) if _is_number(each) else np.nan for each in found], np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def put_in_order(values: Values, order: NDArray[np.intp]) -> Values:
    """Return a column whose rows are those at these positions, in this order."""
    if isinstance(values, np.ndarray):
        is_sorted = len(order) == len(values) and bool((order == np.arange(len(order))).all())
        return values if is_sorted else values[order]
    return [values[row] for row in order.tolist()]
