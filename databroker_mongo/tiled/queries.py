"""What Tiled's clients ask of runs, as queries of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bluesky_tiled_plugins.queries import ScanIDRange, TimeRange, _PartialUID, _ScanID
from tiled.queries import (
    AccessTagsFilter,
    Comparison,
    Contains,
    Eq,
    FullText,
    In,
    KeyPresent,
    KeysFilter,
    Like,
    NotEq,
    NotIn,
    QueryValueError,
    Regex,
    SpecsQuery,
    StructureFamilyQuery,
)
from tiled.query_registration import register
from tiled.structures.core import StructureFamily
from tiled.utils import UnsupportedQueryType

from .. import queries
from ..errors import QueryError
from ..queries import NO_RUN, Query, TagFields

TIME_KEYS = ("", "_", "time", "start.time")
"""How clients name the order of time, which is that of a catalog anyway."""


_SHOWN: Final = ("plan_name", "sample", "sample.name", "sample_name")
"""The fields of a start document in which the page's list shows words."""


_LONGEST_SCAN_ID: Final = 18
"""In digits, which 64 bits hold."""


@register(name="databroker_mongo_words")
@dataclass(frozen=True)
class Words:
    """What a person types into the search of the page.

    Parameters
    ----------
    text : str
        Words, all of which hold: a scan id, the beginning of a uid, a part of the name of a plan or sample, or a
        condition on a field as the command line takes it, such as ``scan_id>=100`` or ``sample.name~^Ni``.
    """

    text: str

    @classmethod
    def decode(cls, *, text: str) -> Words:
        """Return the query of the parameters of a URL."""
        return cls(text)

    def encode(self) -> dict[str, str]:
        """Return the parameters of a URL."""
        return {"text": self.text}


def translate_query(query: object, specs: Sequence[str], tag_fields: TagFields) -> Query:
    """Return what a query of Tiled asks.

    Parameters
    ----------
    query : object
        The query, as a client sent it.
    specs : sequence of str
        The names of the specs that every run has.
    tag_fields : TagFields
        Where the access tags of a run are.

    Raises
    ------
    QueryValueError
        It cannot be asked; Tiled answers 400 with what is said.
    UnsupportedQueryType
        It is of another kind.
    """
    if isinstance(query, SpecsQuery):
        return _all_if({*query.include} <= {*specs} and not {*query.exclude} & {*specs})
    if isinstance(query, AccessTagsFilter):
        return tag_fields.query(query.tags)
    translate = _TRANSLATIONS.get(type(query))
    if translate is None:
        raise UnsupportedQueryType(type(query).__name__)
    try:
        return translate(query)
    except QueryError as error:
        raise QueryValueError(str(error)) from error


def translate_sorting(sorting: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return an order that a client asks for: a sequence of fields, each with 1 or -1."""
    fields = ("time" if key in TIME_KEYS else key for key, _ in sorting)
    directions = (direction for _, direction in sorting)
    return list({field: (field, direction) for field, direction in zip(fields, directions, strict=True)}.values())


def _all_if(is_true: bool) -> Query:
    return queries.All() if is_true else NO_RUN


def _translate_like(query: Any) -> Query:
    """Return what an approximate match of SQL asks; the beginning of a uid has a query of its own, with an index."""
    beginning = query.pattern.removesuffix("%")
    is_open = beginning != query.pattern
    if is_open and queries.split_key(query.key) == ("start", "uid") and queries.is_uid_beginning(beginning):
        return queries.PartialUID(beginning)
    return queries.Regex(query.key, f"^{''.join(map(_pattern_of, beginning))}{'' if is_open else '$'}")


def _translate_words(query: Words) -> Query:
    try:
        words = shlex.split(query.text)
    except ValueError:  # an apostrophe
        words = query.text.split()
    return queries.conjunction([_translate_word(word) for word in words])


def _translate_word(word: str) -> Query:
    found = queries.from_words([word])
    if not isinstance(found, queries.FullText):
        return found
    meanings: list[Query] = [queries.Regex(field, re.escape(word), case_sensitive=False) for field in _SHOWN]
    if queries.is_uid_beginning(word):
        meanings.append(queries.PartialUID(word))
    if word.isdecimal() and len(word) <= _LONGEST_SCAN_ID:
        meanings.append(queries.Eq("scan_id", int(word)))
    return queries.Or(tuple(meanings))


def _translate_partial_uid(query: Any) -> Query:
    beginnings = [beginning for beginning in query.partial_uids if queries.is_uid_beginning(beginning)]
    return queries.PartialUID(*beginnings) if beginnings else _all_if(False)


def _pattern_of(character: str) -> str:
    return {"%": ".*", "_": "."}.get(character) or re.escape(character)


_TRANSLATIONS: Final[dict[type, Callable[[Any], Query]]] = {
    **dict.fromkeys((Comparison, Contains, Eq, FullText, In, KeyPresent, NotEq, NotIn, Regex), queries.query_of),
    # Their import tells Tiled of them; a server that knows them not answers with all runs.
    **dict.fromkeys((ScanIDRange, TimeRange, _ScanID), queries.query_of),
    _PartialUID: _translate_partial_uid,
    KeysFilter: lambda query: queries.In("uid", query.keys),
    Like: _translate_like,
    Words: _translate_words,
    StructureFamilyQuery: lambda query: _all_if(query.value == StructureFamily.container),
}
