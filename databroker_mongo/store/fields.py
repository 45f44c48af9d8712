"""What stands at a dotted path in a document: MongoDB reads it one way in a filter or a sort, another in a pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

NOTHING = object()
"""In the place of a value where a path ends early."""

_MOST_DIGITS = 10
"""No list has an element of a longer number."""


def field_values(document: Any, path: str) -> list[Any]:
    """Return the values at a dotted path: of every element where there is a list on the way; none where it ends."""
    return [value for value in branches(document, path.split(".")) if value is not NOTHING]


def branches(value: Any, path: list[str]) -> Iterator[Any]:
    """Yield what stands at the end of a path, as a filter reads it; `NOTHING` for each branch that lacks it."""
    if not path:
        yield value
    elif isinstance(value, Mapping):
        yield from branches(value[path[0]], path[1:]) if path[0] in value else (NOTHING,)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield from branches(item, path)
        if path[0].isdecimal() and len(path[0]) < _MOST_DIGITS and int(path[0]) < len(value):
            yield from branches(value[int(path[0])], path[1:])
    else:
        yield NOTHING


def field_elements(document: Any, path: str) -> list[Any]:
    """Return the value at a dotted path, or the elements of the list there, as a pipeline reads it."""
    value = _projected(document, path.split("."))
    elements = value if isinstance(value, list) else [value]
    return [each for each in elements if each is not None and each is not NOTHING]


def _projected(value: Any, path: list[str]) -> Any:
    # A pipeline takes no part of a path for the position in a list, and keeps the lists that it goes through.
    if not path:
        return value
    if isinstance(value, Mapping):
        return _projected(value[path[0]], path[1:]) if path[0] in value else NOTHING
    if isinstance(value, list):
        return [each for each in (_projected(item, path) for item in value) if each is not NOTHING]
    return NOTHING
