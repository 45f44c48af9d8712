"""The rows of many runs as one dataset of numbers and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...arrays import RunRows, join, refuse_external
from ...errors import ColumnNotFound, QueryError, StreamNotFound
from ...printable import shown
from ...store import Document, Store
from ..run import Run
from ..stream import Stream
from .progress import show_progress
from .rows import RUNS_A_PAGE, known_rows, take_rows, warn_of_notes

if TYPE_CHECKING:
    import xarray

MakeRuns = Callable[[Sequence[Document]], list[Run]]

MOST_AT_ONCE = 10_000
"""The rows of more runs are one dataset only if somebody says that they shall."""


def list_data_keys(keys: str | Iterable[str]) -> list[str]:
    """Return one data key, or several, as a list in which each is once.

    Raises
    ------
    QueryError
        One is no text.
    """
    wanted = [keys] if isinstance(keys, str) or not isinstance(keys, Iterable) else list(keys)
    for key in wanted:
        if not isinstance(key, str):
            raise QueryError(f"The name of a data key is a text, not {shown(key)}.")
    return list(dict.fromkeys(wanted))


def read_runs(
    store: Store, starts: Iterator[Document], make_runs: MakeRuns, keys: Sequence[str], stream: str, *, is_limited: bool
) -> xarray.Dataset:
    """Return the rows of all runs.

    Parameters
    ----------
    store : Store
        Where their events are.
    starts : iterator of dict
        Their start documents.
    make_runs : callable
        Makes runs of start documents, with their descriptors at hand.
    keys : sequence of str
        The data keys.
    stream : str
        The name of their stream.
    is_limited : bool
        Whether somebody said how many runs there are to be.

    Raises
    ------
    QueryError
        There are more runs than `MOST_AT_ONCE`, and nobody asked for so many; or a column is not for one dataset.
    StreamNotFound, ColumnNotFound
        No run has the stream, or none a data key.
    """
    found = list(starts if is_limited else islice(starts, MOST_AT_ONCE + 1))
    if len(found) > MOST_AT_ONCE and not is_limited:
        raise QueryError(
            f"There are more than {MOST_AT_ONCE} runs here. For dataset after dataset of 1000 runs write "
            f"for dataset in catalog.read({list(keys)!r}, pages=1000); for the first {MOST_AT_ONCE} runs "
            f"catalog.search(limit={MOST_AT_ONCE}).read({list(keys)!r})."
        )
    sought = _Sought(keys, stream)
    rows = _Rows(store, make_runs, sought)
    with show_progress("runs", found.__len__) as advance:
        for start in range(0, len(found), RUNS_A_PAGE):
            rows.add(found[start : start + RUNS_A_PAGE], advance)
    sought.require_found()
    return rows.join()


def read_pages(
    store: Store, starts: Iterator[Document], make_runs: MakeRuns, keys: Sequence[str], stream: str, *, n_runs: int
) -> Iterator[xarray.Dataset]:
    """Yield the rows of so many runs after the other; what no run of a page has is missing there.

    Raises
    ------
    QueryError
        A column is not for one dataset.
    StreamNotFound, ColumnNotFound
        After the last page: no run has the stream, or none a data key.
    """
    sought = _Sought(keys, stream)
    while page := list(islice(starts, n_runs)):
        rows = _Rows(store, make_runs, sought)
        for start in range(0, len(page), RUNS_A_PAGE):
            rows.add(page[start : start + RUNS_A_PAGE])
        yield rows.join()
    sought.require_found()


class _Sought:
    """A stream and data keys of it, and what was found of them in all runs so far."""

    def __init__(self, keys: Sequence[str], stream: str):
        self.keys = keys
        self.stream = stream
        self._missing = set(keys)
        self._n_runs = 0
        self._has_stream = False
        self._data_keys: Mapping[str, Any] = {}

    def note(self, runs: Sequence[RunRows], streams: Sequence[Stream]) -> None:
        """Remember what more runs have."""
        self._n_runs += len(runs)
        if streams and not self._has_stream:
            self._has_stream = True
            self._data_keys = streams[0].source.data_keys
        if self._missing:
            self._missing.difference_update(*(run.declared for run in runs))

    def require_found(self) -> None:
        """Insist that some run has the stream, and each of the data keys."""
        if not self._n_runs:
            return
        if not self._has_stream:
            raise StreamNotFound(f"none of the {self._n_runs} runs has a stream {self.stream!r}", stream=self.stream)
        for key in self.keys:
            if key in self._missing:
                raise ColumnNotFound(
                    f"none of the {self._n_runs} runs has a data key {key!r} in its stream {self.stream!r}. "
                    f"The first that has the stream has: {', '.join(self._data_keys) or 'none'}.",
                    stream=self.stream,
                    data_key=key,
                )


class _Rows:
    """The rows of runs in the making of one dataset."""

    def __init__(self, store: Store, make_runs: MakeRuns, sought: _Sought):
        self._store = store
        self._make_runs = make_runs
        self._sought = sought
        self._runs: list[RunRows] = []
        self._data_keys: Mapping[str, Any] = {}

    def add(self, starts: Sequence[Document], advance: Callable[[int], object] = lambda n: None) -> None:
        """Read the rows of a page of runs, after refusing what is not for a dataset."""
        keys, stream = self._sought.keys, self._sought.stream
        streams: list[Stream] = []
        added: list[RunRows] = []
        for run in self._make_runs(starts):
            found = [run[stream]] if stream in run else []
            added.append(RunRows.of(run.start, found[0].source if found else None, keys))
            streams += found
        refuse_external(added, keys)
        self._sought.note(added, streams)
        self._runs += added
        if streams and not self._data_keys:
            self._data_keys = streams[0].source.data_keys
        advance(len(added) - len(streams))
        waiting = iter([rows for rows in added if rows.has_stream])
        for group in take_rows(self._store, streams, keys):
            for each, taken in group:
                next(waiting).take(known_rows(taken, each))
            advance(len(group))

    def join(self) -> xarray.Dataset:
        """Return the dataset, after telling what documents got wrong."""
        from ...arrays import dataset_of_runs

        stream = self._sought.stream
        warn_of_notes(stream, self._runs)
        return dataset_of_runs(self._runs, join(self._runs, self._sought.keys, self._data_keys), stream=stream)
