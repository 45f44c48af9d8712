"""The Writer: a ``(name, document)`` callback that stores a run as it happens.

What does not belong here: checks (``documents``), batches, retries and the spool (the modules beside this).
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NoReturn, cast

from .. import config, documents
from ..errors import BelongsToProcess, ConfigurationError, DurabilityWarning, InvalidDocument, stacklevel_of_caller
from ..store import Document, WritableStore, open_store, writable
from .backlog import Backlog
from .batch_sender import BatchLimits, BatchSender
from .delivery import Delivery, Refusal, Rows
from .direct_sender import DirectSender
from .prospects import Prospects
from .sender import Sender
from .spool import Spool, spool_of

_logger = logging.getLogger("databroker_mongo")

_REMEMBERED = frozenset({"descriptor", "resource", "stream_resource", "stop"})
_SECONDS_AT_EXIT = 3.0
_SHOWN_AFTER_SECONDS = 5.0
_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Send what writers that were never closed have collected; the clients, registered before, are closed after."""
    for writer in list(_writers):
        _close(writer._sender, writer._pid, seconds=_SECONDS_AT_EXIT)


def _close(sender: Sender, pid: int, *, seconds: float | None = None) -> None:
    """Close the sender of a writer that nobody closes, unless a fork has only copied it."""
    if pid == os.getpid() and (left := sender.close(seconds=seconds)):
        _logger.warning("%s", left)


class Writer:
    """Stores documents durably: an acknowledged document is in the journal of a majority of the servers.

    While the server restarts, calls retry. If it stays away longer, documents are spooled to a file, and stored when it
    is back, or when a writer for the same database is next opened. Documents that are refused are set aside in
    ``quarantine/`` beside that file. Any number of threads may share a writer, but it belongs to the process that made
    it.

    A failure that cannot pass is an error at the first document: a server that refuses the account, a host that does
    not exist, a spool that would be lost. Once a document was stored or spooled, a plan ends only if a document is
    refused, or if the disk is full while the server is away.

    Parameters
    ----------
    target : str, Catalog or WritableStore
        The destination: a URI with a database, a catalog, or a store that is open for writing.
    durable : {"each", "batch"}
        ``"each"``: a call returns when its documents are acknowledged; what other threads bring meanwhile is sent
        together. ``"batch"``: documents are collected, in the spool too when there is one, and sent together by a
        thread: when there are ``batch_documents`` or ``batch_bytes`` of them, after ``batch_seconds``, and before the
        call returns with the first document, a descriptor or a stop, and on :meth:`flush`. The next call raises an
        error that occurred meanwhile.
    on_failure : {"spool", "raise"}
        The action if the server stays away: spool with a warning, or raise the error.
    spool : path, optional
        The directory of the spools and quarantines of all databases. By default one below the user's state directory,
        and with ``on_failure="raise"`` none.
    spool_anywhere : bool
        Whether to accept a spool that is lost when the machine or its container restarts, or on a network disk, without
        a warning.
    begin_offline : bool
        Whether documents are spooled from the first one on, even if this is otherwise an error: while the account is
        refused, or the host is unknown.
    retry_seconds : float
        How long to retry while no server answers.
    batch_documents, batch_bytes : int
        The size of a batch.
    batch_seconds : float
        The longest time that a document is pending in a batch.
    copies_runs : bool
        Whether a columnar copy of the events is made when the stop of a run of at most 100,000 events is stored, before
        the call returns. A copy that cannot be made is a warning in the log.
    strict : bool
        Whether options of the URI that weaken durability are an error rather than a warning.

    Raises
    ------
    ConfigurationError
        The URI cannot be used, says ``w=0``, so that no server tells what it has stored, or ``strict`` is set and it
        weakens durability.

    Examples
    --------
    >>> writer = Writer("memory://example")
    >>> writer("start", {"uid": "5f2b", "time": 1700000000.0})
    >>> writer.acknowledged
    1
    """

    def __init__(
        self,
        target: Any,
        *,
        durable: Literal["each", "batch"] = "each",
        on_failure: Literal["spool", "raise"] = "spool",
        spool: str | os.PathLike[str] | None = None,
        spool_anywhere: bool = False,
        begin_offline: bool = False,
        retry_seconds: float = 30.0,
        batch_documents: int = 100,
        batch_bytes: int = 4_000_000,
        batch_seconds: float = 0.2,
        copies_runs: bool = False,
        strict: bool = False,
    ):
        _require_one_of("durable", durable, ("each", "batch"))
        _require_one_of("on_failure", on_failure, ("spool", "raise"))
        store = _writable_store(target)
        _require_durability(store, strict=strict)
        can_wait = on_failure == "spool"
        own_spool = _spool(store, spool) if can_wait or spool is not None else None
        self._prospects = Prospects(store, own_spool if can_wait else None, spool_anywhere=spool_anywhere)
        self._delivery = Delivery(
            store, retry_seconds=retry_seconds, diagnose=self._prospects.find_out_why, copies_runs=copies_runs
        )
        self._backlog = Backlog(
            self._delivery,
            own_spool,
            can_wait=can_wait,
            can_begin_offline=begin_offline,
        )
        limits = BatchLimits(batch_documents, batch_bytes, batch_seconds)
        self._address = store.address
        self._sender: Sender = (
            DirectSender(self._backlog) if durable == "each" else BatchSender(self._delivery, self._backlog, limits)
        )
        self._run_of: dict[str, str] = {}
        self._has_begun = False
        self._beginning = threading.Lock()
        self._pid = os.getpid()
        weakref.finalize(self, _close, self._sender, self._pid).atexit = False
        _writers.add(self)

    @property
    def acknowledged(self) -> int:
        """How many calls, counted from the first, are finished: their documents are stored, or refused."""
        return self._sender.n_acknowledged

    @property
    def pending(self) -> int:
        """How many calls are not finished: their documents are pending in a batch or in the spool."""
        return self._sender.n_given - self._sender.n_acknowledged

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Store a document of any kind; one that is stored already changes nothing.

        Parameters
        ----------
        name : str
            Kind of document: ``start``, ``descriptor``, ``event``, ``event_page`` and so on.
        doc : mapping
            The document. It may be changed afterwards.

        Raises
        ------
        InvalidDocument
            The document breaks its schema, or holds a value that cannot be stored; none of it is stored.
        DuplicateDocument
            A document with that uid is stored with other contents.
        StoreUnavailable
            No server acknowledged it and ``on_failure="raise"``, or it cannot be spooled.
        NotAuthorized, HostUnknown, StoreError, ServerError
            It is the first document, and none will ever be stored.
        ConfigurationError
            It is the first document, and spooled documents would be lost.
        BelongsToProcess
            Another process made this writer.
        """
        self._require_own_process()
        try:
            rows = documents.checked(name, doc)
        except InvalidDocument as error:
            parent = error.facts.get("descriptor_uid") or error.facts.get("resource_uid")
            error.add_facts(run_uid=self._run_of.get(str(parent)))
            self._backlog.set_aside([Refusal(name, doc, error)])
            raise
        if name in _REMEMBERED:
            self._remember(name, rows[0][1])
        if self._has_begun:
            self._sender.put(rows)
        else:
            self._begin(rows)
        if name in self._sender.flushed_after:
            self._sender.flush()

    def _begin(self, rows: Rows) -> None:
        """Look whether it can ever work, and send the first documents at once; the others of several threads wait."""
        with self._beginning:
            if not self._has_begun:
                self._prospects.look_at_spool()
                n_given = self._sender.n_given
                try:
                    self._sender.put_first(rows)
                finally:
                    # What is refused has reached the store, and counts; what fails is forgotten, and the next is first.
                    self._has_begun = self._sender.n_given > n_given
                return
        self._sender.put(rows)

    def flush(self) -> None:
        """Send the pending documents: of the batch, of the spool, and of the spools that earlier writers left.

        Afterwards :attr:`pending` is 0, unless the server stays away and there is a spool.

        Raises
        ------
        InvalidDocument, DuplicateDocument, StoreUnavailable
            As a call does.
        """
        self._require_own_process()
        self._sender.flush()

    def close(self) -> None:
        """Send the pending documents, and free the spool. Others are left there for the next writer, with a warning.

        Raises
        ------
        InvalidDocument, DuplicateDocument, StoreUnavailable
            As a call does; the writer is closed all the same.
        """
        try:
            self.flush()
        finally:
            left = self._sender.close()
        if left is not None:
            warnings.warn(left, DurabilityWarning, stacklevel=stacklevel_of_caller())

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        shown = [repr(self._address)]
        if self.pending:
            shown.append(f"pending={self.pending}")
        if self._backlog.n_waiting:
            shown.append(f"spooled={self._backlog.n_waiting}, spool={str(self._backlog.directory)!r}")
        since = self._delivery.waits_since
        if since is not None and time.monotonic() - since >= _SHOWN_AFTER_SECONDS:
            shown.append(f"waiting_seconds={time.monotonic() - since:.0f}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise BelongsToProcess(
            "A Writer cannot be pickled or copied: it belongs to the process that made it, with the documents that it "
            "has not delivered yet. Make one where the documents are: Writer(URI). Threads of a process may share one.",
            address=self._address,
        )

    def _require_own_process(self) -> None:
        if self._pid != os.getpid():
            raise BelongsToProcess(
                "A Writer cannot be used after a fork: it belongs to the process that made it, with its spool. Make "
                "one in this process: Writer(URI).",
                address=self._address,
                process=self._pid,
            )

    def _remember(self, name: str, doc: Document) -> None:
        """Keep in mind which run is meant by documents that name only their descriptor or resource."""
        if name == "stop":
            self._run_of = {uid: run for uid, run in self._run_of.items() if run != doc["run_start"]}
        elif "run_start" in doc:
            self._run_of[doc["uid"]] = doc["run_start"]


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}.")


def _require_durability(store: WritableStore, *, strict: bool) -> None:
    for option in store.weaknesses:
        text = (
            f"The option {option} in the URI {store.address} weakens what a writer promises: documents that were "
            "acknowledged may be lost when a server ends. Leave it out."
        )
        if strict:
            raise ConfigurationError(text, option=option)
        warnings.warn(text, DurabilityWarning, stacklevel=stacklevel_of_caller())


def _writable_store(target: Any) -> WritableStore:
    if isinstance(target, str | config.Uri):
        return writable(open_store(target))
    store = getattr(target, "store", target)  # a catalog has one; its class is of a room above this one
    # What pymongo makes has any attribute that is asked for, but none of them is a text.
    if not isinstance(getattr(store, "address", None), str):
        raise ConfigurationError(
            "a Writer takes a URI like mongodb://HOST/DATABASE, a catalog, or a store that is open for writing, not a "
            f"value of type {type(target).__name__}."
        )
    return cast(WritableStore, store) if hasattr(store, "insert") else writable(store)


def _spool(store: WritableStore, directory: str | os.PathLike[str] | None) -> Spool | None:
    if not store.is_persistent:
        return None
    return spool_of(store, Path(directory) if directory is not None else config.spool_directory())
