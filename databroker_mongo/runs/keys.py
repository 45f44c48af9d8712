"""From what a person types between the brackets of a catalog to the run that it means.

A scan id, a uid or the beginning of one. What is ambiguous is never guessed.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from ..errors import AmbiguousKey, QueryError, RunNotFound
from ..printable import shown
from ..queries import (
    NEWEST_FIRST,
    All,
    Eq,
    FullText,
    In,
    Or,
    PartialUID,
    Query,
    ScanID,
    conjunction,
    is_uid_beginning,
    plain_text,
)
from ..store import Document, Store

LARGEST_SCAN_ID = 2**63
FARTHEST_PLACE = 2**31 - 1
"""How far from the latest run a position or a slice may be: MongoDB takes no larger number of documents to skip."""
MOST_KEYS = 100_000
"""How many keys may be asked for at once."""

_MOST_LISTED = 10
_MOST_COMPARED = 50
_MOST_DIGITS = 19


def integer_key(key: Any) -> int | None:
    """Return a key that is an integer of Python or NumPy, else None; True is no integer, nor is a text."""
    if isinstance(key, bool | str):
        return None
    try:
        return operator.index(key)
    except TypeError:
        return None


def n_runs(value: object, name: str) -> int:
    """Return how many runs `value` stands for, which is the argument `name` of a search; 0 for None.

    Raises
    ------
    QueryError
        It is no integer, or less than 0.
    """
    number = 0 if value is None else integer_key(value)
    if number is None or number < 0:
        raise QueryError(f"{name} must be a number of runs, 0 or more, not {shown(value)}.")
    if number >= LARGEST_SCAN_ID:
        raise QueryError(f"{name} is a number of runs, and MongoDB counts in 64 bits; this one has more.")
    return min(number, FARTHEST_PLACE)


def list_keys(keys: Iterable[object]) -> list[object]:
    """Return keys as a list.

    Raises
    ------
    QueryError
        There are more than `MOST_KEYS`.
    """
    several = list(itertools.islice(keys, MOST_KEYS + 1))
    if len(several) > MOST_KEYS:
        raise QueryError(f"At most {MOST_KEYS} runs can be looked up by their keys at once; more were given.")
    return several


def integers_of_slice(key: slice) -> tuple[int | None, int | None, int | None]:
    """Return begin, end and step of a slice that counts back from the latest run; None for what is no integer."""
    begin, end, step = (
        default if each is None else integer_key(each)
        for each, default in zip((key.start, key.stop, key.step), (None, 0, 1), strict=True)
    )
    return begin, end, step


def show_slice(key: slice) -> str:
    """Return what a message says of a slice."""
    return f"[{':'.join(map(shown, (key.start, key.stop, key.step)))}]"


def part_of_slice(key: slice) -> tuple[int, int]:
    """Return how many runs a slice of a catalog skips, and how many it takes.

    Raises
    ------
    QueryError
        It does not count from the latest run.
    """
    begin, end, step = integers_of_slice(key)
    if begin is None or end is None or begin >= 0 or end > 0 or step != 1:
        raise QueryError(
            f"a slice of a catalog counts from the latest run, as [-5:] or [-5:-2]; it was {show_slice(key)}. "
            "All runs are in values()."
        )
    skip = min(-end, FARTHEST_PLACE)
    return skip, min(-begin, FARTHEST_PLACE) - skip


def find(key: object, store: Store, query: Query, *, find_position: Callable[[int], Document]) -> Document:
    """Return the start document of the run that a key means, among those that answer to ``query``.

    Parameters
    ----------
    key : int or str
        A number is a scan id, and means the newest run that has it; a negative one is a position. A text is a uid; if
        no run has it, and it is all digits, a scan id; then the beginning of a uid.
    store : Store
        Where to look.
    query : Query
        What the run must answer to as well.
    find_position : callable
        Returns the start document at a position, in the order that the runs have where they are looked for.

    Raises
    ------
    RunNotFound
        No run answers, or the key is of another kind.
    AmbiguousKey
        Several runs answer to the beginning of a uid, or one to that and another to the scan id.
    """
    if isinstance(key, str):
        return _find_text(key, store, query)
    number = integer_key(key)
    if number is None:
        _not_found(key, "A key must be a uid, the beginning of one, a scan id or a negative number.", All())
    return find_position(number) if number < 0 else _find_scan_id(number, store, query)


def find_several(keys: Iterable[object], store: Store, query: Query) -> dict[object, Document]:
    """Return the start documents of those keys that are a whole uid or a scan id, by key: two queries for all."""
    texts, numbers = [], []
    for key in keys:
        number = integer_key(key)
        if isinstance(key, str) and _meanings(key):
            texts.append(str.__str__(key))
        elif number is not None and 0 <= number < LARGEST_SCAN_ID:
            numbers.append(number)
    found: dict[object, Document] = {}
    for start in _newest(store, query, In("uid", texts)) if texts else []:
        found.setdefault(start["uid"], start)
    for start in _newest(store, query, ScanID(*numbers, duplicates="latest")) if numbers else []:
        found.setdefault(start["scan_id"], start)
    return found


def find_all(text: str | int, store: Store, query: Query, *, limit: int) -> list[Document]:
    """Return the start documents that a text may mean, the likeliest first, at most ``limit`` of each kind.

    First the exact uid, then the runs of the scan id, then uids that begin with it, then those with all its words.

    Raises
    ------
    QueryError
        The text can be no scan id, and no beginning of a uid, no run has it as its uid, and the database has no text
        index to look for the words.
    """
    text = _text_of(text)
    ranked: dict[str, Document] = {}
    meanings = _meanings(text)
    for meaning in meanings:
        for start in _newest(store, query, meaning, limit):
            ranked.setdefault(start["uid"], start)
    words = " ".join(f'"{word}"' for word in text.replace('"', " ").split())
    try:
        for start in _newest(store, query, FullText(words), limit) if words else []:
            ranked.setdefault(start["uid"], start)
    except QueryError:
        if not ranked and len(meanings) < 2:
            raise
    return list(ranked.values())


def _text_of(text: object) -> str:
    if isinstance(text, str):
        return plain_text(text)
    number = integer_key(text)
    if number is None:
        raise QueryError(f"Runs are found by a string or a scan id, not by {shown(text)}.")
    return shown(number)


def _find_scan_id(scan_id: int, store: Store, query: Query) -> Document:
    found = _newest(store, query, Eq("scan_id", scan_id), 1) if scan_id < LARGEST_SCAN_ID else []
    if not found:
        hint = " The latest run is catalog[-1]." if scan_id == 0 else ""
        _not_found(scan_id, f"No run has this scan id.{hint}", query)
    return found[0]


def _meanings(text: str) -> list[Query]:
    """Return what a text may mean: a uid, a scan id, the beginning of a uid; nothing if MongoDB cannot hold it."""
    try:
        meanings: list[Query] = [Eq("uid", text)]
    except QueryError:
        return []
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) < LARGEST_SCAN_ID:
        meanings.append(Eq("scan_id", int(text)))
    if is_uid_beginning(text):
        meanings.append(PartialUID(text))
    return meanings


def _find_text(key: str, store: Store, query: Query) -> Document:
    choices = _meanings(key)
    # All meanings in one query, as nearly every key has one run for all of them.
    found = _newest(store, query, Or(tuple(choices)), _MOST_COMPARED) if choices else []
    if len(found) == _MOST_COMPARED:
        # Some may have been cut off: each meaning is asked for by itself.
        each = [start for choice in choices for start in _newest(store, query, choice, _MOST_LISTED + 1)]
        found = list({start["uid"]: start for start in each}.values())
    exact = [start for start in found if start["uid"] == key]
    begins = exact or [start for start in found if str(start["uid"]).startswith(key.lower())]
    scans = [] if exact or not key.isdecimal() else [start for start in found if start.get("scan_id") == int(key)]
    if not begins and not scans:
        _not_found(key, "No run has this uid, or one that begins with it.", query)
    return _only_one(key, begins, scans[:1])


def _newest(store: Store, query: Query, asked: Query, limit: int = 0) -> list[Document]:
    return list(store.find_starts(conjunction([query, asked]), sort=NEWEST_FIRST, limit=limit))


def _only_one(key: str, begins: Sequence[Document], scans: Sequence[Document]) -> Document:
    """Return the run that both, or one, of the meanings lead to."""
    meant = [*scans, *(start for start in begins if start not in scans)]
    if len(meant) == 1:
        return meant[0]
    listed = ", ".join(f"{start['uid']} (scan id {start.get('scan_id')})" for start in meant[:_MOST_LISTED])
    more = ", and more" if len(meant) > _MOST_LISTED else ""
    also = " as a scan id, and as the beginning of a uid" if scans else ""
    number = f", or the scan id as a number: catalog[{int(key)}]" if scans else ""
    raise AmbiguousKey(
        f"more than one run matches {key!r}{also}: {listed}{more}. Give more of the uid{number}.",
        key=key,
        candidates=[start["uid"] for start in meant[:_MOST_LISTED]],
    )


def _not_found(key: object, reason: str, query: Query) -> NoReturn:
    among = "" if query == All() else f" Only the runs that match {query!r} were searched."
    raise RunNotFound(f"the catalog has no run {shown(key)}. {reason}{among}", key=key)
