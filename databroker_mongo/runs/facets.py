"""How many runs have each value of a field, as a dict: each value under a key of its own."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any


def count_by_value(found: Sequence[tuple[Any, int]]) -> dict[Any, int]:
    """Return counts by value; what cannot be a key, or equals another as a key, is given as text."""
    counts: dict[Any, int] = {}
    # Which of 1 and True is the text does not hang on how many runs have each.
    numbers = {value for value, _ in found if isinstance(value, int | float) and not isinstance(value, bool)}
    for value, n_runs in found:
        is_taken = isinstance(value, bool) and value in numbers
        key = value if not is_taken and _has_hash(value) and value not in counts else _as_text(value)
        while key in counts:
            key += " "  # as a text that is stored may be that of another value
        counts[key] = n_runs
    return counts


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, datetime.datetime) else repr(value)


def _as_text(value: Any) -> str:
    return json.dumps(value, default=_shown) if isinstance(value, dict | list | bool | int | float) else repr(value)
