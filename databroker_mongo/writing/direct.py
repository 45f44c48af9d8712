"""Each document by itself: a call returns when it is stored.

What does not belong here: retries (``delivery``), the spool (``backlog``).
"""

from __future__ import annotations

import threading
import warnings

from ..errors import DurabilityWarning, StoreError
from .backlog import Backlog
from .delivery import Delivery, Rows
from .revisits import Revisits


class Direct:
    """Sends documents at once. Threads may share it; they take turns.

    Attributes
    ----------
    n_given : int
        How many calls brought documents.
    n_acknowledged : int
        Of how many of them, counted from the first, all documents are stored or refused.
    """

    def __init__(self, delivery: Delivery, backlog: Backlog):
        self._delivery = delivery
        self._backlog = backlog
        self._lock = threading.RLock()
        self._revisits = Revisits(self._revisit)
        self.n_given = 0
        self.n_acknowledged = 0
        if backlog.is_needed:
            self._revisits.begin()

    def put(self, rows: Rows) -> None:
        """Store documents, or leave them in the spool when the server is gone.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            For the first document that is refused, after all others are stored.
        StoreError
            When they cannot be stored and there is no spool.
        """
        with self._lock:
            if self._backlog.is_waiting and not (self._backlog.is_due and self._backlog.catch_up()):
                self._backlog.leave(rows)
                self.n_given += 1
            else:
                self._send(rows)

    def _send(self, rows: Rows) -> None:
        try:
            refusals = self._delivery.deliver(rows)
        except StoreError as error:
            text = self._backlog.leave(rows, error)
            self.n_given += 1
            self._revisits.begin()
            if text is not None:
                warnings.warn(text, DurabilityWarning, stacklevel=5)
            return
        self.n_given += 1
        self.n_acknowledged = self.n_given
        self._backlog.look_back()
        self._backlog.set_aside(refusals)
        if refusals:
            raise refusals[0].error

    def flush(self) -> None:
        """Try to store what is spooled."""
        with self._lock:
            if self._backlog.catch_up():
                self.n_acknowledged = self.n_given

    def _revisit(self) -> None:
        with self._lock:
            is_time = self._revisits.are_wanted and self._backlog.is_needed and self._backlog.is_due
            if is_time and self._backlog.catch_up():
                self.n_acknowledged = self.n_given

    def end(self, *, seconds: float | None = None) -> None:
        """Free the spool file; nothing waits that ``seconds`` could be for."""
        with self._lock:
            self._revisits.end()
            self._backlog.close()
