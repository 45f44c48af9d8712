"""fault-cases: values in event data come back equal or are refused by name."""

import decimal
import enum
from collections import OrderedDict
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest

from databroker_mongo import numpy_values  # noqa: F401 (its values are made known)
from databroker_mongo.values import Unencodable, are_equal, copied, encodable


class Colour(enum.StrEnum):
    RED = "red"


KEPT = {
    "NaN": (np.nan, np.nan),
    "inf": (np.inf, np.inf),
    "minus inf": (-np.inf, -np.inf),
    "float64": (np.float64(0.1), 0.1),
    "float32": (np.float32(0.1), float(np.float32(0.1))),
    "float16": (np.float16(0.1), float(np.float16(0.1))),
    "a longdouble that a double holds": (np.longdouble(0.5), 0.5),
    "int64": (np.int64(-5), -5),
    "uint64 below 2^63": (np.uint64(2**63 - 1), 2**63 - 1),
    "bool_": (np.bool_(True), True),
    "bytes_": (np.bytes_(b"ab"), b"ab"),
    "str_": (np.str_("ab"), "ab"),
    "2^63-1": (2**63 - 1, 2**63 - 1),
    "-2^63": (-(2**63), -(2**63)),
    "bool": (True, True),
    "None": (None, None),
    "bytes": (b"\0\xff", b"\0\xff"),
    "bytearray": (bytearray(b"ab"), b"ab"),
    "a string with NUL": ("a\0b", "a\0b"),
    "an emoji": ("\U0001f600", "\U0001f600"),
    "a member of a string enumeration": (Colour.RED, "red"),
    "a datetime of whole milliseconds": (datetime(2026, 1, 2, 3, 4, 5, 6000),) * 2,
    "tuple": ((1, 2.5, "a"), [1, 2.5, "a"]),
    "a list of large integers": ([2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
    "float array": (np.array([1.5, np.nan]), [1.5, np.nan]),
    "2-d uint16 array": (np.arange(6, dtype="u2").reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    "big-endian array": (np.array([1, 2], dtype=">i4"), [1, 2]),
    "strided array": (np.arange(6)[::2], [0, 2, 4]),
    "object array": (np.array([1, "a", None], dtype=object), [1, "a", None]),
    "array of strings": (np.array(["a", "\xe1"]), ["a", "\xe1"]),
    "array of bytes": (np.array([b"ab"]), [b"ab"]),
    "bool array": (np.array([True, False]), [True, False]),
    "0-d array": (np.array(7), 7),
    "empty array": (np.array([]), []),
    "empty rows": (np.zeros((2, 0)), [[], []]),
    "longdouble array that doubles hold": (np.array([0.5, 2], dtype="g"), [0.5, 2.0]),
    "nested": ({"a": [np.int8(1), {"b": (np.float32(0.5),)}]}, {"a": [1, {"b": [0.5]}]}),
    "ordered mapping": (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    "a mapping that is no dict": (MappingProxyType({"a": 1}), {"a": 1}),
}

REFUSED = {
    "complex128": (np.complex128(1j), "numpy.complex128"),
    "datetime64": (np.datetime64("2026-01-01"), "numpy.datetime64"),
    "timedelta64": (np.timedelta64(1, "s"), "numpy.timedelta64"),
    "uint64 2^64-1": (np.uint64(2**64 - 1), "numpy.uint64"),
    "2^63": (2**63, "int"),
    "2^70": (2**70, "int"),
    "a list with 2^63": ([1, 2**63], "int"),
    "lone surrogate": ("a\ud800", "str"),
    "complex": (1j, "complex"),
    "datetime with microseconds": (datetime(2026, 1, 1, microsecond=1), "datetime.datetime"),
    "datetime with a zone": (datetime(2026, 1, 1, tzinfo=UTC), "datetime.datetime"),
    "Decimal": (decimal.Decimal("0.1"), "decimal.Decimal"),
    "set": ({1}, "set"),
    "range": (range(3), "range"),
    "generator": ((i for i in "ab"), "generator"),
    "object": (object(), "object"),
    "datetime64 array": (np.array(["2026-01-01"], dtype="M8[D]"), "numpy.ndarray"),
    "structured array": (np.zeros(2, dtype=[("a", int)]), "numpy.ndarray"),
    "complex array": (np.array([1j]), "numpy.ndarray"),
    "uint64 array above 2^63": (np.array([2**63], dtype="u8"), "numpy.ndarray"),
    "masked array": (np.ma.masked_array([1, 2], mask=[True, False]), "numpy.ma.MaskedArray"),
    "rows that are lost": (np.zeros((0, 3)), "numpy.ndarray"),
    "object array with a set": (np.array([{1}], dtype=object), "set"),
}


@pytest.mark.parametrize("case", KEPT)
def test_a_value_that_has_an_equal_becomes_it(case):
    value, expected = KEPT[case]
    result = encodable(value)
    assert are_equal(result, expected)
    assert type(result) is type(expected)


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_that_has_no_equal_is_refused_with_its_type_and_place(case):
    value, type_name = REFUSED[case]
    with pytest.raises(Unencodable) as caught:
        encodable({"data": {"det": value}})
    assert caught.value.value_type.endswith(type_name)
    assert caught.value.path[:2] == ["data", "det"]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="long double is a double on this machine")
def test_a_longdouble_that_no_double_equals_is_refused():
    for value in (np.longdouble(1) / 3, np.array([np.longdouble(1) / 3])):
        with pytest.raises(Unencodable, match="more than the 64 bits"):
            encodable(value)


@pytest.mark.parametrize(
    "key", ["a.b", "$x", "a$b", "", "__class__", "_id", "k" * 1000, "\xe1", "data.x", "a b", "a/b"]
)
def test_an_odd_key_is_kept_as_it_is(key):
    assert encodable({key: 1}) == {key: 1}


@pytest.mark.parametrize("key", ["a\0b", "a\ud800", 5, None])
def test_a_key_that_cannot_be_kept_is_refused(key):
    with pytest.raises(Unencodable) as caught:
        encodable({"data": {key: 1}})
    assert caught.value.path == ["data", key]


def test_the_result_shares_nothing_that_can_change_with_the_value():
    value = {"a": [1.0], "b": {"c": [1]}}
    result = encodable(value)
    value["a"].append(2.0)
    value["b"]["c"].append(2)
    assert result == {"a": [1.0], "b": {"c": [1]}}


def test_equality_counts_nan_as_nan_and_tells_lists_of_other_lengths_apart():
    assert are_equal({"a": [np.nan, {"b": np.nan}], "c": 1}, {"c": 1, "a": [np.nan, {"b": np.nan}]})
    assert not are_equal([np.nan], [1.0])
    assert not are_equal([1.0], [np.nan])
    assert not are_equal([1, 2], [1])
    assert not are_equal({"a": 1}, {"a": 1, "b": 2})
    assert not are_equal({"a": 1}, [1])


def test_a_copy_of_a_document_shares_nothing_that_can_be_changed():
    document = {"a": [1, {"b": [2.5, None]}], "c": OrderedDict(d=[True]), "e": {"f"}, "g": "text"}
    copy = copied(document)
    assert copy == document
    assert type(copy["c"]) is OrderedDict
    copy["a"][1]["b"].append(3)
    copy["c"]["d"].clear()
    copy["e"].clear()
    assert document == {"a": [1, {"b": [2.5, None]}], "c": OrderedDict(d=[True]), "e": {"f"}, "g": "text"}
