"""Finding runs in a catalog, on mongomock and on MongoDB."""

import pickle
import sys
import types

import numpy as np
import pytest

from databroker_mongo.config import CATALOG_KEYS
from databroker_mongo.errors import (
    AmbiguousKey,
    CatalogError,
    ConfigurationError,
    QueryError,
    RunIndexError,
    RunNotFound,
)
from databroker_mongo.queries import Key, ScanID, TimeRange
from databroker_mongo.runs.catalog import Catalog
from databroker_mongo.runs.run import Run
from databroker_mongo.testing import build_run
from databroker_mongo.writing import Writer

UIDS = [
    "aaaa1111-0000-4000-8000-000000000001",
    "aaaa2222-0000-4000-8000-000000000002",
    "12345678-0000-4000-8000-000000000003",
    "777b44ae-4576-4a15-b044-d5fc6e88797b",
    "00000002-0000-4000-8000-000000000005",
]
SCAN_IDS = [1, 2, 3, 2, 0]


@pytest.fixture
def runs(store_uri):
    """Five runs, an hour apart; two of them have the scan id 2, the last has no stop."""
    catalog = Catalog.from_uri(store_uri)
    writer = Writer(catalog)
    for number, (uid, scan_id) in enumerate(zip(UIDS, SCAN_IDS, strict=True)):
        for name, doc in build_run(
            {"primary": [{"x": number}]},
            scan_id=scan_id,
            uid=uid,
            time=1_700_000_000.0 + 3600 * number,
            plan_name="scan" if number % 2 else "count",
            exit_status=None if number == 4 else "success",
        ):
            writer(name, doc)
    return catalog


def found(runs, key):
    return UIDS.index(runs[key].start["uid"])


@pytest.mark.parametrize(
    ("key", "number"),
    [
        (-1, 4),
        (-5, 0),
        (1, 0),
        (2, 3),
        (0, 4),
        (np.int64(3), 2),
        ("3", 2),
        ("2", 3),
        (UIDS[1], 1),
        ("777b44a", 3),
        ("777B44A", 3),
        ("aaaa1", 0),
        ("12345678", 2),
        ("7", 3),
    ],
)
def test_a_run_is_found_by_position_scan_id_uid_or_its_beginning(runs, key, number):
    assert found(runs, key) == number
    assert key in runs


@pytest.mark.parametrize("key", [99, "99", "nothing", "", ".*", "(", "aaaa.", "^a", 1.5, None, True, ("a",), "é"])
def test_what_no_run_answers_to_is_a_key_error(runs, key):
    with pytest.raises(RunNotFound, match="has no run"):
        runs[key]
    assert key not in runs
    assert runs.get(key) is None


def test_an_ambiguous_key_lists_what_it_may_mean(runs):
    with pytest.raises(AmbiguousKey) as caught:
        runs["aaaa"]
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, ValueError)
    assert sorted(caught.value.candidates) == UIDS[:2]
    assert "aaaa" not in runs


def test_digits_that_are_a_scan_id_and_begin_a_uid_are_ambiguous(runs):
    with pytest.raises(AmbiguousKey, match=r"as a scan id.*catalog\[1\]"):
        runs["1"]
    assert found(runs, "0") == 4  # the run of this scan id is the one whose uid begins so


def test_an_exact_uid_goes_before_many_that_begin_with_it_and_a_scan_id_is_found_among_many(store_uri):
    catalog = Catalog.from_uri(store_uri)
    writer = Writer(catalog)
    for number in range(60):
        uid = "ab" if number == 0 else f"ab{number:03d}"
        writer("start", {"uid": uid, "time": 1000.0 + number, "scan_id": 7})
    assert catalog["ab"].start["uid"] == "ab"
    assert catalog["7"].start["uid"] == "ab059"
    with pytest.raises(AmbiguousKey, match="and more"):
        catalog["a"]


def test_a_position_before_the_first_run_is_a_key_error_and_an_index_error(runs):
    with pytest.raises(RunIndexError, match="holds 5 runs") as caught:
        runs[-6]
    assert isinstance(caught.value, IndexError)


def test_zero_is_a_scan_id_and_the_error_says_how_to_get_the_latest(store_uri):
    with pytest.raises(RunNotFound, match=r"catalog\[-1\]"):
        Catalog.from_uri(store_uri)[0]


def test_a_key_that_a_search_leaves_out_is_told_to_be_looked_for_among_what_was_found(runs):
    with pytest.raises(RunNotFound, match=r"No run has this scan id\.\n  key"):
        runs[999_999]
    for key in (999_999, "zzz"):
        with pytest.raises(RunNotFound, match=r"Only the runs that match Raw\(\{'plan_name'"):
            runs.search({"plan_name": "count"})[key]


def test_slices_and_lists_give_lists_of_runs_the_newest_first(runs):
    assert [UIDS.index(run.start["uid"]) for run in runs[-3:]] == [4, 3, 2]
    assert [UIDS.index(run.start["uid"]) for run in runs[-3:-1]] == [3, 2]
    assert runs[-1:-3] == []
    assert [run.start["scan_id"] for run in runs[[3, -1]]] == [3, 0]
    for bad in (slice(None, 3), slice(0, 3), slice(-3, None, 2)):
        with pytest.raises(QueryError, match=r"\[-5:\]"):
            runs[bad]


def test_iteration_is_newest_first_and_agrees_with_the_length(runs):
    assert list(runs) == UIDS[::-1]
    assert len(runs) == 5
    assert [run.start["uid"] for run in runs.values()] == UIDS[::-1]
    assert [uid for uid, _ in runs.items()] == UIDS[::-1]
    assert all(isinstance(run, Run) for _, run in runs.items())
    assert runs[-1].stop is None
    assert next(iter(runs.values())).stop is None


def test_a_search_is_a_catalog_again(runs):
    counts = runs.search({"plan_name": "count"})
    assert list(counts) == [UIDS[4], UIDS[2], UIDS[0]]
    assert len(counts) == 3
    assert counts[-1].start["uid"] == UIDS[4]
    assert UIDS[1] not in counts
    with pytest.raises(RunNotFound):
        counts[UIDS[1]]
    assert list(counts.search(Key("scan_id") == 3)) == [UIDS[2]]
    assert list(counts.search(in_progress=False)) == [UIDS[2], UIDS[0]]
    assert pickle.loads(pickle.dumps(counts)) == counts
    assert list(pickle.loads(pickle.dumps(counts))) == list(counts)


def test_queries_of_all_kinds_combine(runs):
    both = runs.search(ScanID(2, duplicates="all"), {"plan_name": "scan"})
    assert list(both) == [UIDS[3], UIDS[1]]
    late = runs.search(TimeRange(since=1_700_000_000.0 + 3600), stop={"exit_status": "success"})
    assert list(late) == UIDS[3:0:-1]
    assert list(runs.search((Key("scan_id") == 3) | (Key("plan_name") == "scan"))) == UIDS[3:0:-1]
    with pytest.raises(TypeError, match="colour"):
        runs.search(colour="red")
    with pytest.raises(QueryError):
        runs.search("count")


def test_sort_skip_and_limit_mean_the_same_for_all_verbs(runs):
    oldest = runs.search(sort=[("time", 1)], skip=1, limit=3)
    assert list(oldest) == UIDS[1:4]
    assert len(oldest) == 3
    assert oldest[-1].start["uid"] == UIDS[1]
    assert [run.start["uid"] for run in oldest[-3:]] == UIDS[1:4]
    assert UIDS[0] not in oldest
    with pytest.raises(RunIndexError):
        oldest[-4]


def test_a_scope_cannot_be_left(runs):
    scoped = runs.scoped(plan_name=["count"])
    assert len(scoped) == 3
    for key in (UIDS[1], -4, 2, "777b"):
        assert key not in scoped
    assert list(scoped.search({"$or": [{"plan_name": "scan"}, {"scan_id": {"$gte": 0}}]})) == list(scoped)
    assert list(pickle.loads(pickle.dumps(scoped))) == list(scoped)


def test_reprs_say_where_and_what_and_are_escaped(runs):
    assert repr(runs.values()) == f"<runs of {runs!r}>"
    assert repr(runs.items()) == f"<uids and runs of {runs!r}>"
    narrowed = runs.search({"plan_name": "<b>"})
    assert "plan_name" in repr(narrowed)
    assert "<b>" not in narrowed._repr_html_()
    assert "777b44ae" in runs._repr_html_()
    assert "scan_id=0" in repr(runs[-1])
    assert "primary" in runs[-1]._repr_html_()


def test_a_catalog_in_memory_is_empty_and_its_own():
    first, second = Catalog.in_memory(), Catalog.in_memory()
    for name, doc in build_run({"primary": [{"x": 1}]}):
        Writer(first)(name, doc)
    assert len(first) == 1
    assert len(second) == 0
    assert not second


def test_every_error_of_a_look_up_is_one_of_the_package(runs):
    for key in ("aaaa", "nothing", -9, 99):
        with pytest.raises(CatalogError):
            runs[key]


def test_a_run_is_corrected_through_its_catalog_and_what_was_is_kept(runs):
    run = runs[1]
    runs.update(run, start={"sample": "B"}, stop={"reason": "beam lost"})
    runs.update(3, start={"sample": "C"})
    now = run.refresh()
    assert (now.start["sample"], now.stop["reason"], runs[3].start["sample"]) == ("B", "beam lost", "C")
    [before] = runs.store.examination.revisions("start", UIDS[0])
    assert "sample" not in before


def test_a_run_outside_a_catalog_is_not_corrected_through_it(runs):
    with pytest.raises(RunNotFound):
        runs.scoped(plan_name="scan").update(runs[1], start={"sample": "B"})
    assert "sample" not in runs[1].start
    with pytest.raises(RunNotFound, match="no stop document"):
        runs.update(0, stop={"reason": "beam lost"})


def test_a_store_that_is_only_read_is_not_corrected(runs):
    catalog = Catalog(types.SimpleNamespace(address="packs://here"), runs.assets)
    with pytest.raises(ConfigurationError, match="packs://here is open for reading only"):
        catalog.update(1, start={"sample": "B"})


SETTINGS_IN_CODE = {
    "asset_uri": "memory://assets",
    "handlers": {"SPEC": "json:JSONDecoder"},
    "handler_registry": {"SPEC": "json:JSONDecoder"},
    "root_map": {"/a": "/b"},
    "allowed_roots": ["/data"],
    "offline": "no-blocks",
    "recall": True,
    "transforms": {"start": "copy:copy"},
    "scope": {"data_session": ["pass-1"]},
    "read_preference": "nearest",
    "max_staleness_seconds": 120,
    "pool_size": 2,
    "collection_prefix": "pass-1.",
    "app_name": "viewer",
    "timeout_seconds": 3,
}


def test_each_setting_of_a_configured_catalog_can_be_given_in_code():
    of_people = {"uri", "description", "metadata_indexes"}
    assert SETTINGS_IN_CODE.keys() == {*CATALOG_KEYS} - of_people
    catalog = Catalog.from_uri("mongodb://host/runs", **SETTINGS_IN_CODE | {"asset_uri": "mongodb://host/assets"})
    assert catalog.assets.roots.allowed_roots == ("/data",)
    assert "pass-1" in repr(catalog.query)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("read_preference", "fastest"),
        ("max_staleness_seconds", 5),
        ("pool_size", 0),
        ("pool_size", "8"),
        ("timeout_seconds", -1),
        ("timeout_seconds", True),
        ("allowed_roots", ["here"]),
        ("offline", "tape"),
        ("offline", "copy:no_such_function"),
        ("offline", 5),
        ("recall", "yes"),
        ("transforms", {"event": dict}),
        ("transforms", {"start": 5}),
        ("transforms", {"start": "copy:no_such_function"}),
        ("transforms", {"start": "copy"}),
        ("scope", {}),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_when_it_is_given(name, value):
    with pytest.raises(ValueError, match=name.removesuffix("s")):
        Catalog.from_uri("memory://x", **{name: value})


def test_a_setting_of_another_name_is_refused_with_the_name_that_is_near():
    with pytest.raises(TypeError, match="'allowed_root'; did you mean 'allowed_roots'"):
        Catalog.from_uri("memory://x", allowed_root=["/"])


def test_a_scope_given_in_code_is_left_by_nothing(runs, store_uri):
    scoped = Catalog.from_uri(store_uri, scope={"scan_id": [1, 3]})
    assert [run.start["scan_id"] for run in scoped.values()] == [3, 1]
    assert 2 not in scoped
    assert len(scoped.search({"scan_id": 2})) == 0


@pytest.mark.parametrize("name", ["lab_fixes:mark", "lab_fixes.mark"])
def test_a_transform_given_in_code_may_be_named(runs, store_uri, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "lab_fixes", types.SimpleNamespace(mark=lambda start: {**start, "marked": True}))
    assert Catalog.from_uri(store_uri, transforms={"start": name})[-1].start["marked"]
