"""Queries as they are typed at a shell's prompt: ``plan_name=count``, ``scan_id>=100``, ``sample.name~^Ni``, words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import QueryError
from ..printable import shown
from .fields import Comparison, Contains, Eq, Exists, NotEq, Regex
from .runs import FullText
from .tree import Query, conjunction

_TERM = re.compile(r"(?P<key>[^=!<>~:\s]+)(?P<operator>!=|<=|>=|=|<|>|~|:)(?P<value>.*)", re.DOTALL)
_QUERIES: dict[str, Callable[[str, Any], Query]] = {
    "=": Eq,
    "!=": NotEq,
    "<": lambda key, value: Comparison("lt", key, value),
    "<=": lambda key, value: Comparison("le", key, value),
    ">": lambda key, value: Comparison("gt", key, value),
    ">=": lambda key, value: Comparison("ge", key, value),
    ":": Contains,
}


def from_words(words: Iterable[str]) -> Query:
    """Return the query that asks all of what was typed.

    Parameters
    ----------
    words : iterable of str
        ``field=value``, and ``!=``, ``<``, ``<=``, ``>``, ``>=`` in its place; ``field~pattern`` for a regular
        expression, ``field:value`` for a part of a text or an element of a list, ``field=`` for a field that is there.
        A value is JSON if it can be, else a text. What has no operator is searched in the full text.

    Raises
    ------
    QueryError
        What was typed cannot be asked.
    """
    queries: list[Query] = []
    texts: list[str] = []
    for word in words:
        term = _TERM.fullmatch(word)
        if term is None:
            texts.append(word)
        else:
            queries.append(_query(term["key"], term["operator"], term["value"]))
    return conjunction([*queries, *([FullText(" ".join(texts))] if texts else [])])


def from_json(text: str) -> Any:
    """Return the raw filter that a text holds as JSON.

    Raises
    ------
    QueryError
        It is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryError(
            f'{shown(text)} is not valid JSON: {error}. Write a filter like \'{{"plan_name": "count"}}\'.'
        ) from error


def _query(key: str, operator: str, value: str) -> Query:
    if operator == "~":
        return Regex(key, value)
    if operator == "=" and not value:
        return Exists(key)
    return _QUERIES[operator](key, _value(value))


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda constant: constant)
    except (ValueError, RecursionError):  # no JSON, or an integer of more digits than Python reads
        return text
