"""Each document by itself: a call returns when it is stored. Those of threads that call at once are sent together.

What does not belong here: retries (``delivery``), the spool (``backlog``).
"""

from __future__ import annotations

import copy
import threading
import time
import warnings
from collections import deque
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from ..errors import DurabilityWarning, StoreUnavailable, stacklevel_of_caller
from .backlog import Backlog
from .delivery import Rows
from .sender import Sender
from .spool_timer import SpoolTimer

_PART_WAITED = 0.5
_LONGEST_WAIT_SECONDS = 0.005
"""Threads of the last group are waited for this part of what it took, and no longer than this."""

_FORGOTTEN_SECONDS = 1.0
"""How soon threads whom nobody told that it is their turn find that out by themselves."""


@dataclass(eq=False)
class _Call:
    """The documents of one call, and what has become of them.

    Attributes
    ----------
    rows : sequence of (str, dict)
        Kind and contents of its documents.
    thread : int
        The thread that waits for it.
    is_settled : bool
        Whether its documents are stored, spooled or refused, or nobody waits for that any more.
    error : Exception or None
        What its caller is to be told.
    warning : str or None
        The same.
    """

    rows: Rows
    thread: int = field(default_factory=threading.get_ident)
    is_settled: bool = False
    error: Exception | None = None
    warning: str | None = None
    # Conditions and events are written in Python, so that Ctrl-C may come within them and leave them locked.
    _bell: SimpleQueue[None] = field(default_factory=SimpleQueue)

    def wake(self) -> None:
        """End a wait of its thread, or the next one."""
        self._bell.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait to be woken, and tell whether that came to pass."""
        try:
            self._bell.get(timeout=max(seconds, 0.0))
        except Empty:
            return False
        return True


class DirectSender(Sender):
    """Sends documents at once. While one thread sends, others wait; the next sends all of theirs with its own.

    The lock alone decides who sends: a thread that has it settles its own call, if no other has. The queue is an offer
    to the others, and who waits for whom is a matter of speed: so a thread may be interrupted anywhere.
    """

    flushed_after: frozenset[str] = frozenset()

    def __init__(self, backlog: Backlog):
        self._backlog = backlog
        self._lock = threading.RLock()
        self._queue: deque[_Call] = deque()
        self._turn = threading.RLock()  # guards the next four; a handler of signals may write, too
        self._sending: int | None = None  # the thread that sends, or is about to
        self._patient: _Call | None = None  # its call, while it waits for those that are absent
        self._absent: set[int] = set()  # threads of the last group that have brought nothing since
        self._absent_until = 0.0
        self._timer = SpoolTimer(self._drain_when_due)
        self.n_given = 0
        self.n_acknowledged = 0
        if backlog.is_needed:
            self._timer.start()

    def put(self, rows: Rows) -> None:
        """Store documents, or spool them when the server is gone.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            For the first document that is refused, after all others are stored.
        StoreError, ServerError, ConfigurationError
            When they cannot be stored and there is no spool.
        """
        call = _Call(rows)
        try:
            self._wait_for_others(call)
            if not call.is_settled:
                with self._lock:
                    if not call.is_settled:
                        self._sending = call.thread
                        self._settle(self._group(call))
        finally:
            call.is_settled = True  # one that was interrupted is sent by nobody
            if self._sending == call.thread:
                self._hand_over()
        if call.warning is not None:
            warnings.warn(call.warning, DurabilityWarning, stacklevel=stacklevel_of_caller())
        if call.error is not None:
            raise call.error

    def put_first(self, rows: Rows) -> None:
        """Store the first documents, as :meth:`put` does."""
        self.put(rows)

    def flush(self) -> None:
        """Try to store what is spooled."""
        with self._lock:
            if self._backlog.drain():
                self.n_acknowledged = self.n_given

    def close(self, *, seconds: float | None = None) -> str | None:
        """Free the spool file, and return what the user must know of it; nothing is pending elsewhere."""
        with self._lock:
            self._timer.stop()
            return self._backlog.close()

    def _wait_for_others(self, call: _Call) -> None:
        """Return when another thread has settled a call, or when it is up to this one."""
        with self._turn:
            self._queue.append(call)
            self._absent.discard(call.thread)
            if self._patient is not None and not self._absent:
                self._patient.wake()
            is_free = self._sending in (None, call.thread)
            if is_free:
                self._sending = call.thread
        # A thread that is interrupted may not hand over: then the others find out from the lock, a little later.
        if not (is_free or call.wait(_FORGOTTEN_SECONDS)) or call.is_settled:
            return
        # Of threads that write as fast as they can, those that were just served are about to bring their next.
        seconds = self._absent_until - time.monotonic()
        if seconds > 0:
            with self._turn:
                self._patient = call if self._absent else None
            if self._patient is not None:
                call.wait(seconds)
                self._patient = None

    def _hand_over(self) -> None:
        with self._turn:
            # A copy: whoever found out late that it is their turn may take from the queue meanwhile.
            following = next((call for call in list(self._queue) if not call.is_settled), None)
            self._sending = None if following is None else following.thread
        if following is not None:
            following.wake()

    def _group(self, call: _Call) -> list[_Call]:
        """Return a call, and those that others wait with."""
        group = [call]
        while self._queue:
            other = self._queue.popleft()
            if not (other.is_settled or other is call):
                group.append(other)
        return group

    def _settle(self, calls: list[_Call]) -> None:
        began = time.monotonic()
        self._send_or_blame(calls)
        ended = time.monotonic()
        self._absent = {call.thread for call in calls}
        self._absent_until = ended + min(_PART_WAITED * (ended - began), _LONGEST_WAIT_SECONDS)
        for call in calls:
            call.is_settled = True
            if call is not calls[0]:
                call.wake()

    def _send_or_blame(self, calls: list[_Call]) -> None:
        """Send documents; a failure is the error of all where no server answers, else of those whose it is."""
        try:
            self._send(calls)
        except StoreUnavailable as error:
            calls[0].error = error
            for call in calls[1:]:
                call.error = copy.copy(error)  # each thread adds a traceback of its own
                call.error.__cause__ = error
        except Exception as error:
            if len(calls) == 1:
                calls[0].error = error
                return
            for call in calls:
                self._send_or_blame([call])

    def _send(self, calls: list[_Call]) -> None:
        rows = calls[0].rows if len(calls) == 1 else [row for call in calls for row in call.rows]
        if self._backlog.is_waiting and not (self._backlog.is_due and self._backlog.drain()):
            self._backlog.spool(rows)
            self.n_given += len(calls)
            return
        sent = self._backlog.send(rows)
        self.n_given += len(calls)
        if sent.is_stored:
            self.n_acknowledged = self.n_given
        else:
            self._timer.start()
        calls[0].warning = sent.warning
        for refusal in reversed(sent.refusals):
            call = next(call for call in calls if any(document is refusal.document for _, document in call.rows))
            call.error = refusal.error

    def _drain_when_due(self) -> None:
        with self._lock:
            is_time = self._timer.is_started and self._backlog.is_needed and self._backlog.is_due
            if is_time and self._backlog.drain():
                self.n_acknowledged = self.n_given
