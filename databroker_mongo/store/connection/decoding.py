"""How documents come out of a database: as Python's own values, and BSON's where Python has none.

The BSON library gives integers that are stored in 64 bits a class of their own, which YAML, for one, does not know, and
mappings with the keys ``$ref`` and ``$id`` one of references. To have it call `int` for each integer takes less time
than the objects of that class. Dates are in UTC without a zone, as they are stored; those before the year 1 and after
9999, which no `datetime` can hold, are ``bson.datetime_ms.DatetimeMS``.

What does not belong here: columns of numbers (``events/``), and what a document means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import DBRef
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.int64 import Int64

from ...documents import Document

if TYPE_CHECKING:
    from pymongo.database import Database


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

BARE: CodecOptions[dict[str, Any]] = CodecOptions(document_class=dict)
"""For our own documents of long bytes: with a registry of types, pymongo copies an answer twice to decode it."""

_EXACT = TypeRegistry([_PlainMapping()])


def with_plain_decoding(database: Database[Document]) -> Database[Document]:
    """Return a database whose documents come out as plain values; what its URI says of UUIDs and texts is kept."""
    options = database.codec_options.with_options(
        document_class=dict,
        tz_aware=False,
        tzinfo=None,
        type_registry=PLAIN.type_registry,
        datetime_conversion=PLAIN.datetime_conversion,
    )
    return database.with_options(codec_options=options)


def with_exact_decoding(database: Database[Document]) -> Database[Document]:
    """Return a database whose documents, put back, are stored in the very types that they had."""
    options = database.codec_options.with_options(
        document_class=dict,
        tz_aware=False,
        tzinfo=None,
        type_registry=_EXACT,
        datetime_conversion=PLAIN.datetime_conversion,
    )
    return database.with_options(codec_options=options)
