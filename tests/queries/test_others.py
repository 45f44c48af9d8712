"""Questions made with the classes of databroker 2 and Tiled."""

from __future__ import annotations

import enum
import json
from dataclasses import make_dataclass

import pytest

from databroker_mongo import Catalog, FullText, TimeRange, Writer
from databroker_mongo.errors import QueryError
from databroker_mongo.queries import (
    Comparison,
    Contains,
    Eq,
    Exists,
    In,
    NotEq,
    NotIn,
    PartialUID,
    Raw,
    RawMongo,
    Regex,
    ScanID,
    ScanIDRange,
    query_of,
)
from databroker_mongo.testing import build_run


class Duplicates(enum.StrEnum):
    latest = "latest"
    all = "all"


class Operator(enum.StrEnum):
    ge = "ge"


def other(name, package="tiled.queries", **fields):
    """Return an object of a class like one of another package, which need not be installed."""
    made = make_dataclass(name, list(fields))
    made.__module__ = package
    return made(**fields)


PLUGINS = "bluesky_tiled_plugins.queries"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (other("Eq", key="start.plan_name", value="count"), Eq("start.plan_name", "count")),
        (other("NotEq", key="stop.exit_status", value="success"), NotEq("stop.exit_status", "success")),
        (other("In", key="scan_id", value=[1, 2]), In("scan_id", [1, 2])),
        (other("NotIn", key="scan_id", value=[1, 2]), NotIn("scan_id", [1, 2])),
        (other("Contains", key="motors", value="x"), Contains("motors", "x")),
        (other("Comparison", operator=Operator.ge, key="time", value=5.0), Comparison("ge", "time", 5.0)),
        (other("Regex", key="sample", pattern="(?i)^ni$", case_sensitive=True), Regex("sample", "(?i)^ni$")),
        (other("Regex", key="sample", pattern="Ni", case_sensitive=False), Regex("sample", "Ni", False)),
        (other("FullText", text="nickel foil"), FullText("nickel foil")),
        (other("KeyPresent", key="sample", exists=False), Exists("sample", False)),
        (other("KeyLookup", key="aaaa"), Eq("uid", "aaaa")),
        (other("_ScanID", PLUGINS, scan_ids=(5, 6), duplicates=Duplicates.all), ScanID(5, 6, duplicates="all")),
        (
            other("ScanIDRange", PLUGINS, start_id=5, end_id=9, duplicates=Duplicates.latest),
            ScanIDRange(5, 9, "latest"),
        ),
        (other("_PartialUID", PLUGINS, partial_uids=["aaaa", "bb"]), PartialUID("aaaa", "bb")),
        (other("TimeRange", PLUGINS, timezone="UTC", since=5.0, until=None), TimeRange(since=5.0)),
        (other("RawMongo", "databroker.queries", start=json.dumps({"a": {"$gt": 1}})), Raw({"a": {"$gt": 1}})),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_question_of_another_package_is_one_of_ours(question, expected):
    assert query_of(question) == expected


@pytest.mark.parametrize("start", [{"plan_name": "count"}, '{"plan_name": "count"}'])
def test_a_raw_filter_has_the_name_it_has_in_databroker_2(start):
    assert RawMongo(start=start) == Raw({"plan_name": "count"})


def test_what_has_no_counterpart_is_refused_by_its_name():
    with pytest.raises(QueryError, match=r"SpecsQuery.*cannot be used to search.*Comparison, Contains, Eq"):
        query_of(other("SpecsQuery", include=["a"], exclude=[]))


def test_the_class_of_somebody_else_is_no_question():
    with pytest.raises(QueryError, match="not Eq"):
        query_of(other("Eq", "somewhere.else", key="a", value=1))


def test_a_mapping_of_databroker_1_is_a_raw_filter():
    class TextQuery(dict):
        __module__ = "databroker.queries"

    assert query_of(TextQuery({"plan_name": "count"})) == Raw({"plan_name": "count"})


def test_all_that_takes_questions_takes_those_of_others(store_uri):
    catalog = Catalog.from_uri(store_uri)
    with Writer(catalog, durable="batch") as writer:
        for scan_id, plan in ((1, "count"), (2, "scan")):
            for name, document in build_run({}, scan_id=scan_id, time=1.7e9 + scan_id, plan_name=plan):
                writer(name, document)
    question = other("Regex", key="plan_name", pattern="(?i)^CO", case_sensitive=True)
    assert [run.start["scan_id"] for run in catalog.search(question).values()] == [1]
    numbers = other("Eq", key="scan_id", value=2.0)
    assert [run.start["scan_id"] for run in catalog.search(numbers).values()] == [2]
    assert len(catalog.search(question, numbers)) == 0
    assert len(catalog.search(question).search(RawMongo(start={"scan_id": {"$lt": 5}}))) == 1
    assert catalog.explain(question).steps
