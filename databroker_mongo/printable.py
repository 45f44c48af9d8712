"""Text that a terminal shows and does not obey, values in messages, and as JSON. Nothing else."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 4
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = _SHORT.maxfrozenset = 10
_SHORT.maxstring = _SHORT.maxother = 200


def printable(text: str, *, keep: str = "") -> str:
    r"""Return a text with its control characters, and halves of surrogate pairs, written as escapes.

    Parameters
    ----------
    text : str
        What came from a document or a user.
    keep : str, optional
        Characters to leave as they are.

    Examples
    --------
    >>> printable("primary\x1b[31m")
    'primary\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter in keep else letter.encode("unicode_escape").decode()
        for letter in text
    )


def shown(value: object) -> str:
    """Return what a message says of a value: its repr, cut where it is long; its type where it has none."""
    try:
        return _SHORT.repr(value)
    except Exception:  # an integer of many digits has no repr either, and a class of somebody's own may have any fault
        return f"<{type(value).__name__}>"


def in_words(value: object) -> str:
    """Return a value of a document without the quotes and braces of Python.

    Examples
    --------
    >>> in_words({"name": "FeO", "layers": ["a", {"thickness": 2}]})
    'name: FeO, layers: [a, {thickness: 2}]'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_inner(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_inner, value))
    return str(value)


def _inner(value: object) -> str:
    words = in_words(value)
    if isinstance(value, Mapping):
        return f"{{{words}}}"
    return f"[{words}]" if isinstance(value, list | tuple) else words


def as_json(value: object, *, indent: int | None = None) -> str:
    """Return strict JSON: NaN as null, the infinities and whatever else JSON has not as text.

    Examples
    --------
    >>> as_json({"duration": float("nan"), "limits": [float("-inf"), 1.5]})
    '{"duration": null, "limits": ["-Infinity", 1.5]}'
    """
    return json.dumps(_in_json(value), indent=indent, default=str, allow_nan=False)


def _in_json(value: object) -> Any:
    if isinstance(value, Mapping):
        return {key: _in_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_in_json(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
