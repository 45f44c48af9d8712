"""Each document by itself: a call returns when it is stored.

What does not belong here: retries (``delivery``), the spool (``backlog``).
"""

from __future__ import annotations

import threading
import warnings

from ..errors import DurabilityWarning, stacklevel_of_caller
from .backlog import Backlog
from .delivery import Rows
from .sender import Sender
from .spool_timer import SpoolTimer


class DirectSender(Sender):
    """Sends documents at once; threads take turns."""

    flushed_after: frozenset[str] = frozenset()

    def __init__(self, backlog: Backlog):
        self._backlog = backlog
        self._lock = threading.RLock()
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
        with self._lock:
            if self._backlog.is_waiting and not (self._backlog.is_due and self._backlog.drain()):
                self._backlog.spool(rows)
                self.n_given += 1
            else:
                self._send(rows)

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

    def _send(self, rows: Rows) -> None:
        sent = self._backlog.send(rows)
        self.n_given += 1
        if not sent.is_stored:
            self._timer.start()
        else:
            self.n_acknowledged = self.n_given
        if sent.warning is not None:
            warnings.warn(sent.warning, DurabilityWarning, stacklevel=stacklevel_of_caller())
        if sent.refusals:
            raise sent.refusals[0].error

    def _drain_when_due(self) -> None:
        with self._lock:
            is_time = self._timer.is_started and self._backlog.is_needed and self._backlog.is_due
            if is_time and self._backlog.drain():
                self.n_acknowledged = self.n_given
