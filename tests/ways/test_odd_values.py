"""Values that other programs stored: they are found, compare, sort and count, in memory as on a server."""

import datetime
import enum
import itertools
import re

import numpy as np
import pandas as pd
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from databroker_mongo import Catalog, TimeRange
from databroker_mongo.errors import QueryError
from databroker_mongo.queries import In, Key, ScanID
from databroker_mongo.queries import Regex as Pattern

UTC = datetime.UTC
NOON = datetime.datetime(2020, 1, 2, 12)
ID = ObjectId("0123456789abcdef01234567")
STORED = [
    None, False, True, -1, 0, 1, 1.0, 1.5, 2**40, Int64(5), float("nan"), float("inf"), Decimal128("1.5"),
    Decimal128("2"), Decimal128("NaN"), Decimal128("Infinity"), "", "a", "abc", "1.5", b"", b"ab", Binary(b"ab", 5),
    ID, ObjectId("f" * 24), NOON, DatetimeMS(2**60), Timestamp(5, 1), Regex("a"), Regex("a", "i"), Code("a"),
    Code("a", {}), MinKey(), MaxKey(), DBRef("a", 1), {}, {"a": Decimal128("1.5")}, {"a": Regex("a")}, [], [1, "a"],
    [Decimal128("1.5")], [Regex("a")], [[ID]], [MinKey(), None],
]  # fmt: skip
OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]


def start_of(number, **fields):
    return {"uid": f"run-{number:03}", "time": float(number), **fields}


def catalog_of(uri, starts, stops=(), descriptors=()):
    catalog = Catalog.from_uri(uri)
    for name, documents in (("run_start", starts), ("run_stop", stops), ("event_descriptor", descriptors)):
        if documents:
            getattr(catalog.store.collections, name).insert_many([dict(each) for each in documents])
    return catalog


@pytest.fixture
def odd(store_uri):
    """A catalog of runs with one odd value each; the last two lack it."""
    starts = [start_of(number, odd=value) for number, value in enumerate(STORED)]
    return catalog_of(store_uri, [*starts, start_of(900), start_of(901, more={})])


@pytest.fixture
def both(database_name, mongod_database_uri):
    """The same catalog in memory and on a server."""
    starts = [start_of(number, odd=value) for number, value in enumerate(STORED)]
    return [catalog_of(uri, [*starts, start_of(900)]) for uri in (f"memory://{database_name}", mongod_database_uri)]


def numbers(catalog):
    return sorted(int(uid.removeprefix("run-")) for uid in catalog)


def places(*values):
    """Where these very values are stored, with their types."""
    return sorted(
        number
        for number, stored in enumerate(STORED)
        if any(type(stored) is type(value) and stored == value for value in values)
    )


def test_a_filter_compares_values_of_every_type_in_memory_as_on_a_server(both):
    in_memory, on_server = both
    operands = [value for value in STORED if not isinstance(value, Regex)]
    filters = [{"odd": {name: value}} for name, value in itertools.product(OPERATORS, operands)]
    filters += [{"odd": value} for value in operands] + [{"odd": re.compile("^a")}, {"odd": Regex("a", "i")}]
    filters += [{"odd": {"$in": [value, "abc"]}} for value in operands] + [{"odd": {"$eq": Regex("a")}}]
    filters += [{"odd": {"$mod": [2, 1]}}, {"odd": {"$in": [re.compile("^a"), None]}}]
    filters += [{"odd": {"$type": name}} for name in ("number", "decimal", "date", "regex", "string", "objectId", 19)]
    for filter in filters:
        assert numbers(in_memory.search(filter)) == numbers(on_server.search(filter)), filter


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal128("1.5"), places(1.5, Decimal128("1.5"), [Decimal128("1.5")])),
        (1.5, places(1.5, Decimal128("1.5"), [Decimal128("1.5")])),
        (ID, places(ID)),
        (Regex("a"), places(Regex("a"), [Regex("a")])),
        (NOON, places(NOON)),
        (NOON.replace(tzinfo=UTC), places(NOON)),
        (datetime.datetime(2020, 1, 2, 14, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), places(NOON)),
        (pd.Timestamp("2020-01-02 12:00"), places(NOON)),
        (b"ab", places(b"ab")),
        (MinKey(), places(MinKey(), [MinKey(), None])),
        ({"a": Decimal128("1.5")}, places({"a": Decimal128("1.5")})),
    ],
)
def test_a_value_is_found_by_each_way_to_ask_for_it(odd, value, expected):
    assert numbers(odd.search(Key("odd") == value)) == expected
    assert numbers(odd.search(In("odd", [value, "nowhere"]))) == expected
    assert numbers(odd.scoped(odd=[value])) == expected
    assert numbers(odd.search({"odd": {"$eq": value}})) == expected
    assert len(odd.search(Key("odd") != value)) == len(odd) - len(expected)


def test_dates_numbers_and_identifiers_have_an_order(odd):
    later = NOON + datetime.timedelta(milliseconds=1)
    assert numbers(odd.search((Key("odd") >= NOON) & (Key("odd") < later))) == places(NOON)
    assert numbers(odd.search(Key("odd") > Decimal128("1.5"))) == numbers(odd.search(Key("odd") > 1.5))
    assert numbers(odd.search(Key("odd") > ID)) == places(ObjectId("f" * 24))
    with pytest.raises(QueryError, match="have an order"):
        odd.search(Key("odd") > Regex("a"))


# Times are numbers. A date that is asked of them is one, a text is refused, and nothing is empty without a word.

MIDDAY = NOON.replace(tzinfo=UTC)
EARLIER, LATER = MIDDAY - datetime.timedelta(seconds=1.25), MIDDAY + datetime.timedelta(seconds=1.5)
MOMENTS = [each.timestamp() for each in (EARLIER, MIDDAY, LATER)]


@pytest.fixture
def timed(store_uri):
    """Three runs, at three moments; the moment is a date too, and their stops and descriptors have the same times."""
    dates = [EARLIER, MIDDAY, LATER]
    starts = [
        {"uid": f"run-{number}", "time": seconds, "made": date, "more": [{"time": date}]}
        for number, (seconds, date) in enumerate(zip(MOMENTS, dates, strict=True))
    ]
    stops = [{"uid": f"stop-{n}", "run_start": f"run-{n}", "time": time} for n, time in enumerate(MOMENTS)]
    descriptors = [
        {
            "uid": f"descriptor-{n}",
            "run_start": f"run-{n}",
            "time": time,
            "name": "primary",
            "data_keys": {},
            "configuration": {"det": {"data": {"x": 1}, "timestamps": {"x": time}, "data_keys": {}}},
        }
        for n, time in enumerate(MOMENTS)
    ]
    return catalog_of(store_uri, starts, stops, descriptors)


@pytest.mark.parametrize("as_given", [lambda date: date, pd.Timestamp, lambda date: date.astimezone()])
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda date: {"time": date}, [1]),
        (lambda date: {"time": {"$gte": date}}, [1, 2]),
        (lambda date: {"time": {"$gt": date}}, [2]),
        (lambda date: {"time": {"$lt": date}}, [0]),
        (lambda date: {"time": {"$lte": date}}, [0, 1]),
        (lambda date: {"time": {"$ne": date}}, [0, 2]),
        (lambda date: {"time": {"$in": [date, 5]}}, [1]),
        (lambda date: {"time": {"$nin": (date,)}}, [0, 2]),
        (lambda date: {"time": {"$not": {"$gte": date}}}, [0]),
        (lambda date: {"$and": [{"time": {"$gte": date}}, {"time": {"$lt": date + datetime.timedelta(1)}}]}, [1, 2]),
        (lambda date: {"$or": [{"time": {"$lt": date}}, {"$and": [{"time": {"$gt": date}}]}]}, [0, 2]),
        (lambda date: {"$nor": [{"time": date}]}, [0, 2]),
    ],
)
@pytest.mark.parametrize("document", ["start", "stop", "descriptor"])
def test_a_date_with_a_zone_is_a_moment_in_each_document(timed, document, make, expected, as_given):
    filter = make(as_given(MIDDAY))
    assert numbers(timed.search(**{document: filter})) == expected
    if document == "start":
        assert numbers(timed.search(filter)) == expected
        assert sorted(int(header.start["uid"][-1]) for header in timed.v1(**filter)) == expected
    elif "$and" not in filter:
        assert numbers(timed.search(**{document: {"$and": [filter]}})) == expected


def test_a_date_with_a_zone_is_a_moment_for_keys_expressions_and_configurations(timed):
    assert numbers(timed.search(Key("time") >= MIDDAY)) == [1, 2]
    assert numbers(timed.search(Key("stop.time") == MIDDAY)) == [1]
    assert numbers(timed.search(In("descriptor.time", [EARLIER, LATER]))) == [0, 2]
    assert numbers(timed.search(descriptor={"configuration.det.timestamps.x": {"$gt": MIDDAY}})) == [2]
    if not timed.store.address.startswith("memory:"):
        assert numbers(timed.search({"$expr": {"$gte": ["$time", MIDDAY]}})) == [1, 2]
        assert numbers(timed.search({"$expr": {"$and": [{"$lt": [MIDDAY, "$time"]}]}})) == [2]
        to_date = {"$toDate": {"$multiply": ["$time", 1000]}}
        assert numbers(timed.search({"$expr": {"$gte": [to_date, MIDDAY]}})) == [1, 2]


NO_MOMENTS = ["2020-01-02", NOON, datetime.date(2020, 1, 2), pd.Timestamp("2020-01-02"), pd.NaT, DatetimeMS(5)]


@pytest.mark.parametrize("value", NO_MOMENTS, ids=repr)
@pytest.mark.parametrize("document", ["start", "stop", "descriptor"])
def test_what_may_be_of_any_zone_or_is_a_text_is_refused_with_what_to_write(document, value):
    catalog = Catalog.in_memory()
    filters = [{"time": value}, {"time": {"$in": [5, value]}}, {"$or": [{"time": {"$not": {"$lt": value}}}]}]
    filters += [{"$expr": {"$gt": ["$time", value]}}]
    for filter in filters:
        with pytest.raises(QueryError, match=r"datetime\.datetime\(\.\.\., tzinfo=datetime\.UTC\)|not a date"):
            catalog.search(**{document: filter})
    with pytest.raises(QueryError, match=r"tzinfo=datetime\.UTC|not a date"):
        Key(f"{document}.time") == value  # noqa: B015  # to compare is to ask
    with pytest.raises(QueryError, match=r"TimeRange\(since=|TimeRange\(\.\.\.\)|not a date"):
        catalog.v1(time={"$gte": value})


def test_a_field_in_which_dates_are_stored_is_asked_with_dates_aware_or_naive(timed):
    for date in (MIDDAY, NOON, pd.Timestamp(NOON)):
        assert numbers(timed.search({"made": {"$gte": date}})) == [1, 2]
        assert numbers(timed.search(Key("made") < date)) == [0]
        assert numbers(timed.search({"more.time": date})) == [1]
        assert numbers(timed.search({"more": {"$elemMatch": {"time": {"$gt": date}}}})) == [2]


def test_what_a_time_is_can_still_be_asked(timed):
    assert numbers(timed.search({"time": {"$type": "number", "$exists": True}})) == [0, 1, 2]
    assert numbers(timed.search({"time": {"$not": {"$type": "string"}}})) == [0, 1, 2]
    assert len(timed.search({"time": None})) == 0


# Counting.


def same(one, other):
    """Tell whether a value came out as it was stored, where NaN is itself."""
    stored = dict(other.as_doc()) if isinstance(other, DBRef) else int(other) if isinstance(other, Int64) else other
    return isinstance(one, type(stored)) and (one == stored or repr(one) == repr(stored))


@pytest.mark.parametrize("value", [each for each in STORED if each is not None and each != []], ids=repr)
def test_a_value_of_any_type_is_counted(store_uri, value):
    catalog = catalog_of(store_uri, [start_of(0, odd=value, a={"b": value}), start_of(1, odd="other"), start_of(2)])
    elements = value if isinstance(value, list) else [value]
    n_values = len([each for each in elements if each is not None])
    for counts in (catalog.distinct("odd", counts=True), catalog.facets("odd")["odd"]):
        assert list(counts.values()) == [1] * (n_values + 1)
        assert "other" in counts
    assert sum(catalog.distinct("a.b", counts=True).values()) == n_values
    assert len(catalog.distinct("odd")) == n_values + 1
    kept = [each for each in catalog.distinct("odd") if each != "other"]
    assert all(any(same(found, each) for found in kept) for each in elements if each is not None)


@pytest.mark.parametrize("document", ["start", "stop", "descriptor"])
def test_a_mixture_loses_no_value_whatever_is_equal_as_a_key(store_uri, document):
    values = [
        True, 1, 1.5, Decimal128("1.5"), "1.5", "Decimal128('1.5')", "true", False, 0, {"a": 1}, '{"a": 1}', MinKey(),
        MaxKey(), Regex("a"), NOON, ID, str(ID), {"a": Regex("a")}, b"a", Binary(b"a", 5), Timestamp(1, 1), Code("a"),
    ]  # fmt: skip
    starts = [
        start_of(number, **({"odd": value} if document == "start" else {})) for number, value in enumerate(values)
    ]
    others = [
        {"uid": f"of-{start['uid']}", "run_start": start["uid"], "time": 1.0, "odd": value}
        for start, value in zip(starts, values, strict=True)
    ]
    of_kind = {"start": {}, "stop": {"stops": others}, "descriptor": {"descriptors": others}}[document]
    catalog = catalog_of(store_uri, starts, **of_kind)
    field = "odd" if document == "start" else f"{document}.odd"
    counts = catalog.distinct(field, counts=True)
    assert sum(counts.values()) == len(values)
    assert len(counts) == len(values) - 1  # 1.5 is the same number twice
    assert len(catalog.distinct(field)) == len(counts)
    assert sorted(counts.values()) == [1] * (len(counts) - 1) + [2]
    assert catalog.facets([field]) == {field: counts}


def counts_of(catalog):
    return catalog.distinct("odd", counts=True)


def test_what_cannot_be_a_key_is_given_as_text(store_uri):
    values = [Decimal128("1.5"), Regex("a", "i"), {"a": [Decimal128("2"), None]}, True, 1, ID, NOON, "true"]
    catalog = catalog_of(store_uri, [start_of(number, odd=value) for number, value in enumerate(values)])
    counts = {key if not str(key).startswith("Regex('a', ") else "a Regex": n for key, n in counts_of(catalog).items()}
    assert set(counts) == {
        "Decimal128('1.5')", "a Regex", '{"a": ["Decimal128(\'2\')", null]}', 1, "true", "true ", ID, NOON,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([True, 1, 1, 0, False], {1: 2, 0: 1, "false": 1, "true": 1}),
        ([True, True, 1, False, False, 0.0], {"false": 2, "true": 2, 0: 1, 1: 1}),
        ([1, 1.0, True, Int64(1), [1, True, 1.0]], {1: 4, "true": 2}),
        ([True, False, 2, True], {True: 2, 2: 1, False: 1}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("document", ["start", "stop"])
def test_bools_and_numbers_are_counted_apart_and_numbers_of_two_kinds_together(store_uri, values, counts, document):
    starts = [
        start_of(number, **({"odd": value} if document == "start" else {})) for number, value in enumerate(values)
    ]
    stops = [
        {"uid": f"{number}", "run_start": starts[number]["uid"], "time": 1.0, "odd": value}
        for number, value in enumerate(values)
    ]
    catalog = catalog_of(store_uri, starts, stops=stops if document == "stop" else ())
    field = "odd" if document == "start" else "stop.odd"
    found = catalog.distinct(field, counts=True)
    assert [(repr(bool(key) if isinstance(key, bool) else key).removesuffix(".0"), n) for key, n in found.items()] == [
        (repr(key), n) for key, n in counts.items()
    ]
    assert catalog.facets(field) == {field: counts}
    listed = [each if isinstance(each, bool) else float(each) for each in catalog.distinct(field)]
    numbers = sorted({float(each) for each in catalog.distinct(field) if not isinstance(each, bool)})
    assert list(map(repr, listed)) == list(
        map(repr, [*numbers, *sorted(each for each in listed if isinstance(each, bool))])
    )
    assert len(listed) == len(counts)


def test_a_pattern_that_would_take_forever_in_memory_is_refused_for_a_long_text():
    catalog = catalog_of("memory://patterns", [start_of(0, short="ab" * 20, long="ab" * 200)])
    assert len(catalog.search(Pattern("short", "a.*b.*a.*b"))) == 1
    assert len(catalog.search(Pattern("long", "a.*b.*x"))) == 0
    with pytest.raises(QueryError, match="4 unbounded repeats in a text of 400 characters"):
        len(catalog.search(Pattern("long", "a.*b.*a.*b.*x")))


# Integers of every class, about each document, by each way to ask.


class Mode(enum.IntEnum):
    RED = 5


class Bits(enum.IntFlag):
    FIVE = 5


class Own(int):
    """An integer that is equal to none."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        return False


def added(db, **fields):
    db.clear_filters()
    db.add_filter(**fields)
    return [header.uid for header in db()]


BY_INTEGER = {
    "filter": lambda catalog, n: catalog.search({"n": n}),
    "$in": lambda catalog, n: catalog.search({"$and": [{"n": {"$in": [n, 7]}}]}),
    "$gte": lambda catalog, n: catalog.search({"n": {"$gte": n, "$lte": n}}),
    "stop": lambda catalog, n: catalog.search(stop={"n": n}),
    "descriptor": lambda catalog, n: catalog.search(descriptor={"n": n}),
    "Key": lambda catalog, n: catalog.search((Key("n") == n) & (Key("stop.n") >= n) & (Key("descriptor.n") <= n)),
    "In": lambda catalog, n: catalog.search(In("n", [n])),
    "ScanID": lambda catalog, n: catalog.search(ScanID(n)),
    "TimeRange": lambda catalog, n: catalog.search(TimeRange(since=n, until=int(n) + 0.5)),
    "duration": lambda catalog, n: catalog.search(duration_ge=n, duration_le=n),
    "scoped": lambda catalog, n: catalog.scoped(n=n),
    "explain": lambda catalog, n: [f"run-{catalog.explain({'n': n}).steps[0].n_found - 1:03}"],
    "db()": lambda catalog, n: [header.uid for header in catalog.v1(n=n)],
    "add_filter": lambda catalog, n: added(catalog.v1, n=n),
    "catalog[]": lambda catalog, n: [catalog[n].start["uid"]],
    "catalog[[]]": lambda catalog, n: [run.start["uid"] for run in catalog[[n]]],
    "in": lambda catalog, n: ["run-000"] if n in catalog else [],
    "find": lambda catalog, n: [run.start["uid"] for run in catalog.find(n)],
    "db[]": lambda catalog, n: [catalog.v1[n].uid],
}


@pytest.mark.parametrize("ask", BY_INTEGER.values(), ids=BY_INTEGER)
@pytest.mark.parametrize(
    "number",
    [Int64(5), Mode.RED, Bits.FIVE, Own(5), np.int8(5), np.uint64(5), np.array(5), Int64(3_000_000_000)],
    ids=lambda number: type(number).__name__,
)
def test_an_integer_of_any_class_finds_the_run_by_each_way(store_uri, number, ask):
    n = int(number)
    start = {"uid": "run-000", "time": float(n), "scan_id": n, "n": n}
    stop = {"uid": "stop", "run_start": "run-000", "time": 2.0 * n, "n": n}
    descriptor = {"uid": "descriptor", "run_start": "run-000", "time": 1.0, "name": "primary", "data_keys": {}, "n": n}
    other = {"uid": "run-001", "time": float(n + 1), "scan_id": n + 1, "n": n + 1}
    catalog = catalog_of(store_uri, [start, other], [stop], [descriptor])
    if ask is BY_INTEGER["explain"] and catalog.store.address.startswith("memory:"):
        pytest.skip("in memory each run is looked at")
    assert list(ask(catalog, number)) == ["run-000"]
