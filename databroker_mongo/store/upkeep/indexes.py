"""The indexes that the questions of this package want, as data; which of them a database has; and how they are made.

They are those that suitcase-mongo makes, and some that newer questions need. Nothing is made unless it is asked for,
and what another program made differently is reported, never fought.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...documents import Document
from ...errors import StoreError
from ...queries import plain_path
from ..connection.collections import Collections
from ..reports import IndexKeys, IndexReport
from .privileges import list_lacking

if TYPE_CHECKING:
    from pymongo.collection import Collection

_logger = logging.getLogger("databroker_mongo")

IN_ASSETS = frozenset({"resource", "datum", "stream_resource", "stream_datum"})
_PATIENCE_SECONDS = 7 * 86400.0
_TEXT: IndexKeys = (("$**", "text"),)
_NOT_OF_A_VIEW = 166  # CommandNotSupportedOnView in MongoDB's error_codes.yml


@dataclass(frozen=True)
class Index:
    """An index that there should be.

    Attributes
    ----------
    collection : str
        The collection.
    keys : tuple of (str, int or str)
        Fields, each with 1, -1 or ``"text"``.
    is_unique : bool
        Whether no two documents may have the same value.
    serves : str
        Which questions it answers.
    """

    collection: str
    keys: IndexKeys
    serves: str
    is_unique: bool = False


_ALWAYS = (
    Index("run_start", (("uid", 1),), "look-up by uid", True),
    Index("run_start", (("scan_id", 1),), "look-up by scan id"),
    Index("run_start", (("scan_id", -1), ("_id", -1)), "look-up by scan id", True),
    Index("run_start", (("time", 1), ("_id", -1)), "iteration, ranges of time", True),
    Index("run_start", (("time", -1), ("_id", -1)), "iteration, ranges of time", True),
    Index("run_start", (("time", -1), ("scan_id", -1)), "ranges of time and scan id"),
    Index("run_start", (("data_session", 1),), "scope"),
    Index("run_start", (("data_groups", 1),), "scope"),
    Index("run_stop", (("run_start", 1),), "the stop of a run", True),
    Index("run_stop", (("uid", 1),), "sending a stop again", True),
    Index("run_stop", (("time", -1),), "when runs ended"),
    Index("run_stop", (("exit_status", 1), ("run_start", 1)), "search(stop={'exit_status': ...})"),
    Index("event_descriptor", (("uid", 1),), "the descriptor of an event", True),
    Index("event_descriptor", (("run_start", -1), ("time", -1)), "the streams of a run"),
    Index("event_descriptor", (("time", -1),), "when streams began"),
    Index("event_descriptor", (("name", 1), ("run_start", 1)), "search(stream=...)"),
    Index("event", (("uid", 1),), "sending an event again", True),
    Index("event", (("descriptor", -1), ("time", 1)), "the events of a stream"),
    Index("event", (("descriptor", 1), ("seq_num", 1)), "some rows of a stream"),
    Index("resource", (("uid", 1),), "the resource of a datum"),
    Index("resource", (("resource_id", 1),), "old resources"),
    Index("resource", (("run_start", 1),), "the resources of a run"),
    Index("datum", (("datum_id", 1),), "the datum of an event", True),
    Index("datum", (("resource", 1),), "all datums of a resource"),
    Index("stream_resource", (("uid", 1),), "the stream resource of a stream datum", True),
    Index("stream_resource", (("run_start", 1),), "the stream resources of a run"),
    Index("stream_datum", (("uid", 1),), "sending a stream datum again", True),
    Index("stream_datum", (("stream_resource", 1),), "the stream datums of a stream resource"),
    Index("stream_datum", (("descriptor", 1),), "the stream datums of a stream"),
)

_OF_WORDS = Index("run_start", _TEXT, "search(FullText(...))")

OF_SUMMARIES = (
    Index("run_summary", (("time", -1), ("_id", -1)), "the order of summaries"),
    Index("run_summary", (("uid", 1),), "the summary of a run"),
    Index("run_summary", (("is_open", 1),), "search(in_progress=True)"),
    Index("run_summary", (("duration", 1),), "search(duration_gt=...)"),
    Index("run_summary", (("streams", 1),), "search(stream=...)"),
    Index("run_summary", (("data_keys", 1),), "search(data_key=...)"),
    Index("run_summary", (("devices", 1),), "search(device=...)"),
    Index("run_summary", (("stop.exit_status", 1),), "search(stop={'exit_status': ...})"),
)
"""The indexes of summaries, which are made with them."""


def list_wanted(*, metadata: Iterable[str] = (), text: bool = False) -> tuple[Index, ...]:
    """Return the indexes that there should be.

    Parameters
    ----------
    metadata : iterable of str
        Fields of the start document that the site asks about; ``"$**"`` is one index of all fields.
    text : bool
        Whether the full text is searched; such an index makes each insertion slower.

    Raises
    ------
    QueryError
        A field has no name that MongoDB takes.
    """
    asked = []
    for field in metadata:
        if field != "$**":
            plain_path(field)
        asked.append(_of_field(field))
    return (*_ALWAYS, *asked, *([_OF_WORDS] if text else []))


def compare(collections: Collections, indexes: Sequence[Index]) -> list[IndexReport]:
    """Tell which indexes a database has, which it lacks, and which are there beside.

    Parameters
    ----------
    collections : Collections
        Where.
    indexes : sequence of Index
        Those that there should be.
    """
    reports: list[IndexReport] = []
    for collection in dict.fromkeys(index.collection for index in indexes):
        of_collection = [index for index in indexes if index.collection == collection]
        there = _existing(collections, collection)
        if isinstance(there, str):
            reports += [IndexReport(collection, each.keys, "unknown", there) for each in of_collection]
            continue
        if collection == "run_start":
            of_collection += [index for index in _made_when_asked_for(there) if index not in of_collection]
        reports += [_compared(index, there) for index in of_collection]
        extra = there.keys() - {index.keys for index in of_collection} - {(("_id", 1),)}
        reports += [
            IndexReport(collection, keys, "extra", "made by another program") for keys in sorted(extra, key=str)
        ]
    return reports


def create(collections: Collections, indexes: Sequence[Index]) -> list[IndexReport]:
    """Make the indexes that are missing, one after the other, however long it takes.

    Raises
    ------
    StoreError
        One cannot be made, for example a unique one where two documents have the same value; those before it are made.
    """
    import pymongo
    import pymongo.errors

    missing = {(each.collection, each.keys) for each in compare(collections, indexes) if each.state == "missing"}
    for index in indexes:
        if (index.collection, index.keys) not in missing:
            continue
        _logger.info("making the index %s of %s", index.keys, index.collection)
        try:
            with pymongo.timeout(_PATIENCE_SECONDS):
                _collection(collections, index.collection).create_index(list(index.keys), unique=index.is_unique)
        except pymongo.errors.DuplicateKeyError as error:
            raise StoreError(
                f"The unique index on {index.keys[0][0]!r} of {index.collection!r} cannot be made: two documents have "
                "the same value. databroker-mongo check finds such documents.",
                collection=index.collection,
                value=(error.details or {}).get("keyValue"),
            ) from error
    return compare(collections, indexes)


def list_rights_lacking(collections: Collections, reports: Sequence[IndexReport]) -> list[str]:
    """Return what an account has no right to do of what `create` would, in words."""
    missing = {each.collection for each in reports if each.state == "missing"}
    found: list[str] = []
    for database, names in ((collections.metadata, missing - IN_ASSETS), (collections.assets, missing & IN_ASSETS)):
        if names:
            found += list_lacking(database, {collections.prefix + name: ("createIndex",) for name in sorted(names)})
    return found


def _compared(index: Index, there: dict[IndexKeys, bool]) -> IndexReport:
    if index.keys not in there:
        return IndexReport(index.collection, index.keys, "missing", index.serves)
    is_unique = there[index.keys]
    if is_unique is index.is_unique:
        return IndexReport(index.collection, index.keys, "present", index.serves)
    differs = "is unique, and need not be" if is_unique else "is not unique, and should be"
    return IndexReport(index.collection, index.keys, "differs", f"{differs}; {index.serves}")


def _made_when_asked_for(there: dict[IndexKeys, bool]) -> list[Index]:
    """Return those indexes of start documents that `list_wanted` gives only when they are asked for, by their keys."""
    found = [_of_field(keys[0][0]) for keys, is_unique in there.items() if not is_unique]
    return [index for index in (*found, _OF_WORDS) if index.keys in there]


def _of_field(field: str) -> Index:
    keys: IndexKeys = ((field, 1),) if field == "$**" else ((field, 1), ("time", -1))
    return Index("run_start", keys, f"search({{{field!r}: ...}})")


def _existing(collections: Collections, name: str) -> dict[IndexKeys, bool] | str:
    """Return the keys of each index of a collection, and whether it is unique; or why that is not known."""
    import pymongo.errors

    try:
        found = list(_collection(collections, name).list_indexes())
    except pymongo.errors.OperationFailure as error:
        is_view = error.code == _NOT_OF_A_VIEW
        return "a view uses the indexes of its collections" if is_view else "the account may not list indexes"
    return {_keys(each): bool(each.get("unique")) for each in found}


def _keys(index: Mapping[str, Any]) -> IndexKeys:
    # MongoDB lists an index of text by names of its own, and keeps what was asked for among the weights.
    keys = tuple(index["key"].items())
    return _TEXT if ("_fts", "text") in keys and "$**" in index.get("weights", {}) else keys


def _collection(collections: Collections, name: str) -> Collection[Document]:
    return collections.assets[collections.prefix + name] if name in IN_ASSETS else collections.named(name)
