"""Values as MongoDB compares them: of Python's own types and of BSON's, whatever class they come in."""

from __future__ import annotations

import datetime
import enum
import itertools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..errors import QueryError
from ..printable import shown

DEEPEST_FILTER = 50
MOST_VALUES = 1_000_000
"""More values than this in one list do not fit into a query, which may have 16 MB."""

_FREQUENT = frozenset({str, int, float})
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_INSTEAD = {
    "Decimal": "Write it as a float, or bson.Decimal128(...) where that is stored.",
    "UUID": "Write it as a string, or bson.Binary.from_uuid(...) where that is stored.",
    "bytearray": "Write bytes(...).",
    "range": "Write list(...).",
    "dict_keys": "Write list(...).",
    "dict_values": "Write list(...).",
}


def plain_value(value: Any, depth: int = 0) -> Any:
    """Return ``value`` as MongoDB compares it: NumPy values as Python's, sequences as lists.

    Raises
    ------
    QueryError
        When it is no value of a document, holds an operator of MongoDB, or an integer of more than 64 bits.
    """
    if type(value) in _FREQUENT:
        return plain_scalar(value)
    if depth > DEEPEST_FILTER:
        raise QueryError(f"A value may be nested at most {DEEPEST_FILTER} levels deep; this one is deeper.")
    value = without_numpy(value)
    if isinstance(value, Mapping):
        return {_plain_key(key): plain_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item, depth + 1) for item in value]
    return plain_scalar(value)


def plain_values(values: Any, *, asker: str, key: str) -> list[Any]:
    """Return the values of a list, an array, a column, or whatever else gives one value after the other.

    Raises
    ------
    QueryError
        It is no such thing, gives more than `MOST_VALUES`, or one that cannot be compared.
    """
    values = without_numpy(values)
    is_one = isinstance(values, str | bytes | bytearray | Mapping | enum.Enum) or hasattr(values, "columns")
    if is_one or getattr(values, "ndim", 1) == 0 or not isinstance(values, Iterable):
        raise QueryError(f"{asker} takes a list of values, not {shown(values)}.", key=key)
    plain = [plain_value(each) for each in itertools.islice(values, MOST_VALUES + 1)]
    if len(plain) > MOST_VALUES:
        raise QueryError(f"{asker} takes at most {MOST_VALUES} values; more were given.", key=key)
    return plain


def plain_scalar(value: Any) -> Any:
    """Return a single value as one of Python's own types, or of BSON's.

    Raises
    ------
    QueryError
        It is of a type that no value in a document has.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int):
        return _plain_integer(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, datetime.datetime):
        return _plain_date(value)
    if isinstance(value, bytes) or is_of_bson(value):
        return value
    raise QueryError(
        f"{shown(value)} ({type(value).__name__}) cannot be compared with a value in a document. {_hint(value)}"
    )


def plain_text(text: str) -> str:
    """Return the characters of a text: what inherits from `str` may stand for code, or hide what it is.

    Raises
    ------
    QueryError
        MongoDB cannot keep it.
    """
    plain = str.__str__(text)
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"MongoDB cannot store a string with half a surrogate pair: {plain!r}.") from error
    return plain


def one_of(choices: Collection[str], value: Any, *, name: str) -> str:
    """Return which of some words a value is: a text, or a member of an enum that stands for one.

    Raises
    ------
    QueryError
        It is none of them.
    """
    word = getattr(value, "value", value)
    if not isinstance(word, str) or word not in choices:
        raise QueryError(f"{name} must be one of {', '.join(map(repr, choices))}, not {shown(value)}.")
    return str.__str__(word)


def plain_bool(value: Any, *, name: str) -> bool:
    """Return a bool of Python or NumPy.

    Raises
    ------
    QueryError
        It is no bool.
    """
    plain = without_numpy(value)
    if not isinstance(plain, bool):
        raise QueryError(f"{name} must be True or False, not {shown(value)}.")
    return plain


def is_of_bson(value: object) -> bool:
    """Tell whether a value is of a type that BSON has and Python has not: an ObjectId, a Decimal128, a Regex, ..."""
    return any(kind.__module__.partition(".")[0] == "bson" for kind in type(value).__mro__)


def without_numpy(value: Any) -> Any:
    """Return a value of NumPy or pandas as one of Python.

    Raises
    ------
    QueryError
        It is a time, which would become a number of whatever it counts; holds what is masked; or is too large.
    """
    if not (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return value
    kind = getattr(value.dtype, "kind", "O")
    if kind in ("m", "M"):
        raise QueryError(f"{shown(value)} cannot be compared with a value in a document. {_hint(value)}")
    if getattr(value, "size", 1) > MOST_VALUES:
        raise QueryError(f"A query takes at most {MOST_VALUES} values; this array has {value.size}.")
    if kind == "V" or (hasattr(value, "filled") and value.mask.any()):
        raise QueryError(f"{shown(value)} is a record or a masked value, not a plain one; give its numbers.")
    return value.tolist()


def _plain_integer(value: int) -> int:
    """Return an integer as one of Python's own: what inherits from `int` may compare as it likes."""
    number = int.__index__(value)
    if not _SMALLEST <= number <= _LARGEST:
        raise QueryError(
            f"MongoDB stores integers of at most 64 bits with a sign; this one has {number.bit_length()} bits and a "
            "sign."
        )
    return number


def _plain_date(value: datetime.datetime) -> datetime.datetime:
    """Return a date as one of Python's own: in UTC if it has a zone, else in none."""
    try:
        zone = datetime.UTC if value.utcoffset() is not None else None
        value = value.astimezone(zone) if zone else value
        parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
        return datetime.datetime(*parts, tzinfo=zone)
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{shown(value)} is not a date that MongoDB can store: {error}.") from error


def _plain_key(key: Any) -> str:
    if not isinstance(key, str) or key.startswith("$") or "\0" in key:
        raise QueryError(
            f"{shown(key)} cannot be a key in a value; operators of MongoDB belong in a raw filter: search({{...}})."
        )
    return plain_text(key)


def _hint(value: Any) -> str:
    """Return what to write instead."""
    if isinstance(value, datetime.date) or getattr(getattr(value, "dtype", None), "kind", "") == "M":
        return (
            "A date in a document has a time of day: write datetime.datetime(..., tzinfo=datetime.UTC). To search by "
            "when runs began, use TimeRange(...)."
        )
    if isinstance(value, enum.Enum):
        return "Give the value of the enum member: member.value."
    return _INSTEAD.get(type(value).__name__, "Query times with TimeRange(...) and patterns with Regex(...).")
