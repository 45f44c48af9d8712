"""Ask a catalog with each value in each way, one after the other, and print what came of it; run as a script.

A call that goes on for longer than a while ends the process, with the traceback, whatever it is busy with.
"""

import array
import datetime
import decimal
import enum
import faulthandler
import fractions
import ipaddress
import itertools
import json
import pathlib
import re
import sys
import types
import uuid
import warnings
import zoneinfo
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, deque, namedtuple
from collections.abc import Mapping

import bson
import numpy as np
import pandas as pd
import xarray as xr
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from databroker_mongo import Catalog, FullText, TimeRange
from databroker_mongo.queries import (
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
    Key,
    NotEq,
    NotIn,
    PartialUID,
    Raw,
    RawMongo,
    ScanID,
    ScanIDRange,
    TextQuery,
    from_json,
    from_words,
)
from databroker_mongo.queries import Regex as Pattern

SECONDS = 60
"""A call takes milliseconds; this is for machines that do a lot besides."""

UTC = datetime.UTC
NOON = datetime.datetime(2020, 1, 2, 12)


class Number(enum.IntEnum):
    FIVE = 5


class Bits(enum.IntFlag):
    FIVE = 5


class Word(enum.StrEnum):
    COUNT = "count"


class Colour(enum.Enum):
    RED = "red"


class Real(float, enum.Enum):
    HALF = 0.5


class Flags(enum.Flag):
    A = 1


class OwnInteger(int):
    def __eq__(self, other):
        return False

    __hash__ = int.__hash__


class OwnText(str):
    __slots__ = ()


class OwnFloat(float):
    pass


class OwnDate(datetime.datetime):
    pass


class OwnList(list):
    pass


class OwnDict(dict):
    pass


class Pairs(Mapping):
    """A mapping of one key, whatever that is."""

    def __init__(self, key, value):
        self.pair = (key, value)

    def __iter__(self):
        return iter([self.pair[0]])

    def __len__(self):
        return 1

    def __getitem__(self, key):
        return self.pair[1]


def itself(kind):
    """A list, or a mapping, that holds itself."""
    value = kind()
    if isinstance(value, list):
        value.append(value)
    else:
        value["itself"] = value
    return value


def deep(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


POINT = namedtuple("POINT", "x y")
VALUES = {
    # Python
    "None": None,
    "True": True,
    "5": 5,
    "-1": -1,
    "0": 0,
    "2**31": 2**31,
    "2**63 - 1": 2**63 - 1,
    "2**63": 2**63,
    "-2**63 - 1": -(2**63) - 1,
    "2**70": 2**70,
    "10**5000": 10**5000,
    "-10**5000": -(10**5000),
    "1.5": 1.5,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "1e308": 1e308,
    "1j": 1j,
    "text": "count",
    "digits": "5",
    "many digits": "9" * 5000,
    "long text": "x" * 100_000,
    "dots": "a." * 300 + "a",
    "empty text": "",
    "a dollar": "$where",
    "NUL": "a\0b",
    "half a pair": "\ud800",
    "a pattern": "(a+)+$",
    "bytes": b"ab",
    "bytearray": bytearray(b"ab"),
    "memoryview": memoryview(b"ab"),
    "list": [1, "a"],
    "empty list": [],
    "tuple": (1, 2),
    "named tuple": POINT(1, 2),
    "set": {1, 2},
    "frozenset": frozenset({1}),
    "mapping": {"a": 1},
    "empty mapping": {},
    "number as a key": {5: 1},
    "operator": {"$gt": 5},
    "code": {"$where": "sleep(100000) || true"},
    "nested code": {"$expr": {"$function": {"body": "while(true){}", "args": [], "lang": "js"}}},
    "list in itself": itself(list),
    "mapping in itself": itself(dict),
    "deep": deep(5000),
    "range": range(3),
    "huge range": range(10**15),
    "count": lambda: itertools.count(),
    "repeat": lambda: itertools.repeat("a"),
    "cycle": lambda: itertools.cycle(["a", 1]),
    "generator": lambda: (number for number in itertools.count()),
    "dict keys": {"a": 1}.keys(),
    "map": lambda: map(str, itertools.count()),
    "deque": deque([1]),
    "array": array.array("d", [1.0]),
    "UserDict": UserDict({"a": 1}),
    "UserList": UserList([1]),
    "UserString": UserString("a"),
    "ChainMap": ChainMap({"a": 1}),
    "Counter": Counter("ab"),
    "OrderedDict": OrderedDict(a=1),
    "MappingProxy": types.MappingProxyType({"a": 1}),
    "Fraction": fractions.Fraction(1, 3),
    "Decimal": decimal.Decimal("1.5"),
    "Decimal NaN": decimal.Decimal("sNaN"),
    "UUID": uuid.UUID(int=5),
    "path": pathlib.PurePosixPath("/a"),
    "address": ipaddress.ip_address("127.0.0.1"),
    "compiled": re.compile("^a"),
    "compiled and slow": re.compile("(a+)+$"),
    "compiled bytes": re.compile(b"a"),
    "slice": slice(-5, None),
    "huge slice": slice(-(10**5000), None, 10**5000),
    "slice of texts": slice("a", "b"),
    "Ellipsis": ...,
    "NotImplemented": NotImplemented,
    "class": int,
    "function": len,
    "object": object(),
    "exception": ValueError("a"),
    "namespace": types.SimpleNamespace(a=1),
    # enum, and classes of somebody's own
    "IntEnum": Number.FIVE,
    "IntFlag": Bits.FIVE,
    "StrEnum": Word.COUNT,
    "Enum": Colour.RED,
    "float Enum": Real.HALF,
    "Flag": Flags.A,
    "class of an Enum": Number,
    "own integer": OwnInteger(5),
    "own large integer": OwnInteger(2**70),
    "own text": OwnText("count"),
    "own float": OwnFloat(0.5),
    "own date": OwnDate(2020, 1, 2),
    "own list": OwnList([1]),
    "own mapping": OwnDict(a=1),
    # datetime
    "naive datetime": NOON,
    "aware datetime": NOON.replace(tzinfo=UTC),
    "datetime of a zone": NOON.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "datetime.min": datetime.datetime.min,
    "datetime.max": datetime.datetime.max,
    "aware max": datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-23))),
    "date": datetime.date(2020, 1, 2),
    "time": datetime.time(5),
    "timedelta": datetime.timedelta(seconds=5),
    "timezone": UTC,
    "ZoneInfo": zoneinfo.ZoneInfo("Europe/Berlin"),
    # BSON
    "Int64": Int64(5),
    "large Int64": Int64(3_000_000_000),
    "too large Int64": Int64(2**70),
    "Decimal128": Decimal128("1.5"),
    "Decimal128 NaN": Decimal128("NaN"),
    "Decimal128 sNaN": Decimal128("sNaN"),
    "Decimal128 Infinity": Decimal128("-Infinity"),
    "ObjectId": ObjectId("0123456789abcdef01234567"),
    "Regex": Regex("^a", "i"),
    "slow Regex": Regex("(a+)+$"),
    "Binary": Binary(b"ab", 5),
    "Binary UUID": Binary.from_uuid(uuid.UUID(int=5)),
    "Code": Code("sleep(100000)"),
    "Code with a scope": Code("x", {"x": 1}),
    "DBRef": DBRef("run_start", 5),
    "Timestamp": Timestamp(5, 1),
    "MinKey": MinKey(),
    "MaxKey": MaxKey(),
    "DatetimeMS": DatetimeMS(2**60),
    "SON": bson.SON([("a", 1)]),
    "RawBSONDocument": RawBSONDocument(bson.encode({"a": 1})),
    # NumPy
    **{f"np.{kind.__name__}": kind(1) for kind in (np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8)},
    **{f"np.{kind.__name__}": kind(1) for kind in (np.uint16, np.uint32, np.float16, np.float32, np.float64)},
    **{f"np.{kind.__name__}": kind(1) for kind in (np.longdouble, np.complex64, np.complex128, np.clongdouble)},
    "np.uint64": np.uint64(2**64 - 1),
    "np.nan": np.float64("nan"),
    "np.str_": np.str_("count"),
    "np.bytes_": np.bytes_(b"ab"),
    "np.void": np.void(b"ab"),
    "np.object_": np.array([object()], dtype=object),
    "np.datetime64": np.datetime64("2020-01-02"),
    "np.datetime64 ns": np.datetime64("2020-01-02T12:00:00.123456789"),
    "np.datetime64 far": np.datetime64("20000-01-01"),
    "np NaT": np.datetime64("NaT"),
    "np.timedelta64": np.timedelta64(5, "s"),
    "np NaT of timedelta": np.timedelta64("NaT"),
    "array of no axes": np.array(5),
    "array of integers": np.arange(3),
    "array of floats": np.array([[1.0, np.nan]]),
    "array of texts": np.array(["a", "b"]),
    "array of dates": np.array(["2020"], "M8[D]"),
    "array of objects": np.array([None, "a", 5], dtype=object),
    "empty array": np.array([]),
    "huge array": np.broadcast_to(np.int64(1), (2**40,)),
    "huge array of axes": np.broadcast_to(np.int64(1), (2**20, 2**20)),
    "structured array": np.array([(1, "a")], dtype=[("n", "i4"), ("t", "U1")]),
    "record": np.array([(1, "a")], dtype=[("n", "i4"), ("t", "U1")])[0],
    "recarray": np.rec.array([(1, 2)]),
    "masked array": np.ma.array([1, 2], mask=[True, False]),
    "np.ma.masked": np.ma.masked,
    "matrix": np.ma.array([[1]]),
    "dtype": np.dtype("i4"),
    # pandas and xarray
    "pd.Timestamp": pd.Timestamp("2020-01-02 12:00"),
    "aware pd.Timestamp": pd.Timestamp("2020-01-02 12:00", tz="Europe/Berlin"),
    "pd.NaT": pd.NaT,
    "pd.NA": pd.NA,
    "pd.Timedelta": pd.Timedelta("5s"),
    "pd.Period": pd.Period("2020-01"),
    "pd.Interval": pd.Interval(0, 1),
    "pd.DateOffset": pd.DateOffset(days=1),
    "Series": pd.Series([1, 2]),
    "Series of texts": pd.Series(["a", None]),
    "Series of NA": pd.Series([1, None], dtype="Int64"),
    "Series of dates": pd.Series(pd.to_datetime(["2020-01-02"], utc=True)),
    "Series of objects": pd.Series([object()]),
    "Index": pd.Index([1, 2]),
    "MultiIndex": pd.MultiIndex.from_tuples([(1, 2)]),
    "DatetimeIndex": pd.date_range("2020", periods=2),
    "Categorical": pd.Categorical(["a"]),
    "DataFrame": pd.DataFrame({"a": [1]}),
    "sparse array": pd.arrays.SparseArray([0, 1]),
    "DataArray": xr.DataArray([1, 2]),
    "DataArray of no axes": xr.DataArray(5),
    "Dataset": xr.Dataset({"a": ("x", [1])}),
    # questions, and what is made of them
    "Query": Eq("a", 1),
    "TimeRange": TimeRange(5),
    "TextQuery": TextQuery("count"),
}


def found(catalog):
    """Ask all that a catalog that was searched answers."""
    return len(catalog), list(itertools.islice(catalog, 3))


def headers(results):
    return [header.start["uid"] for header in itertools.islice(results, 3)]


def filtered(db, **fields):
    db.clear_filters()
    db.add_filter(**fields)
    try:
        return headers(db())
    finally:
        db.clear_filters()


def each_way(catalog):
    """Return the verbs: each takes a value and asks."""
    db = catalog.v1
    search = catalog.search
    return {
        "search": lambda value: found(search(value)),
        "search field": lambda value: found(search({"odd": value})),
        "search $in": lambda value: found(search({"odd": {"$in": [value, 5]}})),
        "search $in alone": lambda value: found(search({"odd": {"$in": value}})),
        "search $gte": lambda value: found(search({"odd": {"$gte": value}})),
        "search $not": lambda value: found(search({"$and": [{"odd": {"$not": {"$eq": value}}}]})),
        "search $or": lambda value: found(search({"$or": value})),
        "search $regex": lambda value: found(search({"odd": {"$regex": value}})),
        "search $type": lambda value: found(search({"odd": {"$type": value}})),
        "search $mod": lambda value: found(search({"odd": {"$mod": value}})),
        "search $size": lambda value: found(search({"odd": {"$size": value}})),
        "search $elemMatch": lambda value: found(search({"odd": {"$elemMatch": value}})),
        "search $text": lambda value: found(search({"$text": {"$search": value}})),
        "search $expr": lambda value: found(search({"$expr": {"$eq": ["$odd", value]}})),
        "search time": lambda value: found(search({"time": {"$lt": value}})),
        "search path": lambda value: found(search(Pairs(value, 1))),
        "search _id": lambda value: found(search({"_id": value})),
        "stop": lambda value: found(search(stop={"odd": value})),
        "whole stop": lambda value: found(search(stop=value)),
        "descriptor": lambda value: found(search(descriptor={"odd": value})),
        "stream": lambda value: found(search(stream=value)),
        "data_key": lambda value: found(search(data_key=value)),
        "device": lambda value: found(search(device=value)),
        "in_progress": lambda value: found(search(in_progress=value)),
        "duration_gt": lambda value: found(search(duration_gt=value)),
        "sort": lambda value: found(search(sort=value)),
        "sort direction": lambda value: found(search(sort=("time", value))),
        "skip": lambda value: found(search(skip=value)),
        "limit": lambda value: found(search(limit=value)),
        "Key ==": lambda value: found(search(Key("odd") == value)),
        "Key !=": lambda value: found(search(Key("stop.odd") != value)),
        "Key <": lambda value: found(search(Key("descriptor.odd") < value)),
        "Key of a time": lambda value: found(search(Key("time") >= value)),
        "Key": lambda value: found(search(Key(value) == 1)),
        "Eq": lambda value: found(search(Eq("odd", value) | NotEq("odd", value))),
        "In": lambda value: found(search(In("odd", value))),
        "In of one": lambda value: found(search(~In("odd", [value, None]))),
        "NotIn": lambda value: found(search(NotIn("stop.odd", value))),
        "Contains": lambda value: found(search(Contains("odd", value))),
        "Comparison": lambda value: found(search(Comparison(value, "odd", 1))),
        "Exists": lambda value: found(search(Exists("odd", value))),
        "Regex": lambda value: found(search(Pattern("odd", value))),
        "FullText": lambda value: found(search(FullText(value))),
        "TextQuery": lambda value: found(search(TextQuery(text_search=value))),
        "PartialUID": lambda value: found(search(PartialUID(value))),
        "ScanID": lambda value: found(search(ScanID(value))),
        "ScanID duplicates": lambda value: found(search(ScanID(5, duplicates=value))),
        "ScanIDRange": lambda value: found(search(ScanIDRange(value, 10))),
        "TimeRange": lambda value: found(search(TimeRange(since=value))),
        "TimeRange until": lambda value: found(search(TimeRange(until=value))),
        "TimeRange timezone": lambda value: found(search(TimeRange("2020", timezone=value))),
        "Duration": lambda value: found(search(Duration("lt", value) & ~InProgress())),
        "Duration operator": lambda value: found(search(Duration(value, 5))),
        "HasStream": lambda value: found(search(~HasStream(value))),
        "HasDataKey": lambda value: found(search(HasDataKey(value))),
        "HasDevice": lambda value: found(search(HasDevice(value))),
        "Raw": lambda value: found(search(Raw({"odd": {"$ne": value}}, "stop"))),
        "Raw document": lambda value: found(search(Raw({}, value))),
        "RawMongo": lambda value: found(search(RawMongo(start=value))),
        "from_words": lambda value: found(search(from_words([value]))) if isinstance(value, str) else None,
        "from_json": lambda value: found(search(from_json(value))) if isinstance(value, str) else None,
        "scoped": lambda value: found(catalog.scoped(odd=value)),
        "scoped mapping": lambda value: found(catalog.scoped(value)),
        "explain": lambda value: repr(catalog.explain({"odd": value})),
        "db()": lambda value: headers(db(odd=value)),
        "db text": lambda value: headers(db(value)),
        "db(since=)": lambda value: headers(db(since=value)),
        "db(until=)": lambda value: headers(db(until=value)),
        "db(time=)": lambda value: headers(db(time=value)),
        "db(data_key=)": lambda value: headers(db(data_key=value)),
        "db[]": lambda value: db[value],
        "db[[]]": lambda value: db[[value]],
        "add_filter": lambda value: filtered(db, odd=value),
        "add_filter since": lambda value: filtered(db, since=value),
        "distinct": lambda value: catalog.distinct(value),
        "distinct counts": lambda value: search({"odd": value}).distinct("odd", counts=True),
        "facets": lambda value: catalog.facets(value),
        "facets of several": lambda value: catalog.facets([value, "scan_id"]),
        "find": lambda value: catalog.find(value),
        "find limit": lambda value: catalog.find("5", limit=value),
        "catalog[]": lambda value: catalog[value],
        "catalog[[]]": lambda value: catalog[[value, 5]],
        "in": lambda value: value in catalog,
        "get": lambda value: catalog.get(value),
        "in values": lambda value: value in catalog.values(),
        "table": lambda value: catalog.table(value),
        "table of one": lambda value: catalog.table([value]),
        "table timezone": lambda value: catalog.table(timezone=value),
        "table limit": lambda value: catalog.table(limit=value),
        "rows": lambda value: list(catalog.rows(value)),
        "run[]": lambda value: catalog[5][value],
        "in run": lambda value: value in catalog[5],
    }


def outcome(ask, value):
    """What came of asking: nothing to tell, or the classes of the error, the nearest first, and what it says."""
    given = value() if isinstance(value, types.LambdaType) and value.__name__ == "<lambda>" else value
    try:
        ask(given)
    except Exception as error:
        return [[kind.__name__ for kind in type(error).__mro__], str(error)[:500]]
    return None


def fill(catalog):
    """Store a few runs whose documents have a field of several types."""
    collections = catalog.store.collections
    data_keys = {"x": {"source": "", "dtype": "number", "shape": []}}
    for number, odd in enumerate([5, "count", None, 2.5, [1, "a"], {"a": 1}]):
        uid, fields = f"abcdef0{number}", {"time": 1_500_000_000.0 + number, "odd": odd}
        collections.run_start.insert_one({"uid": uid, "scan_id": number, **fields})
        collections.run_stop.insert_one({"uid": f"stop-{uid}", "run_start": uid, **fields})
        descriptor = {"uid": f"of-{uid}", "run_start": uid, "name": "primary", "data_keys": data_keys}
        collections.event_descriptor.insert_one({**descriptor, **fields})


def main(uri, group, n_groups):
    warnings.simplefilter("ignore")
    catalog = Catalog.from_uri(uri)
    fill(catalog)
    outcomes = []
    for way, ask in list(each_way(catalog).items())[int(group) :: int(n_groups)]:
        for name, value in VALUES.items():
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            sys.stderr.write(f"asking {way} with {name}\n")
            outcomes.append([way, name, outcome(ask, value)])
            faulthandler.cancel_dump_traceback_later()
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
