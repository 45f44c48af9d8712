"""Layout 1, suitcase-mongo's: a collection for each document type. Read here; insertion and queries have rooms beside.

Whatever it takes beyond finding runs is imported late, in the method that needs it: a new process that looks up a run
would else load NumPy, and all that reads events, for nothing.

What does not belong here: anything that interprets what it reads (shapes, paths, files).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import bson

from ..documents import Document, readable_descriptor, stream_of
from ..errors import StoreError
from ..queries import Query, Sort
from .connection.collections import Collections
from .connection.connection import Connection
from .connection.location import Location
from .connection.place import Place
from .connection.retries import (
    BYTES,
    find_all,
    find_portions,
    in_order_of_time,
    retry_from_start,
    run_read_command,
    sort_within_times,
)
from .connection.splitting import split_by_size
from .identifiers import object_ids
from .kept import Kept
from .lists import drop_repeats, sort_stream_datums
from .protocol import CopiedRuns, EventIndex, Section, Snapshot, Store, Values
from .search import starts
from .stops import pick_first_stops, sort_by_time

if TYPE_CHECKING:
    from .columnar.rows import ColumnarRows
    from .events.changes import Changes, NewEvents
    from .events.rows import Rows
    from .reports import Explanation, IndexReport
    from .upkeep.examination import NormalizedExamination

_BATCH = 10_000
"""As many documents at once, within 16 MB, spare a round trip for all but the largest answers."""

_STREAMED = 2000
"""Documents of a stream are asked for this many at a time, since few are to be in memory at once."""


class NormalizedStore(Store):
    """The documents of the normalised layout, read-only.

    It opens no connection before the first question, belongs to no thread or process, and pickles as its address.

    Parameters
    ----------
    location : Location
        Where they are.
    """

    def __init__(self, location: Location):
        self.location = location
        self._address = location.address
        self._connection: Connection | None = None

    @property
    def address(self) -> str:
        """Where the runs are, as a URI without any password."""
        return self._address

    @property
    def places(self) -> tuple[Place, ...]:
        """Which databases these are, by whichever account and options they are opened."""
        return self.location.places

    @property
    def connection(self) -> Connection:
        """The connection of this process, opened when there is none that can be used."""
        connection = self._connection
        if connection is None or not connection.is_current:
            connection = self._connection = self._connect()
        return connection

    def _connect(self) -> Connection:
        return Connection(self.location)

    @property
    def collections(self) -> Collections:
        """The collections, over this process's own client."""
        return self.connection.collections

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_connection": None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.location == other.location

    def __hash__(self) -> int:
        return hash((type(self), self.location))

    def find_starts(
        self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()
    ) -> Iterator[Document]:
        """Yield the start documents that answer to ``query``, in order."""
        with self.connection.translate_errors("find runs") as collections:
            yield from starts.find_starts(collections, query, sort=sort, skip=skip, limit=limit, fields=fields)

    def find_kept_pages(self, query: Query, *, sort: Sort, skip: int = 0, limit: int = 0) -> Iterator[list[Kept]]:
        """Yield what :meth:`find_starts` yields, page by page; whoever wants one may be given it more than once."""
        with self.connection.translate_errors("find runs") as collections:
            yield from starts.find_kept_pages(collections, query, sort=sort, skip=skip, limit=limit)

    def count_starts(self, query: Query, *, skip: int = 0, limit: int = 0) -> int:
        """Count what :meth:`find_starts` would yield."""
        with self.connection.translate_errors("count runs") as collections:
            return starts.count_starts(collections, query, skip=skip, limit=limit)

    def estimate_starts(self) -> int:
        """Return about how many runs there are in all, as the server keeps count, which a crash may leave wrong."""
        with self.connection.translate_errors("count runs") as collections:
            return starts.estimate_starts(collections)

    def distinct(self, query: Query, key: str, *, counts: bool = False) -> list[tuple[Any, int]]:
        """Return the values of a field in the runs that answer to ``query``, and how many runs have each."""
        from .search.distinct import distinct

        with self.connection.translate_errors(f"find the values of {key}") as collections:
            return distinct(collections, query, key, counts=counts)

    def explain(self, query: Query) -> Explanation:
        """Tell how the runs that answer to ``query`` are found."""
        from .search.explain import explain

        with self.connection.translate_errors("explain a query") as collections:
            return explain(collections, query)

    def indexes(self, *, metadata: Sequence[str] = (), text: bool = False) -> list[IndexReport]:
        """Tell which indexes the database has and lacks, of those that :func:`indexes.list_wanted` gives."""
        from .upkeep import indexes

        with self.connection.translate_errors("list the indexes") as collections:
            return indexes.compare(collections, indexes.list_wanted(metadata=metadata, text=text))

    def stops(self, run_uids: Sequence[str]) -> dict[str, Document]:
        """Return the stop document of each run that has one."""
        return {stop["run_start"]: stop for stop in pick_first_stops(self._of_runs("run_stop", run_uids))}

    def kept_stops(self, run_uids: Sequence[str]) -> dict[str, Kept]:
        """Return what :meth:`stops` returns; whoever wants one may be given it more than once."""
        options = self.collections.run_stop.codec_options

        def decode(raw: bytes) -> Document:
            return bson.decode(raw, options)

        found = self._of_runs("run_stop", run_uids, with_bytes=True)
        stops = {stop["run_start"]: stop for stop in found}
        if len(stops) < len(found):
            stops = {stop["run_start"]: stop for stop in pick_first_stops(found)}
        return {uid: Kept(stop, stop.pop(BYTES), decode) for uid, stop in stops.items()}

    def descriptors(self, run_uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the descriptors of each run, in the order of their time."""
        found: dict[str, list[Document]] = {uid: [] for uid in run_uids}
        for descriptor in sort_by_time(self._of_runs("event_descriptor", run_uids)):
            found[descriptor["run_start"]].append(readable_descriptor(descriptor))
        return found

    def streams(self, run_uids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return the uids of the descriptors of each stream of each run."""
        found: dict[str, dict[str, list[str]]] = {uid: {} for uid in run_uids}
        fields = {"_id": 0, "uid": 1, "run_start": 1, "name": 1, "time": 1}
        for descriptor in sort_by_time(self._of_runs("event_descriptor", run_uids, fields)):
            streams = found[descriptor["run_start"]]
            readable = readable_descriptor(descriptor)
            streams.setdefault(stream_of(readable), []).append(readable["uid"])
        return found

    def _of_runs(
        self,
        collection: str,
        run_uids: Sequence[str],
        projection: dict[str, Any] | None = None,
        *,
        with_bytes: bool = False,
    ) -> list[Document]:
        documents: list[Document] = []
        for uids in split_by_size(run_uids):
            documents += self._find(collection, {"run_start": {"$in": uids}}, projection, with_bytes=with_bytes)
        return documents

    def count_events(self, descriptor_uids: Sequence[str]) -> dict[str, int]:
        """Count the events of each descriptor."""
        counts = dict.fromkeys(descriptor_uids, 0)
        pipeline: list[Document] = [
            {"$match": {"descriptor": {"$in": list(descriptor_uids)}}},
            {"$group": {"_id": "$descriptor", "n": {"$sum": 1}}},
        ]
        with self.connection.translate_errors("count events") as collections:
            counts.update((group["_id"], group["n"]) for group in collections.event.aggregate(pipeline))
        return counts

    def event_index(
        self, descriptor_uids: Sequence[str], *, keys: Sequence[str] = (), n_expected: int | None = None
    ) -> EventIndex:
        """Take a snapshot of the rows of a stream, with some columns of its data."""
        with self.connection.translate_errors("read the events of a stream") as collections:
            return self._rows(collections).read_index(descriptor_uids, keys, n_expected=n_expected)

    def event_index_with_datums(
        self,
        descriptor_uids: Sequence[str],
        *,
        keys: Sequence[str],
        datum_keys: Sequence[str],
        n_expected: int | None = None,
    ) -> tuple[EventIndex, CopiedRuns]:
        """Take a snapshot of the rows of a stream, and of some columns what their datums say, if it is copied."""
        with self.connection.translate_errors("read the events of a stream") as collections:
            rows = self._rows(collections)
            return rows.read_index_with_datums(descriptor_uids, keys, datum_keys, n_expected=n_expected)

    def copied_datums(self, snapshot: Snapshot, keys: Sequence[str]) -> CopiedRuns:
        """Return what the datums of columns of a snapshot say, of those of which it is copied and believed."""
        with self.connection.translate_errors("read copies of datums") as collections:
            return self._rows(collections).read_copied_datums(snapshot, keys)

    def event_indexes(
        self, streams: Sequence[Sequence[str]], *, keys: Sequence[str] = ()
    ) -> list[EventIndex | StoreError]:
        """Take a snapshot of the rows of several streams at once, with some columns of their data."""
        from .events.rows import Rows
        from .events.streams import read_indexes

        with self.connection.translate_errors("read the events of several streams") as collections:
            rows = self._rows(collections)
            if isinstance(rows, Rows):
                return read_indexes(collections, streams, keys)
            return rows.read_indexes(streams, keys)

    def event_columns(
        self, snapshot: Snapshot, keys: Sequence[str], *, section: Section = "data", rows: slice | None = None
    ) -> dict[str, Values]:
        """Return columns of a snapshot, in row order."""
        with self.connection.translate_errors("read the columns of a stream") as collections:
            return self._rows(collections).read_columns(snapshot, keys, section=section, rows=rows)

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell whether some rows of a snapshot are found without looking at all of them."""
        with self.connection.translate_errors("list the indexes of events") as collections:
            return self._rows(collections).can_find_rows(snapshot)

    def first_events(self, index: EventIndex) -> dict[str, Document]:
        """Return the first event of each descriptor that has any."""
        with self.connection.translate_errors("read the first events of a stream") as collections:
            return self._rows(collections).find_first_events(index)

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell whether each of these keys holds the type and length of its sample value in every event."""
        with self.connection.translate_errors("compare the types of events") as collections:
            return self._rows(collections).is_uniform(snapshot, sample)

    def events(self, descriptor_uids: Sequence[str]) -> Iterator[Document]:
        """Yield the events of these descriptors in the order of their time, and of one time in row order."""
        with self.connection.translate_errors("read events") as collections:
            find = partial(find_portions, collections.event, batch_size=_STREAMED)
            found = in_order_of_time(find, {"descriptor": {"$in": list(descriptor_uids)}})
            yield from sort_within_times(found, descriptor_uids)

    def changes(self, names: Sequence[str]) -> Changes:
        """Listen to what is stored in these collections from now on."""
        from .events.changes import Changes

        with self.connection.translate_errors("listen to changes") as collections:
            return Changes.of(collections, names)

    def new_events(self) -> NewEvents:
        """Return what gives the events of a stream, each once."""
        from .events.changes import NewEvents

        return NewEvents(self.collections)

    def datums(self, datum_ids: Iterable[str]) -> dict[str, Document]:
        """Return the datum documents of these identifiers."""
        found: dict[str, Document] = {}
        for ids in split_by_size(datum_ids):
            for datum in self._find("datum", {"datum_id": {"$in": ids}}):
                found.setdefault(datum["datum_id"], _with_plain_resource(datum))
        return found

    def resource_datums(self, resource_uids: Sequence[str]) -> Iterator[Document]:
        """Yield all datums of these resources; some of them twice, if the server is lost on the way."""
        query = {"resource": {"$in": [*resource_uids, *object_ids(resource_uids).values()]}}
        with self.connection.translate_errors("read datums"):
            for datum in retry_from_start(lambda: self.collections.datum.find(query, {"_id": 0}).batch_size(_STREAMED)):
                yield _with_plain_resource(datum)

    def resources(self, uids: Sequence[str]) -> dict[str, list[Document]]:
        """Return the resources that datums name as theirs, by that name."""
        found: dict[str, list[Document]] = {}
        for resource in self._find("resource", {"uid": {"$in": list(uids)}}):
            found.setdefault(resource["uid"], []).append(resource)
        found = {uid: drop_repeats(resources) for uid, resources in found.items()}
        # A uid may look like an ObjectId, so that is tried last; before 2016 resources had no other name.
        by_id = object_ids(uid for uid in uids if uid not in found)
        if by_id:
            for resource in self._find("resource", {"_id": {"$in": list(by_id.values())}}, {}):
                uid = str(resource.pop("_id"))
                found[uid] = [{**resource, "uid": uid}]
        return found

    def run_resources(self, run_uid: str, *, name: str = "resource") -> list[Document]:
        """Return the documents of this kind, ``resource`` or ``stream_resource``, that say they belong to the run."""
        return drop_repeats(self._find(name, {"run_start": run_uid}))

    def stream_resources(self, uids: Sequence[str]) -> list[Document]:
        """Return the stream resources of these uids; they need not say which run they belong to."""
        return [each for part in split_by_size(uids) for each in self._find("stream_resource", {"uid": {"$in": part}})]

    def stream_datums(self, descriptor_uids: Sequence[str]) -> list[Document]:
        """Return the stream datums of these descriptors: resource by resource as they came, each by its first index."""
        datums: list[Document] = []
        for uids in split_by_size(descriptor_uids):
            datums += self._find("stream_datum", {"descriptor": {"$in": uids}})
        return sort_stream_datums(datums, descriptor_uids)

    def statistics(self) -> dict[str, Any]:
        """Return what the server says of the size of the database of run documents (``dbStats``)."""
        with self.connection.translate_errors("read statistics") as collections:
            return run_read_command(collections.metadata, {"dbStats": 1})

    def spool_reports(self) -> list[dict[str, Any]]:
        """Return what waited on which machine, as the writers there left it, the latest first."""
        from .upkeep.spool_reports import read_spool_reports

        with self.connection.translate_errors("read what was spooled") as collections:
            return read_spool_reports(collections)

    @property
    def examination(self) -> NormalizedExamination:
        """What is asked by those who look for what is wrong."""
        from .upkeep.examination import NormalizedExamination

        return NormalizedExamination(self.connection)

    def reading_events(self) -> NormalizedStore:
        """Return the same store, which reads events and no columnar copies of them."""
        options = replace(self.location.options, use_columnar=False)
        store = type(self)(replace(self.location, options=options))
        store._connection = self.connection
        return store

    def _rows(self, collections: Collections) -> Rows | ColumnarRows:
        from .columnar import with_copies
        from .events.rows import EventRows

        options, events = self.location.options, EventRows(collections)
        return (
            with_copies(collections, events, trusts_settled=options.trusts_settled) if options.use_columnar else events
        )

    def _find(
        self,
        collection: str,
        query: dict[str, Any],
        projection: dict[str, Any] | None = None,
        *,
        with_bytes: bool = False,
    ) -> list[Document]:
        hide_id = {"_id": 0} if projection is None else projection
        with self.connection.translate_errors(f"read the collection {collection}") as collections:
            found = getattr(collections, collection)
            return find_all(found, query, hide_id, batch_size=_BATCH, with_bytes=with_bytes)


def _with_plain_resource(datum: Document) -> Document:
    resource = datum.get("resource")
    return datum if resource is None or isinstance(resource, str) else {**datum, "resource": str(resource)}
