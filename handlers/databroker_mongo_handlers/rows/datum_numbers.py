"""The numbers in resource and datum keywords: checked, and gathered into stretches that one read can serve.

No file is opened here, and no array touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stretch:
    """Numbers of equal distance: ``first, first + step, ...``, ``count`` of them, from position ``at`` on."""

    at: int
    first: int
    step: int
    count: int


def whole_number(value: Any, name: str, *, minimum: int = 0) -> int:
    """Return ``value`` as an int; documents may hold whole numbers as floats.

    Raises
    ------
    ValueError
        When it is not a whole number, or below ``minimum``.
    """
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = minimum - 1
    if number != value or number < minimum:
        raise ValueError(f"{name} must be a whole number from {minimum} on, not {value!r}")
    return number


def stretches(numbers: Sequence[int]) -> Iterator[Stretch]:
    """Yield the longest stretches of equal, positive distance, in the order given."""
    at = 0
    while at < len(numbers):
        step = numbers[at + 1] - numbers[at] if at + 1 < len(numbers) else 1
        end = at + 1
        while step > 0 and end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        yield Stretch(at, numbers[at], max(step, 1), end - at)
        at = end
