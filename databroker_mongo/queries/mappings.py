"""Queries that are mappings as well, from a field to what is asked of it, as those of databroker 1.2.5 are.

So ``{**TimeRange(...), "plan_name": "count"}`` is a filter, and such a query may stand within one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

from .tree import Query


class MappingQuery(Query, Mapping[str, Any]):
    """A query that is also a mapping, equal to its MongoDB filter; it is neither true nor false."""

    @property
    @abstractmethod
    def query(self) -> dict[str, Any]:
        """The same as a MongoDB filter."""

    @property
    @abstractmethod
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make the same query, by name."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some of the arguments changed."""
        return type(self)(**{**self.kwargs, **changes})

    def __getitem__(self, key: str) -> Any:
        return self.query[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.query)

    def __len__(self) -> int:
        return len(self.query)

    def __eq__(self, other: object) -> bool:
        return self.query == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self.query))
