"""Fewer cases than all combinations, without leaving out what two of the values may do to each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

Case = tuple[Any, ...]


def pairs_of(*axes: Sequence[Any]) -> list[Case]:
    """Return combinations in which every two values of different axes meet, the same in every run.

    Of three axes of 4, 3 and 3 values, 12 do for 36.
    """
    every = list(itertools.product(*(range(len(axis)) for axis in axes)))
    missing = {pair for each in every for pair in _pairs(each)}
    chosen = []
    while missing:
        best = max(every, key=lambda each: len(_pairs(each) & missing))
        missing -= _pairs(best)
        chosen.append(best)
    return [tuple(axis[place] for axis, place in zip(axes, each, strict=True)) for each in sorted(chosen)]


def in_turn(values: Sequence[Any], others: Sequence[Any]) -> list[Case]:
    """Return each value with one of the others, which take turns."""
    return list(zip(values, itertools.islice(itertools.cycle(others), len(values)), strict=True))


def _pairs(numbers: Sequence[int]) -> set[Any]:
    return set(itertools.combinations(enumerate(numbers), 2))
