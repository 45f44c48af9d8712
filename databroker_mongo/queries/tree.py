"""How queries are combined: ``&``, ``|`` and ``~``, and the query that every run answers to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class Query:
    """Base of all queries. Combine with ``&`` (and), ``|`` (or) and ``~`` (not)."""

    def __and__(self, other: Query) -> Query:
        if not isinstance(other, Query):
            return NotImplemented
        return conjunction((self, other))

    def __or__(self, other: Query) -> Query:
        if not isinstance(other, Query):
            return NotImplemented
        return Or((*_alternatives(self), *_alternatives(other)))

    def __invert__(self) -> Query:
        return Not(self)

    def __bool__(self) -> bool:
        raise TypeError("A query is neither true nor false; combine queries with & | ~, not with 'and', 'or', 'not'.")


@dataclass(frozen=True)
class All(Query):
    """Every run."""


@dataclass(frozen=True)
class And(Query):
    """The runs that match each of the queries; all runs if there are none."""

    queries: tuple[Query, ...]

    def __repr__(self) -> str:
        return " & ".join(_in_parentheses(query, And, Or) for query in self.queries) or "All()"


@dataclass(frozen=True)
class Or(Query):
    """The runs that match at least one of the queries; no run if there are none."""

    queries: tuple[Query, ...]

    def __repr__(self) -> str:
        return " | ".join(_in_parentheses(query, Or) for query in self.queries) or "~All()"


@dataclass(frozen=True)
class Not(Query):
    """The runs that do not answer to the query."""

    query: Query

    def __invert__(self) -> Query:
        return self.query

    def __repr__(self) -> str:
        return "~" + _in_parentheses(self.query, And, Or)


def conjuncts(query: Query) -> tuple[Query, ...]:
    """Return the queries that a run must answer to, each of them; none for :class:`All`."""
    if isinstance(query, All):
        return ()
    if isinstance(query, And):
        return tuple(part for each in query.queries for part in conjuncts(each))
    return (query,)


def conjunction(queries: Iterable[Query]) -> Query:
    """Return one query that asks each of ``queries``, without nesting."""
    parts = tuple(part for query in queries for part in conjuncts(query))
    if not parts:
        return All()
    return parts[0] if len(parts) == 1 else And(parts)


def _alternatives(query: Query) -> tuple[Query, ...]:
    return query.queries if isinstance(query, Or) else (query,)


def _in_parentheses(query: Query, *kinds: type[Query]) -> str:
    return f"({query!r})" if isinstance(query, kinds) else repr(query)
