"""Values of BSON's own that other programs store: they are written again as they are.

Importing this makes ``values.encodable`` know them.
"""

from __future__ import annotations

from typing import Any

from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.errors import InvalidBSON

from ...values import converts, encodable, refuse

# BSON writes flags as letters (https://bsonspec.org/spec.html), which bson turns into flags of ``re``.
_FLAGS_OF_BSON = sum(map(int, (Regex("", flag).flags for flag in "ilmsux")))


@converts(ObjectId, Decimal128, Timestamp, MinKey, MaxKey)
def _unchangeable(value: Any) -> Any:
    return value


@converts(Binary)
def _binary(value: Binary) -> bytes:
    return Binary(bytes(value), value.subtype) if value.subtype else bytes(value)


@converts(Code)
def _code(value: Code) -> Code:
    return Code(encodable(str.__str__(value)), None if value.scope is None else encodable(value.scope))


@converts(Regex)
def _regex(value: Regex[Any]) -> Regex[str]:
    if not isinstance(value.pattern, str) or "\0" in value.pattern or value.flags & ~_FLAGS_OF_BSON:
        refuse(value, "MongoDB keeps a regular expression of text without NUL, and of its flags i, l, m, s, u and x")
    return Regex(encodable(value.pattern), value.flags)


@converts(DatetimeMS)
def _date(value: DatetimeMS) -> Any:
    try:
        return value.as_datetime()
    except (InvalidBSON, OverflowError, ValueError):
        return value  # before the year 1 or after 9999


@converts(DBRef)
def _reference(value: DBRef) -> Any:
    return encodable(value.as_doc())
