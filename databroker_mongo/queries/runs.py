"""Queries about a run as a whole: its identifiers, its documents, its text, its place among the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import QueryError
from ..printable import shown
from .fields import DocumentName, Operator, plain_path
from .mappings import MappingQuery
from .plain import one_of, plain_text, plain_value
from .refusals import plain_filter
from .tree import Query

Duplicates = Literal["latest", "all", "error"]
UID_CHARACTERS = re.compile(r"[0-9a-fA-F-]+", re.ASCII)


def is_uid_beginning(text: str) -> bool:
    """Tell whether a uid may begin with this text: hex digits and ``-``, in either case."""
    return UID_CHARACTERS.fullmatch(text) is not None


@dataclass(frozen=True)
class Raw(Query):
    """A MongoDB filter on one document of the run.

    Parameters
    ----------
    filter : dict
        For example ``{"plan_name": "count", "sample.name": {"$in": ["Ni", "Cu"]}}``; ``{}`` matches if the document
        exists.
    document : {"start", "stop", "descriptor"}, optional
        If there are several descriptors, one must match the whole filter.

    Raises
    ------
    QueryError
        When it would run code (``$where``, ``$function``, ``$accumulator``) or holds an unbounded pattern.
    """

    filter: Mapping[str, Any]
    document: DocumentName = "start"

    def __post_init__(self) -> None:
        document = one_of(get_args(DocumentName), self.document, name="The document of a raw filter")
        object.__setattr__(self, "document", document)
        object.__setattr__(self, "filter", plain_filter(self.filter, document=document))

    def __repr__(self) -> str:
        document = "" if self.document == "start" else f", {self.document!r}"
        return f"Raw({self.filter!r}{document})"


@dataclass(frozen=True, eq=False)
class FullText(MappingQuery):
    """Any of the words occurs in the start document; ``"a phrase"`` must, and ``-word`` must not.

    It can be combined only by ``&``. MongoDB needs a text index for it.
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise QueryError(f"A full-text query needs at least one word, not {shown(self.text)}.")
        object.__setattr__(self, "text", plain_text(self.text))

    @property
    def query(self) -> dict[str, Any]:
        """The same as a MongoDB filter."""
        return {"$text": {"$search": self.text}}

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make the same query, by name."""
        return {"text": self.text}


@dataclass(frozen=True, init=False, eq=False)
class TextQuery(FullText):
    """The full-text query of databroker 1.2.5, with its name and its argument.

    Parameters
    ----------
    text_search : str
        The words.
    """

    def __init__(self, text_search: str):
        super().__init__(text_search)

    def __repr__(self) -> str:
        return f"TextQuery(text_search={self.text!r})"

    @property
    def text_search(self) -> str:
        """The words."""
        return self.text

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make the same query, by name."""
        return {"text_search": self.text}


@dataclass(frozen=True, init=False)
class PartialUID(Query):
    """The uid starts with one of these strings: uid characters only (hex digits and ``-``), in either case."""

    partial_uids: tuple[str, ...]

    def __init__(self, *partial_uids: str):
        for partial in partial_uids:
            if not isinstance(partial, str) or not is_uid_beginning(partial):
                raise QueryError(f"{shown(partial)} is not the beginning of a uid, which has only hex digits and '-'.")
        object.__setattr__(self, "partial_uids", tuple(plain_text(partial).lower() for partial in partial_uids))

    def __repr__(self) -> str:
        return f"PartialUID({', '.join(map(repr, self.partial_uids))})"


@dataclass(frozen=True, init=False)
class ScanID(Query):
    """The runs of these scan ids.

    Parameters
    ----------
    *scan_ids : int
        The scan ids; they may repeat over the years.
    duplicates : {"latest", "all", "error"}
        Of the runs that match the whole query, ``"latest"`` takes the newest for each scan id; ``"error"`` refuses a
        scan id that more than one run has. Both can be combined only by ``&``.
    """

    scan_ids: tuple[int, ...]
    duplicates: Duplicates

    def __init__(self, *scan_ids: int, duplicates: Duplicates = "latest"):
        object.__setattr__(self, "scan_ids", tuple(_scan_id(scan_id) for scan_id in scan_ids))
        object.__setattr__(self, "duplicates", _duplicates(duplicates))

    def __repr__(self) -> str:
        return f"ScanID({', '.join(map(repr, self.scan_ids))}, duplicates={self.duplicates!r})"


@dataclass(frozen=True)
class ScanIDRange(Query):
    """The runs with ``start_id <= scan_id < end_id``; ``duplicates`` as for :class:`ScanID`."""

    start_id: int
    end_id: int
    duplicates: Duplicates = "latest"

    def __post_init__(self) -> None:
        object.__setattr__(self, "start_id", _scan_id(self.start_id))
        object.__setattr__(self, "end_id", _scan_id(self.end_id))
        object.__setattr__(self, "duplicates", _duplicates(self.duplicates))


@dataclass(frozen=True)
class InProgress(Query):
    """The run has no stop document: it is in progress, or it crashed."""


@dataclass(frozen=True)
class HasStream(Query):
    """The run has a stream of this name; a descriptor without a name belongs to ``primary``."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise QueryError(f"The name of a stream must be a string that is not empty, not {shown(self.name)}.")
        object.__setattr__(self, "name", plain_text(self.name))


@dataclass(frozen=True)
class HasDataKey(Query):
    """A stream of the run has this data key."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _plain_name(self.name))


@dataclass(frozen=True)
class HasDevice(Query):
    """A stream of the run has data or configuration of this device."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _plain_name(self.name))


@dataclass(frozen=True)
class Duration(Query):
    """The run has ended, and the time from its start to its stop compares so with `seconds`.

    Parameters
    ----------
    operator : {"lt", "le", "gt", "ge"}
        How the duration compares with `seconds`.
    seconds : float
        From the time of the start document to the time of the stop document.
    """

    operator: Operator
    seconds: float

    def __post_init__(self) -> None:
        seconds = plain_value(self.seconds)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise QueryError(f"A duration must be a number of seconds, not {shown(self.seconds)}.")
        operator = one_of(get_args(Operator), self.operator, name="The operator of a duration")
        object.__setattr__(self, "operator", operator)
        object.__setattr__(self, "seconds", seconds)


@dataclass(frozen=True)
class Window(Query):
    """A part of the runs of another query in order: the result of ``search(..., sort=, skip=, limit=)``.

    Parameters
    ----------
    query : Query
        The query whose runs are counted.
    sort : tuple of (str, int)
        Fields of the start document, each with 1 (ascending) or -1 (descending).
    skip : int
        How many runs to skip.
    limit : int
        How many runs to take after that; 0 takes all.
    """

    query: Query
    sort: tuple[tuple[str, int], ...]
    skip: int = 0
    limit: int = 0


def _scan_id(value: Any) -> int:
    scan_id = plain_value(value)
    if isinstance(scan_id, bool) or not isinstance(scan_id, int):
        raise QueryError(f"A scan id must be an integer, not {shown(value)}.")
    return scan_id


def _plain_name(name: Any) -> str:
    plain = plain_path(name)
    if "." in plain:
        raise QueryError(f"MongoDB reads the dots in {shown(plain)} as the path of a field, so it cannot be queried.")
    return plain


def _duplicates(value: Any) -> Duplicates:
    return one_of(get_args(Duplicates), value, name="duplicates")  # type: ignore[return-value]  # they are the choices
