"""What waits to be sent together, and the clock that sees that it does not wait too long.

What does not belong here: sending (``delivery``).
"""

from __future__ import annotations

import threading
import time
import weakref
from dataclasses import dataclass, field
from typing import Protocol

from ..store.protocol import Document


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
        The longest that a document waits.
    """

    n_documents: int = 100
    n_bytes: int = 4_000_000
    seconds: float = 0.2


@dataclass
class Batch:
    """Documents that wait. Not locked: whoever owns it does that.

    Attributes
    ----------
    limits : BatchLimits
        When it is full.
    rows : list of (str, dict)
        Kind and contents of single documents.
    n_bytes : int
        Their size, about.
    are_kept : bool
        Whether all of them are in the spool.
    began : float
        When the first one came, by the monotonic clock.
    """

    limits: BatchLimits
    rows: list[tuple[str, Document]] = field(default_factory=list)
    n_bytes: int = 0
    are_kept: bool = True
    began: float = 0.0

    def add(self, rows: list[tuple[str, Document]], n_bytes: int, *, are_kept: bool) -> None:
        """Put documents behind those that wait."""
        if not self.rows:
            self.began = time.monotonic()
        self.rows += rows
        self.n_bytes += n_bytes
        self.are_kept = self.are_kept and are_kept

    def clear(self) -> None:
        """Start anew."""
        self.rows, self.n_bytes, self.are_kept = [], 0, True

    @property
    def is_full(self) -> bool:
        """Whether it is to be sent now."""
        return len(self.rows) >= self.limits.n_documents or self.n_bytes >= self.limits.n_bytes

    @property
    def seconds_left(self) -> float:
        """How long the oldest document may wait still; infinite when there is none."""
        return self.began + self.limits.seconds - time.monotonic() if self.rows else float("inf")


class Watched(Protocol):
    """What a clock can watch."""

    def send_if_due(self) -> float:
        """Send what has waited long enough; return after how many seconds to ask again, infinite for not at all."""
        ...


def watch(owner: Watched) -> threading.Event:
    """Start a thread that sends what waits too long, without keeping its owner alive.

    Returns
    -------
    threading.Event
        To be set when something begins to wait.
    """
    began = threading.Event()
    reference = weakref.ref(owner, lambda _: began.set())
    threading.Thread(target=_watch, args=(reference, began), name="databroker_mongo clock", daemon=True).start()
    return began


def _watch(reference: weakref.ref[Watched], began: threading.Event) -> None:
    while began.wait():
        began.clear()
        pause = 0.0
        while pause < float("inf"):
            time.sleep(pause)
            owner = reference()
            if owner is None:
                return
            pause = owner.send_if_due()
            del owner
