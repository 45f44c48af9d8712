"""What becomes of documents that are not stored: they wait in the spool, or are set aside for good.

What does not belong here: what a spool file looks like (``spool``), when documents are sent (``direct_sender``,
``batch_sender``).
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..errors import CatalogError, DurabilityWarning, HostUnknown, NotAuthorized, StoreUnavailable, stacklevel_of_caller
from ..store import SpoolReport
from . import spool_folders
from .delivery import FAILURES, Delivery, Refusal, Rows
from .spool import Spool, SpoolFile, encode_rows

_logger = logging.getLogger("databroker_mongo")

_PROBE_SECONDS = 3.0
_SECONDS_BETWEEN_PROBES = 30.0
_ROWS_AT_ONCE = 500
_LARGE_BYTES = 64_000_000


class Sent(NamedTuple):
    """What became of documents.

    Attributes
    ----------
    is_stored : bool
        Whether they are stored or refused; else they wait in the spool.
    refusals : list of Refusal
        Those that are refused.
    warning : str or None
        What the user must know, when this is where waiting begins.
    """

    is_stored: bool
    refusals: list[Refusal]
    warning: str | None


class Replayed(NamedTuple):
    """What was sent of one spool file.

    Attributes
    ----------
    folder : pathlib.Path
        Where it was.
    n_documents, n_refused : int
        How many documents it held, and how many of them are refused and set aside.
    oldest : float or None
        When the first was spooled, seconds since 1970; None where an earlier version did not say.
    """

    folder: Path
    n_documents: int
    n_refused: int
    oldest: float | None


class Backlog:
    """The spool of one writer, and its quarantine. For one thread at a time.

    Parameters
    ----------
    delivery : Delivery
        What brings spooled documents to the store, in the end.
    spool : Spool or None
        Where documents wait, and where refused ones are set aside.
    can_wait : bool
        Whether documents wait in the spool while the server is gone; else that is an error.
    can_begin_offline : bool
        Whether they wait from the first one on also where the reason is one that does not pass by itself.

    Attributes
    ----------
    is_waiting : bool
        Whether the server counts as gone: documents go to the spool, and are not sent.
    """

    def __init__(
        self,
        delivery: Delivery,
        spool: Spool | None,
        *,
        can_wait: bool,
        can_begin_offline: bool = False,
    ):
        self._delivery = delivery
        self._spool = spool if can_wait else None
        self._quarantine = spool
        self._file: SpoolFile | None = None
        self._is_broken = False
        self._has_adopted = False
        self._has_begun = can_begin_offline
        self._is_refused = False
        self._next_probe = 0.0
        self.is_waiting = False

    @property
    def directory(self) -> Path | None:
        """Where documents wait; None where they do not."""
        return None if self._spool is None else self._spool.directory

    @property
    def n_waiting(self) -> int:
        """How many documents wait in the file of this writer."""
        return self._file.n_documents if self.is_waiting and self._file is not None else 0

    @property
    def is_needed(self) -> bool:
        """Whether something may be in the spool that this writer has to store."""
        return self.is_waiting or (self._spool is not None and not self._has_adopted and self._spool.has_documents())

    @property
    def is_due(self) -> bool:
        """Whether it is time to ask whether the server is back."""
        return time.monotonic() >= self._next_probe

    @property
    def is_large(self) -> bool:
        """Whether the file of documents that are kept should be emptied before it grows further."""
        return self._file is not None and self._file.size > _LARGE_BYTES

    def send(self, rows: Rows) -> Sent:
        """Store documents, or spool them when the server is gone.

        Raises
        ------
        StoreError, ServerError, ConfigurationError
            As :meth:`spool` does.
        """
        try:
            refusals = self._delivery.deliver(rows)
        except FAILURES as error:
            return Sent(False, [], self.spool(rows, error))
        self.adopt_orphans()
        self.set_aside(refusals)
        return Sent(True, refusals, None)

    def write_ahead(self, rows: Rows) -> tuple[int, bool]:
        """Write documents ahead to the spool, so that they survive this process until they are stored.

        Returns
        -------
        n_bytes : int
            Their size.
        is_spooled : bool
            False when there is no spool, or it cannot be written.
        """
        encoded = encode_rows(rows)
        if self._spool is not None and not self._is_broken:
            try:
                self._append(encoded, is_synced=False)
            except OSError as error:
                self._is_broken = True
                text = (
                    f"{self._spool.directory} cannot be written ({_reason(error)}): documents that are not "
                    "acknowledged yet are lost if this process ends."
                )
                warnings.warn(text, DurabilityWarning, stacklevel=stacklevel_of_caller())
        return sum(map(len, encoded)), self._spool is not None and not self._is_broken

    def spool(self, rows: Rows, cause: CatalogError | None = None) -> str | None:
        """Put documents into the spool, on the disk, along with those that were written ahead.

        Parameters
        ----------
        rows : sequence of (str, dict)
            Documents that are not in the spool yet.
        cause : CatalogError, optional
            Why they are not stored, where it is not known yet that the server is gone.

        Returns
        -------
        str or None
            What the user must know, when this is where waiting begins.

        Raises
        ------
        StoreError, ServerError, ConfigurationError
            The cause, when there is no spool or it cannot be written, or when nothing was ever accepted and nothing
            ever would be.
        """
        if self._spool is None or (cause is not None and not self._can_wait_for(cause)):
            raise cause or StoreUnavailable(f"No server answers at {self._delivery.address}.")
        try:
            self._append(encode_rows(rows), is_synced=True)
        except OSError as error:
            text = (
                f"{_counted(len(rows))} cannot be kept: MongoDB at {self._delivery.address} cannot be written to "
                f"just now, and {self._spool.directory}, where documents are spooled for it, cannot be written "
                f"either ({_reason(error)}). Documents that were accepted before are safe. Free some room there, "
                "or name another directory: Writer(..., spool=DIRECTORY)."
            )
            raise StoreUnavailable(text, path=str(self._spool.directory)) from (cause or error)
        self._has_begun = True
        if self.is_waiting:
            return None
        self.is_waiting = True
        self._is_refused = isinstance(cause, NotAuthorized)
        self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
        refused = f"{self._delivery.address} refuses the account. " if self._is_refused else ""
        return (
            f"{refused}Since {time.ctime()} documents are not stored but kept in {self._spool.directory}. They are "
            f"retried from time to time, and when a writer for this database is next opened. The reason: {cause}"
        )

    def drain(self) -> bool:
        """Try for a few seconds to store what is spooled, by this process or one before; return whether it is empty."""
        if self.is_waiting and self._file is not None:
            self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
            try:
                found = self._replay(self._file)
            except FAILURES as error:
                self._still_waits(error)
                return False
            self.clear()
            self.is_waiting = False
            _logger.warning(
                "%s answers again: %d spooled documents are stored", self._delivery.address, found.n_documents
            )
            self._report([found])
        self._adopt_orphans()
        return True

    def clear(self) -> None:
        """Empty the spool file: all that it holds is stored."""
        if self._file is not None:
            self._file.clear()

    def adopt_orphans(self) -> None:
        """Store, once, what writers before this one have left in the spool; when that fails, again after a while."""
        if self.is_due:
            self._adopt_orphans()

    def send_orphans(self, folders: Iterable[Path] = ()) -> list[Replayed]:
        """Store what writers before this one have left in the spool of this database, and in other folders.

        Raises
        ------
        StoreError, ServerError, ConfigurationError
            Not all of it can be stored; the rest stays.
        OSError
            A file cannot be opened or locked.
        """
        found: list[Replayed] = []
        spool = self._spool or self._quarantine
        try:
            for file in spool.orphans(folders) if spool is not None else ():
                try:
                    found.append(self._replay(file))
                    file.clear()
                    _logger.warning("stored %d documents that lay in %s", found[-1].n_documents, file.path)
                finally:
                    file.close()
        finally:
            self._report(found)
        return found

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
                _logger.warning("a refused document cannot be set aside (%s): %s", error, refusal.error)
            else:
                refusal.error.add_facts(quarantine=str(path))
                _logger.warning("a document was refused, and set aside in %s: %s", path, refusal.error.message)

    def close(self) -> str | None:
        """Free the spool file; what it holds is left on the disk for the next writer, which may be this one again.

        Returns
        -------
        str or None
            What the user must know, when something is left.
        """
        file, self._file = self._file, None
        self.is_waiting = False
        if file is None:
            return None
        file.sync()
        file.close()
        if not file.size:
            return None
        self._has_adopted = False
        return (
            f"Not stored yet: {_counted(file.n_documents)}, kept in {file.path.parent}. They are sent when a writer "
            "for this database is next opened, and by: databroker-mongo spool send NAME_OR_URI"
        )

    def _can_wait_for(self, cause: CatalogError) -> bool:
        """Tell whether a failure is one that passes; once something was accepted, every failure counts as that."""
        return self._has_begun or self._delivery.has_stored or can_pass(cause)

    def _still_waits(self, error: CatalogError) -> None:
        is_refused = isinstance(error, NotAuthorized)
        if is_refused and not self._is_refused:
            _logger.warning("documents in %s are still pending, now because of: %s", self.directory, error)
        else:
            _logger.debug("the server is still away: %s", error)
        self._is_refused = is_refused

    def _adopt_orphans(self) -> None:
        if self._spool is None or self._has_adopted:
            return
        self._has_adopted = True
        self._next_probe = time.monotonic() + _SECONDS_BETWEEN_PROBES
        try:
            self.send_orphans()
        except (*FAILURES, OSError) as error:
            self._has_adopted = False
            _logger.warning("the documents that earlier writers have spooled stay there: %s", error)

    def _append(self, encoded: list[bytes], *, is_synced: bool) -> None:
        assert self._spool is not None
        self._file = self._file or self._spool.new_file()
        self._file.append(encoded, is_synced=is_synced)

    def _replay(self, file: SpoolFile) -> Replayed:
        n_rows = n_refused = 0
        rows = file.rows()
        while portion := list(islice(rows, _ROWS_AT_ONCE)):
            refusals = self._delivery.deliver(portion, seconds=_PROBE_SECONDS)
            self.set_aside(refusals)
            n_rows += len(portion)
            n_refused += len(refusals)
        damaged = file.keep_damaged_rest()
        if damaged is not None:
            _logger.error(
                "%s is damaged: the records after its first %d documents are kept in %s", file.path, n_rows, damaged
            )
        return Replayed(file.path.parent, n_rows, n_refused, file.oldest)

    def _report(self, found: list[Replayed]) -> None:
        """Leave a row about each folder in the database, so that its owner learns what waited where."""
        for folder in dict.fromkeys(each.folder for each in found):
            of_folder = [each for each in found if each.folder == folder]
            times = [each.oldest for each in of_folder if each.oldest is not None]
            self._delivery.report(
                SpoolReport(
                    path=str(folder),
                    n_documents=sum(each.n_documents for each in of_folder),
                    oldest=min(times, default=None),
                    is_drained=not spool_folders.has_documents(folder),
                )
            )


def can_pass(error: CatalogError) -> bool:
    """Tell whether a failure passes by itself: no server answers, or it says "not now".

    Where it answers that it will not, or where there is no such host, it does not.
    """
    return isinstance(error, StoreUnavailable) and not isinstance(error, HostUnknown)


def _counted(n_documents: int) -> str:
    return f"{n_documents} document{'s' * (n_documents != 1)}"


def _reason(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error.strerror or str(error)
