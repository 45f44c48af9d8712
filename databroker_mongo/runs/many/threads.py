"""Threads that work for somebody, and that nobody has to wait for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from ...errors import QueryError
from ...printable import shown

_MOST_THREADS = 8


def n_threads_of(threads: int | None) -> int:
    """Return how many threads are wanted; by default as many as there are processors, and at most 8.

    Raises
    ------
    QueryError
        It is no positive integer.
    """
    if threads is None:
        n_processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(_MOST_THREADS, n_processors)
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise QueryError(f"threads is how many threads are to work, 1 or more, not {shown(threads)}.")
    return threads


class Workers:
    """Threads that do what they are given, in the order in which it comes.

    They are daemons, since those of a pool would be waited for, as long as a function may take, by whoever presses
    Ctrl-C. What no thread has begun by then is not begun.

    Parameters
    ----------
    n_threads : int
        How many.
    """

    def __init__(self, n_threads: int):
        self._n_threads = n_threads
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._is_given_up = threading.Event()
        for _ in range(n_threads):
            threading.Thread(target=self._work, daemon=True).start()

    def do(self, task: Callable[[], Any]) -> Future[Any]:
        """Let a thread do something."""
        done: Future[Any] = Future()
        self._tasks.put((task, done))
        return done

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_given_up.set()
        for _ in range(self._n_threads):
            self._tasks.put(None)

    def _work(self) -> None:
        while (given := self._tasks.get()) is not None and not self._is_given_up.is_set():
            task, done = given
            try:
                done.set_result(task())
            except BaseException as error:
                done.set_exception(error)
            del task, done, given  # what it held is not kept until the next task comes
