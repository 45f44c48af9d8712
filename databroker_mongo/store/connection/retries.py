"""Long answers that outlive their server: they go on at the same one started again, or at another member of its set.

A short answer needs none of this: pymongo asks once more by itself. What does not belong here: what is asked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import bson

from ...documents import Document
from ..order import is_time
from .failures import is_retryable

if TYPE_CHECKING:
    from bson.codec_options import CodecOptions
    from pymongo.collection import Collection
    from pymongo.database import Database

_Answer = TypeVar("_Answer")

BYTES = "\0bytes"
"""No name of a stored field: these hold no NUL."""

_MOST_SORTED = 5000
_SORTED_BEFORE_NUMBERS = ["minKey", "undefined", "null"]


def retry_once(ask: Callable[[], _Answer]) -> _Answer:
    """Return an answer; if it breaks off, that of a second attempt."""
    try:
        return ask()
    except Exception as error:
        if not is_retryable(error):
            raise
    return ask()


def run_read_command(database: Database[Document], command: Document) -> Document:
    """Return what a server says to a command that only reads, asking whichever member the catalog reads from."""
    # `Database.command` asks the primary unless it is told otherwise, whatever the database itself was told.
    answer: Document = database.command(
        command, read_preference=database.read_preference, codec_options=database.codec_options
    )
    return answer


def find_all(
    collection: Collection[Document],
    query: Mapping[str, Any],
    projection: Mapping[str, Any] | None,
    *,
    sort: Sequence[tuple[str, int]] = (),
    skip: int = 0,
    limit: int = 0,
    batch_size: int = 0,
    with_bytes: bool = False,
) -> list[Document]:
    """Return the documents that answer to a query; if the answer breaks off, it is asked for once more.

    With their bytes, each document holds its own under the name `BYTES`.
    """
    find: Callable[..., Any] = _finding_batches(collection) if with_bytes else collection.find

    def ask() -> list[Document]:
        cursor = find(query, projection, skip=skip, limit=limit)
        if sort:
            cursor = cursor.sort(list(sort)).allow_disk_use(True)
        if batch_size:
            cursor = cursor.batch_size(batch_size)
        if with_bytes:
            return [document for batch in cursor for document in _with_bytes(batch, collection.codec_options)]
        return list(cursor)

    return retry_once(ask)


def _finding_batches(collection: Collection[Document]) -> Callable[..., Any]:
    from .raw_batches import RawBatches  # imports pymongo, which the first question may cost

    return partial(RawBatches, collection)


def _with_bytes(batch: bytes, options: CodecOptions[Document]) -> list[Document]:
    documents: list[Document] = bson.decode_all(batch, options)
    begin = 0
    for document in documents:
        end = begin + int.from_bytes(batch[begin : begin + 4], "little")  # BSON begins with its length
        document[BYTES] = batch[begin:end]
        begin = end
    return documents


def retry_from_start(find: Callable[[], Iterable[Document]]) -> Iterator[Document]:
    """Yield an answer; if it breaks off, all of it once more from the beginning, so that documents may come twice."""
    try:
        yield from find()
    except Exception as error:
        if not is_retryable(error):
            raise
    else:
        return
    yield from find()


def sort_within_times(events: Iterable[Document], descriptor_uids: Sequence[str]) -> Iterator[Document]:
    """Yield events that come in the order of their time; those of one time by descriptor and ``seq_num``.

    All events of a flyer may have one time. Not all need fit into memory, so that some thousands are put in order at
    once; beyond that they come as they were stored.
    """
    places = {uid: place for place, uid in enumerate(descriptor_uids)}

    def place_of(event: Document) -> tuple[int, float]:
        number: Any = event.get("seq_num")
        return places[event["descriptor"]], number if is_time(number) else math.inf

    for _, of_one_time in itertools.groupby(events, key=lambda event: event.get("time")):
        while portion := list(itertools.islice(of_one_time, _MOST_SORTED)):
            yield from sorted(portion, key=place_of) if len(portion) > 1 else portion


def in_order_of_time(
    collection: Collection[Document], query: Mapping[str, Any], *, batch_size: int
) -> Iterator[Document]:
    """Yield what answers to a query in the order of its time, without its ``_id``, each document once."""
    place = query
    last: Any = None
    ids: list[Any] = []
    while True:
        is_first = True
        try:
            for document in collection.find(place).sort("time", 1).batch_size(batch_size):
                if document.get("time") != last:
                    last, ids = document.get("time"), []
                ids.append(document.pop("_id"))
                is_first = False
                yield document
        except Exception as error:
            if is_first or not (is_retryable(error) and is_time(last)):
                raise
        else:
            return
        place = {"$and": [query, {"$or": _not_before(last)}, {"_id": {"$nin": ids}}]}


def _not_before(time: float) -> list[dict[str, Any]]:
    """Return what is sorted to a time or after it: numbers, and whatever is no number and not sorted before all."""
    others = {"$exists": True, "$not": {"$type": ["number", *_SORTED_BEFORE_NUMBERS]}}
    return [{"time": {"$gte": time}}, {"time": others}]
