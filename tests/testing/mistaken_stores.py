"""Stores as authors write them, each with one mistake: run by a pytest of its own, see ``test_mistaken_stores``."""

import uuid

import pytest

from databroker_mongo.store import DocumentSource, RunSource, Store, open_store, writable
from databroker_mongo.testing import StoreConformance


def passed_on(name):
    return lambda self, *arguments, **options: getattr(self._other, name)(*arguments, **options)


ASKED = [name for part in (RunSource, DocumentSource) for name in vars(part) if not name.startswith("_")]
PassedOn = type("PassedOn", (), {name: passed_on(name) for name in {*ASKED} - {"address", "explain"}})


class Right(PassedOn, Store):
    """Asks a store in memory, which is given each document as often as it comes."""

    def __init__(self, other, documents):
        self._other = other

    def __eq__(self, other):
        return type(other) is type(self) and self._other == other._other

    __hash__ = None

    @property
    def address(self):
        return self._other.address


class Kit(StoreConformance):
    cannot = frozenset({"explain", "indexes", "statistics", "changes", "new_events", "examination"})
    store_class = Right

    @pytest.fixture
    def fill(self):
        def fill(documents):
            uri = f"memory://{uuid.uuid4().hex}"
            named = [*documents]
            for name, document in named:
                writable(open_store(uri)).insert(name, [document])
            return self.store_class(open_store(uri), named)

        return fill


class TestRight(Kit):
    pass


class NeedsIndices(Right):
    def stream_datums(self, descriptor_uids):
        found = super().stream_datums(descriptor_uids)
        return sorted(found, key=lambda datum: (datum["descriptor"], datum["indices"]["start"]))


class TestNeedsIndices(Kit):
    store_class = NeedsIndices


class NeedsItsResource(Right):
    def stream_datums(self, descriptor_uids):
        return [
            {**datum, "stream_resource": datum["stream_resource"]} for datum in super().stream_datums(descriptor_uids)
        ]


class TestNeedsItsResource(Kit):
    store_class = NeedsItsResource


class LeavesOutTheDamaged(Right):
    def stream_datums(self, descriptor_uids):
        return [datum for datum in super().stream_datums(descriptor_uids) if datum.keys() >= {"seq_nums"}]


class TestLeavesOutTheDamaged(Kit):
    store_class = LeavesOutTheDamaged


class KeepsRepeats(Right):
    def __init__(self, other, documents):
        super().__init__(other, documents)
        self._resources = [document for name, document in documents if name == "resource"]

    def resources(self, uids):
        found = {}
        for resource in self._resources:
            if resource["uid"] in uids:
                found.setdefault(resource["uid"], []).append(resource)
        return found


class TestKeepsRepeats(Kit):
    store_class = KeepsRepeats


class KeepsRepeatsOfARun(Right):
    def __init__(self, other, documents):
        super().__init__(other, documents)
        self._named = documents

    def __reduce__(self):
        return type(self), (self._other, [])

    def run_resources(self, run_uid, *, name="resource"):
        return [document for kind, document in self._named if kind == name and document.get("run_start") == run_uid]


class TestKeepsRepeatsOfARun(Kit):
    store_class = KeepsRepeatsOfARun


class GivesTooFewFields(Right):
    def find_starts(self, query, *, sort, skip=0, limit=0, fields=()):
        for start in super().find_starts(query, sort=sort, skip=skip, limit=limit):
            yield {key: start[key] for key in ("uid", *(field.split(".")[0] for field in fields))} if fields else start


class TestGivesTooFewFields(Kit):
    store_class = GivesTooFewFields


class GivesOtherFields(Right):
    def find_starts(self, query, *, sort, skip=0, limit=0, fields=()):
        for start in super().find_starts(query, sort=sort, skip=skip, limit=limit):
            yield {"uid": start["uid"], "time": start["time"]} if fields else start


class TestGivesOtherFields(Kit):
    store_class = GivesOtherFields


class CarriesItsDocuments(Right):
    def __init__(self, other, documents):
        super().__init__(other, documents)
        self._documents = documents


class TestCarriesItsDocuments(Kit):
    store_class = CarriesItsDocuments


class ChangesItsMind(Right):
    n_asked = 0

    def can_find_rows(self, snapshot):
        self.n_asked += 1
        return self.n_asked % 3 == 0


class TestChangesItsMind(Kit):
    store_class = ChangesItsMind


class FindsRowsByTheirNumbers(Right):
    def can_find_rows(self, snapshot):
        return True

    def event_columns(self, snapshot, keys, *, section="data", rows=None):
        whole = super().event_columns(snapshot, keys, section=section)
        if rows is None:
            return whole
        numbers = super().event_index(snapshot.descriptor_uids).seq_num
        wanted = [row for row, number in enumerate(numbers) if rows.start < number <= rows.stop]
        return {key: [values[row] for row in wanted] for key, values in whole.items()}


class TestFindsRowsByTheirNumbers(Kit):
    store_class = FindsRowsByTheirNumbers


class LooksAtOneEvent(Right):
    def is_uniform(self, snapshot, sample):
        values = super().event_columns(snapshot, [*sample])
        return all(type(values[key][0]) is type(value) for key, value in sample.items())


class TestLooksAtOneEvent(Kit):
    store_class = LooksAtOneEvent


class LooksAtTypesAlone(Right):
    def is_uniform(self, snapshot, sample):
        values = super().event_columns(snapshot, [*sample])
        return all({*map(type, list(values[key]))} == {type(value)} for key, value in sample.items())


class TestLooksAtTypesAlone(Kit):
    store_class = LooksAtTypesAlone


class SaysWhatItLikes(Right):
    def is_uniform(self, snapshot, sample):
        return True


class TestSaysWhatItLikes(Kit):
    store_class = SaysWhatItLikes
