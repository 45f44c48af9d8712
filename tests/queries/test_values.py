"""Which values may be asked for: of every class, each as MongoDB compares it, and none that keeps anybody waiting."""

import enum

import numpy as np
import pytest
from bson import Int64

from databroker_mongo import TimeRange
from databroker_mongo.errors import QueryError
from databroker_mongo.queries import (
    Comparison,
    Contains,
    Duration,
    Eq,
    In,
    Key,
    NotIn,
    Raw,
    ScanID,
    ScanIDRange,
    from_keywords,
    scope_of,
)


class Mode(enum.IntEnum):
    RED = 5


class Bits(enum.IntFlag):
    FIVE = 5


class Own(int):
    """An integer that is equal to none, and compares as it likes."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        return False

    def __lt__(self, other):
        raise AssertionError("an integer is compared as Python's own")

    __gt__ = __le__ = __ge__ = __index__ = __int__ = __lt__


INTEGERS = [Int64(5), Mode.RED, Bits.FIVE, Own(5), np.int8(5), np.uint64(5), np.int64(5), np.array(5)]
ASKED = {
    "Eq": lambda value: Eq("n", value).value,
    "Key": lambda value: (Key("stop.n") == value).value,
    "Comparison": lambda value: Comparison("ge", "descriptor.n", value).value,
    "Contains": lambda value: Contains("n", value).value,
    "In": lambda value: In("n", [value]).value[0],
    "NotIn": lambda value: NotIn("n", (value,)).value[0],
    "nested": lambda value: Eq("n", {"a": [value]}).value["a"][0],
    "ScanID": lambda value: ScanID(value).scan_ids[0],
    "ScanIDRange": lambda value: ScanIDRange(value, 6).start_id,
    "Duration": lambda value: Duration("gt", value).seconds,
    "Raw": lambda value: Raw({"n": value}).filter["n"],
    "Raw of a stop": lambda value: Raw({"n": {"$gte": value}}, "stop").filter["n"]["$gte"],
    "$in": lambda value: Raw({"$and": [{"n": {"$in": [value]}}]}).filter["$and"][0]["n"]["$in"][0],
    "keywords": lambda value: from_keywords(descriptor={"n": value}).filter["n"],
    "scope": lambda value: scope_of({"n": value}).value[0],
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("value", INTEGERS, ids=lambda value: type(value).__name__)
def test_an_integer_of_any_class_is_asked_for_as_the_number_it_is(ask, value):
    asked = ask(value)
    assert type(asked) is int
    assert asked == 5


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    "value", [2**63, -(2**63) - 1, 10**5000, Own(2**70), np.uint64(2**63)], ids=lambda value: type(value).__name__
)
def test_an_integer_of_more_than_64_bits_is_refused_at_once_and_in_words(ask, value):
    with pytest.raises(QueryError, match=r"at most 64 bits with a sign; this one has \d+ bits"):
        ask(value)


@pytest.mark.parametrize("value", INTEGERS, ids=lambda value: type(value).__name__)
def test_an_integer_of_any_class_is_a_moment(value):
    assert type(TimeRange(since=value).since) is float
    assert TimeRange(since=value, until=value) == TimeRange(since=5, until=5)


def test_true_is_no_integer():
    assert Eq("n", True).value is True
    assert Raw({"n": [True]}).filter == {"n": [True]}
    assert Raw({"n": [True]}).filter["n"][0] is True
