"""Open handlers: few, shared between reads, closed when they should be, and never older than their files.

Which class and which path belongs to ``registry`` and ``roots``; what is read from a handler belongs to ``reader``.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from .file_state import FileState
from .handler import KeepsOpen

if TYPE_CHECKING:
    from ..documents import DatumKwargs

_logger = logging.getLogger("databroker_mongo")
_MOST_KEPT_OPEN = 16
BeforeOpening = Callable[[str], None]
_Key = tuple[Callable[..., Any], str, str]  # class, path, and the keywords, which need not have a hash


class HandlerPool:
    """Handlers that are open in this process.

    A handler is used by one thread at a time, and so are all handlers of one path, unless its class says
    ``parallel_reads = True``. A handler whose file was replaced or changed, or one of its ``linked_files()``, is made
    again, and so is one in whose use something went wrong. One that has ``keep_open()`` keeps its files open only while
    it is lent. In a process that is forked the pool begins empty.

    Parameters
    ----------
    limit : int
        How many handlers are open at once. The one that was not used for the longest time is closed to make room;
        while all are in use, other threads wait.

    Raises
    ------
    ValueError
        The limit is below 1.
    """

    def __init__(self, limit: int = 64):
        if limit < 1:
            raise ValueError(f"a pool must be allowed at least one open handler, not {limit}")
        self.limit = limit
        self._begin_empty()
        _pools.add(self)

    def __repr__(self) -> str:
        return f"<HandlerPool: {len(self)} of {self.limit} handlers open>"

    def __len__(self) -> int:
        """Count the handlers that are open."""
        with self._changed:
            return sum((entry.handler is not None) + len(entry.retired) for entry in self._entries.values())

    def __reduce__(self) -> NoReturn:
        raise TypeError("open handlers are never pickled: call process_pool() where the data is read")

    @contextmanager
    def open(
        self,
        cls: Callable[..., Any],
        path: str | os.PathLike[str],
        kwargs: Mapping[str, object],
        *,
        before_opening: BeforeOpening | None = None,
    ) -> Iterator[Any]:
        """Lend an open handler: ``cls(path, **kwargs)``, made now or before.

        Parameters
        ----------
        cls : class
            The handler class.
        path : str or path-like
            Its path on this machine.
        kwargs : mapping
            The keywords of the resource.
        before_opening : callable, optional
            Called with the path of each file that the handler opens only to find out which others its files refer to;
            one for which it raises `OSError` stays closed.

        Yields
        ------
        object
            The handler; this thread alone has it unless the class allows parallel reads. Lazy results must be computed
            before it is given back.

        Raises
        ------
        Exception
            Whatever the class raises.
        """
        entry = self._borrow((cls, os.fspath(path), repr(sorted(kwargs.items()))))
        try:
            # Whether files changed is looked at under the lock by all; only those who read side by side let go of it.
            with ExitStack() as lent:
                if entry.is_parallel:
                    with entry.lock:
                        handler = self._fresh(entry, kwargs, before_opening, lent)
                else:
                    lent.enter_context(entry.lock)
                    handler = self._fresh(entry, kwargs, before_opening, lent)
                yield handler
        except BaseException:
            # Of what it read last, nothing is certain: a handler may be in the middle of a file, or of its own state.
            with entry.lock:
                entry.drop()
            raise
        finally:
            self._give_back(entry)

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Let handlers that are lent to this thread keep their files open until the outermost such context ends.

        Of many handlers, the last few do.
        """
        if self._this_thread.kept_open is not None:
            yield
            return
        self._this_thread.kept_open = kept = _KeptOpen()
        try:
            yield
        finally:
            self._this_thread.kept_open = None
            kept.let_go(0)

    def close(self) -> None:
        """Close all handlers, those in use when they are given back. The pool can go on being used."""
        with self._changed:
            for entry in list(self._entries.values()):
                entry.is_leaving = True
                self._remove_if_done(entry)

    def _begin_empty(self) -> None:
        self._changed = threading.Condition()
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._this_thread = _OfThread()
        self._finalizer = weakref.finalize(self, _close_all, self._entries)

    def _begin_again_after_fork(self) -> None:
        """Leave the inherited handlers alone: closing one could end a lock that the parent holds on the same file."""
        # flock(2): a lock belongs to the open file, which a fork shares. So they are not collected either.
        self._finalizer.detach()
        _inherited.append(self._entries)
        self._begin_empty()

    def _borrow(self, key: _Key) -> _Entry:
        with self._changed:
            while key not in self._entries and not self._has_room():
                self._changed.wait()
            if key not in self._entries:
                self._entries[key] = _Entry(key, self._lock_of(key[1]))
            entry = self._entries[key]
            self._entries.move_to_end(key)
            entry.n_users += 1
        self._this_thread.n_lent += 1
        return entry

    def _has_room(self) -> bool:
        """Tell whether one more may be opened, after closing idle ones where that is needed.

        A thread that holds a handler is never made to wait, or it could wait for itself.
        """
        idle = [entry for entry in self._entries.values() if not entry.n_users]
        for entry in idle[: max(0, len(self._entries) - self.limit + 1)]:
            entry.is_leaving = True
            self._remove_if_done(entry)
        return len(self._entries) < self.limit or self._this_thread.n_lent > 0

    def _lock_of(self, path: str) -> threading.RLock:
        """Share one lock between the handlers of a path.

        HDF5 shows what was added to a file only to one that opens it after all other handles were closed, so a changed
        file needs all of its handlers closed at once.
        """
        return next((entry.lock for entry in self._entries.values() if entry.path == path), threading.RLock())

    def _fresh(
        self, entry: _Entry, kwargs: Mapping[str, object], before_opening: BeforeOpening | None, lent: ExitStack
    ) -> Any:
        """Return the handler of an entry whose lock is held, made again if its files changed, until ``lent`` ends."""
        if entry.handler is not None and not entry.files.is_unchanged():
            _logger.debug("%s may have changed: opening it again", entry.path)
            with self._changed:
                for other in self._entries.values():
                    if other.path == entry.path:
                        other.drop()
        if entry.handler is None:
            _logger.debug("opening %s", entry.path)
            files = FileState.of(entry.path)
            entry.handler = entry.key[0](entry.path, **kwargs)
            self._keep_open(entry.handler, lent)
            entry.files = _with_linked(files, entry.handler, before_opening)
        else:
            self._keep_open(entry.handler, lent)
        return entry.handler

    def _keep_open(self, handler: Any, lent: ExitStack) -> None:
        """Let a handler keep its files open from call to call, if it can: while it is lent, or longer if so wished."""
        if not isinstance(handler, KeepsOpen):
            return
        kept = self._this_thread.kept_open
        if kept is None:
            lent.enter_context(handler.keep_open())
        else:
            kept.add(handler)

    def _give_back(self, entry: _Entry) -> None:
        with self._changed:
            if self._entries.get(entry.key) is not entry:
                return  # it was lent before a fork
            self._this_thread.n_lent -= 1
            entry.n_users -= 1
            self._remove_if_done(entry)
            self._changed.notify_all()

    def _remove_if_done(self, entry: _Entry) -> None:
        if entry.n_users:
            return
        entry.close_retired()
        if entry.is_leaving or entry.handler is None:
            del self._entries[entry.key]
            entry.drop()


@dataclass(eq=False)
class _Entry:
    """A place in the pool: one handler, and older ones that parallel readers have not given back yet."""

    key: _Key
    lock: threading.RLock
    handler: Any = None
    files: FileState = field(default_factory=FileState)
    n_users: int = 0
    is_leaving: bool = False
    retired: list[Any] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.key[1]

    @property
    def is_parallel(self) -> bool:
        return getattr(self.key[0], "parallel_reads", False) is True

    def drop(self) -> None:
        """Close the handler: now where its lock guards it, else when its last user is done."""
        handler, self.handler = self.handler, None
        if self.is_parallel and self.n_users:
            self.retired.append(handler)
        else:
            _close(handler)

    def close_retired(self) -> None:
        while self.retired:
            _close(self.retired.pop())


class _OfThread(threading.local):
    """How many handlers a thread has now, and those that keep their files open for it."""

    n_lent: int = 0
    kept_open: _KeptOpen | None = None


class _KeptOpen:
    """The handlers that keep their files open though they were given back, by whatever thread made it."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[int, tuple[Any, ExitStack]] = OrderedDict()

    def add(self, handler: Any) -> None:
        """Let one more keep its files open."""
        if id(handler) not in self._contexts:
            context = ExitStack()
            context.enter_context(handler.keep_open())
            self._contexts[id(handler)] = handler, context
        self._contexts.move_to_end(id(handler))
        self.let_go(_MOST_KEPT_OPEN)

    def let_go(self, n_kept: int) -> None:
        """Let only so many go on, those that were added last."""
        while len(self._contexts) > n_kept:
            _, (_, context) = self._contexts.popitem(last=False)
            context.close()


def process_pool() -> HandlerPool:
    """Return the pool that all catalogs of this process share."""
    return _process_pool


def close_files() -> None:
    """Close the files of runs that this process holds open, so that they can be opened in another way, or removed.

    The handlers of ``databroker-mongo-handlers`` hold none open between two reads; those of others may.

    Lazy arrays stay usable: a later computation opens its files again. A file that another thread is reading is closed
    when that thread has finished.
    """
    process_pool().close()


def _with_linked(files: FileState, handler: Any, before_opening: BeforeOpening | None) -> FileState:
    try:
        return files.with_linked(linked_files(handler, before_opening=before_opening))
    except OSError:
        return FileState()  # it will be raised again, and reported, when the data is read


def linked_files(
    handler: Any, datums: Iterable[DatumKwargs] | None = None, *, before_opening: BeforeOpening | None
) -> list[str]:
    """Return the files that the files of these datums refer to, as their handler tells; none where it cannot.

    Parameters
    ----------
    handler : object
        An open handler.
    datums : iterable of mapping, optional
        The keyword arguments of each datum.
    before_opening : callable, optional
        Called with the path of each such file before the handler opens it, where the handler lets itself be asked.
    """
    if not callable(getattr(handler, "linked_files", None)):
        return []
    given = () if datums is None else (iter(datums),)
    method = handler.linked_files
    if before_opening is None or not _can_be_asked(getattr(method, "__func__", method)):
        return list(method(*given))
    return list(method(*given, before_opening=before_opening))


@functools.lru_cache(maxsize=128)
def _can_be_asked(linked_files_of: Callable[..., Any]) -> bool:
    try:
        return "before_opening" in inspect.signature(linked_files_of).parameters
    except (TypeError, ValueError):
        return False


def _close(handler: Any) -> None:
    close = getattr(handler, "close", None)
    try:
        if callable(close):
            close()
    except Exception:
        _logger.debug("a handler could not be closed: %r", handler, exc_info=True)


def _close_all(entries: Mapping[_Key, _Entry]) -> None:
    for entry in entries.values():
        for handler in (entry.handler, *entry.retired):
            _close(handler)


def _begin_again_after_fork() -> None:
    for pool in list(_pools):
        pool._begin_again_after_fork()


_pools: weakref.WeakSet[HandlerPool] = weakref.WeakSet()
_inherited: list[object] = []
_process_pool = HandlerPool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_after_fork)
