"""Queries about one field of a document."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import QueryError
from ..printable import shown
from .moments import seconds_at
from .patterns import check_pattern
from .plain import is_of_bson, one_of, plain_bool, plain_text, plain_value, plain_values
from .tree import Query

DocumentName = Literal["start", "stop", "descriptor"]
Operator = Literal["lt", "le", "gt", "ge"]


def plain_path(path: Any) -> str:
    """Return the name of a field, if MongoDB takes it as a plain, dotted name.

    Raises
    ------
    QueryError
        When it is not a string, is empty, holds a NUL, or has a part that is empty or starts with ``$``.
    """
    if not isinstance(path, str):
        raise QueryError(f"The name of a field must be a string like 'sample.name', not {shown(path)}.")
    plain = plain_text(path)
    if "\0" in plain or any(not part or part.startswith("$") for part in plain.split(".")):
        raise QueryError(
            f"{shown(plain)} is not the name of a field: each part between dots needs at least one character and must "
            "not begin with '$'. Operators of MongoDB belong in a raw filter: search({...})."
        )
    return plain


def split_key(key: str) -> tuple[DocumentName, str]:
    """Return the document that a key refers to, and the field there: ``"stop.reason"`` is ``("stop", "reason")``."""
    prefix, dot, path = key.partition(".")
    if dot and prefix in get_args(DocumentName):
        return prefix, path  # type: ignore[return-value]  # mypy does not narrow by get_args
    return "start", key


def _compared(key: str, value: Any) -> Any:
    """Return what the field is compared with: a time, by its seconds."""
    return seconds_at(*split_key(key), value)


@dataclass(frozen=True)
class _FieldQuery(Query):
    """A query about the field ``key``."""

    key: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", plain_path(self.key))


@dataclass(frozen=True)
class _ValueQuery(_FieldQuery):
    """A query that compares the field with ``value``."""

    value: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "value", _compared(self.key, plain_value(self.value)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r}, {self.value!r})"


@dataclass(frozen=True, repr=False)
class Eq(_ValueQuery):
    """The field is equal to the value, or is a list with an element that is. None is equal to a missing field."""


@dataclass(frozen=True, repr=False)
class NotEq(_ValueQuery):
    """The opposite of :class:`Eq`: runs without the field match it too."""


@dataclass(frozen=True, repr=False)
class Contains(_ValueQuery):
    """The field is a list with an element equal to the value, or a string that contains the value."""


@dataclass(frozen=True, repr=False)
class _MemberQuery(_ValueQuery):
    """A query that compares the field with each of the values."""

    def __post_init__(self) -> None:
        _FieldQuery.__post_init__(self)
        values = plain_values(self.value, asker=type(self).__name__, key=self.key)
        # A list could be changed by whoever is given the query, and with it the scope of a catalog.
        object.__setattr__(self, "value", tuple(_compared(self.key, each) for each in values))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r}, {list(self.value)!r})"


@dataclass(frozen=True, repr=False)
class In(_MemberQuery):
    """The field is equal to one of the values, as with :class:`Eq`."""


@dataclass(frozen=True, repr=False)
class NotIn(_MemberQuery):
    """The opposite of :class:`In`: runs without the field match it too."""


@dataclass(frozen=True, repr=False)
class Comparison(Query):
    """The field is less or greater than the value; only numbers compare with numbers, strings with strings, and so on.

    Parameters
    ----------
    operator : {"lt", "le", "gt", "ge"}
        Less than, less or equal, greater than, greater or equal.
    key : str
        The field.
    value : float, str, datetime, or a value of BSON that has an order
        The value to compare with.
    """

    operator: Operator
    key: str
    value: Any

    def __post_init__(self) -> None:
        operator = one_of(get_args(Operator), self.operator, name="The operator of a comparison")
        object.__setattr__(self, "key", plain_path(self.key))
        value = _compared(self.key, plain_value(self.value))
        has_order = is_of_bson(value) and not hasattr(value, "pattern")
        if not has_order and not isinstance(value, int | float | str | bytes | datetime.datetime):
            raise QueryError(f"Only numbers, texts and dates have an order; {shown(value)} has none.", key=self.key)
        object.__setattr__(self, "operator", operator)
        object.__setattr__(self, "value", value)

    def __repr__(self) -> str:
        return f"Comparison({self.operator!r}, {self.key!r}, {self.value!r})"


@dataclass(frozen=True)
class Regex(_FieldQuery):
    """The field is a string that the regular expression matches, or a list with such a string.

    Parameters
    ----------
    key : str
        The field.
    pattern : str
        An expression that Python's ``re`` and PCRE both understand, within limits; ``^`` and ``$`` anchor it.
    case_sensitive : bool, optional
        Whether upper and lower case differ.
    """

    pattern: str
    case_sensitive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern(self.pattern)
        object.__setattr__(self, "pattern", plain_text(self.pattern))
        object.__setattr__(self, "case_sensitive", plain_bool(self.case_sensitive, name="case_sensitive"))


@dataclass(frozen=True)
class Exists(_FieldQuery):
    """The document has the field (even if it is null), or does not have it."""

    exists: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "exists", plain_bool(self.exists, name="exists"))


class Key:
    """The name of a field, for comparisons: ``Key("sample.name") == "Ni"``, ``Key("num_points") > 100``.

    Parameters
    ----------
    key : str
        A dotted name in the start document; ``stop.`` and ``descriptor.`` refer to the others.
    """

    __hash__ = None  # type: ignore[assignment]  # `==` makes a query, so a Key is no key of a mapping

    def __init__(self, key: str):
        self._key = plain_path(key)

    def __repr__(self) -> str:
        return f"Key({self._key!r})"

    def __eq__(self, value: Any) -> Eq:  # type: ignore[override]  # a comparison is a query
        return Eq(self._key, value)

    def __ne__(self, value: Any) -> NotEq:  # type: ignore[override]  # a comparison is a query
        return NotEq(self._key, value)

    def __lt__(self, value: Any) -> Comparison:
        return Comparison("lt", self._key, value)

    def __le__(self, value: Any) -> Comparison:
        return Comparison("le", self._key, value)

    def __gt__(self, value: Any) -> Comparison:
        return Comparison("gt", self._key, value)

    def __ge__(self, value: Any) -> Comparison:
        return Comparison("ge", self._key, value)
