"""A thread that comes back to the spool from time to time, so that it is emptied while nobody writes.

What does not belong here: what is done then (``backlog``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

SECONDS_BETWEEN = 5.0


class Revisits:
    """Calls a function now and then, from :meth:`begin` to :meth:`end`. The caller's lock guards both.

    Parameters
    ----------
    revisit : callable
        Stores what is spooled, when it is time for that.
    """

    def __init__(self, revisit: Callable[[], None]):
        self._revisit = revisit
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def are_wanted(self) -> bool:
        """Whether :meth:`end` was not called yet; the thread may find that out late."""
        return self._thread is not None

    @property
    def is_current(self) -> bool:
        """Whether it is the thread that asks."""
        return self._thread is threading.current_thread()

    def begin(self) -> None:
        """Start the thread, unless it runs; it calls the function at once."""
        if self._thread is None or not self._thread.is_alive():
            self._ended = threading.Event()
            self._thread = threading.Thread(
                target=self._come_back, args=(self._ended,), name="databroker_mongo spool", daemon=True
            )
            self._thread.start()

    def end(self) -> None:
        """Let the thread end, without waiting for it."""
        self._ended.set()
        self._thread = None

    def _come_back(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self._revisit()
            except Exception:  # the next time may go better
                log.exception("the spool could not be sent")
            ended.wait(SECONDS_BETWEEN)
