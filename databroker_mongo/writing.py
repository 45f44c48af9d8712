"""The Writer: a ``(name, document)`` callback that stores a run as it happens.

What does not belong here: what makes a document valid (``documents``), how it is put into MongoDB (``store/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from types import TracebackType
from typing import Any

from . import documents
from .store.normalized import NormalizedStore, open_store, writable
from .store.protocol import Document, WritableStore


class Writer:
    """Stores documents, each durably before the call returns.

    Parameters
    ----------
    target : str, Catalog or WritableStore
        Where to: a URI with a database, a catalog, or a store that is open for writing.

    Examples
    --------
    >>> writer = Writer("memory://example")
    >>> writer("start", {"uid": "5f2b", "time": 1700000000.0})
    """

    def __init__(self, target: Any):
        self._store: WritableStore = _writable_store(target)
        self._run_of: dict[str, str] = {}

    def __call__(self, name: str, doc: Mapping[str, Any]) -> None:
        """Store a document of any kind; one that is stored already changes nothing.

        Raises
        ------
        InvalidDocument
            The document breaks its schema or holds a value that cannot be kept; nothing of it is stored.
        DuplicateDocument
            A document of that uid is stored with other contents.
        StoreUnavailable
            No server acknowledged it.
        """
        run_uid = self._run_of.get(doc["descriptor"]) if isinstance(doc, Mapping) and "descriptor" in doc else None
        rows = documents.checked(name, doc, run_uid=run_uid)
        for single, group in groupby(rows, key=itemgetter(0)):
            self._store.insert(single, [row for _, row in group])
        for single, row in rows:
            self._remember(single, row)

    def _remember(self, name: str, doc: Document) -> None:
        if name == "descriptor":
            self._run_of[doc["uid"]] = doc["run_start"]
        elif name == "stop":
            self._run_of = {uid: run for uid, run in self._run_of.items() if run != doc["run_start"]}

    def close(self) -> None:
        """Finish; nothing is left to be stored."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store.address!r})"


def _writable_store(target: Any) -> WritableStore:
    if isinstance(target, str):
        return writable(open_store(target))
    store = getattr(target, "store", target)
    return writable(store) if isinstance(store, NormalizedStore) else store
