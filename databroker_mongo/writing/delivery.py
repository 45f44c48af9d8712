"""Bringing documents to a store, through restarts and failovers of its server.

What does not belong here: when documents are sent (``writer``), what a spool file looks like (``store/spool``).
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from ..documents import SINGLES
from ..errors import DuplicateDocument, DurabilityWarning, InvalidDocument, StoreError, StoreUnavailable
from ..store.protocol import Document, WritableStore
from ..store.spool import Spool, SpoolFile, encode_rows

log = logging.getLogger(__name__)

Rows = Sequence[tuple[str, Document]]

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_PROBE_SECONDS = 3.0
_SECONDS_BETWEEN_PROBES = 30.0
_ROWS_AT_ONCE = 500


class Refusal(NamedTuple):
    """A document that will never be stored as it is."""

    name: str
    document: Document
    error: InvalidDocument | DuplicateDocument


class Delivery:
    """Stores documents or, while the server is gone, spools them. For one thread at a time.

    Parameters
    ----------
    store : WritableStore
        Where documents belong.
    spool : Spool or None
        Where they wait; without one the store's error is raised.
    retry_seconds : float
        How long to go on sending before the server counts as gone.
    """

    def __init__(self, store: WritableStore, *, spool: Spool | None, retry_seconds: float):
        self._store = store
        self._spool = spool
        self._retry_seconds = retry_seconds
        self._file: SpoolFile | None = None
        self._next_probe = 0.0
        self._has_looked_back = False
        self._is_spool_broken = False
        self.is_spooling = False

    def keep(self, rows: Rows) -> tuple[int, bool]:
        """Write documents ahead to the spool, where they stay until :meth:`send` has stored them.

        Returns
        -------
        n_bytes : int
            Their size.
        are_kept : bool
            False when there is no spool, or it cannot be written.
        """
        encoded = encode_rows(rows)
        if self._spool is not None and not self._is_spool_broken:
            try:
                self._append(encoded, is_synced=self.is_spooling)
            except OSError as error:
                self._is_spool_broken = True
                warnings.warn(
                    f"{self._spool.directory} cannot be written ({error}): documents that are not acknowledged yet are "
                    "lost should this process end.",
                    DurabilityWarning,
                    stacklevel=4,
                )
        return len(encoded), self._spool is not None and not self._is_spool_broken

    def send(self, rows: Rows, *, are_kept: bool = False) -> bool:
        """Store documents, or leave them in the spool; return whether they are stored.

        Parameters
        ----------
        rows : sequence of (str, dict)
            Kind and contents of single documents, checked.
        are_kept : bool
            Whether :meth:`keep` has written all of them to the spool.

        Raises
        ------
        InvalidDocument, DuplicateDocument
            For the first document that is refused, after all others are stored. With a spool, refused documents lie in
            its quarantine.
        StoreError
            When they cannot be stored and there is no spool.
        """
        if self.is_spooling and (time.monotonic() < self._next_probe or not self.catch_up()):
            self._spool_rows(rows, are_kept, None)
            return False
        try:
            refusals = self._deliver(rows, self._retry_seconds)
        except StoreError as error:
            self._spool_rows(rows, are_kept, error)
            return False
        self._forget()
        self._look_back()
        self._set_aside(refusals)
        if refusals:
            raise refusals[0].error
        return True

    def catch_up(self) -> bool:
        """Try for a few seconds to store what is spooled, by this process or one before; return whether it is empty."""
        if self.is_spooling and self._file is not None:
            self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
            try:
                n_rows = self._replay(self._file)
            except StoreError as error:
                log.debug("the server is still gone: %s", error)
                return False
            self._forget()
            self.is_spooling = False
            log.warning("%s answers again: %d spooled documents are stored", self._store.address, n_rows)
        self._look_back()
        return True

    def close(self) -> None:
        """Free the spool file; what it holds is left for the next writer."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self.is_spooling = False

    def _deliver(self, rows: Rows, seconds: float) -> list[Refusal]:
        """Store documents, those that others refer to first; return those that are refused."""
        refusals = []
        for name in SINGLES:
            documents = [document for kind, document in rows if kind == name]
            if documents:
                refusals += self._insert(name, documents, seconds)
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

    def _append(self, encoded: bytes, *, is_synced: bool) -> None:
        assert self._spool is not None
        self._file = self._file or self._spool.new_file()
        self._file.append(encoded, is_synced=is_synced)

    def _spool_rows(self, rows: Rows, are_kept: bool, cause: StoreError | None) -> None:
        """Leave documents in the spool, on the disk; raise the cause where there is no spool."""
        if self._spool is None:
            assert cause is not None
            raise cause
        try:
            self._append(b"" if are_kept else encode_rows(rows), is_synced=True)
        except OSError as error:
            text = f"{self._store.address} is gone, and the spool {self._spool.directory} cannot be written: {error}"
            raise StoreUnavailable(text) from (cause or error)
        if not self.is_spooling:
            self.is_spooling = True
            self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
            warnings.warn(
                f"Since {time.ctime()} documents are not stored but kept in {self._spool.directory}. They are sent "
                f"again from time to time, and when a writer for this database is next opened. The reason: {cause}",
                DurabilityWarning,
                stacklevel=4,
            )

    def _forget(self) -> None:
        if self._file is not None:
            self._file.clear()

    def _look_back(self) -> None:
        """Store, once, what writers before this one have left in the spool."""
        if self._spool is None or self._has_looked_back:
            return
        self._has_looked_back = True
        try:
            for file in self._spool.left_behind():
                try:
                    n_rows = self._replay(file)
                    file.clear()
                    log.warning("stored %d documents that an earlier writer left in %s", n_rows, file.path)
                finally:
                    file.close()
        except (StoreError, OSError) as error:
            log.warning("what earlier writers have spooled stays there: %s", error)

    def _replay(self, file: SpoolFile) -> int:
        n_rows = 0
        rows = file.rows()
        while portion := list(islice(rows, _ROWS_AT_ONCE)):
            self._set_aside(self._deliver(portion, _PROBE_SECONDS))
            n_rows += len(portion)
        return n_rows

    def _set_aside(self, refusals: list[Refusal]) -> None:
        for refusal in refusals if self._spool is not None else ():
            assert self._spool is not None
            try:
                path = self._spool.quarantine(*refusal)
            except OSError as error:
                log.warning("a refused document cannot be set aside (%s): %s", error, refusal.error)
            else:
                refusal.error.add_facts(quarantine=str(path))
                log.warning("a document was refused, and set aside in %s: %s", path, refusal.error.message)
