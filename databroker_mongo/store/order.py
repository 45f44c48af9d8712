"""How MongoDB compares values: equality, and one order over all types.

What does not belong here: filters, and anything that speaks to a server.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

_KINDS: tuple[tuple[type, ...], ...] = (
    (MinKey,),
    (type(None),),
    (int, float, Decimal128),
    (str,),
    (Mapping, DBRef),
    (list,),
    (bytes,),
    (ObjectId,),
    (bool,),
    (datetime.datetime, DatetimeMS),
    (Timestamp,),
    (Regex, re.Pattern),
    (Code,),
    (MaxKey,),
)
_RANKS = {kind: rank for rank, kinds in enumerate(_KINDS) for kind in kinds}
_NUMBER, _OTHER = _RANKS[int], len(_KINDS)
_SUBCLASSES = sorted(_RANKS.items(), key=lambda pair: pair[0] not in (bool, Code))
"""A bool is an integer of Python's and a Code a text, so these are asked for first."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def type_rank(value: Any) -> int:
    """Return the place of a value's type among all types; numbers of every kind share one."""
    rank = _RANKS.get(type(value))
    if rank is None:
        rank = next((rank for kind, rank in _SUBCLASSES if isinstance(value, kind)), _OTHER)
    return rank


def order_key(value: Any) -> tuple[Any, ...]:
    """Return a key by which values of all types compare and sort as they do in MongoDB; equal keys, equal values."""
    rank = type_rank(value)
    key = _KEYS.get(rank)
    return (rank, *key(value)) if key is not None else (rank, str(value))


def is_time(value: object) -> bool:
    """Tell whether a value is a number that has a place among times."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _of_number(value: Any) -> tuple[Any, ...]:
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    # NaN is equal to itself and less than any other number.
    is_nan = number.is_nan() if isinstance(value, Decimal128) else math.isnan(number)
    return (-1, 0) if is_nan else (0, number)


def _of_mapping(value: Any) -> tuple[Any, ...]:
    items = value.as_doc().items() if isinstance(value, DBRef) else value.items()
    return (tuple((type_rank(item), name, order_key(item)) for name, item in items),)


def _of_bytes(value: bytes) -> tuple[Any, ...]:
    return (len(value), value.subtype if isinstance(value, Binary) else 0, bytes(value))


def _of_date(value: Any) -> tuple[Any, ...]:
    """Return the milliseconds since 1970 that MongoDB keeps; a date without a zone is in UTC."""
    if isinstance(value, DatetimeMS):
        return (int(value),)
    aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    return ((aware - _EPOCH) // _MILLISECOND,)


def _of_pattern(value: Any) -> tuple[Any, ...]:
    regex = value if isinstance(value, Regex) else Regex.from_native(value)
    return (str(regex.pattern), regex.flags)


_KEYS: dict[int, Callable[[Any], tuple[Any, ...]]] = {
    _NUMBER: _of_number,
    _RANKS[MinKey]: lambda value: (),
    _RANKS[type(None)]: lambda value: (),
    _RANKS[str]: lambda value: (value.encode("utf-8", "surrogatepass"),),
    _RANKS[Mapping]: _of_mapping,
    _RANKS[list]: lambda value: tuple(map(order_key, value)),
    _RANKS[bytes]: _of_bytes,
    _RANKS[ObjectId]: lambda value: (value.binary,),
    _RANKS[bool]: lambda value: (value,),
    _RANKS[datetime.datetime]: _of_date,
    _RANKS[Timestamp]: lambda value: (value.time, value.inc),
    _RANKS[re.Pattern]: _of_pattern,
    _RANKS[Code]: lambda value: (str.__str__(value), order_key(value.scope)),
    _RANKS[MaxKey]: lambda value: (),
}
