"""How documents are stored, and corrected, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...documents import Document, facts_of
from ...errors import InvalidDocument
from ...values import are_equal
from ..insertion.insertion import Insertion, list_operators
from ..insertion.revisions import Corrections, contents_of
from .collections import MOCK_LOCK


class MemoryInsertion(Insertion):
    """Puts documents into the collections of a database in memory, which has no indexes and takes any size."""

    def put(self, collection: Any, name: str, documents: list[Document]) -> list[tuple[Document, Document]]:
        """Insert documents, unless mongomock keeps them otherwise than a server."""
        _require_keepable(name, documents)
        return super().put(collection, name, documents)

    def _require_sizes(self, name: str, documents: list[Document], error: Exception) -> None:
        pass

    def _must_look_up(self, name: str, collection: Any) -> bool:
        return False


class MemoryCorrections(Corrections):
    """Changes documents in memory: mongomock compares no whole documents, but is in this process alone."""

    def correct(self, name: str, uid: str, change: Callable[[Document], Document]) -> None:
        """Change a stored document, unless mongomock would keep it otherwise than a server."""

        def keepable(stored: Document) -> Document:
            changed = change(stored)
            _require_keepable(name, [changed])
            return changed

        super().correct(name, uid, keepable)

    def _find(self, current: Any, uid: str) -> tuple[Any, Document]:
        stored = current.find_one({"uid": uid})
        return stored, contents_of(stored or {})

    def _replace(self, current: Any, expected: Any, changed: Document) -> bool:
        identity = {"_id": expected["_id"]}
        with MOCK_LOCK:
            is_expected = are_equal(current.find_one(identity), expected)
            return is_expected and bool(current.replace_one(identity, changed).matched_count)


def _require_keepable(name: str, documents: Iterable[Document]) -> None:
    """Refuse what mongomock does not keep, and a server does.

    Raises
    ------
    InvalidDocument
        A field of a document, not one within another, begins with ``$``.
    """
    for document in documents:
        for key in list_operators(document):
            raise InvalidDocument(
                f"A database in memory keeps no {name} document with a field that begins with '$', such as {key!r}. "
                "Name it otherwise, or store it on a MongoDB server.",
                **facts_of(name, document),
                field=key,
            )
