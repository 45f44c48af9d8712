"""A run's documents again, in time order, filled on request, few in memory at once."""

from __future__ import annotations

import dataclasses
import itertools
import math
import operator
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ..arrays import Column, PageRows, RowsInFiles, StreamSource, open_columns
from ..documents import Document, Named, pages_of, part_of_page
from .context import Context

Fill = Literal["no", "yes", "delayed"]


def fill_of(fill: str | bool) -> Fill:
    """Return the word for how events are filled; True is ``"yes"`` and False ``"no"``.

    Raises
    ------
    ValueError
        It is something else.
    """
    words: dict[str | bool, Fill] = {"no": "no", "yes": "yes", "delayed": "delayed", False: "no", True: "yes"}
    if fill not in words:
        raise ValueError(f"fill={fill!r} is unknown; it is 'no', 'yes' or 'delayed'")
    return words[fill]


def page_size_of(page_size: int) -> int:
    """Return the most rows of a page.

    Raises
    ------
    ValueError
        It is no positive integer.
    """
    if operator.index(page_size) < 1:
        raise ValueError(f"page_size={page_size!r} leaves no row in a page; give a positive integer")
    return operator.index(page_size)


class Replay:
    """The documents of one run, each before those that need it.

    Parameters
    ----------
    context : Context
        Where they are, and what corrects them.
    start, stop : dict, dict or None
        The first and the last of them.
    sources : sequence of StreamSource
        The streams.
    fill : {"no", "yes", "delayed"}
        Whether external data takes the place of datum identifiers in events, as NumPy or as dask arrays.
    page_size : int
        The most rows of a page.
    is_whole : bool
        Whether external data that no event refers to are wanted as well.
    """

    def __init__(
        self,
        context: Context,
        start: Document,
        stop: Document | None,
        *,
        sources: Sequence[StreamSource],
        fill: Fill,
        page_size: int,
        is_whole: bool = True,
    ):
        self._store = context.store
        self._transform = context.transform
        self._start = start
        self._stop = stop
        self._fill = fill
        self._page_size = page_size
        self._is_whole = is_whole
        self._source_of = {each["uid"]: source for source in sources for each in source.descriptors}
        descriptors = [each for source in sources for each in source.descriptors]
        self._waiting = sorted(descriptors, key=lambda descriptor: descriptor["time"])
        self._files_of: dict[int, RowsInFiles] = {}
        self._seen_resources: set[str] = set()
        self._seen_datums: set[str] = set()

    def __iter__(self) -> Iterator[Named]:
        yield "start", self._start
        if self._source_of:
            yield from self._events()
        yield from self._descriptors_until(float("inf"), None)  # those that no event needed
        if self._is_whole:
            yield from self._unreferenced()
        if self._stop is not None:
            yield "stop", self._stop

    def _events(self) -> Iterator[Named]:
        events = self._store.events(list(self._source_of))
        # Streams take turns while a plan runs, and a page is of one descriptor: it ends where another stream goes on.
        for uid, group in itertools.groupby(events, key=operator.itemgetter("descriptor")):
            for page in pages_of("event_page", group, size=self._page_size):
                yield from self._descriptors_until(_moment(page["time"][0]), uid)
                yield from self._external(uid, page)
                yield from (("event_page", part) for part in self._with_stream_resources(uid, page))

    def _descriptors_until(self, time: float, uid: str | None) -> Iterator[Named]:
        """Yield the descriptors that began by now, and the one that is needed, with their stream documents."""
        due = [each for each in self._waiting if each["time"] <= time or each["uid"] == uid]
        if due:
            self._waiting = [each for each in self._waiting if each not in due]
        for descriptor in due:
            yield "descriptor", descriptor
            yield from self._stream_documents(descriptor)

    def _stream_documents(self, descriptor: Document) -> Iterator[Named]:
        if not _are_in_files(descriptor["data_keys"]):
            return
        datums = self._store.stream_datums([descriptor["uid"]])
        uids = list(dict.fromkeys(datum.get("stream_resource", "") for datum in datums))
        resources = {doc["uid"]: self._corrected("stream_resource", doc) for doc in self._store.stream_resources(uids)}
        for datum in datums:
            uid = datum.get("stream_resource", "")
            if uid in resources and uid not in self._seen_resources:
                self._seen_resources.add(uid)
                yield "stream_resource", resources[uid]
            yield "stream_datum", datum

    def _external(self, uid: str, page: Document) -> Iterator[Named]:
        """Yield the resources and datums that a page of events needs; fill it where that is asked."""
        source = self._source_of[uid]
        keys = [key for key in page["data"] if "external" in source.data_keys.get(key, {})]
        ids = [each for key in keys for each in page["data"][key] if isinstance(each, str)]
        new = [each for each in dict.fromkeys(ids) if each not in self._seen_datums]
        if new:
            datums = self._store.datums(new)
            yield from self._assets([datums[each] for each in new if each in datums])
        if ids and self._fill != "no":
            self._fill_page(source, [key for key in keys if key not in self._rows_in_files(uid).columns], page)

    def _rows_in_files(self, uid: str) -> RowsInFiles:
        """Return the rows of a descriptor's stream that stream resources serve."""
        # The descriptors of a stream share one source, whose rows are counted through all of them.
        return self._files_of.setdefault(id(self._source_of[uid]), RowsInFiles(self._source_of[uid]))

    def _with_stream_resources(self, uid: str, page: Document) -> Iterator[Document]:
        """Yield the events of a page with their data in stream resources, where that is asked."""
        if self._fill == "no" or not _are_in_files(self._source_of[uid].data_keys):
            yield page
            return
        for rows, columns in self._rows_in_files(uid).parts_of(page):
            part = part_of_page("event_page", page, rows)
            for key, column in columns.items():
                part["data"][key] = self._values(column)
                part["filled"][key] = [True] * len(column)
            yield part

    def _assets(self, datums: Sequence[Document]) -> Iterator[Named]:
        names = list(dict.fromkeys(datum["resource"] for datum in datums if "resource" in datum))
        new = [name for name in names if name not in self._seen_resources]
        found = self._store.resources(new) if new else {}
        for name in new:
            for resource in found.get(name, ()):
                yield from self._resource(resource)
        yield from self._datum_pages(datums)

    def _resource(self, resource: Document) -> Iterator[Named]:
        self._seen_resources.add(resource["uid"])
        yield "resource", self._corrected("resource", resource)

    def _datum_pages(self, datums: Sequence[Document]) -> Iterator[Named]:
        self._seen_datums.update(_identity(datum) for datum in datums)
        corrected = (self._corrected("datum", datum) for datum in datums)
        for page in pages_of("datum_page", corrected, size=self._page_size):
            yield "datum_page", page

    def _unreferenced(self) -> Iterator[Named]:
        """Yield the resources of the run that no event and no stream datum refers to, and the datums that none does."""
        yield from self._other_stream_resources()
        resources = {
            doc["uid"]: doc for doc in self._store.run_resources(self._start["uid"]) if isinstance(doc.get("uid"), str)
        }
        for uid, resource in resources.items():
            if uid not in self._seen_resources:
                yield from self._resource(resource)
        if not resources:
            return
        others = (each for each in self._store.resource_datums(list(resources)) if self._is_new(each))
        while batch := list(itertools.islice(others, self._page_size)):
            yield from self._datum_pages(batch)

    def _other_stream_resources(self) -> Iterator[Named]:
        descriptors = [each for source in self._source_of.values() for each in source.descriptors]
        if descriptors and not any(_are_in_files(each["data_keys"]) for each in descriptors):
            return
        for stored in self._store.run_resources(self._start["uid"], name="stream_resource"):
            uid = stored.get("uid")
            if not (isinstance(uid, Hashable) and uid in self._seen_resources):
                yield "stream_resource", self._corrected("stream_resource", stored)

    def _corrected(self, kind: str, document: Document) -> Document:
        return self._transform(kind)(document)

    def _is_new(self, datum: Document) -> bool:
        """Tell whether a datum was not there yet, and remember it."""
        n_seen = len(self._seen_datums)
        self._seen_datums.add(_identity(datum))
        return len(self._seen_datums) > n_seen

    def _fill_page(self, source: StreamSource, keys: Sequence[str], page: Document) -> None:
        rows = PageRows(source.rows.store, page)
        opened = open_columns(dataclasses.replace(source, rows=rows, is_complete=True), keys, eager=True)
        for key in keys:
            if (problem := opened.by_key[key].problem) is not None:
                raise problem
            page["filled"][key] = [each if isinstance(each, str) else True for each in page["data"][key]]
            page["data"][key] = self._values(opened.columns[key])

    def _values(self, column: Column) -> list[Any]:
        if self._fill == "yes":
            return list(column[...])
        from ..arrays import lazy_rows

        return lazy_rows(column)


def _moment(time: Any) -> float:
    """Return a time of an event; that another program stored as something else is before all descriptors."""
    return float(time) if isinstance(time, int | float) else -math.inf


def _are_in_files(data_keys: Mapping[str, Any]) -> bool:
    return any("external" in data_key for data_key in data_keys.values())


def _identity(datum: Document) -> str:
    return str(datum.get("datum_id"))
