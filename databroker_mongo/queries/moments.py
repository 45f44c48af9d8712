"""Dates that are compared with times: documents keep times as seconds since 1970, and no date is equal to a number.

MongoDB finds nothing where a number is compared with a date or a text, and says nothing. So a date with a zone is
turned into seconds here, where the field is known to hold such a time, and everything else that looks like a time is
refused. A field in which dates are stored is asked with dates, and is none of these.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from ..errors import QueryError
from ..printable import shown

_CONFIGURED = re.compile(r"configuration\..+\.timestamps\..+", re.DOTALL)
_COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$cmp"})
_MEMBERSHIPS = frozenset({"$in", "$nin", "$all"})
_IN_EXPRESSIONS = frozenset({"$time", "$$ROOT.time", "$$CURRENT.time"})


def is_time_field(document: str, path: str) -> bool:
    """Tell whether a field of a document holds a time as a number."""
    return path == "time" or (document == "descriptor" and _CONFIGURED.fullmatch(path) is not None)


def seconds_at(document: str, path: str, value: Any) -> Any:
    """Return what a field is compared with: seconds in the place of a date, if the field holds such times.

    Parameters
    ----------
    document : str
        ``start``, ``stop`` or ``descriptor``.
    path : str
        The field.
    value : object
        What was given.

    Raises
    ------
    QueryError
        The field is a time, and the value a text, or a date that may be of any zone.
    """
    return _seconds(value, document) if is_time_field(document, path) else value


def with_seconds(filter: dict[str, Any], document: str) -> dict[str, Any]:
    """Return a filter of MongoDB's language in which times are compared with seconds alone.

    Raises
    ------
    QueryError
        A time is compared with a text, or with a date that may be of any zone.
    """
    return {key: _clause(key, condition, document) for key, condition in filter.items()}


def _clause(key: str, condition: Any, document: str) -> Any:
    if key in ("$and", "$or", "$nor") and isinstance(condition, list):
        return [with_seconds(each, document) if isinstance(each, dict) else each for each in condition]
    if key == "$expr":
        return _expression(condition, document)
    return _condition(condition, document) if is_time_field(document, key) else condition


def _condition(condition: Any, document: str) -> Any:
    """Return what a time is compared with: a value, or operators."""
    if not (isinstance(condition, Mapping) and any(name.startswith("$") for name in condition)):
        return _seconds(condition, document)
    return {name: _operand(name, operand, document) for name, operand in condition.items()}


def _operand(name: str, operand: Any, document: str) -> Any:
    if name in _COMPARISONS:
        return _seconds(operand, document)
    if name in _MEMBERSHIPS and isinstance(operand, list):
        return [_seconds(each, document) for each in operand]
    return _condition(operand, document) if name in ("$not", "$elemMatch") else operand


def _expression(part: Any, document: str) -> Any:
    """Return an expression in which nothing compares the field ``time`` itself with a date or a text."""
    if isinstance(part, list):
        return [_expression(each, document) for each in part]
    if not isinstance(part, Mapping):
        return part
    return {
        name: _compared(operand, document)
        if name in _COMPARISONS and isinstance(operand, list) and not _IN_EXPRESSIONS.isdisjoint(_texts(operand))
        else _expression(operand, document)
        for name, operand in part.items()
    }


def _compared(operands: list[Any], document: str) -> list[Any]:
    are_fields = [isinstance(each, str) and each.startswith("$") for each in operands]
    return [
        each if is_field or isinstance(each, Mapping | list) else _seconds(each, document)
        for each, is_field in zip(operands, are_fields, strict=True)
    ]


def _texts(values: list[Any]) -> list[str]:
    return [each for each in values if isinstance(each, str)]


def _seconds(value: Any, document: str) -> Any:
    """Return seconds since 1970 for a date with a zone; what is no date, as it is."""
    is_date = isinstance(value, datetime.date)
    if is_date and getattr(value, "tzinfo", None) is not None:
        return _timestamp(value)
    if is_date or isinstance(value, str) or hasattr(value, "as_datetime"):
        zone = "may be in UTC or in a local time zone" if is_date else "is not one"
        instead = "TimeRange(since=...), or with " if document == "start" else ""
        raise QueryError(
            f"The time of a {document} document is a number of seconds since 1970, and {shown(value)} {zone}. Query "
            f"with {instead}a date that has a time zone: datetime.datetime(..., tzinfo=datetime.UTC)."
        )
    return value


def _timestamp(value: Any) -> float:
    try:
        return float(value.timestamp())
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{shown(value)} is not a valid time: {error}.") from error
