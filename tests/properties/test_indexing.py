"""array[region][residual] equals array[key], and the region is what a handler may be given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices

from databroker_mongo.arrays.indexing import split_key


@st.composite
def arrays_and_keys(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    key = draw(basic_indices(shape, allow_ellipsis=True, allow_newaxis=True, max_dims=8))
    return np.arange(np.prod(shape)).reshape(shape), key


@given(arrays_and_keys())
def test_region_and_residual_together_give_what_numpy_gives(case):
    array, key = case
    region, residual = split_key(key, array.shape)
    np.testing.assert_array_equal(array[region][residual], array[key])


@given(arrays_and_keys())
def test_a_region_has_a_unit_step_slice_inside_the_bounds_for_each_axis(case):
    array, key = case
    region, _ = split_key(key, array.shape)
    assert len(region) == array.ndim
    for part, size in zip(region, array.shape, strict=True):
        assert part.step is None
        assert 0 <= part.start <= part.stop <= size


@given(st.lists(st.integers(-6, 5), max_size=8))
def test_a_list_of_positions_asks_only_for_the_span_that_holds_them(positions):
    array = np.arange(12).reshape(6, 2)
    region, residual = split_key((np.array(positions, dtype=int), 1), array.shape)
    np.testing.assert_array_equal(array[region][residual], array[np.array(positions, dtype=int), 1])
    rows = np.array(positions, dtype=int) % 6
    assert region[0] == (slice(rows.min(), rows.max() + 1) if positions else slice(0, 0))


def test_a_boolean_mask_is_understood():
    array = np.arange(5)
    region, residual = split_key(np.array([False, True, False, True, False]), array.shape)
    assert region == (slice(1, 4),)
    np.testing.assert_array_equal(array[region][residual], [1, 3])


@pytest.mark.parametrize("key", [5, -6, (0, 0), [5], np.array([True])])
def test_a_key_out_of_bounds_is_refused_as_numpy_refuses_it(key):
    with pytest.raises(IndexError):
        np.arange(5)[key]
    with pytest.raises(IndexError):
        split_key(key, (5,))
