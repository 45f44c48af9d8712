"""Bringing documents to a store, through restarts and failovers of its server. It keeps nothing, so threads share it.

What does not belong here: when documents are sent (``direct``, ``outbox``), and what becomes of them when they cannot
be stored (``backlog``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..documents import SINGLES
from ..errors import DuplicateDocument, InvalidDocument, StoreUnavailable
from ..store.protocol import Document, WritableStore

Rows = Sequence[tuple[str, Document]]

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


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
    """

    def __init__(self, store: WritableStore, *, retry_seconds: float):
        self._store = store
        self._retry_seconds = retry_seconds

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
        StoreError
            Some are perhaps not stored. They can be sent again.
        """
        limit = self._retry_seconds if seconds is None else seconds
        refusals = []
        for name in SINGLES:
            documents = [document for kind, document in rows if kind == name]
            if documents:
                refusals += self._insert(name, documents, limit)
        return refusals

    def _insert(self, name: str, documents: list[Document], seconds: float) -> list[Refusal]:
        try:
            self._insert_patiently(name, documents, seconds)
        except (InvalidDocument, DuplicateDocument) as error:
            if len(documents) == 1:
                return [Refusal(name, documents[0], error)]
        else:
            return []
        return [refusal for document in documents for refusal in self._insert(name, [document], seconds)]

    def _insert_patiently(self, name: str, documents: list[Document], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                # A lost answer leaves it open whether they are stored; to store them again changes nothing.
                return self._store.insert(name, documents, seconds=max(deadline - time.monotonic(), pause))
            except StoreUnavailable:
                if time.monotonic() + pause >= deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
