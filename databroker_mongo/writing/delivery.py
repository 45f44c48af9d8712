"""Bringing documents to a store, through restarts and failovers of its server. It keeps nothing, so threads share it.

What does not belong here: when documents are sent (``direct_sender``, ``batch_sender``), and what becomes of
them when they cannot be stored (``backlog``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import SINGLES, n_events_said
from ..errors import (
    ConfigurationError,
    DuplicateDocument,
    InvalidDocument,
    ServerError,
    StoreError,
    StoreUnavailable,
)
from ..store import Document, SpoolReport, WritableStore

_logger = logging.getLogger("databroker_mongo")

Rows = Sequence[tuple[str, Document]]

FAILURES = (StoreError, ServerError, ConfigurationError)
"""What is raised when documents cannot be stored for a reason that does not lie in them."""

MOST_COPIED = 100_000
"""Events of a run that are copied when its stop is stored; those of longer runs are left to the nightly build."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_LOGGED_AFTER_SECONDS = 5.0


class Refusal(NamedTuple):
    """A document that will never be stored as it is."""

    name: str
    document: Mapping[str, Any]
    error: InvalidDocument | DuplicateDocument


class Delivery:
    """Stores documents, and sends them again as long as the server does not answer.

    Parameters
    ----------
    store : WritableStore
        Where they belong.
    retry_seconds : float
        How long to go on before the server counts as gone.
    diagnose : callable, optional
        Called when the server does not answer, as long as it never did: it may raise what shows that none ever will.
    copies_runs : bool
        Whether columnar copies are made of the events of runs whose stop is stored.

    Attributes
    ----------
    has_stored : bool
        Whether the store has ever taken something, or refused it for what it is.
    waits_since : float or None
        Since when, by the monotonic clock, a server is waited for that does not answer.
    """

    def __init__(
        self,
        store: WritableStore,
        *,
        retry_seconds: float,
        diagnose: Callable[[], None] | None = None,
        copies_runs: bool = False,
    ):
        self._store = store
        self._copies_runs = copies_runs
        self._retry_seconds = retry_seconds
        self._diagnose = diagnose
        self.has_stored = False
        self.waits_since: float | None = None

    @property
    def address(self) -> str:
        """Where documents go, as a URI without a password."""
        return self._store.address

    def deliver(self, rows: Rows, *, seconds: float | None = None) -> list[Refusal]:
        """Store documents, those that others refer to first.

        Parameters
        ----------
        rows : sequence of (str, dict)
            Kind and contents of single documents, checked.
        seconds : float, optional
            How long to go on instead of ``retry_seconds``.

        Returns
        -------
        list of Refusal
            Those that are refused; all others are stored.

        Raises
        ------
        StoreError, ServerError, ConfigurationError
            Some are perhaps not stored. They can be sent again.
        """
        limit = self._retry_seconds if seconds is None else seconds
        refusals = []
        for name in SINGLES:
            documents = [document for kind, document in rows if kind == name]
            if documents:
                refusals += self._insert(name, documents, limit)
        if self._copies_runs:
            self._copy_runs([document for kind, document in rows if kind == "stop"])
        return refusals

    def _copy_runs(self, stops: Sequence[Document]) -> None:
        """Make columnar copies of runs that have ended, but of no long ones; a failure costs speed alone."""
        run_uids = [stop["run_start"] for stop in stops if _n_events(stop) <= MOST_COPIED]
        if not run_uids:
            return
        try:
            self._store.copy_runs(run_uids)
        except FAILURES as error:
            _logger.warning("all documents are stored, and no columnar copies of their events were made: %s", error)

    def report(self, report: SpoolReport) -> None:
        """Leave a row in the database about what waited, if the account may."""
        try:
            self._store.report_spool(report)
        except FAILURES as error:
            _logger.debug("the report of the documents that waited cannot be stored: %s", error)

    def _insert(self, name: str, documents: list[Document], seconds: float) -> list[Refusal]:
        try:
            self._insert_patiently(name, documents, seconds)
        except (InvalidDocument, DuplicateDocument) as error:
            self.has_stored = True
            if len(documents) == 1:
                return [Refusal(name, documents[0], error)]
        else:
            self.has_stored = True
            return []
        # Which of them it was, and whether it is the only one, is found out one by one.
        return [refusal for document in documents for refusal in self._insert(name, [document], seconds)]

    def _insert_patiently(self, name: str, documents: list[Document], seconds: float) -> None:
        began = time.monotonic()
        pause = _FIRST_PAUSE_SECONDS
        is_logged = False
        self.waits_since = began
        try:
            while True:
                left = began + seconds - time.monotonic()
                try:
                    # A lost answer leaves it open whether they are stored; to store them again changes nothing. Until
                    # somebody was told that there is a wait, an attempt does not last beyond the time to tell it.
                    return self._store.insert(
                        name, documents, seconds=max(left if is_logged else min(left, _LOGGED_AFTER_SECONDS), pause)
                    )
                except StoreUnavailable as error:
                    self._find_out_why()
                    waited = time.monotonic() - began
                    if waited + pause >= seconds:
                        raise
                    if not is_logged and waited >= _LOGGED_AFTER_SECONDS:
                        is_logged = True
                        self._log_wait(waited, seconds, error)
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            self.waits_since = None

    def _find_out_why(self) -> None:
        if self._diagnose is not None and not self.has_stored:
            self._diagnose()

    def _log_wait(self, waited: float, seconds: float, error: StoreError) -> None:
        _logger.warning("waiting for MongoDB, %.0f s so far and %.0f s at most: %s", waited, seconds, error.message)


def _n_events(stop: Document) -> int:
    """Return how many events a run has, as far as its stop says it."""
    return sum(n or 0 for n in (n_events_said(stop) or {}).values())
