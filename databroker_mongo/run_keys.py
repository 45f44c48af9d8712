"""From what a person types between the brackets of a catalog to the one run that it means.

A scan id, a negative position, a uid or the beginning of one. What is ambiguous is never guessed. What does not belong
here: slices, lists, questions.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NoReturn

from .errors import AmbiguousKey, RunIndexError, RunNotFound
from .queries import Eq, Or, PartialUID, Query, conjunction, is_uid_beginning
from .store.protocol import Document, Sort, Store

NEWEST_FIRST: Sort = (("time", -1),)
_MOST_LISTED = 10
_MOST_COMPARED = 50
_WHAT_A_KEY_IS = "A key is a uid, the beginning of one, a scan id or a negative number."


def find(key: Any, store: Store, query: Query, sort: Sort) -> Document:
    """Return the start document of the run that a key means, among those that answer to ``query``.

    Parameters
    ----------
    key : int or str
        A negative number counts back along ``sort`` (``-1`` is the first run in that order, the latest by default). A
        number from 0 is a scan id, and means the newest run that has it. A text is a uid; if no run has it, and it is
        all digits, a scan id; then the beginning of a uid.
    store : Store
        Where to look.
    query : Query
        What the run must answer to as well.
    sort : sequence of (str, int)
        The order for negative numbers.

    Raises
    ------
    RunNotFound
        No run answers, or the key is of another kind.
    RunIndexError
        There are not as many runs.
    AmbiguousKey
        Several runs answer to the beginning of a uid, or one to that and another to the scan id.
    """
    if isinstance(key, str):
        return _find_text(key, store, query)
    try:
        number = operator.index(key)
    except TypeError:
        _not_found(key, _WHAT_A_KEY_IS)
    if isinstance(key, bool):
        _not_found(key, _WHAT_A_KEY_IS)
    if number >= 0:
        return _find_scan_id(number, store, query)
    found = next(store.find_starts(query, sort=sort, skip=-number - 1, limit=1), None)
    if found is None:
        n_runs = store.count_starts(query)
        raise RunIndexError(f"the catalog has no run {number}: it holds {n_runs} runs", key=number)
    return found


def _find_scan_id(scan_id: int, store: Store, query: Query) -> Document:
    found = _newest(store, query, Eq("scan_id", scan_id), 1)
    if not found:
        hint = " The latest run is catalog[-1]." if scan_id == 0 else ""
        _not_found(scan_id, f"No run has this scan id.{hint}")
    return found[0]


def _find_text(key: str, store: Store, query: Query) -> Document:
    scan_id = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None
    choices: list[Query] = [Eq("uid", key)]
    if scan_id is not None:
        choices.append(Eq("scan_id", scan_id))
    if is_uid_beginning(key):
        choices.append(PartialUID(key))
    found = _newest(store, query, Or(tuple(choices)), _MOST_COMPARED)
    if len(found) == _MOST_COMPARED:
        # Some may have been cut off: each meaning is asked for by itself.
        each = [start for choice in choices for start in _newest(store, query, choice, _MOST_LISTED + 1)]
        found = list({start["uid"]: start for start in each}.values())
    exact = [start for start in found if start["uid"] == key]
    begins = exact or [start for start in found if start["uid"].startswith(key.lower())]
    scans = [] if exact or scan_id is None else [start for start in found if start.get("scan_id") == scan_id]
    return _only_one(key, begins, scans[:1])


def _newest(store: Store, query: Query, asked: Query, limit: int) -> list[Document]:
    return list(store.find_starts(conjunction([query, asked]), sort=NEWEST_FIRST, limit=limit))


def _only_one(key: str, begins: Sequence[Document], scans: Sequence[Document]) -> Document:
    """Return the run that both, or one, of the meanings lead to."""
    meant = [*scans, *(start for start in begins if start not in scans)]
    if not meant:
        _not_found(key, "No run has this uid, or one that begins with it.")
    if len(meant) == 1:
        return meant[0]
    listed = ", ".join(f"{start['uid']} (scan id {start.get('scan_id')})" for start in meant[:_MOST_LISTED])
    more = ", and more" if len(meant) > _MOST_LISTED else ""
    also = " as a scan id, and as the beginning of a uid" if scans else ""
    number = f", or the scan id as a number: catalog[{int(key)}]" if scans else ""
    raise AmbiguousKey(
        f"more than one run answers to {key!r}{also}: {listed}{more}. Give more of the uid{number}.",
        key=key,
        candidates=[start["uid"] for start in meant[:_MOST_LISTED]],
    )


def _not_found(key: Any, reason: str) -> NoReturn:
    raise RunNotFound(f"the catalog has no run {key!r}. {reason}", key=key)
