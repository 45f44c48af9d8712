"""A thread that drains the spool from time to time, so that it is emptied while nobody writes.

What does not belong here: how it is drained (``backlog``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_logger = logging.getLogger("databroker_mongo")

SECONDS_BETWEEN = 5.0  # how soon it is learned that it is time; when that is, the drain knows


class SpoolTimer:
    """Calls a function now and then, from :meth:`start` to :meth:`stop`. The caller's lock guards both.

    Parameters
    ----------
    drain : callable
        Stores what is spooled, when it is time for that.
    """

    def __init__(self, drain: Callable[[], None]):
        self._drain = drain
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    @property
    def is_started(self) -> bool:
        """Whether :meth:`stop` was not called since :meth:`start`; the thread may find that out late."""
        return self._thread is not None

    @property
    def is_current_thread(self) -> bool:
        """Whether the caller runs in its thread."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Start the thread, unless it runs; it calls the function at once."""
        if self._thread is None or not self._thread.is_alive():
            # One for each thread: that of an earlier thread, which may still run, stays set.
            self._stopped = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(self._stopped,), name="databroker_mongo spool", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Let the thread end, without waiting for it."""
        self._stopped.set()
        self._thread = None

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._drain()
            except Exception:  # the next time may go better
                _logger.exception("the spool could not be sent")
            stopped.wait(SECONDS_BETWEEN)
