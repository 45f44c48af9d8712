"""`StoreConformance` and `WritableStoreConformance`: the requirements of every store, as tests to inherit.

A store that is filled by other means::

    class TestMyStore(StoreConformance):
        cannot = {"explain", "indexes", "statistics", "changes", "new_events", "examination"}

        @pytest.fixture
        def fill(self, tmp_path):
            def fill(documents):
                for name, document in documents:
                    ...
                return MyStore(...)

            return fill

One that documents can be put into has as much to answer, and is filled by itself::

    class TestMyStore(WritableStoreConformance):
        @pytest.fixture
        def empty(self, tmp_path):
            return MyStore(...)

Run them with pytest. What a store says it cannot do must be refused with ``Unsupported``; everything else must be
answered. What only one kind of database can get wrong does not belong here.
"""

from __future__ import annotations

import copy
import itertools
import pickle
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from databroker_mongo.assets import open_reader
from databroker_mongo.documents import Document, Named
from databroker_mongo.errors import (
    AmbiguousKey,
    CatalogError,
    DuplicateDocument,
    InvalidDocument,
    QueryError,
    RunIndexError,
    RunNotFound,
    Unsupported,
)
from databroker_mongo.queries import NEWEST_FIRST, All, Eq, Key, PartialUID, Raw, ScanID, TimeRange
from databroker_mongo.runs import Catalog
from databroker_mongo.store import MISSING, EventIndex, Store, WritableStore
from databroker_mongo.testing.runs import Asset, StreamAsset, build_run

Fill = Callable[[Iterable[Named]], Store]

# uid, scan_id, plan, sample, exit status (None: no stop), streams; one after the other, 100 s apart.
RUNS: tuple[tuple[str, int, str, str, str | None, tuple[str, ...]], ...] = (
    ("aaaa1111-0000", 1, "count", "Ni", "success", ("primary",)),
    ("aaaa2222-0000", 2, "scan", "Ni", "fail", ("primary", "baseline")),
    ("12345678-0000", 3, "scan", "Cu", "success", ("primary",)),
    ("bbbb3333-0000", 2, "count", "Cu", "success", ("primary",)),
    ("77777777-0000", 4, "fly", "Ni", "abort", ("primary", "baseline")),
    ("4ccc4444-0000", 77777777, "count", "Mn", "success", ()),
    ("my run", 6, "count", "Mn", "success", ("primary",)),
    ("DDDD5555", 7, "count", "Mn", None, ("primary",)),
)
NEWEST = [run[0] for run in reversed(RUNS)]
_BEGIN = 1_000_000.0
_NO_FILTERS: tuple[Document, ...] = (
    {"$and": [1]},
    {"$or": {"a": 1}},
    {"plan_name": {"$in": "count"}},
    {"plan_name": {"$nin": 5}},
    {"plan_name": {"$all": "count"}},
    {"plan_name": {"$not": 5}},
    {"data_groups": {"$elemMatch": "staff"}},
    {"data_groups": {"$size": "2"}},
    {"scan_id": {"$mod": [0, 1]}},
    {"scan_id": {"$mod": [2]}},
    {"scan_id": {"$type": "nonsense"}},
    {"scan_id": {"$nonsense": 1}},
    {"$nonsense": 1},
    {"$text": "Ni"},
    {"$expr": {"$lookup": {}}},
    {"$expr": {"$add": ["a", 1]}},
    {"$expr": {"$toInt": "$uid"}},
    {"scan_id": {"$near": [0, 0]}},
)


def documents_of_runs() -> Iterator[Named]:
    """Yield starts, descriptors and stops of runs that the queries of the suite tell apart; they have no events."""
    for number, (uid, scan_id, plan_name, sample, exit_status, streams) in enumerate(RUNS):
        time = _BEGIN + 100 * number
        start = {"uid": uid, "time": time, "scan_id": scan_id, "plan_name": plan_name, "sample": {"name": sample}}
        yield "start", {**start, "data_session": f"pass-{number % 2}", "data_groups": ["staff", f"group-{number % 3}"]}
        for name in streams:
            key = {"dtype": "number", "shape": [], "source": "sim"}
            keys = {"data_keys": {"I0": key}, "object_keys": {"quadem": ["I0"]}, "configuration": {}, "hints": {}}
            yield "descriptor", {"uid": f"{uid} {name}", "run_start": uid, "time": time + 1, "name": name, **keys}
        if exit_status is not None:
            stop = {"uid": f"{uid} stop", "run_start": uid, "time": time + 10 * number, "exit_status": exit_status}
            yield "stop", {**stop, "reason": "", "num_events": dict.fromkeys(streams, 5)}


def whole_run() -> list[Named]:
    """Return the documents of a run of all kinds: values of some types, a file a row, a file for all rows."""
    rows = [{"x": float(number), "n": number, "name": f"p{number}", "spectrum": [number, 2.5]} for number in range(5)]
    frames = Asset(spec="SPEC", root="/data", resource_path="f.h5", datums=[{"frame": n} for n in range(5)])
    panels = StreamAsset(mimetype="application/x-hdf5", uri="file://localhost/data/s.h5", spans=[(0, 2), (2, 5)])
    assets: dict[str, dict[str, Asset | StreamAsset]] = {"primary": {"image": frames, "panel": panels}}
    return build_run({"primary": rows, "baseline": [{"T": 4.2}, {"T": 4.3}]}, uid="whole", assets=assets)


def uneven_run() -> list[Named]:
    """Return the documents of a run whose events are unlike each other: their values, and how they are numbered."""
    rows: list[dict[str, Any]] = [{"x": float(n), "kind": n, "list": [n, n], "some": n} for n in range(5)]
    rows[2] |= {"kind": "two", "list": [2], "some": 2.5}
    documents = build_run({"primary": rows}, uid="uneven")
    events = _of("event", documents)
    for event, seq_num in zip(events, (1, 2, 2, 7, 9), strict=True):
        event["seq_num"] = seq_num
    for section in ("data", "timestamps"):
        del events[4][section]["some"]
    return documents


def _of(name: str, documents: Iterable[Named]) -> list[Document]:
    return [document for kind, document in documents if kind == name]


def _uids(runs: Iterable[Any]) -> list[str]:
    return [run.start["uid"] for run in runs]


def _kind_of_error(runs: Catalog, key: Any) -> type[Exception] | None:
    try:
        runs[key]
    except CatalogError as error:
        return type(error)
    return None


def _catalog(store: Store) -> Catalog:
    return Catalog(store, open_reader())


class StoreConformance:
    """Tests of what a store answers. Write the fixture ``fill``.

    The questions, and what their answers mean, stand in ``databroker_mongo/store/protocol.py``.

    Attributes
    ----------
    cannot : collection of str
        What the store refuses of ``explain``, ``indexes``, ``statistics``, ``changes``, ``new_events`` and
        ``examination``.
    """

    cannot: ClassVar[Collection[str]] = ()

    @pytest.fixture
    def fill(self) -> Fill:
        """Return what stores documents, by whatever means, in a database of the test's own, and opens it."""
        raise NotImplementedError(f"{type(self).__name__} must say how its database is filled, in a fixture fill")

    @pytest.fixture
    def store(self, fill: Fill) -> Store:
        """Return the store, with runs in it that the queries tell apart."""
        return fill(documents_of_runs())

    @pytest.fixture
    def runs(self, store: Store) -> Catalog:
        """Return the catalog of these runs."""
        return _catalog(store)

    @pytest.fixture
    def whole(self, fill: Fill) -> Store:
        """Return the store, with a run in it that has documents of all kinds."""
        return fill(whole_run())

    # Which runs there are.

    def test_runs_come_the_newest_first_each_with_its_stop(self, runs: Catalog) -> None:
        """In order of time, whole documents."""
        assert list(runs) == NEWEST
        assert len(runs) == len(RUNS)
        assert _uids(runs.values()) == NEWEST
        ended = [(uid, run.stop and run.stop["exit_status"]) for uid, run in runs.items()]
        assert ended == [(run[0], run[4]) for run in reversed(RUNS)]

    def test_a_run_is_found_by_position_scan_id_uid_or_its_beginning(self, runs: Catalog) -> None:
        """Of several runs of a scan id, the latest."""
        expected: dict[Any, str] = {-1: "DDDD5555", -8: "aaaa1111-0000", 1: "aaaa1111-0000", 2: "bbbb3333-0000"}
        expected |= {"2": "bbbb3333-0000", "my run": "my run", "DDDD5555": "DDDD5555", "aaaa1": "aaaa1111-0000"}
        expected |= {"AAAA1": "aaaa1111-0000", "12345678": "12345678-0000", "1234": "12345678-0000"}
        assert {key: runs[key].start["uid"] for key in expected} == expected
        assert all(key in runs for key in expected)

    def test_a_key_that_names_no_run_or_several_finds_none(self, runs: Catalog) -> None:
        """Whatever it holds: no number is too large, no letter is a pattern."""
        keys: list[Any] = [0, 5, 2**70, "9" * 5000, "", "my", ".*", "^a", "ffff", "\ud800"]
        expected: dict[Any, type[Exception]] = dict.fromkeys(keys, RunNotFound)
        expected |= {-9: RunIndexError, "aaaa": AmbiguousKey, "77777777": AmbiguousKey}
        assert {key: _kind_of_error(runs, key) for key in expected} == expected
        assert not any(key in runs for key in expected)

    def test_slices_count_from_the_newest(self, runs: Catalog) -> None:
        """They may begin before the first run."""
        assert _uids(runs[-3:]) == NEWEST[:3]
        assert _uids(runs[-5:-2]) == NEWEST[2:5]
        assert _uids(runs[-100:]) == NEWEST

    def test_runs_of_one_moment_are_always_in_the_same_order(self, fill: Fill) -> None:
        """Whichever way they are asked for."""
        runs = _catalog(fill(("start", {"uid": f"{number:04x}", "time": 5.0}) for number in range(50)))
        assert sorted(runs) == [f"{number:04x}" for number in range(50)]
        assert _uids(runs[-50:]) == list(runs) == [runs[-place].start["uid"] for place in range(1, 51)]

    def test_queries_of_all_kinds_are_answered_and_combine(self, runs: Catalog) -> None:
        """Of all documents of a run, by ``&`` and ``|``."""
        asked = runs.search({"plan_name": "scan"}, Key("sample.name") == "Ni", stop={"exit_status": "fail"})
        assert list(asked) == ["aaaa2222-0000"]
        assert list(runs.search(stream="baseline")) == ["77777777-0000", "aaaa2222-0000"]
        narrow = runs.search(stream="baseline", device="quadem", data_key="I0", duration_gt=30)
        assert list(narrow) == ["77777777-0000"]
        assert list(runs.search(in_progress=True)) == ["DDDD5555"]
        assert len(runs.search(in_progress=False)) == 7
        failed = runs.search(Key("stop.exit_status") != "success")
        assert list(failed) == ["DDDD5555", "77777777-0000", "aaaa2222-0000"]
        assert list(runs.search(TimeRange(1_000_100, 1_000_300, "UTC"))) == ["12345678-0000", "aaaa2222-0000"]
        assert list(runs.search(ScanID(2))) == ["bbbb3333-0000"]
        assert list(runs.search(ScanID(2, duplicates="all"), PartialUID("a"))) == ["aaaa2222-0000"]
        either = runs.search((Key("scan_id") == 3) | (Key("plan_name") == "fly"))
        assert list(either) == ["77777777-0000", "12345678-0000"]
        assert len(runs.search()) == 8

    def test_nothing_leaves_a_search_or_a_scope(self, runs: Catalog) -> None:
        """Neither another query nor a key."""
        found = runs.search({"plan_name": "count", "sample.name": {"$in": ["Cu", "Mn"]}})
        assert list(found) == ["DDDD5555", "my run", "4ccc4444-0000", "bbbb3333-0000"]
        assert list(found.search({"$or": [{"scan_id": 1}, {"scan_id": 2}]})) == ["bbbb3333-0000"]
        scope = runs.scoped(data_session=["pass-1"])
        inside = {run[0] for number, run in enumerate(RUNS) if number % 2}
        assert set(scope) == set(_uids(scope[-8:])) == set(scope.table([]).index) == inside
        assert set(scope.search(~Eq("data_session", "pass-1") | Raw({}))) == inside
        assert scope["aaaa"].start["uid"] == "aaaa2222-0000", "what is outside makes nothing ambiguous"

    @pytest.mark.parametrize(
        "sort",
        [None, "scan_id", "-scan_id", ("time", 1), [("plan_name", 1), ("time", -1)], ["sample.name", "-scan_id"]],
    )
    def test_sort_skip_and_limit_mean_the_same_for_all_that_is_asked(self, runs: Catalog, sort: Any) -> None:
        """Iteration, length, positions, slices and ``in`` agree."""
        ordered = list(runs.search(sort=sort))
        assert sorted(ordered) == sorted(NEWEST)
        for skip, limit in ((0, None), (0, 3), (2, 3), (6, 5), (2, None)):
            expected = ordered[skip : skip + limit if limit else None]
            found = runs.search(sort=sort, skip=skip, limit=limit)
            assert list(found) == expected
            assert len(found) == len(expected)
            assert _uids(found.values()) == _uids(found[-8:]) == expected
            assert _uids(found[-3:-1]) == expected[1:3]
            assert [found[-place].start["uid"] for place in range(1, len(expected) + 1)] == expected
            assert all((uid in found) == (uid in expected) for uid in ordered)

    def test_a_pattern_means_the_same_everywhere(self, fill: Fill) -> None:
        """Classes know ASCII alone; letters in either case are all letters."""
        names = ["é", "Ni"]
        store = fill(("start", {"uid": f"{n:04x}", "time": 5.0, "name": name}) for n, name in enumerate(names))
        expected = {r"^\w+$": 1, r"^\W+$": 1, r"\bé": 0, "^É": 0, "(?i)^É$": 1}
        found = {pattern: len(_catalog(store).search({"name": {"$regex": pattern}})) for pattern in expected}
        assert found == expected

    def test_a_filter_that_is_not_understood_is_a_query_error(self, runs: Catalog) -> None:
        """It is never taken for a filter that finds nothing, or everything."""
        for filter in _NO_FILTERS:
            with pytest.raises(QueryError):
                pytest.fail(f"{filter} finds {len(runs.search(filter))} runs")

    def test_distinct_values_are_counted_once_a_run_the_most_frequent_first(self, store: Store) -> None:
        """Of a list each element counts."""

        def counted(key: str) -> dict[Any, int]:
            return dict(store.distinct(All(), key, counts=True))

        assert store.distinct(All(), "plan_name", counts=True) == [("count", 5), ("scan", 2), ("fly", 1)]
        assert {value for value, _ in store.distinct(All(), "sample.name")} == {"Cu", "Mn", "Ni"}
        assert counted("data_groups") == {"staff": 8, "group-0": 3, "group-1": 3, "group-2": 2}
        assert counted("stop.exit_status") == {"success": 5, "abort": 1, "fail": 1}
        assert counted("descriptor.name") == {"primary": 7, "baseline": 2}
        assert counted("nothing.at.all") == {}
        failed = Key("stop.exit_status") != "success"
        assert store.distinct(failed, "sample.name", counts=True) == [("Ni", 2), ("Mn", 1)]

    def test_stops_and_streams_are_given_for_many_runs(self, store: Store) -> None:
        """A run that has none, or is not there, does no harm."""
        uids = [run[0] for run in RUNS]
        ended = {uid: stop["exit_status"] for uid, stop in store.stops([*uids, "nothing"]).items()}
        assert ended == {run[0]: run[4] for run in RUNS if run[4]}
        streams = store.streams(uids)
        assert {uid: tuple(names) for uid, names in streams.items()} == {run[0]: run[5] for run in RUNS}
        assert streams["my run"] == {"primary": ["my run primary"]}

    def test_starts_come_in_order_with_the_fields_that_are_needed(self, store: Store) -> None:
        """All of them where none are named, and nothing beside; else at least these, the uid and the time."""
        options: dict[str, Any] = {"sort": [("scan_id", 1)], "skip": 1, "limit": 2}
        whole = {start["uid"]: start for start in _of("start", documents_of_runs())}
        some = list(store.find_starts(All(), **options, fields=["sample.name"]))
        assert {start["uid"] for start in some} == {"bbbb3333-0000", "aaaa2222-0000"}
        for start in some:
            stored = whole[start["uid"]]
            assert (start["time"], start["sample"]["name"]) == (stored["time"], stored["sample"]["name"])
            assert start.items() <= stored.items()
        assert all(start == whole[start["uid"]] for start in store.find_starts(All(), **options))
        assert store.count_starts(All(), skip=1, limit=2) == 2
        assert store.estimate_starts() == len(whole)
        [newest] = store.find_starts(All(), sort=NEWEST_FIRST, limit=1)
        assert newest == next(document for document in _of("start", documents_of_runs()) if document["scan_id"] == 7)

    def test_documents_that_are_kept_are_given_to_each_who_asks(self, store: Store) -> None:
        """They equal those that are found; whoever is given one may change it, and nobody else notices."""
        starts = list(store.find_starts(All(), sort=NEWEST_FIRST))
        kept_starts = [kept for page in store.find_kept_pages(All(), sort=NEWEST_FIRST) for kept in page]
        stops = store.stops([start["uid"] for start in starts])
        kept_stops = store.kept_stops([kept.uid for kept in kept_starts])
        assert kept_stops.keys() == stops.keys()
        for document, kept in [*zip(starts, kept_starts, strict=True), *((stops[k], kept_stops[k]) for k in stops)]:
            for _ in range(3):
                given = kept.give()
                assert given == document
                for value in given.values():
                    if isinstance(value, dict | list):
                        value.clear()
                given.clear()
            assert kept.look() == document
        [[third]] = store.find_kept_pages(All(), sort=NEWEST_FIRST, skip=2, limit=1)
        assert third.look() == starts[2]

    # What is in a run.

    def test_documents_come_back_as_they_were_stored(self, whole: Store) -> None:
        """All kinds; an unknown name is left out."""
        stored = whole_run()
        descriptors = _of("descriptor", stored)
        assert whole.descriptors(["whole"]) == {"whole": descriptors}
        uids = [descriptor["uid"] for descriptor in descriptors]
        in_time = sorted(_of("event", stored), key=lambda event: (event["time"], uids.index(event["descriptor"])))
        assert list(whole.events(uids)) == in_time
        assert whole.count_events(uids) == {uids[0]: 5, uids[1]: 2}
        resources, datums = _of("resource", stored), _of("datum", stored)
        assert whole.run_resources("whole") == resources
        assert whole.resources([resources[0]["uid"], "nothing"]) == {resources[0]["uid"]: resources}
        ids = [datum["datum_id"] for datum in datums]
        assert whole.datums([*ids, "nothing"]) == {datum["datum_id"]: datum for datum in datums}
        found = {datum["datum_id"]: datum for datum in whole.resource_datums([resources[0]["uid"]])}
        assert found == whole.datums(ids)
        assert whole.run_resources("whole", name="stream_resource") == _of("stream_resource", stored)
        assert whole.stream_resources([_of("stream_resource", stored)[0]["uid"]]) == _of("stream_resource", stored)
        assert whole.stream_datums(uids) == _of("stream_datum", stored)

    def test_columns_hold_the_values_of_the_rows_asked_for(self, whole: Store) -> None:
        """In row order, ``MISSING`` where a key is."""
        [primary, _] = _of("descriptor", whole_run())
        index = whole.event_index([primary["uid"]], keys=["x", "nothing"])
        assert (index.snapshot.n_rows, index.snapshot.is_consecutive) == (5, True)
        assert index.seq_num.tolist() == [1, 2, 3, 4, 5]
        assert np.asarray(index.data["x"]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert list(index.data["nothing"]) == [MISSING] * 5
        columns = whole.event_columns(index.snapshot, ["n", "name", "spectrum"], rows=slice(1, 3))
        assert np.asarray(columns["n"]).tolist() == [1, 2]
        assert list(columns["name"]) == ["p1", "p2"]
        assert [list(each) for each in columns["spectrum"]] == [[1, 2.5], [2, 2.5]]
        times = whole.event_columns(index.snapshot, ["x"], section="timestamps")["x"]
        assert np.asarray(times).tolist() == index.time.tolist()
        assert whole.first_events(index)[primary["uid"]]["seq_num"] == 1
        assert whole.is_uniform(index.snapshot, {"name": 5}) is False
        assert whole.is_uniform(index.snapshot, {"x": 0.5, "name": 5}) is False
        assert type(whole.is_uniform(index.snapshot, {"x": 0.5})) is bool, "False also means that it is not known"
        said = {whole.can_find_rows(index.snapshot) for _ in range(8)}
        assert said in ({True}, {False}), "nothing was stored in between"

    def test_events_that_are_unlike_each_other_are_rows_all_the_same(self, fill: Fill) -> None:
        """Any window of rows is found whichever numbers they have, and nothing is said to be uniform that is not."""
        store = fill(uneven_run())
        [descriptor] = _of("descriptor", uneven_run())
        index = store.event_index([descriptor["uid"]])
        assert (index.snapshot.n_rows, index.snapshot.is_consecutive) == (5, False)
        assert index.seq_num.tolist() == [1, 2, 2, 7, 9]
        for start, stop in itertools.combinations(range(6), 2):
            columns = store.event_columns(index.snapshot, ["x", "kind", "some"], rows=slice(start, stop))
            assert np.asarray(columns["x"]).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0][start:stop]
            assert list(columns["kind"]) == [0, 1, "two", 3, 4][start:stop]
            assert list(columns["some"]) == [0, 1, 2.5, 3, MISSING][start:stop]
        samples: list[dict[str, Any]] = [{"kind": 1}, {"list": [1, 2]}, {"some": 1}, {"x": 1}, {"x": [1.0]}]
        said = [sample for sample in samples if store.is_uniform(index.snapshot, sample)]
        assert not said, "not in every event is the value of this type and length"

    def test_a_damaged_stream_datum_is_given_and_hides_no_other(self, fill: Fill) -> None:
        """What is wrong with it is for its reader to tell."""
        stored = whole_run()
        sound = _of("stream_datum", stored)
        descriptor = sound[0]["descriptor"]
        damaged: list[Document] = [
            {**{key: sound[0][key] for key in sound[0] if key != lacking}, "uid": f"no {lacking}"}
            for lacking in ("stream_resource", "indices", "seq_nums")
        ]
        damaged.append({**sound[0], "uid": "other indices", "indices": None})
        store = fill([*stored, *(("stream_datum", document) for document in damaged)])
        found = store.stream_datums([descriptor])
        assert [document for document in found if document in sound] == sound
        assert sorted(document["uid"] for document in found) == sorted(each["uid"] for each in [*sound, *damaged])

    def test_a_resource_that_is_stored_again_is_given_once(self, fill: Fill) -> None:
        """More than one for a name means other contents."""
        stored = whole_run()
        resources, streamed = _of("resource", stored), _of("stream_resource", stored)
        again = [(name, document) for name, document in stored if name in ("resource", "stream_resource")]
        store = fill([*stored, *again])
        assert store.resources([resources[0]["uid"]]) == {resources[0]["uid"]: resources}
        assert store.run_resources("whole") == resources
        assert store.run_resources("whole", name="stream_resource") == streamed

    def test_rows_of_several_streams_are_those_of_each(self, whole: Store) -> None:
        """In the order that was asked for; a stream without events has no row."""
        streams = [[descriptor["uid"]] for descriptor in reversed(_of("descriptor", whole_run()))]
        streams = [*streams, ["nothing"], [uid for stream in streams for uid in stream]]
        keys = ["x", "name", "T"]
        for asked in (streams[:3], streams[3:], []):
            found = whole.event_indexes(asked, keys=keys)
            assert len(found) == len(asked)
            for descriptor_uids, index in zip(asked, found, strict=True):
                alone = whole.event_index(descriptor_uids, keys=keys)
                assert isinstance(index, EventIndex)
                assert index.snapshot == alone.snapshot
                for one, other in ((index.seq_num, alone.seq_num), (index.time, alone.time)):
                    assert one.tolist() == other.tolist()
                assert index.descriptor.tolist() == alone.descriptor.tolist()
                for key in keys:
                    assert list(index.data[key]) == list(alone.data[key])
                    assert type(index.data[key]) is type(alone.data[key])

    def test_a_run_is_read_and_replayed(self, whole: Store) -> None:
        """By what is above a store."""
        run = _catalog(whole)["whole"]
        assert list(run) == ["primary", "baseline"]
        assert run["baseline"].read()["T"].values.tolist() == [4.2, 4.3]
        assert run["primary"].timestamps["x"].shape == (5,)
        names = [name for name, _ in run.documents()]
        assert (names[0], names[-1]) == ("start", "stop")

    # What a store is.

    def test_a_store_pickles_as_its_address(self, store: Store) -> None:
        """It is equal to what it becomes elsewhere, and answers there; documents are not carried along."""
        assert list(_catalog(store)) == NEWEST
        pickled = pickle.dumps(store)
        carried = [document["uid"] for _, document in documents_of_runs() if document["uid"].encode() in pickled]
        assert not carried, "each task of a lazy array would carry the documents"
        again = pickle.loads(pickled)  # noqa: S301 (it was made here)
        assert again == store
        assert again.address == store.address
        assert again.places == store.places != ()
        assert list(_catalog(again)) == NEWEST

    @pytest.mark.parametrize(
        ("name", "ask"),
        [
            ("explain", lambda store: store.explain(Eq("plan_name", "scan")).steps),
            ("indexes", lambda store: store.indexes()),
            ("statistics", lambda store: store.statistics()),
            ("changes", lambda store: store.changes(["start"]).__enter__().__exit__(None, None, None)),
            ("new_events", lambda store: store.new_events().fetch(["my run primary"])),
            ("examination", lambda store: store.examination.orphans()),
        ],
    )
    def test_what_a_store_cannot_do_is_refused_and_the_rest_is_answered(
        self, store: Store, name: str, ask: Callable[[Store], object]
    ) -> None:
        """What is declared in ``cannot`` is part of the store."""
        if name in self.cannot:
            with pytest.raises(Unsupported):
                ask(store)
        else:
            ask(store)


class WritableStoreConformance(StoreConformance):
    """Tests of what a store keeps, and of what it answers then. Write the fixture ``empty``."""

    @pytest.fixture
    def empty(self) -> WritableStore:
        """Return an empty database of the test's own, opened for writing."""
        raise NotImplementedError(f"{type(self).__name__} must open an empty database, in a fixture empty")

    @pytest.fixture
    def fill(self, empty: WritableStore) -> Fill:
        """Return what puts documents into the empty database."""

        def fill(documents: Iterable[Named]) -> Store:
            for name, group in itertools.groupby(documents, key=lambda named: named[0]):
                empty.insert(name, [copy.deepcopy(document) for _, document in group])
            return empty

        return fill

    def test_documents_that_are_sent_again_change_nothing(self, fill: Fill) -> None:
        """Nor does a batch that is half stored."""
        stored = whole_run()
        for half in (stored[::2], stored, stored):
            store = fill(half)
        uids = [descriptor["uid"] for descriptor in _of("descriptor", stored)]
        assert len(list(store.events(uids))) == len(_of("event", stored))
        assert len(_catalog(store)) == 1
        assert store.stream_datums(uids) == _of("stream_datum", stored)
        assert len(list(store.resource_datums([_of("resource", stored)[0]["uid"]]))) == 5

    def test_a_document_that_occurs_twice_in_a_batch_is_stored_once(self, empty: WritableStore) -> None:
        """Equal documents are one."""
        event = _event(1)
        empty.insert("event", [event, _event(2), copy.deepcopy(event)])
        assert empty.count_events(["desc"]) == {"desc": 2}

    def test_an_event_with_an_empty_filled_equals_one_without(self, empty: WritableStore) -> None:
        """Pages that were packed by event_model add it."""
        empty.insert("event", [_event(1)])
        empty.insert("event", [_event(1, filled={})])
        assert [*empty.events(["desc"])] == [_event(1)]

    def test_other_contents_are_refused_with_the_difference_and_the_rest_is_stored(self, empty: WritableStore) -> None:
        """What is stored stays as it is."""
        empty.insert("event", [_event(1, data={"a": 1.0})])
        with pytest.raises(DuplicateDocument) as caught:
            empty.insert("event", [_event(1, data={"a": 2.0, "b": 3}), _event(2)])
        told = ["data.a: 1.0 is stored, 2.0 was sent", "data.b: nothing is stored, 3 was sent"]
        assert caught.value.differences == told
        assert caught.value.uid == "e1"
        assert [event["data"] for event in empty.events(["desc"])] == [{"a": 1.0}, {"a": 1.5}]

    def test_of_two_different_stops_the_first_counts(self, empty: WritableStore) -> None:
        """Another stop of the run is no error, other contents of the same one are."""
        stop = {"uid": "stop", "run_start": "run", "time": 2.0, "exit_status": "success"}
        empty.insert("stop", [stop])
        for _ in range(2):
            empty.insert("stop", [{**stop, "uid": "another", "exit_status": "fail"}])
        assert empty.stops(["run"]) == {"run": stop}
        with pytest.raises(DuplicateDocument, match="exit_status: 'success' is stored, 'fail' was sent"):
            empty.insert("stop", [{**stop, "exit_status": "fail"}])

    def test_odd_keys_are_stored_as_they_are(self, empty: WritableStore) -> None:
        """Dots, dollars, the empty key."""
        keys = [
            "a.b",
            "$x",
            "a$b",
            "",
            "__class__",
            "_id",
            "time",
            "k" * 1000,
            "\xe1",
            "data.x",
            "$where",
            "a b",
            "a/b",
        ]
        data = {key: number for number, key in enumerate(keys)}
        for _ in range(2):
            empty.insert("event", [_event(1, data=dict(data))])
        [event] = empty.events(["desc"])
        assert event["data"] == data

    def test_a_document_is_corrected_and_one_that_is_not_stored_is_not(self, empty: WritableStore) -> None:
        """What it was before is kept, once."""
        empty.insert("start", [{"uid": "run", "time": 1.0, "sample": "A"}])
        for _ in range(2):
            empty.correct("start", "run", lambda stored: {**stored, "sample": "B"})
        [start] = empty.find_starts(All(), sort=NEWEST_FIRST)
        assert start == {"uid": "run", "time": 1.0, "sample": "B"}
        if "examination" not in self.cannot:
            assert [before["sample"] for before in empty.examination.revisions("start", "run")] == ["A"]
        with pytest.raises(InvalidDocument, match="No start document with this uid is stored"):
            empty.correct("start", "other", lambda stored: stored)

    def test_threads_that_correct_one_document_lose_nothing(self, empty: WritableStore) -> None:
        """Each change is made to what the others left."""
        empty.insert("start", [{"uid": "run", "time": 1.0}])

        def write(writer: int) -> None:
            for number in range(5):
                field = f"field_{writer}_{number}"
                empty.correct("start", "run", partial(_with, field))

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [start] = empty.find_starts(All(), sort=NEWEST_FIRST)
        assert len([name for name in start if name.startswith("field_")]) == 20

    def test_what_administrators_ask_is_answered(self, empty: WritableStore) -> None:
        """Indexes and summaries; runs are found all the same."""
        empty.insert("start", [{"uid": "run", "time": 1.0}])
        assert "missing" not in {report.state for report in empty.create_indexes()}
        assert empty.build_summaries(apply=False).n_removed == 0
        empty.build_summaries(apply=True)
        assert list(_catalog(empty)) == ["run"]
        assert isinstance(empty.weaknesses, tuple)


def _with(field: str, stored: Document) -> Document:
    return {**stored, field: True}


def _event(number: int, **changes: Any) -> Document:
    event = {"uid": f"e{number}", "descriptor": "desc", "seq_num": number, "time": float(number), "data": {"a": 1.5}}
    return {**event, "timestamps": {"a": 1.0}, **changes}
