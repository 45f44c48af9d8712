"""Long answers that outlive their server: they go on at the same one started again, or at another member of its set.

A short answer needs none of this: pymongo asks once more by itself. What does not belong here: what is asked.
"""

from __future__ import annotations

import itertools
import math
import operator
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

_length_at = struct.Struct("<i").unpack_from
"""BSON begins with its length."""

_MOST_SORTED = 5000
_DECODED_AT_ONCE = 100
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
    decode = _decoded_with_bytes if with_bytes else bson.decode_all

    def ask() -> list[Document]:
        cursor = _find_batches(collection, query, projection, skip=skip, limit=limit)
        if sort:
            cursor = cursor.sort(list(sort)).allow_disk_use(True)
        if batch_size:
            cursor = cursor.batch_size(batch_size)
        return [document for batch in cursor for document in decode(batch, collection.codec_options)]

    return retry_once(ask)


def _find_batches(collection: Collection[Document], *query: Any, **options: Any) -> Any:
    # pymongo's own cursor, told how to decode values, makes two documents of each.
    from .raw_batches import RawBatches  # imports pymongo, which the first question may cost

    return RawBatches(collection, *query, **options)


def _decoded_with_bytes(batch: bytes, options: CodecOptions[Document]) -> list[Document]:
    documents: list[Document] = bson.decode_all(batch, options)
    begin = 0
    for document in documents:
        (length,) = _length_at(batch, begin)
        end = begin + length
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


def find_portions(
    collection: Collection[Document], query: Mapping[str, Any], *, batch_size: int
) -> Iterator[list[Document]]:
    """Yield what answers to a query in the order of its time, in portions that fit into the processor's cache."""
    for batch in _find_batches(collection, query).sort("time", 1).batch_size(batch_size):
        for portion in _portions_of(batch):
            yield bson.decode_all(portion, collection.codec_options)


def _portions_of(batch: bytes) -> Iterator[bytes]:
    begin = end = 0
    while end < len(batch):
        for _ in range(_DECODED_AT_ONCE):
            # BSON begins with its length; where that cannot be, the decoder is to say so.
            end += int.from_bytes(batch[end : end + 4], "little") or len(batch)
        yield batch[begin:end]
        begin = end


def sort_within_times(portions: Iterable[list[Document]], descriptor_uids: Sequence[str]) -> Iterator[Document]:
    """Yield events that come in the order of their time; those of one time by descriptor and ``seq_num``.

    All events of a flyer may have one time. Not all need fit into memory, so that some thousands are put in order at
    once; beyond that they come as they were stored.
    """
    places = {uid: place for place, uid in enumerate(descriptor_uids)}

    def place_of(event: Document) -> tuple[int, float]:
        number: Any = event.get("seq_num")
        return places[event["descriptor"]], number if is_time(number) else math.inf

    for portion in _until_a_time_ends(portions):
        times = [event.get("time") for event in portion]
        if any(map(operator.eq, times, itertools.islice(times, 1, None))):
            for _, of_one_time in itertools.groupby(portion, key=_time_of):
                yield from sorted(of_one_time, key=place_of)
        else:
            yield from portion


def _until_a_time_ends(portions: Iterable[list[Document]]) -> Iterator[list[Document]]:
    """Yield portions of which none ends amid events of one time, unless these are more than can be put in order."""
    held: list[Document] = []
    for portion in portions:
        held += portion
        n_held = len(_of_last_time(held))
        if n_held < _MOST_SORTED:
            yield held[: len(held) - n_held]
            held = held[len(held) - n_held :]
        else:
            yield held
            held = []
    yield held


def in_order_of_time(
    find: Callable[[Mapping[str, Any]], Iterable[list[Document]]], query: Mapping[str, Any]
) -> Iterator[list[Document]]:
    """Yield what is found in the order of its time, without its ``_id``, each document once, in portions as found."""
    place = query
    last: Any = None
    ids: list[Any] = []
    while True:
        is_first = True
        try:
            for portion in filter(None, find(place)):
                of_last_time = _of_last_time(portion)
                is_all = len(of_last_time) == len(portion) and _time_of(portion[0]) == last
                last, ids = _time_of(portion[-1]), [*(ids if is_all else ()), *(each["_id"] for each in of_last_time)]
                for document in portion:
                    del document["_id"]
                is_first = False
                yield portion
        except Exception as error:
            if is_first or not (is_retryable(error) and is_time(last)):
                raise
        else:
            return
        place = {"$and": [query, {"$or": _not_before(last)}, {"_id": {"$nin": ids}}]}


def _of_last_time(events: Sequence[Document]) -> list[Document]:
    """Return the events at the end that have the time of the last one, the last one first."""
    last = _time_of(events[-1]) if events else None
    return list(itertools.takewhile(lambda event: _time_of(event) == last, reversed(events)))


def _time_of(event: Document) -> Any:
    return event.get("time")


def _not_before(time: float) -> list[dict[str, Any]]:
    """Return what is sorted to a time or after it: numbers, and whatever is no number and not sorted before all."""
    others = {"$exists": True, "$not": {"$type": ["number", *_SORTED_BEFORE_NUMBERS]}}
    return [{"time": {"$gte": time}}, {"time": others}]
