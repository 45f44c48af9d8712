"""What no question may hold: code, names and values that MongoDB would take for something else.

What does not belong here: what a question means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import QueryError
from .patterns import check_pattern

DEEPEST_FILTER = 50

_CODE_OPERATORS = frozenset({"$where", "$function", "$accumulator"})
_PATTERN_EXPRESSIONS = frozenset({"$regexMatch", "$regexFind", "$regexFindAll"})
_DOCUMENTS = ("start.", "stop.", "descriptor.")
_INT64 = range(-(2**63), 2**63)


def check_path(path: Any) -> None:
    """Refuse a name of a field that MongoDB would not take as a plain, dotted name.

    Raises
    ------
    QueryError
        When it is not a string, is empty, holds a NUL, or has a part that is empty or starts with ``$``.
    """
    if not isinstance(path, str):
        raise QueryError(f"The name of a field is a string like 'sample.name', not {path!r}.")
    _check_text(path)
    if "\0" in path or any(not part or part.startswith("$") for part in path.split(".")):
        raise QueryError(
            f"{path!r} is not the name of a field: each of its parts between dots needs at least one character, not "
            "starting with '$'. Operators of MongoDB belong in a raw filter: search({...})."
        )


def plain_value(value: Any) -> Any:
    """Return ``value`` as MongoDB compares it: NumPy values as Python's, sequences as lists.

    Raises
    ------
    QueryError
        When it is no JSON-like value, holds an operator of MongoDB, or an integer of more than 64 bits.
    """
    value = _without_numpy(value)
    if isinstance(value, Mapping):
        return {_plain_key(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int | str):
        return _plain_scalar(value)
    raise QueryError(
        f"{value!r} ({type(value).__name__}) cannot be compared with a value in a document. Times are asked with "
        "TimeRange(...), patterns with Regex(...)."
    )


def plain_filter(filter: Any, *, document: str) -> dict[str, Any]:
    """Return a copy of a raw MongoDB filter, in which nothing runs code and every pattern is bounded.

    Raises
    ------
    QueryError
        When it is no mapping, holds ``$where``, ``$function`` or ``$accumulator`` at any depth, a pattern that
        :func:`~databroker_mongo.queries.patterns.check_pattern` refuses, a key that is no string, or the name of a
        field with the prefix of a document.
    """
    if not isinstance(filter, Mapping):
        hint = f" Words are looked for with FullText({filter!r})." if isinstance(filter, str) else ""
        raise QueryError(f"A raw filter is a mapping like {{'plan_name': 'count'}}, not {type(filter).__name__}.{hint}")
    copied: dict[str, Any] = _plain_part(filter, document, 0)
    return copied


def _plain_part(part: Any, document: str, depth: int) -> Any:
    if depth > DEEPEST_FILTER:
        raise QueryError(f"A raw filter may be nested {DEEPEST_FILTER} deep; this one is deeper.")
    if isinstance(part, Mapping):
        plain = {_filter_key(key): value for key, value in part.items()}
        for key, value in plain.items():
            _check_filter_key(key, value, document)
        return {key: _plain_part(value, document, depth + 1) for key, value in plain.items()}
    part = _without_numpy(part)
    if isinstance(part, list | tuple | set | frozenset):
        return [_plain_part(item, document, depth + 1) for item in part]
    if isinstance(part, int | str):
        return _plain_scalar(part)
    if hasattr(part, "pattern"):
        _check_compiled(part)
    return part


def _without_numpy(value: Any) -> Any:
    """Return a value of NumPy as one of Python; a time would become a number of whatever it counts."""
    if not (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return value
    if value.dtype.kind in "mM":
        raise QueryError(
            f"{value!r} cannot be compared with a value in a document. Times are asked with TimeRange(...)."
        )
    return value.tolist()


def _filter_key(key: Any) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise QueryError(f"The keys of a raw filter are strings without NUL, not {key!r}.")
    return _plain_text(key)


def _check_filter_key(key: str, value: Any, document: str) -> None:
    if key in _CODE_OPERATORS:
        raise QueryError(f"{key} runs code on the server and is refused. Ask with the other operators of MongoDB.")
    if key == "$regex" and not hasattr(value, "pattern"):
        check_pattern(_plain_text(value) if isinstance(value, str) else value)
    if key in _PATTERN_EXPRESSIONS:
        _check_pattern_expression(key, value)
    if key == "$jsonSchema":
        _check_schema(value, 0)
    if key == "$options" and "x" in str(value):
        raise QueryError("Verbose regular expressions ($options: 'x') are refused.")
    if key.startswith(_DOCUMENTS):
        prefix, _, rest = key.partition(".")
        raise QueryError(
            f"A raw filter asks one document, here the {document}, by its own fields: {key!r} would find nothing. "
            f"Ask with search({prefix}={{{rest!r}: ...}}), or with Key({key!r})."
        )


def _check_pattern_expression(name: str, arguments: Any) -> None:
    """Refuse an expression whose pattern, or whose options, are only known to the server."""
    arguments = arguments if isinstance(arguments, Mapping) else {}
    pattern, options = arguments.get("regex"), arguments.get("options", "")
    if hasattr(pattern, "pattern"):
        _check_compiled(pattern)
    elif isinstance(pattern, str) and not pattern.startswith("$"):
        check_pattern(pattern)
    else:
        raise QueryError(f"{name} takes its pattern as a text ('regex'), not from a field or an expression.")
    if not isinstance(options, str) or set(options) - set("ims"):
        raise QueryError(f"{name} takes its options as a text of the letters i, m and s, not {options!r}.")


def _check_schema(schema: Any, depth: int) -> None:
    """Refuse patterns in a JSON schema, for texts and for names of properties, that are not bounded."""
    if depth > DEEPEST_FILTER:
        raise QueryError(f"A raw filter may be nested {DEEPEST_FILTER} deep; this one is deeper.")
    if isinstance(schema, Mapping):
        if isinstance(schema.get("pattern"), str):
            check_pattern(schema["pattern"])
        if isinstance(schema.get("patternProperties"), Mapping):
            for pattern in schema["patternProperties"]:
                check_pattern(pattern)
    parts = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list | tuple) else ()
    for part in parts:
        _check_schema(part, depth + 1)


def _check_compiled(pattern: Any) -> None:
    if getattr(pattern, "flags", 0) & re.VERBOSE:
        raise QueryError("Verbose regular expressions are refused.")
    check_pattern(pattern.pattern)


def _plain_scalar(value: int | str) -> int | str:
    if isinstance(value, str):
        text = _plain_text(value)
        _check_text(text)
        return text
    if value not in _INT64:
        raise QueryError(f"MongoDB keeps no integer as large as {value}.")
    return value


def _plain_text(text: str) -> str:
    """Return the characters of a text: what inherits from `str` may stand for code, or hide what it is."""
    return str.__str__(text)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(f"MongoDB keeps no text with half a surrogate pair: {text!r}.") from error


def _plain_key(key: Any) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise QueryError(
            f"{key!r} is not a key of a value; operators of MongoDB belong in a raw filter: search({{...}})."
        )
    _check_text(key)
    return _plain_text(key)
