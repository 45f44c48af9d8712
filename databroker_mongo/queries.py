"""What may be asked of runs: a neutral tree of frozen dataclasses. ``store/`` compiles it for its layout."""

from __future__ import annotations

from dataclasses import dataclass


class Query:
    """Base of all queries."""


@dataclass(frozen=True)
class All(Query):
    """Every run."""
