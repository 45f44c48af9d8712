"""Collections of mongomock that give and keep documents as those of a server do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from bson import DBRef

from ..connection.collections import Collections

_UNCHANGED = frozenset({str, float, int, bool, type(None)})

MOCK_LOCK = threading.RLock()
"""mongomock empties a document before it fills it again, and walks over collections that grow meanwhile."""


class MemoryCollections(Collections):
    """The collections of the normalised layout in memory."""

    def _of(self, database: Any, name: str) -> PlainCollection:  # type: ignore[override]  # it answers like one
        return PlainCollection(super()._of(database, name))


class PlainCollection:
    """A collection of mongomock, which keeps objects as they were given, whose documents come out as from a server."""

    def __init__(self, collection: Any):
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    def find(self, *arguments: Any, **keywords: Any) -> _PlainCursor:
        """Find documents."""
        return _PlainCursor(self._collection.find(*arguments, **keywords))

    def find_one(self, *arguments: Any, **keywords: Any) -> Any:
        """Find one document, or None."""
        with MOCK_LOCK:
            return _plain(self._collection.find_one(*arguments, **keywords))

    def aggregate(self, *arguments: Any, **keywords: Any) -> Iterator[Any]:
        """Pass documents through a pipeline."""
        with MOCK_LOCK:
            return map(_plain, list(self._collection.aggregate(*arguments, **keywords)))

    def insert_one(self, document: Any) -> Any:
        """Insert a document."""
        with MOCK_LOCK:
            return self._collection.insert_one(document)

    def insert_many(self, documents: Any, **keywords: Any) -> Any:
        """Insert documents."""
        with MOCK_LOCK:
            return self._collection.insert_many(documents, **keywords)

    def with_options(self, **_: Any) -> PlainCollection:
        """Return the collection itself: there is no other member of a set to ask."""
        return self

    def replace_one(self, *arguments: Any, **keywords: Any) -> Any:
        """Replace a document."""
        with MOCK_LOCK:
            return self._collection.replace_one(*arguments, **keywords)


class _PlainCursor:
    def __init__(self, cursor: Any):
        self._cursor = cursor

    def sort(self, *arguments: Any) -> _PlainCursor:
        self._cursor.sort(*arguments)
        return self

    def batch_size(self, size: int) -> _PlainCursor:
        self._cursor.batch_size(size)
        return self

    def __iter__(self) -> Iterator[Any]:
        with MOCK_LOCK:
            return map(_plain, list(self._cursor))


def _plain(value: Any) -> Any:
    if type(value) in _UNCHANGED:
        return value
    if isinstance(value, dict | DBRef):
        document = value.as_doc() if isinstance(value, DBRef) else value
        return {key: _plain(each) for key, each in document.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return int.__index__(value) if isinstance(value, int) else value
