"""Several rows of stored data as one row of a stream."""

import numpy as np
import pytest

from databroker_mongo.arrays.stored_rows import chunks_in_events, one_row, rows_in_event
from databroker_mongo.assets import DatumStructure


def structure(*shape, chunks=None):
    return DatumStructure(shape, np.dtype("u2"), chunks)


@pytest.mark.parametrize(
    ("declared", "chunk_shape", "row"),
    [((2, 4, 6), [1, 4, 6], (4, 6)), ((1,), (1024,), ()), ((4, 6), [1, 4, 6], (4, 6)), ((4, 6), None, (4, 6))],
)
def test_chunk_shape_tells_whether_the_first_declared_axis_counts_rows(declared, chunk_shape, row):
    parameters = {} if chunk_shape is None else {"chunk_shape": chunk_shape}
    assert one_row(structure(*declared), parameters).shape == row


@pytest.mark.parametrize(
    ("declared", "row", "per_event"),
    [([2, 4, 6], (4, 6), 2), ([1], (), 1), ([4, 6], (4, 6), None), ([], (4, 6), None), ([0, 4, 6], (4, 6), None)],
)
def test_rows_are_an_axis_of_an_event_where_the_descriptor_says_so(declared, row, per_event):
    assert rows_in_event({"shape": declared}, structure(*row)) == per_event


@pytest.mark.parametrize(
    ("chunks", "per_event", "expected"),
    [((10, 4, 6), 2, (5, 2, 4, 6)), ((1, 4, 6), 2, (1, 1, 4, 6)), ((10, 4, 6), None, (10, 4, 6)), (None, 2, None)],
)
def test_chunks_are_counted_in_events(chunks, per_event, expected):
    assert chunks_in_events(structure(4, 6, chunks=chunks), per_event) == expected
