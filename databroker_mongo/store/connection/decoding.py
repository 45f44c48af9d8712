"""How documents come out of a database: as Python's own values, and BSON's where Python has none.

The BSON library gives integers that are stored in 64 bits a class of their own, which YAML, for one, does not know, and
mappings with the keys ``$ref`` and ``$id`` one of references. To have it call `int` for each integer takes less time
than the objects of that class. Dates are in UTC without a zone, as they are stored; those before the year 1 and after
9999, which no `datetime` can hold, are ``bson.datetime_ms.DatetimeMS``.

What does not belong here: columns of numbers (``bson_columns``), and what a document means.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from bson import DBRef
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.int64 import Int64

_UNCHANGED = frozenset({str, float, int, bool, type(None)})

MOCK_LOCK = threading.RLock()
"""mongomock empties a document before it fills it again, and walks over collections that grow meanwhile."""


class _PlainInteger(TypeDecoder):
    bson_type = Int64
    transform_bson = staticmethod(int)  # type: ignore[assignment]  # no call of a method for each integer


class _PlainMapping(TypeDecoder):
    """A mapping with the keys ``$ref`` and ``$id`` is stored like any other, and may well be one."""

    bson_type = DBRef

    def transform_bson(self, value: DBRef) -> dict[str, Any]:
        return dict(value.as_doc())


PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(
    type_registry=TypeRegistry([_PlainInteger(), _PlainMapping()]), datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Integers as `int`, mappings as `dict`, dates without a zone, whatever a URI says."""

_EXACT = TypeRegistry([_PlainMapping()])


def decoding_plainly(database: Any) -> Any:
    """Return a database whose documents come out as plain values; what its URI says of UUIDs and texts is kept."""
    options = database.codec_options.with_options(
        document_class=dict,
        tz_aware=False,
        tzinfo=None,
        type_registry=PLAIN.type_registry,
        datetime_conversion=PLAIN.datetime_conversion,
    )
    return database.with_options(codec_options=options)


def decoding_exactly(database: Any) -> Any:
    """Return a database whose documents, put back, are stored in the very types that they had."""
    options = database.codec_options.with_options(
        document_class=dict,
        tz_aware=False,
        tzinfo=None,
        type_registry=_EXACT,
        datetime_conversion=PLAIN.datetime_conversion,
    )
    return database.with_options(codec_options=options)


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
