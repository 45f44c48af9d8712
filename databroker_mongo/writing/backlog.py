"""What becomes of documents that are not stored: they wait in the spool, or are set aside for good.

What does not belong here: what a spool file looks like (``store/spool``), when documents are sent (``direct``,
``outbox``).
"""

from __future__ import annotations

import logging
import time
import warnings
from itertools import islice

from ..errors import DurabilityWarning, NotAuthorized, StoreError, StoreUnavailable
from ..store.spool import Spool, SpoolFile, encode_rows
from .delivery import Delivery, Refusal, Rows

log = logging.getLogger(__name__)

_PROBE_SECONDS = 3.0
_SECONDS_BETWEEN_PROBES = 30.0
_ROWS_AT_ONCE = 500
_LARGE_BYTES = 64_000_000


class Backlog:
    """The spool of one writer, and its quarantine. For one thread at a time.

    Parameters
    ----------
    delivery : Delivery
        What brings spooled documents to the store, in the end.
    spool : Spool or None
        Where documents wait, and where refused ones are set aside.
    may_wait : bool
        Whether documents wait in the spool while the server is gone; else that is an error.

    Attributes
    ----------
    is_waiting : bool
        Whether the server counts as gone: documents go to the spool, and are not sent.
    """

    def __init__(self, delivery: Delivery, spool: Spool | None, *, may_wait: bool):
        self._delivery = delivery
        self._spool = spool if may_wait else None
        self._quarantine = spool
        self._file: SpoolFile | None = None
        self._is_broken = False
        self._has_looked_back = False
        self._next_probe = 0.0
        self.is_waiting = False

    def keep(self, rows: Rows) -> tuple[int, bool]:
        """Write documents ahead to the spool, so that they survive this process until they are stored.

        Returns
        -------
        n_bytes : int
            Their size.
        are_kept : bool
            False when there is no spool, or it cannot be written.
        """
        encoded = encode_rows(rows)
        if self._spool is not None and not self._is_broken:
            try:
                self._append(encoded, is_synced=False)
            except OSError as error:
                self._is_broken = True
                text = (
                    f"{self._spool.directory} cannot be written ({error}): documents that are not acknowledged yet are "
                    "lost should this process end."
                )
                warnings.warn(text, DurabilityWarning, stacklevel=4)
        return len(encoded), self._spool is not None and not self._is_broken

    def leave(self, rows: Rows, cause: StoreError | None = None) -> str | None:
        """Leave documents in the spool, on the disk, along with those that were kept.

        Parameters
        ----------
        rows : sequence of (str, dict)
            Documents that are not in the spool yet.
        cause : StoreError, optional
            Why they are not stored, where it is not known yet that the server is gone.

        Returns
        -------
        str or None
            What the user must know, when this is where waiting begins.

        Raises
        ------
        StoreError
            The cause, when there is no spool or it cannot be written.
        """
        if self._spool is None:
            raise cause or StoreUnavailable(f"{self._delivery.address} is gone.")
        try:
            self._append(encode_rows(rows), is_synced=True)
        except OSError as error:
            text = f"{self._delivery.address} is gone, and {self._spool.directory} cannot be written: {error}"
            raise StoreUnavailable(text) from (cause or error)
        if self.is_waiting:
            return None
        self.is_waiting = True
        self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
        refused = f"{self._delivery.address} refuses the account. " if isinstance(cause, NotAuthorized) else ""
        return (
            f"{refused}Since {time.ctime()} documents are not stored but kept in {self._spool.directory}. They are "
            f"sent again from time to time, and when a writer for this database is next opened. The reason: {cause}"
        )

    @property
    def is_needed(self) -> bool:
        """Whether something may be in the spool that this writer has to store."""
        return self.is_waiting or (
            self._spool is not None and not self._has_looked_back and self._spool.holds_documents()
        )

    @property
    def is_due(self) -> bool:
        """Whether it is time to ask whether the server is back."""
        return time.monotonic() >= self._next_probe

    @property
    def is_large(self) -> bool:
        """Whether the file of documents that are kept should be emptied before it grows further."""
        return self._file is not None and self._file.size > _LARGE_BYTES

    def catch_up(self) -> bool:
        """Try for a few seconds to store what is spooled, by this process or one before; return whether it is empty."""
        if self.is_waiting and self._file is not None:
            self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
            try:
                n_rows = self._replay(self._file)
            except StoreError as error:
                log.debug("the server is still gone: %s", error)
                return False
            self.forget()
            self.is_waiting = False
            log.warning("%s answers again: %d spooled documents are stored", self._delivery.address, n_rows)
        self._look_back()
        return True

    def forget(self) -> None:
        """Empty the spool file: all that it holds is stored."""
        if self._file is not None:
            self._file.clear()

    def look_back(self) -> None:
        """Store, once, what writers before this one have left in the spool; when that fails, again after a while."""
        if self.is_due:
            self._look_back()

    def _look_back(self) -> None:
        if self._spool is None or self._has_looked_back:
            return
        self._has_looked_back = True
        self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
        try:
            for file in self._spool.left_behind():
                try:
                    n_rows = self._replay(file)
                    file.clear()
                    log.warning("stored %d documents that an earlier writer left in %s", n_rows, file.path)
                finally:
                    file.close()
        except (StoreError, OSError) as error:
            self._has_looked_back = False
            log.warning("what earlier writers have spooled stays there: %s", error)

    def set_aside(self, refusals: list[Refusal]) -> None:
        """Put documents that were refused into the quarantine, each with its error, which then names the file.

        Any thread may do so at any time.
        """
        for refusal in refusals:
            if self._quarantine is None:
                return
            try:
                path = self._quarantine.quarantine(*refusal)
            except OSError as error:
                log.warning("a refused document cannot be set aside (%s): %s", error, refusal.error)
            else:
                refusal.error.add_facts(quarantine=str(path))
                log.warning("a document was refused, and set aside in %s: %s", path, refusal.error.message)

    def close(self) -> None:
        """Free the spool file; what it holds is left on the disk for the next writer."""
        if self._file is not None:
            self._file.sync()
            self._file.close()
        self._file = None
        self.is_waiting = False

    def _append(self, encoded: bytes, *, is_synced: bool) -> None:
        assert self._spool is not None
        self._file = self._file or self._spool.new_file()
        self._file.append(encoded, is_synced=is_synced)

    def _replay(self, file: SpoolFile) -> int:
        n_rows = 0
        rows = file.rows()
        while portion := list(islice(rows, _ROWS_AT_ONCE)):
            self.set_aside(self._delivery.deliver(portion, seconds=_PROBE_SECONDS))
            n_rows += len(portion)
        return n_rows
