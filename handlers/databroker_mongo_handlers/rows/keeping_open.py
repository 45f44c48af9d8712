"""Files that stay open from one call to the next, while a caller says that more calls come.

Nobody who wants to open a file in another way should find it open here because it was read once, so what a call opened
is closed at its end. Opening takes longer than reading a frame, though, and several calls belong together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MOST_KEPT = 16  # of a family of files, each is a file of its own


class _Kept(threading.local):
    """What the calls of this thread have left open."""

    def __init__(self) -> None:
        self.n_callers = 0
        self.closing: deque[Callable[[], object]] = deque()


_kept = _Kept()


@contextmanager
def keep_open() -> Iterator[None]:
    """Let what calls of this thread open stay open until the end of the outermost of such contexts.

    Of many files, the last few stay open.
    """
    _kept.n_callers += 1
    try:
        yield
    finally:
        _kept.n_callers -= 1
        while _kept.closing and not _kept.n_callers:
            _kept.closing.popleft()()


def close_later(close: Callable[[], object]) -> None:
    """Close something as soon as no more calls are said to come, which may be now.

    Parameters
    ----------
    close : callable
        Closes it; called once.
    """
    _kept.closing.append(close)
    while len(_kept.closing) > (_MOST_KEPT if _kept.n_callers else 0):
        _kept.closing.popleft()()
