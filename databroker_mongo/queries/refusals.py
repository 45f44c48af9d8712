"""What no raw filter may hold: code, patterns that need not end, and names with the prefix of a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import QueryError
from ..printable import shown
from .moments import with_seconds
from .patterns import check_pattern
from .plain import DEEPEST_FILTER, plain_scalar, plain_text, without_numpy

_CODE_OPERATORS = frozenset({"$where", "$function", "$accumulator"})
_PATTERN_EXPRESSIONS = frozenset({"$regexMatch", "$regexFind", "$regexFindAll"})
_DOCUMENTS = ("start.", "stop.", "descriptor.")


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
        hint = f" FullText({shown(filter)}) searches for words." if isinstance(filter, str) else ""
        raise QueryError(
            f"A raw filter must be a mapping like {{'plan_name': 'count'}}, not {type(filter).__name__}.{hint}"
        )
    return with_seconds(_plain_part(filter, document, 0), document)


def _plain_part(part: Any, document: str, depth: int) -> Any:
    if depth > DEEPEST_FILTER:
        raise QueryError(f"A raw filter may be nested at most {DEEPEST_FILTER} levels deep; this one is deeper.")
    if isinstance(part, Mapping):
        plain = {_filter_key(key): value for key, value in part.items()}
        for key, value in plain.items():
            _check_filter_key(key, value, document)
        return {key: _plain_part(value, document, depth + 1) for key, value in plain.items()}
    part = without_numpy(part)
    if isinstance(part, list | tuple | set | frozenset):
        return [_plain_part(item, document, depth + 1) for item in part]
    if hasattr(part, "pattern"):
        _check_compiled(part)
        return part
    return plain_scalar(part)


def _filter_key(key: Any) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise QueryError(f"The keys of a raw filter must be strings without NUL, not {shown(key)}.")
    return plain_text(key)


def _check_filter_key(key: str, value: Any, document: str) -> None:
    if key in _CODE_OPERATORS:
        raise QueryError(f"{key} runs code on the server and is refused. Use other operators of MongoDB.")
    if key == "$regex" and not hasattr(value, "pattern"):
        check_pattern(plain_text(value) if isinstance(value, str) else value)
    if key in _PATTERN_EXPRESSIONS:
        _check_pattern_expression(key, value)
    if key == "$jsonSchema":
        _check_schema(value, 0)
    if key == "$options" and isinstance(value, str) and "x" in value:
        raise QueryError("Verbose regular expressions ($options: 'x') are refused.")
    if key.startswith(_DOCUMENTS):
        prefix, _, rest = key.partition(".")
        raise QueryError(
            f"A raw filter applies to one document, here the {document}, and names its own fields: {key!r} would find "
            f"nothing. Use search({prefix}={{{rest!r}: ...}}) or Key({key!r})."
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
        raise QueryError(f"{name} takes its pattern as a string ('regex'), not from a field or an expression.")
    if not isinstance(options, str) or set(options) - set("ims"):
        raise QueryError(f"{name} takes its options as a string of the letters i, m and s, not {shown(options)}.")


def _check_schema(schema: Any, depth: int) -> None:
    """Refuse patterns in a JSON schema, for texts and for names of properties, that are not bounded."""
    if depth > DEEPEST_FILTER:
        raise QueryError(f"A raw filter may be nested at most {DEEPEST_FILTER} levels deep; this one is deeper.")
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
