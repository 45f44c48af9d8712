"""MongoDB's filters, answered in Python with MongoDB's semantics: what mongomock would answer otherwise.

mongomock 4.3 takes True for 1, has no full text, compares embedded documents without regard to order, and finds nothing
where a path ends early. A catalog in memory holds few runs, so they are matched one by one here.

What does not belong here: anything that reads a collection.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bson import Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from ...errors import QueryError
from ...queries import n_unbounded
from ..fields import NOTHING, branches
from ..order import order_key, type_rank
from .text_search import is_text_match

_TYPES: dict[str, Callable[[Any], bool]] = {
    "double": lambda value: isinstance(value, float),
    "string": lambda value: isinstance(value, str) and not isinstance(value, Code),
    "object": lambda value: isinstance(value, Mapping | DBRef),
    "array": lambda value: isinstance(value, list),
    "binData": lambda value: isinstance(value, bytes),
    "objectId": lambda value: isinstance(value, ObjectId),
    "bool": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, datetime.datetime | DatetimeMS),
    "null": lambda value: value is None,
    "regex": lambda value: isinstance(value, Regex),
    "javascript": lambda value: isinstance(value, Code) and value.scope is None,
    "javascriptWithScope": lambda value: isinstance(value, Code) and value.scope is not None,
    "int": lambda value: _is_integer(value) and -(2**31) <= value < 2**31,
    "timestamp": lambda value: isinstance(value, Timestamp),
    "long": lambda value: _is_integer(value) and not -(2**31) <= value < 2**31,
    "decimal": lambda value: isinstance(value, Decimal128),
    "minKey": lambda value: isinstance(value, MinKey),
    "maxKey": lambda value: isinstance(value, MaxKey),
    "number": lambda value: _is_integer(value) or isinstance(value, float | Decimal128),
}
_TYPE_NUMBERS = {
    **{1: "double", 2: "string", 3: "object", 4: "array", 5: "binData", 7: "objectId", 8: "bool", 9: "date"},
    **{10: "null", 11: "regex", 13: "javascript", 15: "javascriptWithScope", 16: "int", 17: "timestamp", 18: "long"},
    **{19: "decimal", -1: "minKey", 127: "maxKey"},
}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda a, b: bool(a > b),
    "$gte": lambda a, b: bool(a >= b),
    "$lt": lambda a, b: bool(a < b),
    "$lte": lambda a, b: bool(a <= b),
}
_MOST_STEPS = 100_000_000
"""As many ways to place the repeats of a pattern take some seconds, if it matches in none of them."""

_NAN = order_key(math.nan)
_OPPOSITES = {"$ne": "$eq", "$nin": "$in"}


def is_match(filter: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Tell whether a document matches a filter.

    Raises
    ------
    QueryError
        For an operator that is not MongoDB's, or that only a server answers.
    """
    return all(_is_clause_met(key, condition, document) for key, condition in filter.items())


def _is_clause_met(key: str, condition: Any, document: Mapping[str, Any]) -> bool:
    if key in ("$and", "$or", "$nor"):
        if not condition or not _is_list(condition) or not all(isinstance(each, Mapping) for each in condition):
            raise QueryError(f"{key} takes a list of at least one filter, not {condition!r}.")
        answers = (is_match(each, document) for each in condition)
        return all(answers) if key == "$and" else any(answers) is (key == "$or")
    if key == "$comment":
        return True
    if key == "$text" and isinstance(condition, Mapping) and isinstance(condition.get("$search"), str):
        return is_text_match(condition["$search"], document)
    if key.startswith("$"):
        raise QueryError(f"A catalog in memory does not support {key}; a catalog on a server may.")
    return _is_field_met(list(branches(document, key.split("."))), condition)


def _is_field_met(values: list[Any], condition: Any) -> bool:
    """Tell whether the values at a path fulfil a condition, which is a value, a pattern or a mapping of operators."""
    if isinstance(condition, Mapping) and any(name.startswith("$") for name in condition):
        return all(_is_operator_met(values, name, operand, condition) for name, operand in condition.items())
    if hasattr(condition, "pattern"):
        return _has_text(values, condition)
    return _is_operator_met(values, "$eq", condition, {})


def _is_operator_met(values: list[Any], name: str, operand: Any, condition: Mapping[str, Any]) -> bool:
    if name in _OPPOSITES:
        return not _is_operator_met(values, _OPPOSITES[name], operand, condition)
    if name in _ORDERS:
        return any(_is_beyond(value, name, operand) for value in _with_elements(values))
    if name in _OPERATORS:
        if name in _OPERANDS and not _OPERANDS[name](operand):
            raise QueryError(f"MongoDB does not understand {name} with {operand!r}.")
        return _OPERATORS[name](values, operand)
    if name == "$regex":
        return _has_text(values, operand if hasattr(operand, "pattern") else _with_options(operand, condition))
    if name == "$options":
        return True
    raise QueryError(f"A catalog in memory does not support {name}; a catalog on a server may.")


def _with_elements(values: list[Any]) -> Iterator[Any]:
    """Yield each value and, of a list, each element too."""
    for value in values:
        if isinstance(value, list):
            yield from value
        yield value


def _is_equal(value: Any, operand: Any) -> bool:
    if value is NOTHING:
        return operand is None
    return order_key(value) == order_key(operand)


def _is_beyond(value: Any, name: str, operand: Any) -> bool:
    if operand is None:
        return name in ("$gte", "$lte") and _is_equal(value, None)
    if isinstance(operand, MinKey | MaxKey) and not isinstance(value, type(operand)):
        # Of all values these alone have an order with those of other types, and with what is missing.
        return name.startswith("$gt" if isinstance(operand, MinKey) else "$lt")
    if value is NOTHING or type_rank(value) != type_rank(operand):
        return False
    keys = order_key(value), order_key(operand)
    if _NAN in keys:  # it is equal to itself and has no order
        return name in ("$gte", "$lte") and keys[0] == keys[1]
    return _ORDERS[name](*keys)


def _has_equal(values: list[Any], operand: Any) -> bool:
    return any(_is_equal(value, operand) for value in _with_elements(values))


def _has_member(values: list[Any], operand: Any) -> bool:
    patterns = [each for each in operand if hasattr(each, "pattern")]
    plain = [each for each in operand if not hasattr(each, "pattern")]
    return any(_has_equal(values, each) for each in plain) or any(_has_text(values, each) for each in patterns)


def _is_there(values: list[Any], operand: Any) -> bool:
    return any(value is not NOTHING for value in values) is bool(operand)


def _has_type(values: list[Any], operand: Any) -> bool:
    asked = operand if isinstance(operand, list) else [operand]
    names = [_TYPE_NUMBERS.get(each, str(each)) if isinstance(each, int) else str(each) for each in asked]
    unknown = [name for name in names if name not in _TYPES]
    if unknown:
        raise QueryError(f"A catalog in memory does not know the type {unknown[0]!r}.")
    return any(_TYPES[name](value) for name in names for value in _with_elements(values))


def _has_size(values: list[Any], operand: Any) -> bool:
    return any(isinstance(value, list) and len(value) == operand for value in values)


def _has_all(values: list[Any], operand: Any) -> bool:
    return bool(operand) and all(_is_field_met(values, each) for each in operand)


def _has_element(values: list[Any], operand: Mapping[str, Any]) -> bool:
    of_value = any(name.startswith("$") and name not in ("$and", "$or", "$nor") for name in operand)
    for value in values:
        for item in value if isinstance(value, list) else ():
            if _is_field_met([item], operand) if of_value else isinstance(item, Mapping) and is_match(operand, item):
                return True
    return False


def _has_remainder(values: list[Any], operand: Any) -> bool:
    divisor, remainder = map(_whole, operand)
    numbers = (_whole(value) for value in _with_elements(values))
    return any(number is not None and math.fmod(number, divisor) == remainder for number in numbers)


def _whole(value: Any) -> Any:
    """Return a number without its fraction; None for what has none."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    return int(number) if _TYPES["number"](value) and math.isfinite(number) else None


def _has_text(values: list[Any], pattern: Any) -> bool:
    compiled, itself = _compile(pattern.pattern, pattern.flags), order_key(pattern)
    return any(
        _is_found(compiled, value) if _TYPES["string"](value) else order_key(value) == itself
        for value in _with_elements(values)
    )


def _is_found(pattern: re.Pattern[str], text: str) -> bool:
    n_repeats = n_unbounded(pattern.pattern)
    if math.comb(len(text) + n_repeats, n_repeats) > _MOST_STEPS:
        raise QueryError(
            f"A catalog in memory may take forever to find {n_repeats} unbounded repeats in a text of {len(text)} "
            "characters. Ask with fewer of them, or with Contains.",
            pattern=pattern.pattern,
        )
    return pattern.search(text) is not None


def _with_options(pattern: str, condition: Mapping[str, Any]) -> re.Pattern[str]:
    flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
    return re.compile(pattern, sum(flags[option] for option in condition.get("$options", "") if option in flags))


def _compile(pattern: str, flags: int) -> re.Pattern[str]:
    """Return a pattern as MongoDB reads it: its classes know ASCII alone, but letters in either case all letters."""
    known = flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL)
    compiled = re.compile(pattern, known)
    return compiled if compiled.flags & re.IGNORECASE else re.compile(pattern, known | re.ASCII)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_list(operand: Any) -> bool:
    return isinstance(operand, list)


def _is_division(operand: Any) -> bool:
    is_pair = isinstance(operand, list) and len(operand) == 2
    return is_pair and _whole(operand[0]) not in (None, 0) and _whole(operand[1]) is not None


_OPERATORS: dict[str, Callable[[list[Any], Any], bool]] = {
    "$eq": _has_equal,
    "$in": _has_member,
    "$exists": _is_there,
    "$type": _has_type,
    "$size": _has_size,
    "$all": _has_all,
    "$elemMatch": _has_element,
    "$mod": _has_remainder,
    "$not": lambda values, operand: not _is_field_met(values, operand),
}
_OPERANDS: dict[str, Callable[[Any], bool]] = {
    "$in": _is_list,
    "$size": _is_integer,
    "$all": _is_list,
    "$elemMatch": lambda operand: isinstance(operand, Mapping),
    "$mod": _is_division,
    "$not": lambda operand: isinstance(operand, Mapping) or hasattr(operand, "pattern"),
}
