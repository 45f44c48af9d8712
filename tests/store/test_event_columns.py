"""Columns from BSON: which become arrays, which lists, and that typical events are never decoded one by one."""

from __future__ import annotations

import struct
import tracemalloc
from datetime import datetime

import bson
import numpy as np
import pytest
from bson.errors import InvalidBSON
from bson.int64 import Int64

from databroker_mongo.store import MISSING
from databroker_mongo.store.events import columns as bson_columns
from databroker_mongo.store.events.columns import ColumnParts, read_documents

X = ("data", "x")


def decode_columns(batches, fields):
    """Read columns out of batches of BSON documents."""
    parts = ColumnParts(fields)
    for each in batches:
        parts.add_batch(each)
    return parts.join()


def batch(values) -> bytes:
    return b"".join(bson.encode({"data": {} if value is MISSING else {"x": value}}) for value in values)


def column(values):
    (decoded,) = decode_columns([batch(values)], [X])
    (looked_up,) = read_documents(bson.decode_all(batch(values)), [X])
    assert type(decoded) is type(looked_up)
    assert getattr(decoded, "dtype", None) == getattr(looked_up, "dtype", None)
    return decoded


@pytest.fixture
def no_decoding(monkeypatch):
    def refuse(*_):
        raise AssertionError("a document was decoded outside its layout")

    monkeypatch.setattr(bson_columns.bson, "decode_all", refuse)
    monkeypatch.setattr(bson_columns, "_MIN_BYTES", 0)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0.5, -0.0, 2.0], np.float64),
        ([1, 2, 3], np.int64),
        ([1, Int64(2), 2**40], np.int64),
        ([True, False, True], np.bool_),
        ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float64),
        ([[[1, 2**40]], [[3, 4]], [[Int64(5), 6]]], np.int64),
        ([[True], [False], [True]], np.bool_),
    ],
)
@pytest.mark.parametrize("n_repeats", [1, 500])
def test_values_of_one_numeric_type_and_shape_become_an_array(values, dtype, n_repeats):
    result = column(values * n_repeats)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.array(values * n_repeats, dtype))


@pytest.mark.parametrize(
    "values",
    [
        [1, 1.0],
        [True, 1],
        [1.0, None],
        [1.0, MISSING],
        [MISSING, MISSING],
        [None, MISSING],
        ["a", "\u00e9\0b", ""],
        [[1.0], [1.0, 2.0]],
        [[1.0], [1]],
        [[1.0, 2]],
        [[True, 1]],
        [[1.0], 1.0],
        [[[1.0], [1.0, 2.0]]],
        [[], []],
        [[[]], [[]]],
        [[None], ["a"]],
        [{}, {"y": 1.0}],
        [datetime(2020, 1, 1), bson.ObjectId(b"012345678901"), b"raw"],
    ],
)
@pytest.mark.parametrize("n_repeats", [1, 500])
def test_anything_else_is_a_list_of_what_decoding_gives(values, n_repeats):
    result = column(values * n_repeats)
    assert type(result) is list
    assert result == values * n_repeats
    plain = [int if type(value) is Int64 else type(value) for value in result]
    assert plain == [type(value) for value in values * n_repeats]


@pytest.mark.parametrize("shape", [(1,), (10,), (11,), (100,), (1001,), (12, 101), (3, 1, 11)])
@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_arrays_are_read_across_the_gaps_that_their_indices_leave(no_decoding, shape, dtype):
    expected = np.random.default_rng(0).integers(0, 2, (80, *shape)).astype(dtype)
    result = decode_columns([batch(expected.tolist())], [X])[0]
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, expected)


def test_events_of_the_same_types_are_read_by_their_layout(no_decoding):
    events = [
        {"seq_num": i, "time": i / 7, "data": {"x": -i / 3, "on": i % 2 == 0, "id": f"run/{9 + i % 2}"}}
        for i in range(2000)
    ]
    fields = [("seq_num",), ("time",), X, ("data", "on"), ("data", "id"), ("data", "gone")]
    batches = [b"".join(map(bson.encode, part)) for part in (events[:900], events[900:])]
    seq_num, time, x, on, ids, gone = decode_columns(batches, fields)[:]
    np.testing.assert_array_equal(seq_num, [event["seq_num"] for event in events])
    np.testing.assert_array_equal(time, [event["time"] for event in events])
    np.testing.assert_array_equal(x, [event["data"]["x"] for event in events])
    np.testing.assert_array_equal(on, [event["data"]["on"] for event in events])
    assert ids == [event["data"]["id"] for event in events]
    assert gone == [MISSING] * 2000


def test_layouts_that_take_turns_keep_the_order_of_the_documents(no_decoding):
    values = [[1, 1.5, "abcd", None, Int64(7)][i * 3 % 5] for i in range(5000)]
    result = decode_columns([batch(values)], [X])[0]
    assert result == values
    assert {type(value) for value in result} == {int, float, str, type(None)}


def test_a_few_odd_documents_are_decoded_in_their_places():
    values = [float(i) for i in range(2000)]
    values[0] = values[77] = Int64(5)
    values[1999] = {"y": 1}
    assert decode_columns([batch(values)], [X])[0] == values


def test_documents_of_every_length_and_type_are_decoded():
    values = [["x" * (i % 300), i, [i] * (i % 200), None][i % 4] for i in range(2000)]
    assert decode_columns([batch(values)], [X])[0] == values


def test_signed_zeros_and_nan_payloads_come_through_bit_by_bit():
    bits = np.array([0x8000000000000000, 0x7FF8000000000123, 0xFFFFFFFFFFFFFFFF] * 1000, np.uint64)
    for n in (3, 3000):
        result = decode_columns([batch(bits.view(np.float64)[:n].tolist())], [X])[0]
        np.testing.assert_array_equal(result.view(np.uint64), bits[:n])


def test_keys_are_literal_whatever_they_contain():
    document = {"a.b": 1, "a": {"b": 2, "$set": 3, "": 4}, "": {"": 5}, "0": 6, "\u00e9": 7}
    fields = [
        ("a.b",),
        ("a", "b"),
        ("a", "$set"),
        ("a", ""),
        ("", ""),
        ("0",),
        ("\u00e9",),
        ("a.b", "c"),
        ("a", "b", "c"),
    ]
    for n in (1, 1000):
        columns = decode_columns([bson.encode(document) * n], fields)
        assert [list(column) for column in columns] == [[i] * n for i in range(1, 8)] + [[MISSING] * n] * 2


def test_an_index_does_not_lead_into_an_array():
    assert decode_columns([batch([[1.0, 2.0]] * 1000)], [(*X, "0")]) == [[MISSING] * 1000]


def test_the_same_field_may_be_asked_for_twice_and_with_its_parent():
    first, second, parent = decode_columns([batch([1.0] * 1000)], [X, X, ("data",)])
    np.testing.assert_array_equal(first, second)
    assert parent == [{"x": 1.0}] * 1000


@pytest.mark.parametrize("batches", [[], [b""], [b"", b""]])
def test_no_documents_give_empty_lists(batches):
    assert decode_columns(batches, [X, ("time",)]) == [[], []]
    assert read_documents([], [X, ("time",)]) == [[], []]


def test_empty_documents_have_nothing():
    assert decode_columns([bson.encode({}) * 1000], [X]) == [[MISSING] * 1000]


def test_no_fields_give_no_columns():
    assert decode_columns([batch([1.0] * 1000)], []) == []


def raw(*elements: bytes) -> bytes:
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


INT_1 = struct.pack("<i", 1)
INT_2 = struct.pack("<i", 2)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (raw(b"\x10x\0" + INT_1, b"\x10x\0" + INT_2), 2),
        (raw(b"\x04x\0" + raw(b"\x107\0" + INT_1, b"\x107\0" + INT_2)), [1, 2]),
        (raw(b"\x04x\0" + raw(b"\x10\0" + INT_1)), [1]),
        (raw(b"\x03x\0" + raw(b"\x10x\0" + INT_1), b"\x10x\0" + INT_2), 2),
        (raw(b"\x06x\0"), None),
        (raw(b"\x0ex\0" + INT_2 + b"s\0"), "s"),
    ],
    ids=["duplicate key", "wrong indices", "no indices", "duplicate of another type", "undefined", "symbol"],
)
def test_documents_that_no_one_should_write_read_as_they_decode(document, expected):
    assert bson.decode(document)["x"] == expected
    assert np.asarray(decode_columns([document * 1000], [("x",)])[0]).tolist() == [expected] * 1000


@pytest.mark.parametrize(
    "broken",
    [
        b"\5",
        b"\0\0\0\0",
        struct.pack("<i", -5) + b"\0",
        struct.pack("<i", 4) + b"\0" * 4,
        batch([1.0]) + b"\0",
        batch([1.0, 2.0])[:-1],
        batch([1.0] * 999 + ["a"])[:-4],
    ],
)
def test_a_batch_that_is_not_bson_is_refused(broken):
    with pytest.raises(InvalidBSON):
        decode_columns([broken], [X])


@pytest.mark.parametrize(
    ("value", "found", "broken"), [(True, b"x\0\1", b"x\0\2"), ("\u00e9", "\u00e9".encode(), b"\xc3\xc3")]
)
@pytest.mark.parametrize("n_rows", [1, 1000])
def test_bytes_that_are_no_bool_or_no_text_are_refused(value, found, broken, n_rows):
    documents = [batch([value])] * n_rows
    documents[-1] = documents[-1].replace(found, broken)
    with pytest.raises(InvalidBSON):
        decode_columns([b"".join(documents)], [X])


def test_integers_that_no_database_could_hold_stay_a_list():
    assert read_documents([{"x": 2**70}, {"x": 1}], [("x",)]) == [[2**70, 1]]


def test_parts_read_apart_join_in_the_order_they_are_put_together():
    early, late = ColumnParts([X]), ColumnParts([X])
    late.add_documents([{"data": {"x": 3}}])
    early.add_batch(batch([1, 2]))
    early.add_documents([])
    early.extend(late)
    (joined,) = early.join()
    assert joined.dtype == np.int64
    np.testing.assert_array_equal(joined, [1, 2, 3])


def test_joining_holds_little_more_than_the_columns():
    blob = batch(np.zeros((100, 1000)).tolist())
    decode_columns([blob], [X])
    tracemalloc.start()
    try:
        (result,) = decode_columns((blob for _ in range(10)), [X])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.shape == (1000, 1000)
    assert peak < 2.6 * result.nbytes
