"""Start documents that match one filter, in pages: by key where the order is time, else along a list of ``_id``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

from bson import MinKey

from ...documents import Document
from ...queries import Sort
from ..connection.retries import find_all, run_read_command
from ..connection.time_limit import TimeLimit
from ..order import is_time
from .filters import Filter
from .start_order import sort_starts

if TYPE_CHECKING:
    from pymongo.collection import Collection

VERY_FEW = 100
"""As many runs are fetched at once and put in order here, whatever indexes there are."""

FEW = 2000
"""Of as many runs the times are fetched at once and put in order here, and then the runs page by page."""

# MongoDB sorts other types before or after all numbers, and NaN before all other numbers.
_IN_TIME: Filter = {"time": {"$gte": -math.inf}}
_OUT_OF_TIME: Filter = {"time": {"$not": {"$gte": -math.inf}}}


@dataclass(frozen=True)
class Few:
    """The start documents that match, in no order: whole, or ``time`` and ``_id`` only."""

    starts: list[Document]
    are_whole: bool


class StartPages:
    """Pages of start documents, or of others with ``uid`` and ``time``, each with its ``_id``, and with its bytes."""

    def __init__(
        self,
        collection: Collection[Document],
        limit: TimeLimit,
        projection: dict[str, int],
        *,
        with_bytes: bool = False,
    ):
        self._collection = collection
        self._with_bytes = with_bytes
        self._limit = limit
        self._projection = projection or None

    def find_few(self, filter: Filter) -> Few | None:
        """Return what matches, if it is little.

        None also where a filter of time alone has an index that serves better.
        """
        if not set(filter) - {"time"}:
            return None
        # A few fields of each take little more than what tells their order.
        n_whole = FEW if self._projection else VERY_FEW
        found = self._find(filter, limit=n_whole + 1)
        if len(found) <= n_whole:
            return Few(found, are_whole=True)
        if n_whole == FEW:
            return None
        found = self._find(filter, {"time": 1}, limit=FEW + 1)
        return Few(found, are_whole=False) if len(found) <= FEW else None

    def iterate_few(
        self, few: Few, *, sort: Sort, sizes: Sequence[int], skip: int = 0, limit: int = 0
    ) -> Iterator[list[Document]]:
        """Yield pages of few, in order."""
        ordered = sort_starts(few.starts, sort)[skip : skip + limit if limit else None]
        if few.are_whole:
            yield ordered
        else:
            yield from self.iterate_list([start["_id"] for start in ordered], sizes=sizes)

    def iterate_uids(self, filter: Filter, *, size: int, with_time: bool) -> Iterator[list[Document]]:
        """Yield pages of uids, and times, in the order in which the server has them.

        Nobody may rest between pages, as one cursor lives on until the last (see `iterate_by_key`).
        """
        # Without a filter, this one lets the index on uid answer without the documents.
        query = filter or {"uid": {"$gte": MinKey()}}
        projection = {"_id": 0, "uid": 1, **({"time": 1} if with_time else {})}
        with self._limit.query():
            cursor = iter(self._collection.find(query, projection, batch_size=size))
            page = list(islice(cursor, size))
        while page:
            yield page
            with self._limit.query():
                page = list(islice(cursor, size))

    def count(self, filter: Filter, *, skip: int = 0, limit: int = 0) -> int:
        """Count what matches."""
        # Without a filter the server would answer from its bookkeeping, which a crash leaves wrong.
        query = filter or {"_id": {"$gte": MinKey()}}
        bounds = {name: number for name, number in (("skip", skip), ("limit", limit)) if number}  # a view takes no 0
        command = {"count": self._collection.name, "query": query, **bounds}
        with self._limit.query():
            return int(run_read_command(self._collection.database, command)["n"])

    def distinct(self, filter: Filter, path: str) -> list[Any]:
        """Return the different values of a field in what matches."""
        with self._limit.query():
            return list(self._collection.distinct(path, filter))

    def aggregate(self, filter: Filter, stages: list[Filter]) -> list[Document]:
        """Pass what matches through the stages of a pipeline."""
        # Before MongoDB 6.0 a stage that needs more than 100 MB fails unless it may use the disk.
        with self._limit.query():
            return list(self._collection.aggregate([{"$match": filter}, *stages], allowDiskUse=True))

    def iterate_by_key(
        self, filter: Filter, *, direction: int, sizes: Sequence[int], skip: int = 0, limit: int = 0
    ) -> Iterator[list[Document]]:
        """Yield pages in the order of time, then ``_id``; what has no time comes last, in one page."""
        # Each page is a question of its own, from the last key on. A server closes a cursor that rests for 10 minutes
        # (cursorTimeoutMillis), which somebody who looks at the runs of a page easily does, and after a number of
        # runs to skip, those that were added meanwhile would shift the rest.
        in_time: Filter = {"$and": [_IN_TIME, filter]}
        sort = (("time", direction), ("_id", direction))
        following = chain(sizes, repeat(sizes[-1]))
        n_left = limit or math.inf
        wanted = int(min(next(following), n_left))
        page, is_all = self._first_page(filter, in_time, sort=sort, skip=skip, limit=wanted)
        # An empty first page: all that has a time was skipped, and some of what has none is still to be.
        n_skip = max(skip - self.count(in_time), 0) if skip and not page else 0
        seen: list[Any] | None = None if skip else []
        n_left -= len(page)
        while len(page) == wanted and n_left:
            last = page[-1]["time"]
            # Those seen at the last time are named. To compare would lose some: MongoDB finds with "$gt" only what
            # is of the type that is given, and the types of `_id` may be mixed.
            here = [start["_id"] for start in page if start["time"] == last]
            if page[0]["time"] == last:  # then those on the pages before, or skipped, may be of that time as well
                here = [*(self._before(filter, page[0], direction) if seen is None else seen), *here]
            seen = here
            place = {"time": {"$lte" if direction < 0 else "$gte": last}, "_id": {"$nin": seen}}
            yield page
            wanted = int(min(next(following), n_left))
            page = self._find({"$and": [place, in_time]}, sort=sort, limit=wanted)
            n_left -= len(page)
        yield page
        if n_left and not is_all and not _is_in_time(filter):
            out_of_time = {"$and": [_OUT_OF_TIME, filter]}
            yield self._find(out_of_time, sort=[("_id", direction)], skip=n_skip, limit=limit and int(n_left))

    def list_ids(self, filter: Filter, *, sort: Sort, skip: int = 0, limit: int = 0) -> list[Any]:
        """Return the ``_id`` of what matches, in any order: taken down, so that pages need no cursor to live on."""
        order = [*sort, ("_id", sort[-1][1])]  # without it, equal runs would come in no order that stays
        return [start["_id"] for start in self._find(filter, {"_id": 1}, sort=order, skip=skip, limit=limit)]

    def iterate_list(self, ids: Sequence[Any], *, sizes: Sequence[int]) -> Iterator[list[Document]]:
        """Yield pages along a list of ``_id``."""
        done = 0
        for size in chain(sizes, repeat(sizes[-1])):
            wanted = list(ids[done : done + size])
            if not wanted:
                return
            found = self._find({"_id": {"$in": wanted}}, limit=size)
            by_id = {start["_id"]: start for start in found}
            yield [by_id[each] for each in wanted if each in by_id]
            done += size

    def _first_page(
        self, filter: Filter, in_time: Filter, *, sort: Sort, skip: int, limit: int
    ) -> tuple[list[Document], bool]:
        """Return the first page, and whether it holds all that matches; as a rule one question suffices."""
        if not skip:
            # Without a condition on the time, which as a rule is a number in all; else it is asked once more.
            page = self._find(filter, sort=sort, limit=limit)
            if len(page) < limit:
                return sort_starts(page, sort[:1]), True
            if all(is_time(start.get("time")) for start in page):
                return page, False
        return self._find(in_time, sort=sort, skip=skip, limit=limit), False

    def _before(self, filter: Filter, start: Document, direction: int) -> list[Any]:
        """Return the ``_id`` of what comes before a start document at the same time."""
        at_time = {"$and": [{"time": start["time"]}, filter]}
        found = [each["_id"] for each in self._find(at_time, {"_id": 1}, sort=[("_id", direction)])]
        return found[: found.index(start["_id"])] if start["_id"] in found else []

    def _find(
        self,
        filter: Filter,
        projection: dict[str, int] | None = None,
        *,
        sort: Sequence[tuple[str, int]] = (),
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        with self._limit.query():
            return find_all(
                self._collection,
                filter,
                projection or self._projection,
                sort=sort,
                skip=skip,
                limit=limit,
                # One more than there are: the server answers at once and keeps no cursor.
                batch_size=limit + 1 if limit else 0,
                with_bytes=self._with_bytes and projection is None,
            )


def _is_in_time(filter: Filter) -> bool:
    """Tell whether a filter says itself that the time is a number, as that of a range with a beginning does."""
    time = filter.get("time")
    return isinstance(time, dict) and (is_time(time.get("$gte")) or is_time(time.get("$gt")))
