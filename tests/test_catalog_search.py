"""What a catalog gives when it is searched, sorted, limited, scoped and tabulated; look-ups of unusual keys."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from databroker_mongo.errors import AmbiguousKey, CatalogWarning, QueryError, RunIndexError, RunNotFound
from databroker_mongo.queries import Eq, Key, PartialUID, Raw, ScanID, TimeRange
from databroker_mongo.runs.catalog import Catalog
from databroker_mongo.store import open_store, writable

# uid, scan_id, plan, sample, exit status (None: no stop), streams; one after the other, 100 s apart.
RUNS = [
    ("aaaa1111-0000", 1, "count", "Ni", "success", ["primary"]),
    ("aaaa2222-0000", 2, "scan", "Ni", "fail", ["primary", "baseline"]),
    ("12345678-0000", 3, "scan", "Cu", "success", ["primary"]),
    ("bbbb3333-0000", 2, "count", "Cu", "success", ["primary"]),
    ("77777777-0000", 4, "fly", "Ni", "abort", ["primary", "baseline"]),
    ("4ccc4444-0000", 77777777, "count", "Mn", "success", []),
    ("my run", 6, "count", "Mn", "success", ["primary"]),
    ("DDDD5555", 7, "count", "Mn", None, ["primary"]),
]
NEWEST_FIRST = [run[0] for run in reversed(RUNS)]


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for number, (uid, scan_id, plan_name, sample, exit_status, streams) in enumerate(RUNS):
        time = 1_000_000.0 + 100 * number
        start = {"uid": uid, "time": time, "scan_id": scan_id, "plan_name": plan_name, "sample": {"name": sample}}
        yield "start", {**start, "data_session": f"pass-{number % 2}", "data_groups": ["staff", f"group-{number % 3}"]}
        for name in streams:
            key = {"dtype": "number", "shape": [], "source": "sim"}
            yield (
                "descriptor",
                {"uid": f"{uid} {name}", "run_start": uid, "time": time + 1, "name": name, "data_keys": {"I0": key},
                 "object_keys": {"quadem": ["I0"]}, "configuration": {}, "hints": {}},
            )  # fmt: skip
        if exit_status:
            counts = dict.fromkeys(streams, 5)
            yield (
                "stop",
                {"uid": f"{uid} stop", "run_start": uid, "time": time + 10 * number, "exit_status": exit_status,
                 "reason": "", "num_events": counts},
            )  # fmt: skip


@pytest.fixture
def catalog(store_uri: str) -> Catalog:
    store = writable(open_store(store_uri))
    for name, document in documents():
        store.insert(name, [document])
    return Catalog.from_uri(store_uri)


def uids(runs: Any) -> list[str]:
    return [run.start["uid"] for run in runs]


def test_a_catalog_maps_uids_to_runs_the_newest_first(catalog):
    assert list(catalog) == NEWEST_FIRST
    assert len(catalog) == len(RUNS)
    assert list(catalog.keys()) == NEWEST_FIRST
    assert uids(catalog.values()) == NEWEST_FIRST
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
    assert uids(catalog[-3:]) == NEWEST_FIRST[:3]
    assert uids(catalog[-5:-2]) == NEWEST_FIRST[2:5]
    assert uids(catalog[-100:]) == uids(catalog[-(2**70) :]) == NEWEST_FIRST
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


@pytest.mark.parametrize(
    "filter",
    [
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
    ],
    ids=str,
)
def test_a_filter_that_mongodb_does_not_understand_is_a_query_error(catalog, filter):
    with pytest.raises(QueryError):
        len(catalog.search(filter))


@pytest.mark.parametrize(("pattern", "n_found"), [(r"^\w+$", 1), (r"^\W+$", 1), (r"\bé", 0), ("^É", 0), ("(?i)^É$", 1)])
def test_a_pattern_means_the_same_everywhere(store_uri, pattern, n_found):
    starts = [{"uid": f"{number:04x}", "time": 5.0, "name": name} for number, name in enumerate(["é", "Ni"])]
    writable(open_store(store_uri)).insert("start", starts)
    assert len(Catalog.from_uri(store_uri).search({"name": {"$regex": pattern}})) == n_found


def test_runs_of_one_moment_are_always_in_the_same_order(store_uri):
    writable(open_store(store_uri)).insert("start", [{"uid": f"{number:04x}", "time": 5.0} for number in range(50)])
    catalog = Catalog.from_uri(store_uri)
    assert sorted(catalog) == [f"{number:04x}" for number in range(50)]
    assert uids(catalog[-50:]) == list(catalog) == [catalog[-place].start["uid"] for place in range(1, 51)]


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


def test_the_three_ways_to_ask_mix(catalog):
    asked = catalog.search({"plan_name": "scan"}, Key("sample.name") == "Ni", stop={"exit_status": "fail"})
    assert list(asked) == ["aaaa2222-0000"]
    assert list(catalog.search(stream="baseline")) == ["77777777-0000", "aaaa2222-0000"]
    assert list(catalog.search(stream="baseline", device="quadem", data_key="I0", duration_gt=30)) == ["77777777-0000"]
    assert list(catalog.search(in_progress=True)) == ["DDDD5555"]
    assert len(catalog.search(in_progress=False)) == 7
    assert list(catalog.search(Key("stop.exit_status") != "success")) == ["DDDD5555", "77777777-0000", "aaaa2222-0000"]
    assert list(catalog.search(TimeRange(1_000_100, 1_000_300, "UTC"))) == ["12345678-0000", "aaaa2222-0000"]
    assert list(catalog.search(ScanID(2))) == ["bbbb3333-0000"]
    assert list(catalog.search(ScanID(2, duplicates="all"), PartialUID("a"))) == ["aaaa2222-0000"]
    assert len(catalog.search()) == 8


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


@pytest.mark.parametrize(
    "sort", [None, "scan_id", "-scan_id", ("time", 1), [("plan_name", 1), ("time", -1)], ["sample.name", "-scan_id"]]
)
@pytest.mark.parametrize(("skip", "limit"), [(0, None), (0, 3), (2, 3), (6, 5), (2, None)])
def test_sort_skip_and_limit_mean_the_same_for_all_that_is_asked(catalog, sort, skip, limit):
    ordered = list(catalog.search(sort=sort))
    expected = ordered[skip : skip + limit if limit else None]
    found = catalog.search(sort=sort, skip=skip, limit=limit)
    assert list(found) == expected
    assert len(found) == len(expected)
    assert uids(found.values()) == uids(found[-8:]) == expected
    assert uids(found[-3:-1]) == expected[1:3]
    assert [found[-place].start["uid"] for place in range(1, len(expected) + 1)] == expected
    with pytest.raises(RunIndexError):
        found[-len(expected) - 1]
    for uid in ordered:
        assert (uid in found) == (uid in expected)
    assert list(found.search({"plan_name": "count"})) == [
        uid for uid in expected if catalog[uid].start["plan_name"] == "count"
    ]


def test_find_gives_all_that_a_text_may_mean_the_likeliest_first(catalog):
    assert uids(catalog.find("77777777")) == ["4ccc4444-0000", "77777777-0000"]
    assert uids(catalog.find(2))[:2] == ["bbbb3333-0000", "aaaa2222-0000"]
    assert uids(catalog.find("aaaa")) == ["aaaa2222-0000", "aaaa1111-0000"]
    assert uids(catalog.find("my run")) == ["my run"]
    assert uids(catalog.find("aaaa", limit=1)) == ["aaaa2222-0000"]


def test_only_what_can_be_nothing_but_words_needs_a_text_index(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    for name, document in documents():
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
    assert list(table.index) == NEWEST_FIRST
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
    assert list(table.index) == NEWEST_FIRST
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
