"""Reading events by one cursor or two: each event once, and with no more questions than needed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pymongo
import pytest
from pymongo.errors import ExecutionTimeout, OperationFailure
from pymongo.monitoring import CommandListener

from databroker_mongo.store.connection.collections import Collections
from databroker_mongo.store.events import scan as event_scan
from databroker_mongo.store.events.scan import read_events

FIELDS = [("seq_num",), ("time",), ("data", "x")]
PROJECTION = {"_id": 0, "seq_num": 1, "time": 1, "data": 1}


class Questions(CommandListener):
    """The commands that were sent, without the cursors' own."""

    def __init__(self) -> None:
        self.asked: list[dict] = []

    def started(self, event) -> None:
        if event.command_name == "find":
            self.asked.append(dict(event.command))

    def succeeded(self, event) -> None:
        pass

    failed = succeeded


@pytest.fixture
def questions() -> Questions:
    return Questions()


@pytest.fixture
def mongod(mongod_database_uri: str, questions: Questions) -> Iterator[Collections]:
    with pymongo.MongoClient(mongod_database_uri, event_listeners=[questions]) as client:
        database = client.get_default_database()
        database["event"].create_index([("descriptor", -1), ("time", 1)])
        yield Collections(database, database, max_time_ms=20_000, address=mongod_database_uri)


@pytest.fixture
def two_cursors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_scan, "_MANY_EVENTS", 200)


def store(collections: Collections, times: list) -> list[dict]:
    """Store an event for each time, in an order that is neither of ``seq_num`` nor of time."""
    events = [
        {"descriptor": "d", "seq_num": number, "time": time, "data": {"x": number / 2}}
        for number, time in enumerate(times, 1)
    ]
    for event in events:
        if event["time"] is ...:
            del event["time"]
    collections.event.insert_many([{**event} for event in events[1::2] + events[::2]])
    return events


def read(collections: Collections, query: dict | None = None, **options):
    return read_events(collections, query or {"descriptor": "d"}, fields=FIELDS, projection=PROJECTION, **options)


def read_in_order(collections: Collections, query: dict | None = None) -> list:
    """Read, and put the rows in the order of their time, then ``seq_num``."""
    columns = read(collections, query)
    order = np.lexsort((columns[0], columns[1]))
    return [np.asarray(column)[order] for column in columns]


@pytest.mark.parametrize("n_events", [0, 1, 100, 101, 102, 500])
@pytest.mark.usefixtures("two_cursors")
def test_every_event_is_read_once(mongod: Collections, n_events: int) -> None:
    if n_events:
        store(mongod, [10 * math.sqrt(number) for number in range(n_events)])
    seq_num, time, x = read_in_order(mongod)
    np.testing.assert_array_equal(seq_num, np.arange(1, n_events + 1))
    np.testing.assert_array_equal(time, 10 * np.sqrt(np.arange(n_events)))
    np.testing.assert_array_equal(x, np.arange(1, n_events + 1) / 2)


@pytest.mark.usefixtures("two_cursors")
def test_a_long_answer_is_read_by_two_cursors(mongod: Collections, questions: Questions) -> None:
    store(mongod, [float(number) for number in range(500)])
    questions.asked.clear()
    read(mongod)
    conditions = [question["filter"]["$and"][1] for question in questions.asked if "$and" in question["filter"]]
    halves = [{"time": {"$not": {"$gte": 249.5}}}, {"time": {"$gte": 249.5}}]
    assert sorted(map(str, conditions)) == sorted(map(str, halves))
    assert len(questions.asked) == 5


@pytest.mark.parametrize(
    "times",
    [
        [0.0] * 100 + [5.0] * 300 + [10.0] * 100,
        [7.0] * 500,
        [0.0] * 499 + [1e9],
        [*map(float, range(250)), *map(float, range(250))],
        list(range(500)),
    ],
    ids=["many in the middle", "all at once", "a long pause", "two by two", "whole seconds as integers"],
)
@pytest.mark.usefixtures("two_cursors")
def test_events_of_equal_time_are_neither_lost_nor_doubled(mongod: Collections, times: list[float]) -> None:
    store(mongod, times)
    seq_num, time, _ = read_in_order(mongod)
    assert seq_num.tolist() == sorted(range(1, 501), key=lambda number: times[number - 1])
    assert time.tolist() == sorted(times)


@pytest.mark.usefixtures("two_cursors")
def test_events_whose_time_is_no_number_are_not_lost(mongod: Collections) -> None:
    times = [float(number) for number in range(500)]
    times[3:7] = [None, math.nan, "noon", ...]  # type: ignore[list-item]
    store(mongod, times)
    seq_num, _, _ = read(mongod)
    assert sorted(seq_num) == list(range(1, 501))


@pytest.mark.parametrize("times", [[None] * 500, [math.nan] * 500, [math.inf] * 500, [-math.inf, math.inf] * 250])
@pytest.mark.usefixtures("two_cursors")
def test_times_without_a_middle_are_left_to_one_cursor(mongod: Collections, questions: Questions, times: list) -> None:
    store(mongod, times)
    questions.asked.clear()
    seq_num, _, _ = read(mongod)
    assert sorted(seq_num) == list(range(1, 501))
    assert not [question for question in questions.asked if "$and" in question["filter"]]


@pytest.mark.usefixtures("two_cursors")
def test_the_query_holds_for_both_halves(mongod: Collections) -> None:
    store(mongod, [float(number) for number in range(500)])
    mongod.event.insert_many([{"descriptor": "other", "seq_num": n, "time": float(n), "data": {}} for n in range(300)])
    seq_num, _, _ = read_in_order(mongod, {"descriptor": {"$in": ["d"]}, "time": {"$lte": 399.0}})
    np.testing.assert_array_equal(seq_num, np.arange(1, 401))


@pytest.mark.parametrize(("n_events", "n_expected", "n_questions"), [(50, None, 1), (150, None, 2), (150, 150, 1)])
@pytest.mark.usefixtures("two_cursors")
def test_a_short_answer_takes_few_questions(
    mongod: Collections, questions: Questions, n_events: int, n_expected: int | None, n_questions: int
) -> None:
    store(mongod, [float(number) for number in range(n_events)])
    questions.asked.clear()
    read(mongod, n_expected=n_expected)
    assert len(questions.asked) == n_questions


@pytest.mark.parametrize("n_events", [0, 150, 500])
@pytest.mark.parametrize("n_expected", [0, 150, 500])
@pytest.mark.usefixtures("two_cursors")
def test_a_wrong_number_of_expected_events_loses_none(mongod: Collections, n_events: int, n_expected: int) -> None:
    if n_events:
        store(mongod, [float(number) for number in range(n_events)])
    seq_num, _, _ = read(mongod, n_expected=n_expected)
    assert sorted(seq_num) == list(range(1, n_events + 1))


@pytest.mark.usefixtures("two_cursors")
def test_an_answer_known_to_be_long_is_split_at_once(mongod: Collections, questions: Questions) -> None:
    store(mongod, [float(number) for number in range(500)])
    questions.asked.clear()
    read(mongod, n_expected=500)
    assert len(questions.asked) == 4


@pytest.mark.usefixtures("two_cursors")
def test_every_question_carries_the_time_limit(mongod: Collections, questions: Questions) -> None:
    store(mongod, [float(number) for number in range(500)])
    questions.asked.clear()
    read(mongod)
    assert {question["maxTimeMS"] for question in questions.asked} == {20_000}


def test_a_server_that_is_too_slow_is_not_waited_for(mongod: Collections) -> None:
    store(mongod, [0.0])
    hurried = Collections(mongod.metadata, mongod.assets, max_time_ms=20, address=mongod.address)
    with pytest.raises(ExecutionTimeout):
        read(hurried, {"$where": "sleep(200) || true"})


@pytest.mark.parametrize("seq_num", [200, 400])
@pytest.mark.usefixtures("two_cursors")
def test_a_failure_of_either_cursor_is_raised(mongod: Collections, seq_num: int) -> None:
    store(mongod, [float(number) for number in range(500)])
    failing = {"$cond": [{"$eq": ["$seq_num", seq_num]}, {"$divide": [1, 0]}, True]}
    with pytest.raises(OperationFailure, match="divide by zero"):
        read(mongod, {"descriptor": "d", "$expr": failing})
