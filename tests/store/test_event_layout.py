"""A layout matches the documents that have its frame, and tells when only decoding will do."""

from __future__ import annotations

import bson
import numpy as np
import pytest
from bson.int64 import Int64

from databroker_mongo.store import MISSING
from databroker_mongo.store.events.layout import Layout, flatten

X = ("data", "x")


def table(documents) -> np.ndarray:
    encoded = [bson.encode(document) for document in documents]
    return np.frombuffer(b"".join(encoded), np.uint8).reshape(len(encoded), -1)


@pytest.mark.parametrize(
    ("first", "other", "is_same"),
    [
        ({"x": 1.0}, {"x": float("nan")}, True),
        ({"x": 1.0}, {"x": Int64(1)}, False),
        ({"x": 1}, {"x": -1}, True),
        ({"x": "ab"}, {"x": "\u00e9"}, True),
        ({"x": "ab\0"}, {"x": "abc"}, True),
        ({"x": True}, {"x": False}, True),
        ({"x": 1, "y": 2}, {"y": 2, "x": 1}, False),
        ({"x": 1}, {"y": 1}, False),
        ({"x": [1, 2]}, {"x": [3, 4]}, True),
        ({"x": [1, 2]}, {"x": {"0": 1, "1": 2}}, False),
        ({"x": b"a"}, {"x": b"b"}, False),
        ({"x": b""}, {"x": ""}, False),
    ],
)
def test_documents_match_when_they_differ_in_values_alone(first, other, is_same):
    layout = Layout.of(bson.encode(first), [])
    np.testing.assert_array_equal(layout.is_match(table([first, other, first])), [True, is_same, True])


def test_many_documents_are_compared_to_the_last():
    documents = [{"x": number} for number in range(50_000)]
    documents[20_000] = {"y": 0}
    documents[-1] = {"z": 0}
    layout = Layout.of(bson.encode(documents[0]), [("x",)])
    np.testing.assert_array_equal(np.flatnonzero(~layout.is_match(table(documents))), [20_000, 49_999])


def test_a_layout_reads_columns_in_the_order_of_the_fields():
    documents = [{"data": {"x": i / 2, "name": f"{i}"}, "none": None, "seq_num": i} for i in range(10)]
    layout = Layout.of(bson.encode(documents[0]), [("seq_num",), X, ("none",), ("gone", "x"), ("data", "name")])
    seq_num, x, none, gone, name = layout.columns(table(documents))
    np.testing.assert_array_equal(seq_num, np.arange(10))
    np.testing.assert_array_equal(x, np.arange(10) / 2)
    assert none == [None] * 10
    assert gone == [MISSING] * 10
    assert name == [str(number) for number in range(10)]


TEXTS = {
    "all equal": ["ab"] * 300,
    "of some streams": [*["ab"] * 250, *["cd"] * 3, *["ab"] * 100, "ef"],
    "all others": [f"{number:04}" for number in range(1000)],
    "equal, then others": [*["0000"] * 300, *(f"{number:04}" for number in range(300))],
    "others, then equal": [*(f"{number:04}" for number in range(300)), *["0000"] * 300],
    "of several bytes": [*["é"] * 150, *["ab"] * 150, *["ö"] * 2],
}


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_texts_that_follow_each_other_are_read_as_those_that_do_not(texts):
    documents = [{"uid": text, "x": 0.5} for text in texts]
    layout = Layout.of(bson.encode(documents[0]), [("uid",)])
    [found] = layout.columns(table(documents))
    assert found == texts


def test_of_equal_texts_in_a_row_one_is_made():
    documents = [{"uid": text} for text in TEXTS["of some streams"]]
    [found] = Layout.of(bson.encode(documents[0]), [("uid",)]).columns(table(documents))
    assert len({id(text) for text in found}) == 4


@pytest.mark.parametrize("value", [{}, {"y": 1.0}, [], [1, 1.0], [[1], [1, 2]], ["a"], b"a", bson.ObjectId(), [None]])
def test_a_field_that_has_to_be_decoded_has_no_layout(value):
    document = bson.encode({"data": {"x": value}})
    assert Layout.of(document, [X]) is None
    assert Layout.of(document, [("time",)]) is not None


def test_nested_lists_are_flattened_as_deep_as_they_are_regular():
    assert flatten([[[1], [2]], [[3], [4]]]) == ([1, 2, 3, 4], (2, 2, 1), {int})
    assert flatten([[[1], [2, 3]]]) == ([[1], [2, 3]], (1, 2), {list})
    assert flatten([[], []]) == ([], (2, 0), set())
    assert flatten([]) == ([], (0,), set())
    assert flatten([1, [2]]) == ([1, [2]], (2,), {int, list})
