"""Access tags: which fields of the start document say who may see a run, and which runs have some of the tags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import ConfigurationError, QueryError
from ..queries import In, Or, Query, Regex, split_key

NO_RUN: Final = In("uid", [])

UNTAGGED: Final = "databroker_mongo:untagged"
"""The tag of a run in whose fields no text is. Nobody has it, unless a policy gives it to somebody by this name."""


@dataclass(frozen=True)
class TagFields:
    """The fields of the start document in which the tags of a run are.

    What a query finds has one of its tags, and the other way round: Tiled asks both, and lists what a query found.

    Attributes
    ----------
    fields : tuple of str
        Each holds a text or a list of texts; numbers and documents are no tags. Without fields no run has a tag.
    """

    fields: tuple[str, ...] = ()

    @classmethod
    def of_option(cls, given: str | Collection[str]) -> TagFields:
        """Return the fields that a configuration names.

        Raises
        ------
        ConfigurationError
            They are no fields of the start document.
        """
        fields = (given,) if isinstance(given, str) else tuple(given)
        for field in fields:
            if not isinstance(field, str) or not _is_of_start(field):
                raise ConfigurationError(f"tag_field names fields of the start document, not {field!r}.", field=field)
        return cls(fields)

    def tags_of(self, start: Mapping[str, Any]) -> frozenset[str]:
        """Return the tags of a run."""
        if not self.fields:
            return frozenset()
        found = frozenset(tag for field in self.fields for tag in _texts(start, split_key(field)[1]))
        return found or frozenset({UNTAGGED})

    def query(self, tags: Collection[object]) -> Query:
        """Return the query that a run has one of the tags."""
        texts = sorted({tag for tag in tags if isinstance(tag, str)})
        if not self.fields or not texts:
            return NO_RUN
        having = Or(tuple(In(field, texts) for field in self.fields))
        any_text = Or(tuple(Regex(field, "") for field in self.fields))
        return having | ~any_text if UNTAGGED in texts else having


def _is_of_start(field: str) -> bool:
    try:
        In(field, [])
    except QueryError:
        return False
    document, path = split_key(field)
    # A number in a path is a place in a list to MongoDB.
    return document == "start" and not any(name.isdigit() or not name for name in path.split("."))


def _texts(document: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the texts at a path, where MongoDB looks for them: a list on the way stands for each of its elements."""
    name, _, deeper = path.partition(".")
    found = document.get(name)
    for each in found if isinstance(found, list | tuple) else [found]:
        if deeper and isinstance(each, Mapping):
            yield from _texts(each, deeper)
        elif not deeper and isinstance(each, str):
            yield each
