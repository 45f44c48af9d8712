"""What a function makes of each of many runs: a table, a row for each run, in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...arrays import TakenRows, has_integers_beyond_floats
from ...errors import QueryError
from ...printable import shown
from ...store import Document, Store
from ..run import Run
from ..stream import Stream
from .held import hold_documents
from .progress import show_progress
from .reading import MakeRuns
from .rows import RUNS_A_PAGE, descriptor_uids, take_rows
from .threads import Workers, n_threads_of

if TYPE_CHECKING:
    import pandas

OnError = Literal["raise", "collect"]

_Task = tuple[Run, Callable[[], Any]]
_Done = tuple[str, Any, Any, Exception | None]

_WAITING_A_THREAD = 4
"""How many runs are held, for each thread, that are done or wait for their turn."""


def map_runs(
    store: Store,
    starts: Iterator[Document],
    make_runs: MakeRuns,
    function: Callable[[Any], Any],
    *,
    keys: Sequence[str] | None,
    stream: str,
    threads: int | None,
    on_error: OnError,
    count: Callable[[], int],
) -> pandas.DataFrame:
    """Return a table of what a function returns for each run.

    Parameters
    ----------
    store : Store
        Where their documents are.
    starts : iterator of dict
        Their start documents, whole.
    make_runs : callable
        Makes runs of start documents, with their descriptors at hand.
    function : callable
        Is given a run or, with keys, the dataset of its stream.
    keys : sequence of str, optional
        The data keys of the dataset.
    stream : str
        The name of the stream.
    threads : int, optional
        How many threads call the function.
    on_error : {"raise", "collect"}
        Whether an error ends it, or stands in the row of its run.
    count : callable
        Counts the runs, if somebody sees that.
    """
    if on_error not in ("raise", "collect"):
        raise QueryError(f"on_error={shown(on_error)} is unknown; it is 'raise' or 'collect'.")
    tasks = _tasks(store, starts, make_runs, function, keys, stream)
    done: list[_Done] = []
    with Workers(n_threads_of(threads)) as workers, show_progress("runs", count) as advance:
        for uid, scan_id, future in _in_order(workers, tasks, n_threads_of(threads) * _WAITING_A_THREAD):
            try:
                done.append((uid, scan_id, future.result(), None))
            except Exception as error:
                if on_error == "raise":
                    error.add_note(f"in the run {uid} (scan id {scan_id})")
                    raise
                done.append((uid, scan_id, None, error))
            advance(1)
    return _table(done)


def _in_order(workers: Workers, tasks: Iterator[_Task], n_waiting: int) -> Iterator[tuple[str, Any, Future[Any]]]:
    """Yield what is done in the order in which it was begun; only so much is begun and not taken yet."""
    waiting: deque[tuple[str, Any, Future[Any]]] = deque()
    for run, task in tasks:
        start = run.start
        waiting.append((start["uid"], start.get("scan_id"), workers.do(task)))
        while len(waiting) >= n_waiting:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


def _tasks(
    store: Store,
    starts: Iterator[Document],
    make_runs: MakeRuns,
    function: Callable[[Any], Any],
    keys: Sequence[str] | None,
    stream: str,
) -> Iterator[_Task]:
    """Yield each run with what is to be done for it."""
    while page := list(islice(starts, RUNS_A_PAGE)):
        runs = make_runs(page)
        if keys is None:
            yield from ((run, partial(function, run)) for run in runs)
            continue
        streams = [run[stream] for run in runs if stream in run]
        taken = _taken(store, streams, keys)
        for run in runs:
            if stream in run:
                yield run, partial(_apply, function, *next(taken), keys)
            else:
                yield run, partial(run.__getitem__, stream)


def _taken(store: Store, streams: Sequence[Stream], keys: Sequence[str]) -> Iterator[tuple[Stream, Store, Any]]:
    groups = take_rows(store, streams, keys)
    one_at_a_time = threading.Lock()
    while True:
        with one_at_a_time:  # two cursors may be at work now, and are all that the server is asked for
            group = next(groups, None)
            held = hold_documents(store, group or [], keys, one_at_a_time=one_at_a_time)
        if group is None:
            return
        yield from ((stream, held, taken) for stream, taken in group)


def _apply(function: Callable[[Any], Any], stream: Stream, store: Store, taken: Any, keys: Sequence[str]) -> Any:
    """Give a function the data of a stream, of which the rows are known already."""
    stream.source.rows = TakenRows(store, descriptor_uids(stream), taken)
    return function(stream.read(keys))


def _table(done: Sequence[_Done]) -> pandas.DataFrame:
    import pandas as pd

    from ..run_table import RunTable

    uids = pd.Index([uid for uid, *_ in done], name="uid", dtype=object)
    columns = {
        name: _as_series(pd, [each[place] for each in done], uids)
        for place, name in enumerate(("scan_id", "result", "error"), 1)
    }
    return RunTable(columns, index=uids)


def _as_series(pd: Any, values: Sequence[Any], uids: Any) -> Any:
    """Return a column: of numbers and texts as pandas has them, of anything else as it is."""
    is_plain = all(value is None or isinstance(value, str | int | float | np.generic) for value in values)
    if is_plain and not has_integers_beyond_floats(values) and not all(value is None for value in values):
        return pd.Series(list(values), uids)
    cells = np.empty(len(values), object)
    for row, value in enumerate(values):
        cells[row] = value
    return pd.Series(cells, uids, dtype=object)
