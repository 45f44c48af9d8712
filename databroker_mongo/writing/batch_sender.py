"""Documents sent in batches: they are collected here while a thread sends those that came before.

What does not belong here: retries (``delivery``), the spool (``backlog``).
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from dataclasses import dataclass, field

from ..errors import DurabilityWarning, stacklevel_of_caller
from ..store import Document
from .backlog import Backlog
from .delivery import FAILURES, Delivery, Refusal, Rows
from .sender import Sender
from .spool_timer import SpoolTimer

_logger = logging.getLogger("databroker_mongo")


@dataclass(frozen=True)
class BatchLimits:
    """When a batch is sent, whichever comes first.

    Attributes
    ----------
    n_documents : int
        The most documents of a batch.
    n_bytes : int
        The most bytes, about.
    seconds : float
        The longest that a document waits for others.
    """

    n_documents: int = 100
    n_bytes: int = 4_000_000
    seconds: float = 0.2


@dataclass
class _Batch:
    rows: list[tuple[str, Document]] = field(default_factory=list)
    unspooled: list[tuple[str, Document]] = field(default_factory=list)
    n_bytes: int = 0
    n_calls: int = 0
    began: float = field(default_factory=time.monotonic)

    def is_full(self, limits: BatchLimits) -> bool:
        return len(self.rows) >= limits.n_documents or self.n_bytes >= limits.n_bytes


class BatchSender(Sender):
    """Collects documents, and sends them from a thread of its own, one batch at a time, in order."""

    flushed_after: frozenset[str] = frozenset({"descriptor", "stop"})

    def __init__(self, delivery: Delivery, backlog: Backlog, limits: BatchLimits):
        self._delivery = delivery
        self._backlog = backlog
        self._limits = limits
        self._batch = _Batch()
        self._in_flight: _Batch | None = None
        self._is_urgent = False
        self._is_ended = False
        self._error: Exception | None = None
        self._refusal: Exception | None = None
        self._warning: str | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._timer = SpoolTimer(self._drain_when_due)
        self.n_given = 0
        self.n_acknowledged = 0
        if backlog.is_needed:
            self._timer.start()

    def put(self, rows: Rows) -> None:
        """Put documents behind those that wait; when there are too many of these, wait until they are sent.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            An earlier document was refused. Those of this call are accepted all the same.
        StoreError, ServerError, ConfigurationError
            Earlier documents could not be stored, and there is no spool. All are sent again with the next ones.
        """
        with self._changed:
            self._start_thread()
            if not self._has_room():
                self._changed.wait_for(self._has_room)
            if self._backlog.is_waiting and self._backlog.is_due and self._backlog.drain():
                self.n_acknowledged = self.n_given
            if self._backlog.is_waiting:
                self._backlog.spool(rows)
            else:
                self._add(rows)
            self.n_given += 1
            self._warn_and_raise()

    def put_first(self, rows: Rows) -> None:
        """Store the first documents at once, so that who gives them learns whether that can be done at all.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            For the first document that is refused, after all others are stored.
        StoreError, ServerError, ConfigurationError
            When they cannot be stored, and there is no spool or no hope. They are forgotten.
        """
        with self._changed:
            sent = self._backlog.send(rows)
            self.n_given += 1
            if sent.is_stored:
                self.n_acknowledged += 1
            else:
                self._timer.start()
            self._warning = sent.warning
            self._refusal = sent.refusals[0].error if sent.refusals else None
            self._warn_and_raise()

    def flush(self) -> None:
        """Send what waits, and wait until it is stored or, when the server is gone, in the spool.

        Raises
        ------
        InvalidDocument, DuplicateDocument, StoreError, ServerError, ConfigurationError
            As :meth:`put` does.
        """
        with self._changed:
            self._start_thread()
            self._error = None
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or not (self._batch.rows or self._in_flight))
            self._is_urgent = False
            if self._error is None and self._backlog.drain():
                self.n_acknowledged = self.n_given
            self._warn_and_raise()

    def close(self, *, seconds: float | None = None) -> str | None:
        """Send what waits, if it can be, and end the thread; return what the user must know of the rest.

        Parameters
        ----------
        seconds : float, optional
            How long to wait for that where all that waits is in the spool, from where it is sent another time.
        """
        with self._changed:
            # A writer may be dropped in any thread; one that holds the lock must not wait for another that wants it.
            can_wait = not self._timer.is_current_thread
            self._timer.stop()
            self._is_ended = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
            is_all_spooled = not (self._batch.unspooled or (self._in_flight and self._in_flight.unspooled))
        if can_wait and thread is not None and thread is not threading.current_thread():
            thread.join(seconds if is_all_spooled else None)
        with self._changed:
            left = self._backlog.close()
            if self._error is not None:
                _logger.error("%d calls were not stored: %s", self.n_given - self.n_acknowledged, self._error)
            return left

    def _drain_when_due(self) -> None:
        with self._changed:
            if not (self._timer.is_started and self._backlog.is_needed and self._backlog.is_due):
                return
            # Unless the server was gone, some calls may still wait in a batch.
            is_all = self._backlog.is_waiting
            if self._backlog.drain() and is_all:
                self.n_acknowledged = self.n_given

    def _add(self, rows: Rows) -> None:
        n_bytes, is_spooled = self._backlog.write_ahead(rows)
        if not self._batch.rows:
            self._batch = _Batch()
        self._batch.rows += rows
        self._batch.unspooled += () if is_spooled else rows
        self._batch.n_bytes += n_bytes
        self._batch.n_calls += 1
        if self._batch.n_calls == 1 or not self._has_room():
            self._changed.notify_all()

    def _has_room(self) -> bool:
        is_full = self._batch.is_full(self._limits) or self._backlog.is_large
        return self._error is not None or self._backlog.is_waiting or not is_full

    def _warn_and_raise(self) -> None:
        """Warn and raise, in a thread of the user, what was learned in the thread that sends."""
        if self._warning is not None:
            text, self._warning = self._warning, None
            warnings.warn(text, DurabilityWarning, stacklevel=stacklevel_of_caller())
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            raise refusal

    def _start_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._is_ended = False
            self._thread = threading.Thread(target=self._send_all, name="databroker_mongo writer", daemon=True)
            self._thread.start()

    def _send_all(self) -> None:
        while self._send_next():
            # What was local there is gone here: an error that was raised keeps alive whoever it was raised to.
            pass

    def _send_next(self) -> bool:
        batch = self._next_batch()
        if batch is None:
            return False
        refusals: list[Refusal] = []
        failure: Exception | None = None
        try:
            refusals = self._delivery.deliver(batch.rows)
        except Exception as error:  # whatever it is, a thread of the user must learn of it
            failure = error
        with self._changed:
            self._in_flight = None
            if failure is None:
                self._settle(batch, refusals)
            else:
                self._put_back(batch, failure)
            self._changed.notify_all()
        return True

    def _next_batch(self) -> _Batch | None:
        """Wait for a batch to be full, old or wanted, and take it; None when there will be no other."""
        with self._changed:
            while not self._is_due():
                if self._is_ended:
                    return None
                self._changed.wait(self._seconds_left())
            batch, self._batch = self._batch, _Batch()
            self._in_flight = batch
            self._changed.notify_all()
            return batch

    def _is_due(self) -> bool:
        if not self._batch.rows or self._error is not None:
            return False
        is_wanted = self._is_urgent or self._is_ended or not self._has_room()
        return is_wanted or time.monotonic() - self._batch.began >= self._limits.seconds

    def _seconds_left(self) -> float | None:
        if not self._batch.rows or self._error is not None:
            return None
        return max(0.0, self._batch.began + self._limits.seconds - time.monotonic())

    def _settle(self, batch: _Batch, refusals: list[Refusal]) -> None:
        self.n_acknowledged += batch.n_calls
        if not self._batch.rows:
            self._backlog.clear()
        self._backlog.adopt_orphans()
        self._backlog.set_aside(refusals)
        if refusals and self._refusal is None:
            self._refusal = refusals[0].error

    def _put_back(self, batch: _Batch, failure: Exception) -> None:
        """Leave a batch, and the one behind it, in the spool; else let both wait, and have the failure raised."""
        batch.rows += self._batch.rows
        batch.unspooled += self._batch.unspooled
        batch.n_bytes += self._batch.n_bytes
        batch.n_calls += self._batch.n_calls
        self._batch = batch
        if not isinstance(failure, FAILURES):
            self._error = failure
            return
        try:
            self._warning = self._backlog.spool(batch.unspooled, failure)
        except FAILURES as error:
            self._error = error
        else:
            self._batch = _Batch()
            self._timer.start()
            _logger.warning("%s", self._warning)
