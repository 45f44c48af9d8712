"""Access tags: which fields of the start document say who may see a run, and which runs have some of the tags.

Who has a tag is not known here: a policy of a server knows.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import ConfigurationError, QueryError
from .fields import Comparison, Exists, In, Regex, split_key
from .tree import And, Or, Query

NO_RUN: Final = In("uid", [])

PUBLIC: Final = "public"
"""The tag of what everybody may read, as in Tiled's own policy. No document gives it to a run, age alone does."""

UNTAGGED: Final = "databroker_mongo:untagged"
"""The tag of a run in whose fields none is. Nobody has it, unless a policy gives it to somebody by this name."""

_OF_A_USER: Final = "user:"
"""What the tags begin with that Tiled's policy gives to single users."""

_TAG: Final = rf"^(?!{UNTAGGED}$|{_OF_A_USER}|[pP][uU][bB][lL][iI][cC]$)"
_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SECONDS_OF_NOW: Final = 60
"""In such steps runs grow old, so that what is asked within a minute is the same question."""


@dataclass(frozen=True)
class TagField:
    """A field of the start document in which tags are.

    Attributes
    ----------
    field : str
        It holds a text, a number, or a list of these.
    template : str
        What is made of each, in the place of ``{}``.
    """

    field: str
    template: str = "{}"

    @classmethod
    def of_option(cls, given: object) -> TagField:
        """Return a field that a configuration names: by its name, or as ``{field: NAME, template: "pass-{}"}``.

        Raises
        ------
        ConfigurationError
            It is no field of the start document, or its template has no single ``{}``.
        """
        options = {"field": given} if isinstance(given, str) else given
        if not isinstance(options, Mapping) or not {"field"} <= options.keys() <= {"field", "template"}:
            raise ConfigurationError(f"tag_field names fields of the start document, not {given!r}.")
        found = cls(**options)
        if not isinstance(found.field, str) or not _is_of_start(found.field):
            raise ConfigurationError(f"tag_field names fields of the start document, not {given!r}.", field=found.field)
        if not isinstance(found.template, str) or found.template.count("{}") != 1:
            raise ConfigurationError(f"the template of a tag has one {{}}, unlike {found.template!r}.")
        return found

    @property
    def path(self) -> str:
        """The field, without the name of the document."""
        return split_key(self.field)[1]

    def tags_of(self, start: Mapping[str, Any]) -> frozenset[str]:
        """Return the tags that the field gives a run."""
        values = (_text(value) for value in _values(start, self.path))
        tags = (self.template.replace("{}", value) for value in values if value is not None)
        return frozenset(tag for tag in tags if not _is_reserved(tag))

    def having(self, tags: Collection[str]) -> Query:
        """Return the query that the field gives a run one of the tags."""
        before, _, after = self.template.partition("{}")
        fitting = [tag for tag in tags if tag.startswith(before) and tag[len(before) :].endswith(after)]
        texts = [tag[len(before) : len(tag) - len(after)] for tag in fitting if not _is_reserved(tag)]
        return In(self.field, [*texts, *(number for text in texts for number in _numbers(text))])

    def having_any(self) -> Query:
        """Return the query that the field gives a run a tag."""
        numbers = (Comparison("ge", self.field, 0), Comparison("lt", self.field, 0))
        return Or((Regex(self.field, _TAG if self.template == "{}" else ""), *numbers))


@dataclass(frozen=True)
class PublicAfter:
    """When a run is everybody's: so many seconds after it began, or from a date in a field of its start document.

    Attributes
    ----------
    seconds : float, optional
        How old it is then.
    field : str, optional
        The field that holds the date, as ``2028-06-30`` or in seconds since 1970.
    """

    seconds: float | None = None
    field: str | None = None

    @classmethod
    def of_option(cls, given: object) -> PublicAfter:
        """Return what a configuration says: ``{days: 1095}``, or ``{field: embargo_ends}``.

        Raises
        ------
        ConfigurationError
            It says something else.
        """
        if isinstance(given, Mapping) and len(given) == 1:
            days, field = given.get("days"), given.get("field")
            if isinstance(days, int | float) and not isinstance(days, bool) and days >= 0:
                return cls(seconds=days * 86400.0)
            if isinstance(field, str) and _is_of_start(field):
                return cls(field=field)
        raise ConfigurationError(f"public_after is {{days: 1095}} or {{field: NAME}}, not {given!r}.")

    def holds_for(self, start: Mapping[str, Any]) -> bool:
        """Return whether a run is everybody's by now."""
        now = _now()
        if self.seconds is not None:
            return any(_is_number(each) and each < now - self.seconds for each in _values(start, "time"))
        values = list(_values(start, split_key(self.field or "")[1]))
        texts = [each for each in values if isinstance(each, str)]
        is_past = any(re.match(_DATE, each) for each in texts) and any(each < _date(now) for each in texts)
        return is_past or any(_is_number(each) and each < now for each in values)

    def query(self) -> Query:
        """Return the query that a run is everybody's by now."""
        now = _now()
        if self.field is None:
            return Comparison("lt", "time", now - (self.seconds or 0.0))
        past = And((Regex(self.field, _DATE), Comparison("lt", self.field, _date(now))))
        return Or((past, Comparison("lt", self.field, now)))


@dataclass(frozen=True)
class TagFields:
    """The fields of the start document in which the tags of a run are, in order: the first that it has decides.

    What a query finds has one of its tags, and the other way round: Tiled asks both, and lists what a query found.

    Attributes
    ----------
    fields : tuple of TagField
        Without any, no run has a tag.
    public_after : PublicAfter, optional
        When a run has the tag ``public`` as well.
    """

    fields: tuple[TagField, ...] = ()
    public_after: PublicAfter | None = None

    @classmethod
    def of_options(cls, tag_field: object, public_after: object = None) -> TagFields:
        """Return what a configuration says.

        Raises
        ------
        ConfigurationError
            A field is none of the start document, or an option says something else.
        """
        several = tag_field if isinstance(tag_field, list | tuple) else [tag_field]
        public = None if public_after is None else PublicAfter.of_option(public_after)
        return cls(tuple(map(TagField.of_option, several)), public)

    def tags_of(self, start: Mapping[str, Any]) -> frozenset[str]:
        """Return the tags of a run."""
        if not self.fields and self.public_after is None:
            return frozenset()
        first = next((each for each in self.fields if any(True for _ in _values(start, each.path))), None)
        found = frozenset() if first is None else first.tags_of(start)
        public = self.public_after is not None and self.public_after.holds_for(start)
        return (found or frozenset({UNTAGGED})) | ({PUBLIC} if public else frozenset())

    def query(self, tags: Collection[object]) -> Query:
        """Return the query that a run has one of the tags."""
        texts = sorted({tag for tag in tags if isinstance(tag, str)})
        found = [self._first(n, each.having(texts)) for n, each in enumerate(self.fields)] if texts else []
        if UNTAGGED in texts and (self.fields or self.public_after):
            found.append(~Or(tuple(self._first(n, each.having_any()) for n, each in enumerate(self.fields))))
        if PUBLIC in texts and self.public_after is not None:
            found.append(self.public_after.query())
        return Or(tuple(found)) if found else NO_RUN

    def _first(self, n: int, query: Query) -> Query:
        """Return a query of the nth field, for runs that have none of those before it."""
        return And((*(Exists(each.field, False) for each in self.fields[:n]), query)) if n else query


def _is_of_start(field: str) -> bool:
    try:
        In(field, [])
    except QueryError:
        return False
    document, path = split_key(field)
    # A number in a path is a place in a list to MongoDB.
    return document == "start" and not any(name.isdigit() or not name for name in path.split("."))


def _values(document: Mapping[str, Any], path: str) -> Iterator[Any]:
    """Yield the values at a path, where MongoDB looks for them: a list on the way stands for each of its elements."""
    name, _, deeper = path.partition(".")
    if name not in document:
        return
    found = document[name]
    if not deeper:
        yield found
    for each in found if isinstance(found, list | tuple) else [found]:
        if deeper and isinstance(each, Mapping):
            yield from _values(each, deeper)
        elif not deeper and each is not found:
            yield each


def _text(value: object) -> str | None:
    """Return a value as it stands in a tag; None for what makes none."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if _is_number(value) and value == value else None


def _numbers(text: str) -> Iterator[int | float]:
    """Yield the numbers that stand in a tag as a text does."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if _text(number) == text and abs(number) < 2**63:
            yield number


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_reserved(tag: str) -> bool:
    return tag == UNTAGGED or tag.startswith(_OF_A_USER) or tag.casefold() == PUBLIC


def _now() -> float:
    return time.time() // _SECONDS_OF_NOW * _SECONDS_OF_NOW


def _date(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
