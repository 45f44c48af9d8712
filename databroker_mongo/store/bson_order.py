"""How MongoDB compares values: equality, and one order over all types.

What does not belong here: filters, and anything that speaks to a server.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

_NULL, _NUMBER, _TEXT, _OBJECT, _ARRAY, _BINARY, _BOOLEAN, _DATE, _OTHER = range(9)


def type_rank(value: Any) -> int:
    """Return the place of a value's type among all types; numbers of every kind share one."""
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _BOOLEAN
    if isinstance(value, int | float):
        return _NUMBER
    for kinds, rank in (
        (str, _TEXT),
        (Mapping, _OBJECT),
        (list, _ARRAY),
        (bytes, _BINARY),
        (datetime.datetime, _DATE),
    ):
        if isinstance(value, kinds):
            return rank
    return _OTHER


def order_key(value: Any) -> tuple[Any, ...]:
    """Return a key by which values of all types compare and sort as they do in MongoDB."""
    rank = type_rank(value)
    if rank == _NUMBER:
        # NaN is equal to itself and less than any other number.
        return (rank, -1, 0) if math.isnan(value) else (rank, 0, value)
    if rank == _TEXT:
        return (rank, value.encode("utf-8", "surrogatepass"))
    if rank == _OBJECT:
        return (rank, tuple((type_rank(item), name, order_key(item)) for name, item in value.items()))
    if rank == _ARRAY:
        return (rank, tuple(map(order_key, value)))
    if rank == _BINARY:
        return (rank, len(value), value)
    return (rank, 0 if value is None else value if rank != _OTHER else str(value))
