"""What is kept between requests, for seconds and up to a number of bytes; and the pages of what a node holds."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


@dataclass
class Made(Generic[_Value]):
    """What was made to be kept.

    Attributes
    ----------
    value : object
        It.
    n_bytes : int
        How much memory it takes, about.
    seconds : float
        How long it may be given out.
    """

    value: _Value
    n_bytes: int
    seconds: float


class Cache:
    """What was found for one request, for those that follow.

    It belongs to the threads of one process. What several of them want at once is made once. When there is more than
    the limit, what was used least recently goes, and is made anew when it is wanted.

    Parameters
    ----------
    n_bytes : int
        The limit of all that is kept.
    clock : callable, optional
        Tells the time in seconds.
    """

    def __init__(self, *, n_bytes: int, clock: Callable[[], float] = time.monotonic):
        self._limit = n_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Made[Any], float]] = OrderedDict()
        self._pending: dict[Hashable, Future[Any]] = {}
        self.n_bytes = 0

    def get(self, key: Hashable, make: Callable[[], Made[_Value]]) -> _Value:
        """Return what is kept under a key; if there is none, or its time is over, make it.

        Errors are raised to all who wait for it, and not kept.
        """
        with self._lock:
            made, end = self._kept.get(key, (None, 0.0))
            if made is not None and self._clock() < end:
                self._kept.move_to_end(key)
                return made.value  # type: ignore[no-any-return]  # it was put there under this key
            pending = self._pending.get(key)
            if pending is None:
                own: Future[Any] = Future()
                self._pending[key] = own
        return pending.result() if pending is not None else self._make(key, make, own)

    def grow(self, key: Hashable, value: object, n_bytes: int) -> None:
        """Count more bytes for a value, if it is still the one that is kept under the key."""
        with self._lock:
            made, _ = self._kept.get(key, (None, 0.0))
            if made is not None and made.value is value:
                made.n_bytes += n_bytes
                self.n_bytes += n_bytes
                self._drop_oldest()

    def _make(self, key: Hashable, make: Callable[[], Made[_Value]], own: Future[Any]) -> _Value:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                self._drop(key)
                del self._pending[key]
            own.set_exception(error)
            raise
        with self._lock:
            self._drop(key)
            self._kept[key] = (made, self._clock() + made.seconds)
            self.n_bytes += made.n_bytes
            self._drop_oldest()
            del self._pending[key]
        own.set_result(made.value)
        return made.value

    def _drop_oldest(self) -> None:
        while self.n_bytes > self._limit and self._kept:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        made, _ = self._kept.pop(key, (None, 0.0))
        if made is not None:
            self.n_bytes -= made.n_bytes


def next_cursor(begin: int, limit: int, n_found: int) -> int | None:
    """Return where the page after this one begins; None if it is the last.

    Parameters
    ----------
    begin : int
        Where this one began.
    limit : int
        How many were to be shown.
    n_found : int
        How many were found when one more was asked for.
    """
    return begin + limit if n_found > limit else None
