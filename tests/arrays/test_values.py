"""Values of events become arrays that hold exactly them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from databroker_mongo.arrays import as_array
from databroker_mongo.arrays.values import cast_exactly, missing_value
from databroker_mongo.errors import ShapeMismatch
from databroker_mongo.store import MISSING

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=3),
    st.just(MISSING),
    st.lists(st.integers(-5, 5), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


def is_same(found, value):
    if value is MISSING:
        return found is None or bool(np.all(np.isnan(found)))
    if isinstance(value, list):
        return np.array_equal(found, value) and len(found) == len(value)
    if isinstance(value, float) and value != value:
        return found != found
    return found == value and isinstance(found, (bool, np.bool_)) == isinstance(value, bool)


@given(st.lists(scalars, min_size=1, max_size=6))
def test_every_value_is_found_again_whatever_the_mixture(values):
    array = as_array(values)
    assert len(array) == len(values)
    assert all(is_same(found, value) for found, value in zip(array, values, strict=True))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_stay_integers(values):
    assert as_array(values).dtype == np.int64


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2.5], np.float64),
        ([1.0, float("nan")], np.float64),
        ([True, False], np.bool_),
        (["a", "bcd"], "<U3"),
        ([1, MISSING], np.float64),
        ([2**60 + 1, MISSING], object),
        ([2**60, 0.5], object),
        ([None, 1.0], object),
        (["a", 1.0], object),
        (["a", MISSING], object),
        (["a\0"], object),
        ([True, 1], object),
        ([[1, 2], [3, 4]], np.int64),
        ([[1, 2], [3]], object),
        ([[1, 2], 3], object),
        ([["a"], ["b"]], "<U1"),
    ],
)
def test_the_dtype_is_that_of_the_values(values, dtype):
    assert as_array(values).dtype == np.dtype(dtype)


def test_ragged_rows_are_arrays_of_their_own_in_an_object_column():
    first, second = as_array([[1, 2], [3.5]])
    np.testing.assert_array_equal(first, [1, 2])
    assert second.dtype == np.float64


@pytest.mark.parametrize("row", [["x", 1.0], [True, 2], [2**60, 0.5], ["a\0"], [None, 1.0], [["x"], [1]]])
def test_a_list_that_no_array_holds_stays_the_list_it_is(row):
    assert as_array([row, [1.0, 2.0]])[0] == row
    assert as_array([row])[0] == row


def test_a_missing_list_is_a_row_of_nan():
    np.testing.assert_array_equal(as_array([[1, 2], MISSING]), [[1, 2], [np.nan, np.nan]])


def test_a_declared_dtype_is_taken_only_where_it_holds_every_value():
    assert as_array([1.5, 2.0], declared=np.dtype("<f4")).dtype == np.float32
    assert as_array([0.1, 2.0], declared=np.dtype("<f4")).dtype == np.float64
    assert as_array([1, 300], declared=np.dtype("u1")).dtype == np.int64
    assert as_array([-1, 3], declared=np.dtype("<u8")).dtype == np.int64
    assert as_array([np.nan], declared=np.dtype("<i4")).dtype == np.float64


def test_structured_values_are_records():
    dtype = np.dtype([("x", "<f8"), ("n", "<i4")])
    array = as_array([[[1.0, 2], [3.0, 4]]], declared=dtype)
    assert array.shape == (1, 2)
    assert array["n"].tolist() == [[2, 4]]


RECORD = np.dtype([("x", "<f4"), ("n", "<i4"), ("name", "<U2")])
PAIR = np.dtype([("x", "<i4"), ("y", "<i4")])


@pytest.mark.parametrize("is_array", [False, True])
def test_records_of_one_kind_of_number_are_records_too(is_array):
    rows = [[1, 2], [3, 4]]
    array = as_array(np.array(rows) if is_array else rows, declared=PAIR)
    assert array.tolist() == [(1, 2), (3, 4)]
    tables = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    array = as_array(np.array(tables) if is_array else tables, declared=PAIR)
    assert array["y"].tolist() == [[2, 4], [6, 8]]


@pytest.mark.parametrize(
    ("row", "dtype"),
    [
        ([0.1, 2, "a"], RECORD),
        ([0.5, 2.5, "a"], RECORD),
        ([0.5, 2**40, "a"], RECORD),
        ([0.5, 2, "abc"], RECORD),
        ([0.5, 2, "a\0"], RECORD),
        ([0.5, 2], RECORD),
        ([[0.5, 2, "abc"]], RECORD),
        (1, PAIR),
        ([1], PAIR),
        ([1, 2, 3], PAIR),
        ("ab", PAIR),
        (None, PAIR),
    ],
)
def test_what_is_no_such_record_exactly_stays_the_list_it_is(row, dtype):
    array = as_array([row, row], declared=dtype)
    assert array.dtype == object
    assert array.tolist() == [row, row]


def test_records_may_hold_nan():
    assert np.isnan(as_array([[np.nan, 2, "a"]], declared=RECORD)["x"][0])


def test_a_record_that_an_event_lacks_is_none():
    array = as_array([[1, 2], MISSING], declared=PAIR)
    assert array.tolist() == [[1, 2], None]


def test_text_is_never_cropped_to_what_was_promised():
    assert cast_exactly(np.array(["a"]), np.dtype("<U3"), ()).dtype == "<U3"
    with pytest.raises(ShapeMismatch):
        cast_exactly(np.array(["abcd"]), np.dtype("<U3"), ())


def test_promised_values_are_cast_only_when_none_changes():
    np.testing.assert_array_equal(cast_exactly(np.array([1, 2]), np.dtype(float), ()), [1.0, 2.0])
    with pytest.raises(ShapeMismatch, match="events hold float64"):
        cast_exactly(np.array([1.5]), np.dtype(int), ())
    with pytest.raises(ShapeMismatch):
        cast_exactly(np.zeros((1, 3)), np.dtype(float), (2,))


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i4", "<f4", "<f8"])
def test_what_says_missing_can_hold_every_value_of_the_dtype(dtype):
    wide, gap = missing_value(np.dtype(dtype))
    assert np.can_cast(np.dtype(dtype), wide, "safe")
    assert np.isnan(np.array([gap], wide))


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i2", "<u2", "<i4", ">u4", "<i8", "<u8"])
def test_integers_that_can_be_missing_are_float64_so_that_sums_are_exact(dtype):
    assert missing_value(np.dtype(dtype)) == (np.float64, pytest.approx(np.nan, nan_ok=True))
