"""Long answers that outlive their server: they go on at the same one started again, or at another member of its set.

A short answer needs none of this: pymongo asks once more by itself. What does not belong here: what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from .failures import is_broken_off
from .memory import is_time
from .protocol import Document

_Answer = TypeVar("_Answer")

_SORTED_BEFORE_NUMBERS = ["minKey", "undefined", "null"]


def asked_again(ask: Callable[[], _Answer]) -> _Answer:
    """Return an answer; if it breaks off, the one to the same question asked once more."""
    try:
        return ask()
    except Exception as error:
        if not is_broken_off(error):
            raise
    return ask()


def repeated(find: Callable[[], Iterable[Document]]) -> Iterator[Document]:
    """Yield an answer; if it breaks off, all of it once more from the beginning, so that documents may come twice."""
    try:
        yield from find()
    except Exception as error:
        if not is_broken_off(error):
            raise
    else:
        return
    yield from find()


def in_order_of_time(collection: Any, query: Mapping[str, Any], *, batch_size: int) -> Iterator[Document]:
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
            if is_first or not (is_broken_off(error) and is_time(last)):
                raise
        else:
            return
        place = {"$and": [query, {"$or": _not_before(last)}, {"_id": {"$nin": ids}}]}


def _not_before(time: float) -> list[dict[str, Any]]:
    """Return what is sorted to a time or after it: numbers, and whatever is no number and not sorted before all."""
    others = {"$exists": True, "$not": {"$type": ["number", *_SORTED_BEFORE_NUMBERS]}}
    return [{"time": {"$gte": time}}, {"time": others}]
