"""A catalog's own face: keys and what is told of wrong ones, tables, pickles, corrections, settings, what it prints.

What a store answers to it is in ``databroker_mongo.testing.stores``.
"""

from __future__ import annotations

import pickle
import sys
import types
from typing import Any

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.config import CATALOG_KEYS
from databroker_mongo.errors import (
    AmbiguousKey,
    CatalogError,
    CatalogWarning,
    ConfigurationError,
    QueryError,
    RunIndexError,
    RunNotFound,
)
from databroker_mongo.queries import Eq, Key, Raw, ScanID
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import build_run
from databroker_mongo.testing.stores import NEWEST, RUNS, documents_of_runs

UIDS = [
    "aaaa1111-0000-4000-8000-000000000001",
    "aaaa2222-0000-4000-8000-000000000002",
    "12345678-0000-4000-8000-000000000003",
    "777b44ae-4576-4a15-b044-d5fc6e88797b",
    "00000002-0000-4000-8000-000000000005",
]
SCAN_IDS = [1, 2, 3, 2, 0]


@pytest.fixture
def catalog(store_uri: str) -> Catalog:
    store = writable(open_store(store_uri))
    for name, document in documents_of_runs():
        store.insert(name, [document])
    return Catalog.from_uri(store_uri)


def uids(runs: Any) -> list[str]:
    return [run.start["uid"] for run in runs]


def test_a_catalog_maps_uids_to_runs_the_newest_first(catalog):
    assert list(catalog) == NEWEST
    assert len(catalog) == len(RUNS)
    assert list(catalog.keys()) == NEWEST
    assert uids(catalog.values()) == NEWEST
    assert [(uid, run.stop and run.stop["exit_status"]) for uid, run in catalog.items()] == [
        (run[0], run[4]) for run in reversed(RUNS)
    ]
    assert catalog["my run"] in catalog.values()


@pytest.mark.parametrize(
    ("key", "uid"),
    [
        (-1, "DDDD5555"),
        (-8, "aaaa1111-0000"),
        (np.int64(-2), "my run"),
        (1, "aaaa1111-0000"),
        (2, "bbbb3333-0000"),
        (np.int32(3), "12345678-0000"),
        ("2", "bbbb3333-0000"),
        ("aaaa1111-0000", "aaaa1111-0000"),
        ("my run", "my run"),
        ("DDDD5555", "DDDD5555"),
        ("aaaa1", "aaaa1111-0000"),
        ("AAAA1", "aaaa1111-0000"),
        ("b", "bbbb3333-0000"),
        ("3", "12345678-0000"),
        ("7777777", "77777777-0000"),
        ("12345678", "12345678-0000"),
        ("1234", "12345678-0000"),
    ],
)
def test_a_key_finds_its_run(catalog, key, uid):
    assert catalog[key].start["uid"] == uid
    assert catalog.get(key).start["uid"] == uid
    assert key in catalog


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (0, RunNotFound),
        (5, RunNotFound),
        (2**70, RunNotFound),
        (-9, RunIndexError),
        (-(2**70), RunIndexError),
        ("9" * 5000, RunNotFound),
        (1.0, RunNotFound),
        (1.5, RunNotFound),
        (None, RunNotFound),
        (True, RunNotFound),
        (("a",), RunNotFound),
        ("nothing", RunNotFound),
        ("aaaa.", RunNotFound),
        ("é", RunNotFound),
        ((1, 2), RunNotFound),
        ("", RunNotFound),
        ("my", RunNotFound),
        (".*", RunNotFound),
        ("^a", RunNotFound),
        ("(", RunNotFound),
        ("ffff", RunNotFound),
        ("99", RunNotFound),
        ("\ud800", RunNotFound),
        ("aaaa", AmbiguousKey),
        ("77777777", AmbiguousKey),
    ],
)
def test_a_key_that_names_no_run_is_a_key_error_and_in_says_no_without_raising(catalog, key, error):
    with pytest.raises(error) as caught:
        catalog[key]
    assert type(caught.value) is error
    assert isinstance(caught.value, KeyError)
    assert error is not RunNotFound or "has no run" in str(caught.value)
    assert key not in catalog
    assert catalog.get(key) is None


def test_the_errors_of_look_ups_are_of_the_kinds_that_old_scripts_catch_and_say_what_to_do(catalog):
    with pytest.raises(IndexError, match="holds 8 runs"):
        catalog[-9]
    with pytest.raises(KeyError, match=r"latest run is catalog\[-1\]"):
        catalog[0]
    with pytest.raises(ValueError, match="aaaa1111-0000") as caught:
        catalog["aaaa"]
    assert caught.value.candidates == ["aaaa2222-0000", "aaaa1111-0000"]
    with pytest.raises(AmbiguousKey, match=r"4ccc4444-0000.*77777777-0000.*catalog\[77777777\]"):
        catalog["77777777"]


def test_slices_and_lists_of_keys_give_lists_of_runs(catalog):
    assert uids(catalog[-3:]) == NEWEST[:3]
    assert uids(catalog[-5:-2]) == NEWEST[2:5]
    assert uids(catalog[-100:]) == uids(catalog[-(2**70) :]) == NEWEST
    assert catalog[-(2**70) : -(2**69)] == []
    assert catalog[-2:-5] == []
    assert uids(catalog[[2, "aaaa1", -1, -3, "my run", 2]]) == [
        "bbbb3333-0000", "aaaa1111-0000", "DDDD5555", "4ccc4444-0000", "my run", "bbbb3333-0000",
    ]  # fmt: skip
    assert catalog[[]] == []
    for key in (slice(None), slice(0, 5), slice(5, None), slice(-5, 1), slice(-5, None, -1)):
        with pytest.raises(ValueError, match="latest run"):
            catalog[key]
    with pytest.raises(RunNotFound):
        catalog[[2, "ffff"]]
    with pytest.raises(RunIndexError):
        catalog[[-1, -(2**70)]]


@pytest.fixture
def nameless(store_uri):
    """A database in which another program stored starts without a uid, or with one that is no text."""
    store = writable(open_store(store_uri))
    store.insert("start", [{"uid": "aaaa-1", "time": 2.0, "scan_id": 5}])
    store.collections.run_start.insert_many(
        [{"time": 1.0, "scan_id": 6}, {"uid": None, "time": 3.0, "scan_id": 7}, {"uid": 8, "time": 4.0, "scan_id": 8}]
    )
    return Catalog.from_uri(store_uri)


def test_a_run_without_a_uid_is_found_by_what_is_listed_in_its_place(nameless):
    listed = list(nameless)
    assert [nameless[uid].start["scan_id"] for uid in listed] == [8, 7, 5, 6]
    assert uids(nameless[listed]) == listed == list(nameless.table([]).index)
    assert all(uid in nameless for uid in listed)
    assert nameless[-1].refresh().start["scan_id"] == 8
    assert uids(nameless.find(listed[-1])) == [listed[-1]]
    for found in (nameless.search(limit=3).search({}), nameless.search(ScanID(5, 7, 8)).search(skip=0)):
        assert list(found) == listed[:3]
        assert all(uid in found for uid in listed[:3])
        assert listed[3] not in found
    assert list(nameless.search(limit=2).search({}, sort="time", skip=1)) == [listed[0]]
    assert listed[0] not in nameless.search({"scan_id": 6})


@pytest.mark.parametrize("value", [object(), {"b": [object()]}, 1j])
def test_a_value_that_mongodb_does_not_know_is_refused_at_once(catalog, value):
    for question in ({"a": value}, {"$or": [{"a": {"$in": [value]}}]}):
        with pytest.raises(QueryError, match="cannot be compared with a value in a document"):
            catalog.search(question)


def test_a_filter_that_was_changed_after_it_was_made_is_judged_again(catalog):
    question = Raw({"plan_name": "count"})
    found = catalog.search(question)
    question.filter["$where"] = "true"
    for ask in (len, list, lambda found: found[-1], lambda found: 1 in found):
        with pytest.raises(QueryError, match="runs code"):
            ask(found)


def test_a_search_gives_a_catalog_that_nothing_leaves(catalog):
    found = catalog.search({"plan_name": "count", "sample.name": {"$in": ["Cu", "Mn"]}})
    assert list(found) == ["DDDD5555", "my run", "4ccc4444-0000", "bbbb3333-0000"]
    assert len(found) == 4
    assert found[-1].start["uid"] == "DDDD5555"
    assert uids(found[-2:]) == ["DDDD5555", "my run"]
    assert 1 not in found
    assert "aaaa1111-0000" not in found
    for key in (1, "aaaa1", -5, ["aaaa1111-0000"], [3]):
        with pytest.raises(KeyError):
            found[key]
    assert list(found.search({"$or": [{"scan_id": 1}, {"scan_id": 2}]})) == ["bbbb3333-0000"]


def test_what_is_no_question_is_refused(catalog):
    with pytest.raises(TypeError, match="plan_name"):
        catalog.search(plan_name="count")
    with pytest.raises(QueryError):
        catalog.search({"$where": "true"})
    with pytest.raises(QueryError):
        catalog.search("count")
    for options in ({"limit": -1}, {"skip": "2"}, {"sort": 5}, {"sort": "stop.time"}, {"sort": [("time", 2)]}):
        with pytest.raises(QueryError):
            catalog.search(**options)


def test_find_gives_all_that_a_text_may_mean_the_likeliest_first(catalog):
    assert uids(catalog.find("77777777")) == ["4ccc4444-0000", "77777777-0000"]
    assert uids(catalog.find(2))[:2] == ["bbbb3333-0000", "aaaa2222-0000"]
    assert uids(catalog.find("aaaa")) == ["aaaa2222-0000", "aaaa1111-0000"]
    assert uids(catalog.find("my run")) == ["my run"]
    assert uids(catalog.find("aaaa", limit=1)) == ["aaaa2222-0000"]


def test_only_what_can_be_nothing_but_words_needs_a_text_index(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    for name, document in documents_of_runs():
        store.insert(name, [document])
    catalog = Catalog.from_uri(mongod_database_uri)
    assert uids(catalog.find("aaaa1111")) == ["aaaa1111-0000"]
    assert uids(catalog.find(6)) == ["my run"]
    assert catalog.find("2346") == []
    with pytest.raises(QueryError, match="admin create-indexes"):
        catalog.find("nickel")


def test_a_scope_holds_for_every_way_to_ask_and_in_a_pickle(catalog):
    scope = catalog.scoped(data_session=["pass-1"])
    inside = {run[0] for number, run in enumerate(RUNS) if number % 2}
    for each in (scope, pickle.loads(pickle.dumps(scope)), scope.search(), scope.scoped(data_groups="staff")):
        assert set(each) == inside
        assert len(each) == len(inside)
        assert set(uids(each[-8:])) == inside
        assert set(uids(each.values())) == inside
        assert set(each.search({"$or": [{"data_session": "pass-0"}, {"time": {"$gt": 0}}]})) == inside
        assert set(each.search(~Eq("data_session", "pass-1") | Raw({}))) == inside
        with pytest.warns(CatalogWarning, match="No run has the data key 'nothing' in a stream"):
            assert not set(each.search(data_key="nothing"))
        assert set(each.distinct("data_session")) == {"pass-1"}
        assert set(each.table([]).index) == inside
        assert uids(each.find("aaaa")) == ["aaaa2222-0000"]
        assert each["aaaa"].start["uid"] == "aaaa2222-0000", "what is outside makes nothing ambiguous"
        for uid in set(catalog) - inside:
            assert uid not in each
            assert uid[:6] not in each
    assert list(catalog.scoped({"sample.name": ["Mn", "Cu"]}, data_groups=["group-0"])) == ["my run", "bbbb3333-0000"]
    assert len(catalog.scoped(data_session=[])) == 0
    for fields in ({}, {"data_session": None}, {"data_session": ["a", None]}, {"stop.reason": ""}):
        with pytest.raises(QueryError):
            catalog.scoped(fields)


def test_a_catalog_travels_with_its_questions_and_is_equal_to_itself(catalog):
    found = catalog.search({"plan_name": "count"}, sort="scan_id", skip=1, limit=3)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert hash(again) == hash(found)
    assert list(again) == list(found)
    assert found != catalog
    assert catalog != dict(catalog)


def test_a_table_has_a_row_for_each_run_and_a_column_for_each_field(catalog):
    columns = ["scan_id", "sample.name", "sample", "stop.exit_status", "streams", "n_events", "duration", "nothing"]
    table = catalog.table([*columns, "time"], timezone="Europe/Berlin")
    assert list(table.index) == NEWEST
    assert list(table.columns) == [*columns, "time"]
    row = table.loc["77777777-0000"]
    assert row["time"].isoformat() == "1970-01-12T14:53:20+01:00"
    assert list(row[columns]) == [4, "Ni", {"name": "Ni"}, "abort", ["primary", "baseline"], 10, 40.0, None]
    assert table["n_events"]["DDDD5555"] == 0
    assert np.isnan(table["duration"]["DDDD5555"])
    assert list(catalog.search({"plan_name": "scan"}).table(limit=1).index) == ["12345678-0000"]
    assert catalog.search({"plan_name": "none"}).table().empty
    for column in ("descriptor.name", "$where", ""):
        with pytest.raises(QueryError):
            catalog.table([column])


def test_a_printed_table_of_runs_hides_no_column_from_a_narrow_terminal(catalog, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    table = catalog.table(["time", "scan_id", "plan_name", "stop.exit_status", "duration", "streams"], timezone="UTC")
    printed = repr(table)
    assert max(map(len, printed.splitlines())) <= 60
    for told in ("\n77777777  ", "1970-01-12 13:53+0000", "scan_id", "stop.exit_status", "primary, baseline"):
        assert told in printed
    assert "1970-01-12 13:58+0000" in repr(table.head(1))
    assert list(table.index) == NEWEST
    assert "\x1b" not in repr(catalog.table(["plan_name"]).assign(plan_name="\x1b[2J"))


def test_distinct_values_are_counted_once_a_run_the_most_frequent_first(catalog):
    assert catalog.distinct("plan_name", counts=True) == {"count": 5, "scan": 2, "fly": 1}
    assert list(catalog.distinct("plan_name", counts=True)) == ["count", "scan", "fly"]
    assert sorted(catalog.distinct("sample.name")) == ["Cu", "Mn", "Ni"]
    assert catalog.distinct("data_groups", counts=True) == {"staff": 8, "group-0": 3, "group-1": 3, "group-2": 2}
    assert catalog.distinct("stop.exit_status", counts=True) == {"success": 5, "abort": 1, "fail": 1}
    assert catalog.distinct("descriptor.name", counts=True) == {"primary": 7, "baseline": 2}
    assert catalog.distinct("sample", counts=True)['{"name": "Ni"}'] == 3
    with pytest.warns(CatalogWarning, match="No run has the field 'nothing.at.all' in its start document"):
        assert catalog.distinct("nothing.at.all") == []
    failed = catalog.search(Key("stop.exit_status") != "success")
    assert failed.distinct("sample.name", counts=True) == {"Ni": 2, "Mn": 1}
    assert catalog.search(limit=2).facets(["plan_name", "sample.name"]) == {
        "plan_name": {"count": 2},
        "sample.name": {"Mn": 2},
    }
    with pytest.raises(QueryError):
        catalog.distinct("$where")


def test_a_question_is_explained_with_the_index_that_it_uses_and_the_one_that_would_help(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    store.create_indexes()
    store.insert("start", [{"uid": f"{n:04x}", "time": 1.0 * n, "scan_id": n, "plan_name": "scan"} for n in range(300)])
    catalog = Catalog.from_uri(mongod_database_uri)
    by_index = catalog.explain({"scan_id": 5})
    assert (by_index.steps[0].n_examined, by_index.steps[0].n_found) == (1, 1)
    assert "scan_id" in by_index.steps[0].access
    by_scan = catalog.search({"plan_name": "count"}).explain(stop={"exit_status": "fail"})
    assert by_scan.steps[0].is_scan
    assert by_scan.steps[0].helpful == ("plan_name",)
    assert by_scan.joins
    assert "An index on 'plan_name' of 'run_start' would help." in repr(by_scan)
    assert not catalog.explain().steps[0].is_scan


def test_a_scan_of_many_documents_is_warned_of(catalog, monkeypatch):
    monkeypatch.setattr("databroker_mongo.runs.catalog.MANY_DOCUMENTS", 5)
    if catalog.store.address.startswith("memory:"):
        assert "in memory" in repr(catalog.explain({"plan_name": "x"}))
    else:
        with pytest.warns(CatalogWarning, match="8 documents of 'run_start' are examined without an index"):
            catalog.explain({"plan_name": "x"})


def test_handlers_are_registered_for_a_catalog_and_those_searched_from_it(catalog):
    catalog.register_handler("MINE", dict)
    assert catalog.search().assets.registry["MINE"] is dict
    catalog.deregister_handler("MINE")
    assert "MINE" not in catalog.assets.registry


def test_transforms_correct_the_documents_that_runs_show(catalog, store_uri):
    corrected = Catalog.from_uri(store_uri, transforms={"start": lambda start: {**start, "plan_name": "corrected"}})
    assert corrected[1].start["plan_name"] == "corrected"
    assert list(corrected.search({"plan_name": "corrected"})) == []


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


def test_digits_that_are_a_scan_id_and_begin_a_uid_are_ambiguous(runs):
    with pytest.raises(AmbiguousKey, match=r"as a scan id.*catalog\[1\]"):
        runs["1"]
    assert runs["0"].start["uid"] == UIDS[4]  # the run of this scan id is the one whose uid begins so


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


def test_a_page_of_runs_says_that_there_are_more(store_uri):
    store = writable(open_store(store_uri))
    for number in range(11):
        assert "more runs" not in Catalog.from_uri(store_uri)._repr_html_()
        store.insert("start", [{"uid": f"uid-{number}", "time": float(number), "scan_id": number}])

    assert "There are more runs" in Catalog.from_uri(store_uri)._repr_html_()


def test_reprs_say_where_and_what_and_are_escaped(runs):
    assert repr(runs.values()) == f"<runs of {runs!r}>"
    assert repr(runs.items()) == f"<uids and runs of {runs!r}>"
    narrowed = runs.search({"plan_name": "<b>"})
    assert "plan_name" in repr(narrowed)
    assert "<b>" not in narrowed._repr_html_()
    assert "777b44ae" in runs._repr_html_()
    assert "more runs" not in runs._repr_html_()
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
    starts = [{"uid": "a", "scan_id": 1, "time": 0.0}]
    asked = {"find_starts": lambda query, **options: iter(starts), "stops": lambda uids: {}}
    catalog = Catalog(types.SimpleNamespace(address="packs://here", **asked), runs.assets)
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
    "collection_prefix": "pass-1.",
    "use_columnar": False,
    "columnar": {"trust": "settled"},
    "timeout_seconds": 3,
}


def test_each_setting_of_a_configured_catalog_can_be_given_in_code():
    otherwise = {"uri", "description", "metadata_indexes", "since", "also", "partial"}
    assert SETTINGS_IN_CODE.keys() == {*CATALOG_KEYS} - otherwise
    catalog = Catalog.from_uri("mongodb://host/runs", **SETTINGS_IN_CODE | {"asset_uri": "mongodb://host/assets"})
    assert catalog.assets.roots.allowed_roots == ("/data",)
    assert "pass-1" in repr(catalog.query)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_seconds", -1),
        ("timeout_seconds", True),
        ("timeout_seconds", "8"),
        ("allowed_roots", ["here"]),
        ("offline", "tape"),
        ("offline", "copy:no_such_function"),
        ("offline", 5),
        ("recall", "yes"),
        ("use_columnar", "yes"),
        ("columnar", {"trust": "always"}),
        ("columnar", "settled"),
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


def test_a_page_holds_the_runs_at_some_places_with_their_streams(catalog):
    assert [run.start["uid"] for run in catalog.page()] == NEWEST
    page = catalog.page(1, 2)
    assert [run.start["uid"] for run in page] == NEWEST[1:3]
    assert [(run.stop, list(run)) for run in page] == [(run.stop, list(run)) for run in catalog[-3:-1]]
    assert [len(run) for run in page] == [len(run.descriptors) for run in page]
    corrected = Catalog.from_uri(catalog.store.address, transforms={"descriptor": lambda d: {**d, "name": "corrected"}})
    assert [list(run) for run in corrected.page(limit=1)] == [["corrected"]]
    assert catalog.page(limit=0) == catalog.page(skip=len(NEWEST)) == []
    assert (catalog.page_of_uids(), catalog.page_of_uids(1, 2), catalog.page_of_uids(limit=0)) == (
        NEWEST,
        NEWEST[1:3],
        [],
    )
    assert [run.start["uid"] for run in catalog.search(sort="time", limit=3).page(2, 5)] == NEWEST[::-1][2:3]
    with pytest.raises(QueryError, match="skip"):
        catalog.page(-1)


def test_about_how_many_runs_there_are_is_known_of_all_and_counted_for_a_search(catalog):
    assert catalog.estimate_len() == len(NEWEST)
    assert catalog.search({"plan_name": "no such plan"}).estimate_len() == 0
    assert catalog.search(limit=2).estimate_len() == 2
    assert catalog.scoped(uid=NEWEST[0]).estimate_len() == 1
