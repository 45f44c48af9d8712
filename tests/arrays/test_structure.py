"""Dims, chunks and the known slips of descriptors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from databroker_mongo.arrays import attributes, name_dims
from databroker_mongo.arrays.structure import declared_dtype, plan_chunks, reconcile
from databroker_mongo.assets import DatumStructure
from databroker_mongo.errors import ShapeMismatch

UINT16 = np.dtype("<u2")


def test_dims_are_numbered_through_all_data_keys_in_stored_order():
    data_keys = {"a": {"shape": [3]}, "b": {"shape": []}, "image": {"shape": [0, 0]}, "c": {"shape": [2]}}
    named = name_dims(data_keys, {"image": (1, 4, 6)})
    assert named == {"a": ("dim_0",), "b": (), "image": ("dim_1", "dim_2", "dim_3"), "c": ("dim_4",)}


def test_a_data_keys_own_dims_are_taken_when_there_is_one_for_each_axis():
    data_keys = {"a": {"shape": [3], "dims": ["energy"]}, "b": {"shape": [3, 4], "dims": ["only_one"]}}
    assert name_dims(data_keys, {}) == {"a": ("energy",), "b": ("dim_0", "dim_1")}


def test_names_of_axes_that_cannot_stand_together_are_numbered():
    data_keys = {
        "a": {"shape": [3], "dims": ["x"]},
        "b": {"shape": [4], "dims": ["x"]},
        "c": {"shape": [3], "dims": ["x"]},
        "d": {"shape": [2, 2], "dims": ["y", "y"]},
        "e": {"shape": [5], "dims": ["time"]},
        "f": {"shape": [5], "dims": ["a"]},
        "dim_4": {"shape": []},
    }
    named = name_dims(data_keys, {})
    assert named["a"] == named["c"] == ("x",)
    assert named["b"] == ("dim_0",)
    assert named["d"] == ("dim_1", "dim_2")
    assert named["e"] == ("dim_3",)
    assert named["f"] == ("dim_4_",)


def test_attributes_are_what_is_known():
    data_key = {"units": "nA", "precision": 3, "source": "PV:x", "dtype": "number", "shape": []}
    assert attributes(data_key, "quadem1") == {"object": "quadem1", "units": "nA", "precision": 3, "source": "PV:x"}
    assert attributes({"units": None}, None) == {}


@pytest.mark.parametrize("declared", [[6, 4, 0], [-1, 4, 6], [4, 6], [6, 4], [], [6, 4, 1], [1, 4, None]])
def test_a_known_slip_in_a_declared_shape_is_told_and_not_fatal(declared):
    assert "was found" in reconcile({"shape": declared}, DatumStructure((1, 4, 6), UINT16))


@pytest.mark.parametrize("found", [(2, 4, 6), (1, 3, 5), (1, 5, 7), (4, 6)])
def test_a_shape_that_contradicts_the_declared_one_is_refused(found):
    with pytest.raises(ShapeMismatch, match="Nothing is padded"):
        reconcile({"shape": [1, 4, 6], "dtype_numpy": "<u2"}, DatumStructure(found, UINT16))


def test_frames_that_the_resource_promises_are_believed():
    assert reconcile({"shape": [1, 4, 6]}, DatumStructure((2, 4, 6), UINT16), frames=2)


@pytest.mark.parametrize(("declared", "frames"), [(2, 1), (3, 2), (2, None)])
def test_frames_that_the_descriptor_counts_otherwise_than_the_resource_are_refused(declared, frames):
    with pytest.raises(ShapeMismatch):
        reconcile({"shape": [declared, 4, 6]}, DatumStructure((frames or 1, 4, 6), UINT16), frames=frames)


def test_floats_where_integers_are_declared_are_refused_and_narrower_ones_told():
    with pytest.raises(ShapeMismatch):
        reconcile({"shape": [1], "dtype_numpy": "<u2"}, DatumStructure((1,), np.dtype("<f8")))
    assert "float64 is declared" in reconcile({"shape": [1], "dtype_numpy": "<f8"}, DatumStructure((1,), UINT16))


def test_what_agrees_gives_no_note():
    assert reconcile({"shape": [1, 4], "dtype_numpy": "<u2"}, DatumStructure((1, 4), UINT16)) is None
    assert reconcile({"shape": None}, DatumStructure((1, 4), UINT16)) is None


def test_a_dtype_may_be_declared_in_three_ways():
    assert declared_dtype({"dtype_numpy": "<f4"}) == np.float32
    assert declared_dtype({"dtype_str": "<i2"}) == np.int16
    assert declared_dtype({"dtype_descr": [["x", "<f8"], ["y", "<i4", [2]]]}).names == ("x", "y")
    assert declared_dtype({"dtype_numpy": "nonsense"}) is None


@given(
    n_rows=st.integers(0, 5000),
    frame=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    file_rows=st.integers(1, 12),
    boundaries=st.lists(st.integers(0, 5000), max_size=5).map(sorted),
)
def test_blocks_cover_the_array_and_none_is_larger_than_it_must_be(n_rows, frame, file_rows, boundaries):
    shape = (n_rows, 1, *frame)
    chunks = plan_chunks(shape, UINT16, file_chunks=(file_rows, 1, *frame), boundaries=boundaries)
    assert tuple(sum(blocks) for blocks in chunks) == shape
    assert all(len({*blocks[:-1]}) <= 1 and blocks[-1] <= blocks[0] for blocks in chunks)
    datum_bytes = 2 * frame[0] * frame[1]
    assert all(blocks * datum_bytes <= max(64_000_000, file_rows * datum_bytes) for blocks in chunks[0])


def test_a_long_stack_is_cut_into_blocks_of_16_to_64_megabytes_aligned_with_the_file():
    chunks = plan_chunks((2000, 1, 1024, 1024), UINT16, file_chunks=(10, 1, 1024, 1024))
    sizes = {blocks * 2 * 1024 * 1024 for blocks in chunks[0][:-1]}
    assert all(16e6 <= size <= 64e6 for size in sizes)
    assert all(blocks % 10 == 0 for blocks in chunks[0][:-1])


@pytest.mark.parametrize(
    ("n_rows", "boundaries", "chunk", "expected"),
    [
        (1000, range(0, 1000, 1), 1, (15,) * 66 + (10,)),
        (100, range(0, 100, 10), 1, (10,) * 10),
        (100, range(0, 100, 7), 1, (14,) * 7 + (2,)),
        (100, range(0, 100, 20), 1, (20,) * 5),
        (240, range(0, 240, 60), 1, (30,) * 8),
        (240, range(0, 240, 60), 12, (12,) * 20),
        (94, range(0, 94, 47), 1, (15,) * 6 + (4,)),
        (357, [0, 37, 157], 1, (15,) * 23 + (12,)),
        (30, [0, 17], 1, (30,)),
    ],
)
def test_blocks_hold_whole_files_or_equal_parts_of_one_where_files_are_equally_long(
    n_rows, boundaries, chunk, expected
):
    frame = (1, 1024, 1024)
    chunks = plan_chunks((n_rows, *frame), UINT16, file_chunks=(chunk, *frame), boundaries=[*boundaries])
    assert chunks[0] == expected


def test_a_frame_larger_than_a_block_is_cut_along_the_chunks_of_the_file():
    chunks = plan_chunks((3, 1, 16384, 16384), UINT16, file_chunks=(1, 1, 512, 16384))
    assert all(block % 512 == 0 for block in chunks[2])
    assert chunks[3] == (16384,)
