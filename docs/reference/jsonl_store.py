"""A store over a file of JSON lines, each ``[name, document]``; it looks at all documents, and needs no index."""

import json
from pathlib import Path

from databroker_mongo.documents import readable_descriptor, rows_of, stream_of
from databroker_mongo.queries import NEWEST_FIRST
from databroker_mongo.store import (
    PlainEvents,
    PlainRuns,
    Store,
    drop_repeats,
    pick_first_stops,
    sort_by_time,
    sort_stream_datums,
)


class JSONLinesStore(Store):
    """The runs in a file, as they are when the file is first read."""

    def __init__(self, path):
        self._path = Path(path).absolute()
        self._kinds = None
        self._rows = PlainEvents(lambda uids: self._of("event", "descriptor", uids))

    @property
    def address(self):
        return self._path.as_uri()

    def __reduce__(self):
        return JSONLinesStore, (self._path,)

    def __eq__(self, other):
        return isinstance(other, JSONLinesStore) and self._path == other._path

    def __hash__(self):
        return hash(self._path)

    def find_starts(self, query, *, sort, skip=0, limit=0, fields=()):
        yield from self._runs().find_starts(query, sort=sort, skip=skip, limit=limit)

    def count_starts(self, query, *, skip=0, limit=0):
        return sum(1 for _ in self.find_starts(query, sort=NEWEST_FIRST, skip=skip, limit=limit))

    def distinct(self, query, key, *, counts=False):
        return self._runs().distinct(query, key, counts=counts)

    def stops(self, run_uids):
        return {stop["run_start"]: stop for stop in pick_first_stops(self._of("stop", "run_start", run_uids))}

    def streams(self, run_uids):
        found = {uid: {} for uid in run_uids}
        for uid, descriptors in self.descriptors(run_uids).items():
            for descriptor in descriptors:
                found[uid].setdefault(stream_of(descriptor), []).append(descriptor["uid"])
        return found

    def descriptors(self, run_uids):
        found = {uid: [] for uid in run_uids}
        for descriptor in sort_by_time(self._of("descriptor", "run_start", run_uids)):
            found[descriptor["run_start"]].append(readable_descriptor(descriptor))
        return found

    def count_events(self, descriptor_uids):
        return {uid: len(self._of("event", "descriptor", [uid])) for uid in descriptor_uids}

    def event_index(self, descriptor_uids, *, keys=(), n_expected=None):
        return self._rows.read_index(descriptor_uids, keys)

    def event_columns(self, snapshot, keys, *, section="data", rows=None):
        return self._rows.read_columns(snapshot, keys, section=section, rows=rows)

    def can_find_rows(self, snapshot):
        return self._rows.can_find_rows(snapshot)

    def first_events(self, index):
        return self._rows.find_first_events(index)

    def is_uniform(self, snapshot, sample):
        return self._rows.is_uniform(snapshot, sample)

    def events(self, descriptor_uids):
        yield from self._rows.in_order_of_time(descriptor_uids)

    def datums(self, datum_ids):
        return {datum["datum_id"]: datum for datum in self._of("datum", "datum_id", datum_ids)}

    def resource_datums(self, resource_uids):
        yield from self._of("datum", "resource", resource_uids)

    def resources(self, uids):
        found = {}
        for resource in drop_repeats(self._of("resource", "uid", uids)):
            found.setdefault(resource["uid"], []).append(resource)
        return found

    def run_resources(self, run_uid, *, name="resource"):
        return drop_repeats(self._of(name, "run_start", [run_uid]))

    def stream_resources(self, uids):
        return self._of("stream_resource", "uid", uids)

    def stream_datums(self, descriptor_uids):
        return sort_stream_datums(self._of("stream_datum", "descriptor", descriptor_uids), descriptor_uids)

    def _runs(self):
        return PlainRuns(self._all("start"), self._all("stop"), self._all("descriptor"))

    def _of(self, kind, field, values):
        """Return the documents of a kind that have one of these values in a field."""
        wanted = set(values)
        return [document for document in self._all(kind) if document.get(field) in wanted]

    def _all(self, kind):
        if self._kinds is None:
            kinds = {}
            with self._path.open(encoding="utf-8") as lines:
                for name, document in map(json.loads, lines):
                    for single, row in rows_of(name, document):  # a page holds many
                        kinds.setdefault(single, []).append(row)
            self._kinds = kinds
        return self._kinds.get(kind, [])
