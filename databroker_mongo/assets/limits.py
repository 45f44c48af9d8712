"""Directories that a path must be under, the links in both followed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path


class Limits:
    """Directories, links in the way to them followed, and whether something is under one of them."""

    def __init__(self, places: Sequence[str | Path]):
        self.places = places

    def has(self, path: str) -> bool:
        """Tell whether a path, links followed, is under one of them."""
        return _is_under(path, self._reals)

    def has_real(self, real: str) -> bool:
        """Tell whether a path on which no links are left is under one of them."""
        return _is_inside(real, self._reals)

    @cached_property
    def _reals(self) -> list[str]:
        return [real_path(place) for place in self.places]


def real_path(path: str | Path) -> str:
    """Return a path on which no links are left; what is not there has none."""
    return os.path.realpath(path)


def common(some: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return the directories that are under one of some and one of others, links followed."""
    reals, other_reals = [real_path(each) for each in some], [real_path(each) for each in others]
    inner = [each for each in reals if _is_under(each, other_reals)]
    return tuple(dict.fromkeys([*inner, *(each for each in other_reals if _is_under(each, reals))]))


def _is_under(path: str, real_limits: Sequence[str]) -> bool:
    """Tell whether a path, links followed, is under one of these places; not, if it is no path at all."""
    try:
        return _is_inside(real_path(path), real_limits)
    except ValueError:
        return False


def _is_inside(real: str, real_limits: Sequence[str]) -> bool:
    return any(Path(real).is_relative_to(limit) for limit in real_limits)
