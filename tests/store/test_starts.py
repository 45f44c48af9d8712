"""Where a question begins, how many round trips it takes, and what stays right while runs are added."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from pymongo.monitoring import CommandListener

from databroker_mongo import Catalog, FullText, TimeRange
from databroker_mongo.errors import QueryError, StoreUnavailable
from databroker_mongo.queries import All, Duration, Eq, HasStream, In, InProgress, Key, Query, Raw, ScanID, Window
from databroker_mongo.store import NormalizedStore, locate
from databroker_mongo.store.connection.collections import Collections
from databroker_mongo.store.memory.connection import MemoryConnection
from databroker_mongo.store.search.starts import count_starts, find_starts

N_RUNS = 1500
FAILED = range(7, N_RUNS, 300)


class Commands(CommandListener):
    """The commands that were sent, as they were sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: Any) -> None:
        self.sent.append(dict(event.command))

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass

    def names(self) -> list[tuple[str, str]]:
        return [next(iter(command.items())) for command in self.sent]


def fill(database: Any, n_runs: int) -> None:
    starts = [
        {"uid": f"{number:08x}", "time": 1000.0 + number, "scan_id": number % 1000, "plan_name": "count",
         "sample": {"name": f"sample {number % 100}"}, "remark": "nickel foil" if number % 50 == 0 else "cobalt"}
        for number in range(n_runs)
    ]  # fmt: skip
    stops = [
        {"uid": f"stop-{number}", "run_start": f"{number:08x}", "time": 1001.0 + number + number % 7,
         "exit_status": "fail" if number in FAILED else "success"}
        for number in range(n_runs - 1)
    ]  # fmt: skip
    descriptors = [
        {"uid": f"descriptor-{number}", "run_start": f"{number:08x}", "time": 1000.5 + number, "name": "primary"}
        for number in range(0, n_runs, 2)
    ]
    for name, documents in (("run_start", starts), ("run_stop", stops), ("event_descriptor", descriptors)):
        database[name].insert_many(documents)
    database["run_start"].create_index("uid", unique=True)
    database["run_start"].create_index([("time", -1), ("_id", -1)])
    database["run_stop"].create_index("run_start", unique=True)
    database["event_descriptor"].create_index("run_start")


@pytest.fixture(scope="module")
def asked(mongod_uri: str) -> Iterator[tuple[Collections, Commands]]:
    """A database of 1500 runs, and the commands that it is sent."""
    commands = Commands()
    with pymongo.MongoClient(mongod_uri, event_listeners=[commands]) as client:
        database = client[f"test_starts_{os.getpid()}"]
        client.drop_database(database)
        fill(database, N_RUNS)
        yield Collections(database, database, 10_000, "mongodb://test"), commands
        client.drop_database(database)


@pytest.fixture
def small(mongod_database_uri: str) -> Iterator[Collections]:
    """An empty database of one test."""
    with pymongo.MongoClient(mongod_database_uri) as client:
        database = client.get_default_database()
        yield Collections(database, database, 10_000, "mongodb://test")


def find(collections: Collections, query: Query, **options: Any) -> list[str]:
    return [start["uid"] for start in find_starts(collections, query, **options)]


def uids(numbers: Any) -> list[str]:
    return [f"{number:08x}" for number in sorted(numbers, reverse=True)]


def test_a_first_page_takes_one_question_and_the_pages_grow(asked):
    collections, commands = asked
    starts = find_starts(collections, All())
    commands.sent.clear()
    next(starts)
    assert [(command["find"], command["limit"]) for command in commands.sent] == [("run_start", 100)]
    list(starts)
    assert [command["limit"] for command in commands.sent[:3]] == [100, 1000, 2000]
    assert len(commands.sent) == 4, "the last one looks for runs without a time"


def test_every_question_is_sent_with_a_time_limit(asked):
    collections, commands = asked
    commands.sent.clear()
    find(collections, Eq("plan_name", "count") & (HasStream("primary") | Duration("gt", 3)))
    count_starts(collections, All())
    count_starts(collections, Raw({"exit_status": "fail"}, "stop"))
    find(collections, All(), sort=[("scan_id", 1)])
    assert len(commands.sent) > 8
    assert all(0 < command["maxTimeMS"] <= 10_000 for command in commands.sent if "getMore" not in command)


def test_a_question_that_few_stops_answer_to_begins_with_the_stops(asked):
    collections, commands = asked
    commands.sent.clear()
    assert find(collections, Raw({"exit_status": "fail"}, "stop")) == uids(FAILED)
    assert commands.names()[:2] == [("find", "run_stop"), ("find", "run_start")]
    assert commands.sent[1]["filter"]["$and"][1]["uid"]["$in"], "only the runs of these stops are looked at"


def test_a_question_that_few_starts_answer_to_begins_with_the_starts(asked):
    collections, commands = asked
    commands.sent.clear()
    query = Eq("sample.name", "sample 8") & Eq("stop.exit_status", "success") & HasStream("primary")
    assert find(collections, query) == uids(set(range(8, N_RUNS, 100)) - set(FAILED))
    assert commands.names()[0] == ("find", "run_start")
    assert sum(name == ("find", "run_start") for name in commands.names()) == 1


def test_the_uids_of_either_of_two_documents_are_brought_together(asked):
    collections, _ = asked
    query = Eq("stop.exit_status", "fail") | Eq("sample.name", "sample 8")
    assert find(collections, query) == uids({*FAILED, *range(8, N_RUNS, 100)})


def test_counting_is_exact_and_never_comes_from_the_bookkeeping_of_the_server(asked):
    collections, commands = asked
    commands.sent.clear()
    assert count_starts(collections, All()) == N_RUNS
    assert count_starts(collections, All(), skip=N_RUNS - 5, limit=10) == 5
    assert count_starts(collections, Eq("stop.exit_status", "success")) == N_RUNS - 1 - len(FAILED)
    assert all(command["query"] for command in commands.sent if "count" in command)


def test_a_run_added_meanwhile_is_neither_seen_nor_shifts_what_follows(small):
    fill(small.metadata, 250)
    seen = find_starts(small, All())
    first = [next(seen)["uid"] for _ in range(100)]
    small.run_start.insert_many([{"uid": f"new-{number}", "time": 5000.0 + number} for number in range(50)])
    assert first + [start["uid"] for start in seen] == uids(range(250))


def test_many_runs_of_one_moment_and_of_mixed_identifiers_are_each_seen_once(small):
    runs = [{"uid": f"{number:08x}", "time": float(number // 400)} for number in range(1200)]
    small.run_start.insert_many(
        [run if number % 3 else {**run, "_id": f"id-{number}"} for number, run in enumerate(runs)]
    )
    seen = find(small, All())
    assert sorted(seen, reverse=True) == uids(range(1200))
    assert seen[:400] == [start["uid"] for start in small.run_start.find({"time": 2.0}).sort("_id", -1)]
    assert find(small, All(), sort=[("time", 1)]) == seen[::-1]


def test_runs_whose_time_is_no_number_come_last_and_keep_their_place(small):
    fill(small.metadata, 5)
    small.run_start.insert_many([{"uid": "none", "_id": 1}, {"uid": "text", "time": "2020", "_id": 2},
                                 {"uid": "nan", "time": float("nan"), "_id": 3}])  # fmt: skip
    expected = [*uids(range(5)), "nan", "text", "none"]
    assert find(small, All()) == expected
    for place in range(8):
        assert find(small, All(), skip=place, limit=1) == expected[place : place + 1]
    assert find(small, All(), skip=4, limit=3) == expected[4:7]
    assert find(small, All(), skip=8, limit=1) == []


def test_of_several_stops_the_first_counts(small):
    fill(small.metadata, 3)
    small.run_stop.drop_indexes()
    small.run_stop.insert_one({"uid": "second", "run_start": f"{0:08x}", "time": 9999.0, "exit_status": "fail"})
    assert find(small, Eq("stop.exit_status", "fail")) == []
    assert find(small, Eq("stop.exit_status", "success")) == uids([0, 1])
    assert find(small, Duration("gt", 1000)) == []


def test_what_joins_too_many_runs_says_so_at_the_time_limit_and_names_the_summaries(asked):
    collections, _ = asked
    hurried = Collections(collections.metadata, collections.assets, 0, "mongodb://test")
    with pytest.raises(StoreUnavailable, match="admin build-summaries --apply"):
        count_starts(hurried, ~Duration("gt", 3))
    with pytest.raises(StoreUnavailable, match="timeout_seconds") as caught:
        find(hurried, All())
    assert "build-summaries" not in str(caught.value)


def test_a_filter_that_mongodb_does_not_understand_is_a_query_error(asked):
    collections, _ = asked
    for filter in ({"a": {"$nonsense": 1}}, {"$or": []}, {"a": {"$in": 5}}):
        with pytest.raises(QueryError, match="does not understand"):
            find(collections, Raw(filter))
        with pytest.raises(QueryError):
            count_starts(collections, Raw(filter))


def test_full_text_without_an_index_is_an_error_that_says_how_to_make_it_and_with_one_is_answered(small):
    fill(small.metadata, 200)
    with pytest.raises(QueryError, match="admin create-indexes --text --apply"):
        find(small, FullText("nickel"))
    small.run_start.create_index([("$**", "text")])
    assert find(small, FullText("nickel")) == uids([0, 50, 100, 150])
    assert find(small, FullText("nickel") & Eq("sample.name", "sample 50")) == uids([50, 150])
    assert find(small, FullText("nickel") & FullText('"sample 50"') & InProgress()) == []
    assert count_starts(small, FullText("foil") & FullText('"sample 50"') & ~InProgress()) == 2
    for query in (
        FullText("a") | Eq("b", 1),
        ~FullText("a"),
        ~(FullText("a") & Eq("b", 1)),
        ~Eq("b", 1) | FullText("a"),
    ):
        with pytest.raises(QueryError, match="only by &"):
            find(small, query)


def test_the_latest_of_a_scan_id_is_the_latest_that_answers_to_everything_else(asked):
    collections, _ = asked
    assert find(collections, ScanID(5)) == uids([1005])
    assert find(collections, ScanID(5) & (Key("time") < 1500)) == uids([5])
    assert find(collections, ScanID(5, 6, duplicates="all")) == uids([5, 6, 1005, 1006])
    with pytest.raises(QueryError, match="scan id 5 belongs to more than one run"):
        find(collections, ScanID(5, duplicates="error"))
    with pytest.raises(QueryError, match="only by &"):
        find(collections, ~ScanID(5))


def test_a_window_stays_what_it_was_when_it_is_narrowed(asked):
    collections, _ = asked
    newest = Window(All(), (("time", -1),), 0, 10)
    assert find(collections, newest & Eq("scan_id", 495)) == uids([1495])
    assert find(collections, newest & Eq("scan_id", 5)) == []
    oldest_left_out = Window(All(), (("time", 1),), N_RUNS - 2, 0)
    assert find(collections, oldest_left_out & All()) == uids([N_RUNS - 2, N_RUNS - 1])


def test_a_range_of_time_reads_only_its_runs(asked):
    collections, _ = asked
    plan = collections.run_start.find({"$and": [{"time": {"$gte": 1100, "$lt": 1200}}]}).sort("time", -1).explain()
    assert find(collections, TimeRange(1100, 1200, "UTC")) == uids(range(100, 200))
    assert plan["executionStats"]["totalDocsExamined"] == 100


def test_any_field_sorts_with_ties_in_the_order_of_storage(asked):
    collections, _ = asked
    found = find(collections, In("scan_id", [1, 2, 3]), sort=[("scan_id", 1), ("time", -1)])
    assert found == [f"{number:08x}" for number in (1001, 1, 1002, 2, 1003, 3)]
    everything = find(collections, All(), sort=[("scan_id", -1), ("time", 1)])
    assert everything == [f"{number:08x}" for number in sorted(range(N_RUNS), key=lambda n: (-(n % 1000), n))]


@pytest.mark.parametrize(
    "look_up",
    [
        lambda runs: runs[-1],
        lambda runs: runs[-700],
        lambda runs: runs[5],
        lambda runs: runs["0000000a"],
        lambda runs: runs["000005DB"],
        lambda runs: runs[-5:],
        lambda runs: next(iter(runs.values())),
        lambda runs: next(iter(runs.search({"sample.name": "sample 8"}).items())),
    ],
)
def test_a_look_up_and_a_first_page_take_two_round_trips(asked, look_up):
    collections, commands = asked
    runs = Catalog(_Opened(collections), assets=None)
    commands.sent.clear()
    look_up(runs)
    assert commands.names() == [("find", "run_start"), ("find", "run_stop")]


class _Opened(NormalizedStore):
    """A store over collections that are open."""

    def __init__(self, collections: Collections):
        super().__init__(locate("memory://opened"))
        self._opened = collections

    def _connect(self) -> MemoryConnection:
        connection = MemoryConnection(self.location)
        connection.collections = self._opened
        return connection
