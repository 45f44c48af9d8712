"""Which values MongoDB keeps, and how each is put: exactly, or not at all.

``encodable`` gives back an equal value made of None, bool, int, float, str, bytes, datetime, list and dict, and of what
is made known by ``converts``, or raises :class:`Unencodable`. Nothing is rounded, cut, shifted to another time zone or
turned into text.

What does not belong here: document kinds and their fields (``documents``), BSON itself and its types (``store/``).
"""

from __future__ import annotations

import copy
import math
import re
import reprlib
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import singledispatch
from itertools import islice
from typing import Any, NoReturn, TypeVar

_Copied = TypeVar("_Copied")

_ALWAYS_FIT = frozenset({float, bool, type(None)})
_UNCHANGEABLE = frozenset({str, int, float, bool, type(None)})
LARGEST = 2**63 - 1
"""What an integer of 64 bits can be at most."""

_SMALLEST = -(2**63)
TOO_LARGE = "the integer does not fit into 64 bits with a sign; send it as a string or as a float"


class Unencodable(Exception):
    """A value that MongoDB cannot keep as it is.

    Attributes
    ----------
    path : list
        Keys and positions that lead to the value, outermost first.
    value_type : str
        The full name of its type.
    reason : str
        Why, and what to do instead.
    """

    def __init__(self, value: object, reason: str):
        super().__init__(reason)
        self.path: list[Any] = []
        kind = type(value)
        self.value_type = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
        self.reason = reason


def encodable(value: Any) -> Any:
    """Return an equal value of plain types, which shares no mutable part with ``value``.

    Tuples become lists, mappings dicts; ``numpy_values`` and ``store/`` say what others become.

    Parameters
    ----------
    value : object
        Anything.

    Raises
    ------
    Unencodable
        When there is no equal value that MongoDB keeps.
    """
    kind = type(value)
    return value if kind in _ALWAYS_FIT else _FREQUENT.get(kind, _converted)(value)


def refuse(value: object, reason: str) -> NoReturn:
    """Raise for a value that cannot be kept, with why and what to do instead."""
    raise Unencodable(value, reason)


@singledispatch
def _converted(value: object) -> Any:
    refuse(value, "a value of this type would not come back equal; convert it to a number, a string or a list")


def converts(*kinds: type) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Make more types known: the decorated function gives the equal value that is kept, or refuses."""

    def register(conversion: Callable[[Any], Any]) -> Callable[[Any], Any]:
        for kind in kinds:
            _converted.register(kind, conversion)
            _FREQUENT[kind] = conversion
        return conversion

    return register


@_converted.register(re.Pattern)
def _pattern(value: re.Pattern[Any]) -> NoReturn:
    refuse(value, "a compiled pattern comes back as bson.Regex; send bson.Regex.from_native(pattern), or its text")


@_converted.register(uuid.UUID)
def _uuid(value: uuid.UUID) -> NoReturn:
    refuse(value, "a UUID comes back as bytes or another UUID, as a URI has it; send its text, or a bson.Binary")


@_converted.register(Mapping)
def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    are_names = _are_names(value)
    if are_names and _fit(value.values()):
        return dict(value)
    result = {}
    key: Any = None
    try:
        for key, item in value.items():
            # What fits as it is, is seen here: a call for each takes half of the time of a document.
            fits = (kind := type(item)) in _ALWAYS_FIT or (kind is str and item.isascii())
            result[key if are_names else _key(key)] = item if fits else _FREQUENT.get(kind, _converted)(item)
    except Unencodable as error:
        error.path.insert(0, key)
        raise
    return result


def _are_names(keys: Iterable[Any]) -> bool:
    """Tell, for all keys at once, whether they are plain names; False where it takes a closer look."""
    try:
        joined = "".join(keys)
    except TypeError:
        return False
    return joined.isascii() and "\0" not in joined


def _fit(values: Collection[Any]) -> bool:
    """Tell, for all values at once, whether they fit as they are; False where it takes a closer look."""
    kinds = set(map(type, values))
    return kinds <= _ALWAYS_FIT or (kinds == {int} and min(values) >= _SMALLEST and max(values) <= LARGEST)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        refuse(key, "a key must be a string")
    if "\0" in key:
        refuse(key, "a key may not hold the character NUL")
    return _string(key)


@_converted.register(list)
@_converted.register(tuple)
def _sequence(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    if _fit(value):
        return list(value)
    result: list[Any] = []
    try:
        for item in value:
            result.append(encodable(item))
    except Unencodable as error:
        error.path.insert(0, len(result))
        raise
    return result


@_converted.register(str)
def _string(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            refuse(value, "the string holds a lone surrogate, which UTF-8 cannot express")
    return value if type(value) is str else str.__str__(value)


@_converted.register(int)
def _integer(value: int) -> int:
    if not _SMALLEST <= value <= LARGEST:
        refuse(value, TOO_LARGE)
    return int(value)


@_converted.register(float)
def _float(value: float) -> float:
    return float(value)


@_converted.register(bytes)
@_converted.register(bytearray)
def _bytes(value: bytes | bytearray) -> bytes:
    return bytes(value)


@_converted.register(datetime)
def _datetime(value: datetime) -> datetime:
    # BSON dates count milliseconds since 1970 without a zone; subclasses (pandas.Timestamp) hold more than that.
    if type(value) is not datetime or value.tzinfo is not None or value.microsecond % 1000:
        refuse(value, "MongoDB stores whole milliseconds and no zone; send seconds since 1970 or an ISO 8601 string")
    return value


# What singledispatch would choose: to look it up here takes a tenth of the time, and every document goes through it.
_FREQUENT: dict[type, Callable[[Any], Any]] = {
    dict: _mapping,
    list: _sequence,
    tuple: _sequence,
    str: _string,
    int: _integer,
}


def copied(document: _Copied) -> _Copied:
    """Return a copy of a document, or of a part, as `copy.deepcopy` does, in a quarter of the time."""
    copied_document: _Copied = _copied(document)
    return copied_document


def _copied(value: Any) -> Any:
    # Most values of a document are unchangeable: to see that here, without a call for each, takes half of the time.
    if type(value) is dict:
        return {key: each if type(each) in _UNCHANGEABLE else _copied(each) for key, each in value.items()}
    if type(value) is list:
        return [each if type(each) in _UNCHANGEABLE else _copied(each) for each in value]
    return value if type(value) in _UNCHANGEABLE else copy.deepcopy(value)


def are_equal(one: Any, other: Any) -> bool:
    """Tell whether two encodable values are equal, where NaN equals NaN and the order of keys does not count."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and (one == other or all(map(are_equal, one, other)))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def differences(one: Any, other: Any, *, limit: int) -> list[str]:
    """Say in words where two unequal encodable values differ, at most ``limit`` places of them."""
    return [
        f"{'.'.join(map(str, path)) or 'all'}: {_shown(stored)} is stored, {_shown(sent)} was sent"
        for path, stored, sent in islice(_differences((), one, other), limit)
    ]


def changed_fields(one: Any, other: Any) -> list[str]:
    """Name the fields in which two encodable mappings differ, those within others joined by dots."""
    return [".".join(map(str, path)) for path, _, _ in _differences((), one, other)]


_ABSENT = object()


def _differences(path: tuple[Any, ...], one: Any, other: Any) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _differences((*path, key), one.get(key, _ABSENT), other.get(key, _ABSENT))
    elif not are_equal(one, other):
        yield path, one, other


def _shown(value: Any) -> str:
    return "nothing" if value is _ABSENT else reprlib.repr(value)
