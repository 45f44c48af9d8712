"""What to say where nothing was found: which field, stream, data key or device no run has, and what is near."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

from ..documents import stream_of
from ..errors import StoreUnavailable
from ..printable import shown
from ..queries import (
    NEWEST_FIRST,
    And,
    Comparison,
    Contains,
    Eq,
    Exists,
    HasDataKey,
    HasDevice,
    HasStream,
    In,
    Or,
    Query,
    Raw,
    Regex,
    conjunction,
    split_key,
)
from ..store import Document, Store

Step = tuple[Query, Query]
"""A search: the query of the catalog that was searched, and what was asked of it."""

_SAMPLE: Final = 100
"""Of as many runs, the newest, the names are looked at."""

_MOST_FIELDS: Final = 5
_MOST_NEAR: Final = 3
_LIKENESS: Final = 0.75
_SEPARATORS: Final = str.maketrans("", "", "._- ")
_DEEPEST: Final = 6
_ARE_THERE: Final = {
    "start": "has the field {} in its start document",
    "stop": "has the field {} in its stop document",
    "descriptor": "has the field {} in a descriptor",
    "stream": "has a stream {}",
    "data_key": "has the data key {} in a stream",
    "device": "has a device {} in a stream",
}
_FOUND_WITHOUT: Final = {"$ne", "$nin", "$not", "$comment", "$options"}


@dataclasses.dataclass(frozen=True)
class _Name:
    """What was asked for: a field of a kind of document, or a stream, a data key, a device; and who has it."""

    kind: str
    name: str
    has_it: Query = dataclasses.field(compare=False)


def missing_names(store: Store, steps: tuple[Step, ...], *, near_only: bool = False) -> str:
    """Return which names of a search no run has, and which there are that are near; nothing if there is none such.

    Parameters
    ----------
    store : Store
        Where the runs are.
    steps : tuple of (Query, Query)
        The searches, one within the other: which runs were searched, and what was asked. It is the last of those in
        which there were runs that counts.
    near_only : bool
        Whether to say nothing of names that no others are near to.
    """
    try:
        for within, asked in reversed(steps):
            sample = _Sample(store, list(store.find_starts(within, sort=NEWEST_FIRST, limit=_SAMPLE)))
            if sample.starts:
                names = list(dict.fromkeys(_names_of(asked)))[:_MOST_FIELDS]
                missing = (each for each in names if _is_missing(each, sample, store, within))
                near = {each: _near(each.name, sample.names(each.kind)) for each in missing}
                return " ".join(_said(each, near[each]) for each in near if near[each] or not near_only)
    except StoreUnavailable:
        pass  # it was nothing but a hint
    return ""


def _names_of(asked: Query) -> Iterator[_Name]:
    """Yield the names without which no run answers."""
    if isinstance(asked, And | Or):
        for part in asked.queries:
            yield from _names_of(part)
    elif isinstance(asked, Raw):
        for path in _paths_of(asked.filter):
            yield _Name(asked.document, path, Exists(f"{asked.document}.{path}"))
    elif isinstance(asked, HasStream | HasDataKey | HasDevice):
        kind = {HasStream: "stream", HasDataKey: "data_key", HasDevice: "device"}[type(asked)]
        yield _Name(kind, asked.name, asked)
    elif isinstance(asked, Eq | In | Comparison | Contains | Regex | Exists) and not _is_found_without(asked):
        document, path = split_key(asked.key)
        yield _Name(document, path, Exists(asked.key))


def _is_found_without(asked: Any) -> bool:
    if isinstance(asked, Exists):
        return not asked.exists
    values = asked.value if isinstance(asked, In) else [getattr(asked, "value", "")]
    return any(value is None for value in values)


def _paths_of(filter: Mapping[str, Any]) -> Iterator[str]:
    for key, condition in filter.items():
        if key in ("$and", "$or") and isinstance(condition, list):
            for part in condition:
                yield from _paths_of(part) if isinstance(part, Mapping) else ()
        elif not key.startswith("$") and not _is_met_without_field(condition):
            yield key


def _is_met_without_field(condition: Any) -> bool:
    """Tell whether a condition is met where the field is missing, as far as can be seen."""
    if not isinstance(condition, Mapping) or not any(name.startswith("$") for name in condition):
        return condition is None
    return all(
        name in _FOUND_WITHOUT or (name == "$exists" and not operand) or operand is None or _has_none(operand)
        for name, operand in condition.items()
    )


def _has_none(operand: Any) -> bool:
    return isinstance(operand, list) and any(each is None for each in operand)


def _is_missing(name: _Name, sample: _Sample, store: Store, within: Query) -> bool:
    known = sample.names(name.kind)
    if name.name in known or _without_positions(name.name) in known:
        return False
    asked = conjunction([within, name.has_it])
    return next(store.find_starts(asked, sort=NEWEST_FIRST, limit=1, fields=("uid",)), None) is None


def _without_positions(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdecimal())


def _said(name: _Name, near: list[str]) -> str:
    meant = " or ".join(filter(None, (", ".join(map(repr, near[:-1])), *map(repr, near[-1:]))))
    return f"No run {_ARE_THERE[name.kind].format(shown(name.name))}." + (f" Did you mean {meant}?" if near else "")


def _near(name: str, known: set[str]) -> list[str]:
    """Return the names that somebody may have meant: but for separators and case the same, or with a like last part."""
    same = [each for each in sorted(known) if _letters(each) == _letters(name)]
    if same:
        return same[:_MOST_NEAR]
    by_lower = {each.lower(): each for each in sorted(known)}
    by_last: dict[str, list[str]] = {}
    for lower in by_lower:
        by_last.setdefault(_last(lower), []).append(lower)
    wanted = name.lower()
    lasts = get_close_matches(_last(wanted), by_last, _MOST_NEAR, _LIKENESS)
    found = [
        *get_close_matches(wanted, by_lower, _MOST_NEAR, _LIKENESS),
        *(each for last in lasts for each in by_last[last]),
    ]
    return [by_lower[each] for each in dict.fromkeys(found)][:_MOST_NEAR]


def _letters(path: str) -> str:
    return path.lower().translate(_SEPARATORS)


def _last(path: str) -> str:
    return path.rpartition(".")[2]


class _Sample:
    """Some runs, and the names that they have."""

    def __init__(self, store: Store, starts: list[Document]):
        self._store = store
        self.starts = starts

    def names(self, kind: str) -> set[str]:
        """Return the names of fields of a kind of document, or of streams, data keys or devices."""
        return _NAMES[kind](self)

    @cached_property
    def _uids(self) -> list[str]:
        return [start["uid"] for start in self.starts]

    @cached_property
    def descriptors(self) -> list[Document]:
        return [each for of_run in self._store.descriptors(self._uids).values() for each in of_run]

    @cached_property
    def stops(self) -> list[Document]:
        return list(self._store.stops(self._uids).values())


def _paths_in(documents: list[Document]) -> set[str]:
    return {path for document in documents for path in _paths(document, "", 0)}


def _paths(value: Any, before: str, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for key, each in value.items():
            yield f"{before}{key}"
            yield from _paths(each, f"{before}{key}.", depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, before, depth + 1) if isinstance(each, Mapping) else ()


_NAMES: Final[dict[str, Callable[[_Sample], set[str]]]] = {
    "start": lambda sample: _paths_in(sample.starts),
    "stop": lambda sample: _paths_in(sample.stops),
    "descriptor": lambda sample: _paths_in(sample.descriptors),
    "stream": lambda sample: set(map(stream_of, sample.descriptors)),
    "data_key": lambda sample: {key for each in sample.descriptors for key in each["data_keys"]},
    "device": lambda sample: {
        name
        for each in sample.descriptors
        for place in ("object_keys", "configuration")
        for name in each.get(place) or ()
    },
}
