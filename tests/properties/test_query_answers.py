"""The same runs answer on mongomock, on MongoDB, and by hand in Python."""

import itertools
import operator
import os
import re
import warnings
from contextlib import contextmanager

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from databroker_mongo import TimeRange
from databroker_mongo.errors import CatalogWarning
from databroker_mongo.queries import (
    NEWEST_FIRST,
    All,
    And,
    Comparison,
    Contains,
    Duration,
    Eq,
    Exists,
    HasDataKey,
    HasDevice,
    HasStream,
    In,
    InProgress,
    Not,
    NotEq,
    NotIn,
    Or,
    PartialUID,
    Raw,
    Regex,
    ScanID,
    ScanIDRange,
    Window,
)
from databroker_mongo.store import NormalizedStore, locate, open_store
from databroker_mongo.store.connection.collections import Collections
from databroker_mongo.store.memory.connection import MemoryConnection
from databroker_mongo.store.upkeep import summaries

MISSING = object()


# By hand: what each question means, said once more in plain Python.


def reach(value, path):
    """The values at a path, as a list; MISSING where a mapping or a plain value on the way lacks it."""
    if not path:
        return [value]
    if isinstance(value, dict):
        return reach(value[path[0]], path[1:]) if path[0] in value else [MISSING]
    if isinstance(value, list):
        return [each for item in value if isinstance(item, dict) for each in reach(item, path)]
    return [MISSING]


def with_elements(values):
    return [each for value in values for each in ([*value, value] if isinstance(value, list) else [value])]


def same(a, b):
    if a is MISSING:
        return b is None
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return (type(a) is type(b) and a == b) or (isinstance(a, int | float) and isinstance(b, int | float) and a == b)


def comparable(a, b):
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in (a, b)]
    return all(numbers) or (isinstance(a, str) and isinstance(b, str)) or (isinstance(a, bool) and isinstance(b, bool))


def values_of(run, key):
    document, _, path = key.partition(".")
    if document not in ("start", "stop", "descriptor") or not path:
        document, path = "start", key
    found = [each for doc in run[document] for each in reach(doc, path.split("."))]
    return found if run[document] else [MISSING]


def by_hand(query, run):
    match query:
        case All():
            return True
        case And(parts):
            return all(by_hand(part, run) for part in parts)
        case Or(parts):
            return any(by_hand(part, run) for part in parts)
        case Not(part):
            return not by_hand(part, run)
        case Eq(key, value):
            return any(same(each, value) for each in with_elements(values_of(run, key)))
        case NotEq(key, value):
            return not by_hand(Eq(key, value), run)
        case In(key, values):
            return any(by_hand(Eq(key, value), run) for value in values)
        case NotIn(key, values):
            return not any(by_hand(Eq(key, value), run) for value in values)
        case Comparison(name, key, value):
            found = with_elements(values_of(run, key))
            return any(comparable(each, value) and getattr(operator, name)(each, value) for each in found)
        case Contains(key, value):
            return any(
                (isinstance(found, list) and any(same(each, value) for each in found))
                or (isinstance(found, str) and isinstance(value, str) and value in found)
                for found in values_of(run, key)
            )
        case Regex(key, pattern, case_sensitive):
            texts = [each for each in with_elements(values_of(run, key)) if isinstance(each, str)]
            return any(re.search(pattern, text, 0 if case_sensitive else re.I) for text in texts)
        case Exists(key, exists):
            return any(each is not MISSING for each in values_of(run, key)) is exists
        case TimeRange():
            time = run["start"][0]["time"]
            since, until = query.since, query.until
            return (since is None or time >= since) and (until is None or time < until)
        case PartialUID(partial_uids):
            return any(run["start"][0]["uid"].startswith(each) for each in partial_uids)
        case ScanID(scan_ids, _):
            return run["start"][0].get("scan_id") in scan_ids
        case ScanIDRange(start_id, end_id, _):
            return "scan_id" in run["start"][0] and start_id <= run["start"][0]["scan_id"] < end_id
        case InProgress():
            return not run["stop"]
        case HasStream(name):
            return any(each.get("name", "primary") == name for each in run["descriptor"])
        case HasDataKey(name):
            return any(name in each["data_keys"] for each in run["descriptor"])
        case HasDevice(name):
            return any(name in each.get("object_keys", {}) for each in run["descriptor"])
        case Duration(name, seconds):
            lasted = [each["time"] - run["start"][0]["time"] for each in run["stop"]]
            return any(getattr(operator, name)(each, seconds) for each in lasted)
    raise AssertionError(query)


def answers_by_hand(query, runs, sort=(("time", -1),), skip=0, limit=0):
    """The uids that answer, in order."""
    windows = [part for part in parts_of(query) if isinstance(part, Window)]
    for window in windows:
        inside = answers_by_hand(window.query, runs, window.sort, window.skip, window.limit)
        runs = [run for run in runs if run["start"][0]["uid"] in inside]
    found = [run for run in runs if all(by_hand(part, run) for part in parts_of(query) if part not in windows)]
    found.sort(key=lambda run: run["number"], reverse=sort[-1][1] < 0)
    for key, direction in reversed(sort):
        found.sort(key=lambda run, key=key: run["start"][0][key], reverse=direction < 0)
    if any(getattr(part, "duplicates", "all") == "latest" for part in parts_of(query)):
        newest = {}
        for run in sorted(found, key=lambda run: (run["start"][0]["time"], run["number"]), reverse=True):
            newest.setdefault(run["start"][0].get("scan_id"), run)
        found = [run for run in found if run in newest.values()]
    uids = [run["start"][0]["uid"] for run in found]
    return uids[skip : skip + limit if limit else None]


def parts_of(query):
    return [part for each in query.queries for part in parts_of(each)] if isinstance(query, And) else [query]


# Databases: few runs, of few values, so that questions have answers.

scalars = st.sampled_from([None, True, False, 0, 1, 2, 1.0, 2.5, "Ni", "Nickel", "cu", "", -1])
values = scalars | st.lists(scalars, max_size=3)
fields = st.fixed_dictionaries(
    {}, optional={"name": values, "n": values, "more": st.fixed_dictionaries({"name": values})}
)
samples = fields | st.lists(fields, max_size=2) | scalars


@st.composite
def databases(draw):
    runs = []
    for number in range(draw(st.integers(0, 8))):
        uid = draw(st.text("ab01-", min_size=1, max_size=4)) + f"-{number}"
        time = draw(st.sampled_from([1.0, 2.0, 2.5, 3.0, 10.0]))
        start = {
            "uid": uid,
            "time": time,
            **draw(fields),
            **draw(st.fixed_dictionaries({}, optional={"scan_id": st.integers(0, 3), "sample": samples})),
        }
        stops = draw(st.lists(st.sampled_from(["success", "fail", "abort"]), max_size=1))
        stop = [
            {
                "uid": f"stop-{uid}",
                "run_start": uid,
                "time": time + 5 * len(runs),
                "exit_status": status,
                **draw(fields),
            }
            for status in stops
        ]
        descriptors = [
            {
                "uid": f"{uid}-{name}",
                "run_start": uid,
                "time": time,
                "data_keys": {key: {} for key in keys},
                **draw(fields.map(lambda each: {"more": each})),
                **({"name": name} if name else {}),
                **draw(st.sampled_from([{}, {"object_keys": {"det": []}}])),
            }
            for name, keys in draw(
                st.dictionaries(
                    st.sampled_from(["primary", "baseline", ""]),
                    st.lists(st.sampled_from(["I0", "It"]), max_size=2),
                    max_size=2,
                )
            ).items()
        ]
        runs.append({"number": number, "start": [start], "stop": stop, "descriptor": descriptors})
    return runs


keys = st.sampled_from([
    "name", "n", "sample", "sample.name", "sample.n", "sample.more.name", "start.name", "stop.name", "stop.exit_status",
    "stop.n", "descriptor.name", "descriptor.n", "descriptor.more.name", "nothing.at.all",
])  # fmt: skip
ordered = scalars.filter(lambda value: value is not None)
operators = st.sampled_from(["lt", "le", "gt", "ge"])
leaves = st.one_of(
    st.just(All()),
    st.builds(Eq, keys, values),
    st.builds(NotEq, keys, values),
    st.builds(In, keys, st.lists(scalars, max_size=3)),
    st.builds(NotIn, keys, st.lists(scalars, max_size=3)),
    st.builds(Comparison, operators, keys, ordered),
    st.builds(Contains, keys, scalars),
    st.builds(Regex, keys, st.sampled_from(["^N", "i$", "n.*l", "^$", "[cC]u", "a|c"]), st.booleans()),
    st.builds(Exists, keys, st.booleans()),
    st.builds(TimeRange, st.sampled_from([None, 1, 2.0]), st.sampled_from([None, 2.5, 20]), st.just("UTC")),
    st.builds(PartialUID, st.text("ab01-", min_size=1, max_size=2)),
    st.builds(ScanID, st.integers(0, 3), st.integers(0, 3), duplicates=st.just("all")),
    st.builds(ScanIDRange, st.integers(0, 2), st.integers(1, 4), st.just("all")),
    st.just(InProgress()),
    st.builds(HasStream, st.sampled_from(["primary", "baseline"])),
    st.builds(HasDataKey, st.sampled_from(["I0", "It"])),
    st.builds(HasDevice, st.sampled_from(["det", "motor"])),
    st.builds(Duration, operators, st.sampled_from([0, 5, 12.5])),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=6,
)
latest = st.builds(ScanID, st.integers(0, 3), st.integers(0, 3)) | st.builds(ScanIDRange, st.just(0), st.integers(1, 4))
sorts = st.sampled_from([(("time", -1),), (("time", 1),), (("uid", 1),), (("time", 1), ("uid", -1))])
windows = st.builds(Window, trees, sorts, st.integers(0, 3), st.integers(0, 4))
queries = st.one_of(
    trees,
    st.builds(lambda tree, scans: tree & scans, trees, latest),
    st.builds(lambda tree, window: window & tree, trees, windows),
)


_numbers = itertools.count()


@contextmanager
def database_on(mongod_uri):
    pymongo = pytest.importorskip("pymongo")
    client = pymongo.MongoClient(mongod_uri)
    database = client[f"answers-{os.getpid()}-{next(_numbers)}"]
    for name, unique in (("run_start", "uid"), ("run_stop", "run_start")):
        database[name].create_index(unique, unique=True)
    database["event_descriptor"].create_index("run_start")
    yield database
    client.drop_database(database.name)
    client.close()


@pytest.fixture(scope="module")
def server(mongod_uri):
    with database_on(mongod_uri) as database:
        yield database


@pytest.fixture(scope="module")
def server_with_summaries(mongod_uri):
    """Another database: what summaries know of their runs would be out of date for the other tests."""
    with database_on(mongod_uri) as database:
        yield database


class OnServer(NormalizedStore):
    """A store over a database that is open."""

    def __init__(self, database):
        super().__init__(locate("memory://answers"))
        self._database = database

    def _connect(self):
        connection = MemoryConnection(self.location)
        connection.collections = Collections(self._database, self._database, 10_000, "test")
        return connection


def in_memory(runs):
    store = open_store("memory://")
    put(store.collections.metadata, runs)
    return store


def on_server(database, runs):
    put(database, runs)
    return OnServer(database)


def put(database, runs):
    kinds = {"run_start": "start", "run_stop": "stop", "event_descriptor": "descriptor"}
    for name, kind in kinds.items():
        documents = [
            {"_id": f"{run['number']:04}{place}", **document}
            for run in runs
            for place, document in enumerate(run[kind])
        ]
        database[name].delete_many({})
        if documents:
            database[name].insert_many(documents)


def answers(store, query, sort=NEWEST_FIRST, **options):
    return [start["uid"] for start in store.find_starts(query, sort=sort, **options)]


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=databases(), query=queries, sort=sorts, skip=st.integers(0, 3), limit=st.integers(0, 4))
def test_a_question_has_the_same_answer_on_mongomock_on_mongodb_and_by_hand(server, runs, query, sort, skip, limit):
    expected = answers_by_hand(query, runs, sort, skip, limit)
    for store in (in_memory(runs), on_server(server, runs)):
        assert answers(store, query, sort=sort, skip=skip, limit=limit) == expected
        assert store.count_starts(query, skip=skip, limit=limit) == len(expected)


@pytest.fixture
def no_side_is_selective(monkeypatch):
    """As in a large database: neither the starts nor other documents that match are few."""
    monkeypatch.setattr("databroker_mongo.store.search.start_pages.VERY_FEW", -1)
    monkeypatch.setattr("databroker_mongo.store.search.start_pages.FEW", -1)
    monkeypatch.setattr("databroker_mongo.store.search.joins.MOST_CANDIDATES", -1)
    monkeypatch.setattr("databroker_mongo.store.search.search.PAGES_BEFORE_ALL", 1)
    monkeypatch.setattr("databroker_mongo.store.search.starts.PAGES", (2, 3))
    monkeypatch.setattr("databroker_mongo.store.search.starts.PAGES_OF_FIELDS", (2, 3))
    monkeypatch.setattr("databroker_mongo.store.search.search.RUNS_AT_ONCE", 3)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=databases(), query=queries, sort=sorts, skip=st.integers(0, 3), limit=st.integers(0, 4))
def test_pages_of_a_large_database_bring_the_same_documents_together(
    server, no_side_is_selective, runs, query, sort, skip, limit
):
    expected = answers_by_hand(query, runs, sort, skip, limit)
    store = on_server(server, runs)
    assert answers(store, query, sort=sort, skip=skip, limit=limit) == expected
    assert store.count_starts(query, skip=skip, limit=limit) == len(expected)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    runs=databases(),
    query=queries,
    sort=st.sampled_from([(("time", -1),), (("time", 1),)]),
    skip=st.integers(0, 2),
    n_old=st.integers(0, 8),
    until=st.sampled_from([0.5, 2.5, 100.0]),
    corrected=st.integers(0, 8),
)
def test_summaries_answer_as_the_documents_do_whatever_came_after_them(
    server_with_summaries, no_side_is_selective, runs, query, sort, skip, n_old, until, corrected
):
    server = server_with_summaries
    for name in ("run_summary", "run_start_revisions"):
        server[name].delete_many({})
    stopless = [{**run, "stop": []} for run in runs[:n_old]]
    summaries.build(on_server(server, stopless).collections, apply=True)
    server["run_summary_state"].update_one({}, {"$set": {"until": until}})
    for run in runs[corrected : corrected + 1]:
        server["run_start_revisions"].insert_one({"document": {"uid": run["start"][0]["uid"]}})
        run["start"][0]["name"] = "corrected"
    store = on_server(server, runs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CatalogWarning)
        expected = answers_by_hand(query, runs, sort, skip)
        assert answers(store, query, sort=sort, skip=skip) == expected
        assert store.count_starts(query, skip=skip) == len(expected)


# Raw filters: what MongoDB itself answers is right.

paths = st.sampled_from(
    ["name", "n", "sample", "sample.name", "sample.n", "sample.more.name", "sample.0", "sample.0.name"]
)
objects = st.dictionaries(st.sampled_from(["name", "n"]), scalars, max_size=2)
conditions = st.recursive(
    st.one_of(
        values,
        objects,
        st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]).flatmap(
            lambda name: st.fixed_dictionaries({name: values | objects})
        ),
        st.sampled_from(["$in", "$nin", "$all"]).flatmap(
            lambda name: st.fixed_dictionaries({name: st.lists(scalars | objects, max_size=3)})
        ),
        st.fixed_dictionaries({"$exists": st.booleans()}),
        st.fixed_dictionaries({"$size": st.integers(0, 3)}),
        st.fixed_dictionaries({"$mod": st.sampled_from([[2, 0], [2, 1], [3, 2]])}),
        st.fixed_dictionaries(
            {"$type": st.sampled_from(["string", "number", "int", "double", "bool", "array", "object", "null", 2, 8])}
        ),
        st.fixed_dictionaries({"$regex": st.sampled_from(["^N", "u"])}, optional={"$options": st.just("i")}),
        st.builds(lambda low, high: {"$gte": low, "$lt": high}, st.sampled_from([0, 1]), st.sampled_from([2, 2.5])),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda each: {"$not": each},
            inner.filter(lambda each: isinstance(each, dict) and any(name.startswith("$") for name in each)),
        ),
        st.builds(
            lambda each: {"$elemMatch": each},
            inner.filter(lambda each: isinstance(each, dict) and any(name.startswith("$") for name in each)),
        ),
        st.builds(lambda each: {"$elemMatch": {"name": each}}, inner),
    ),
    max_leaves=3,
)
filters = st.recursive(
    st.dictionaries(paths, conditions, min_size=1, max_size=2),
    lambda inner: st.builds(
        lambda name, parts: {name: parts},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=2),
    ),
    max_leaves=3,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=databases(), filter=filters)
def test_a_raw_filter_finds_in_memory_what_it_finds_on_a_server(server, runs, filter):
    query = Raw(filter)
    assert answers(in_memory(runs), query) == answers(on_server(server, runs), query)
