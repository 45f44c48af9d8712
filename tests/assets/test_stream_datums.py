"""Stream datums joined to rows by seq_num."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from databroker_mongo.assets.resource import Resource
from databroker_mongo.assets.stream_datums import join, pieces, rows_without_events

FILE = Resource(uid="file", spec="application/x-hdf5", is_stream=True)
OTHER = Resource(uid="other", spec="application/x-hdf5", is_stream=True)
BOTH = {"file": FILE, "other": OTHER}


def datum(resource, seq_nums, indices):
    return {
        "stream_resource": resource,
        "seq_nums": dict(zip(("start", "stop"), seq_nums, strict=True)),
        "indices": dict(zip(("start", "stop"), indices, strict=True)),
    }


def served(seq_num, documents):
    """What serves each row: (resource uid, index) or None."""
    rows = []
    for segment in join(np.array(seq_num, np.int64), pieces(documents, BOTH)):
        assert segment.start == len(rows)
        if segment.resource is None:
            rows += [None] * (segment.stop - segment.start)
        else:
            rows += [(segment.resource.uid, each["index"]) for each in segment.datums]
    return rows


def test_neighbouring_stream_datums_are_one_piece():
    documents = [datum("file", (1, 3), (0, 2)), datum("file", (3, 9), (2, 8))]
    assert len(pieces(documents, BOTH)) == 1
    assert len(join(np.arange(1, 9), pieces(documents, BOTH))) == 1


def test_rows_of_several_resources_are_served_by_each():
    documents = [datum("other", (3, 5), (0, 2)), datum("file", (1, 3), (7, 9))]
    assert served([1, 2, 3, 4], documents) == [("file", 7), ("file", 8), ("other", 0), ("other", 1)]


def test_rows_that_nothing_covers_are_holes():
    assert served([1, 2, 3, 4], [datum("file", (2, 3), (0, 1))]) == [None, ("file", 0), None, None]
    assert served([1, 2], []) == [None, None]


def test_repeated_rows_have_the_same_index():
    assert served([1, 2, 2, 3], [datum("file", (1, 4), (0, 3))]) == [
        ("file", 0),
        ("file", 1),
        ("file", 1),
        ("file", 2),
    ]


def test_a_stream_datum_that_is_stored_twice_counts_once():
    documents = [datum("file", (1, 3), (0, 2))] * 2
    assert served([1, 2], documents) == [("file", 0), ("file", 1)]
    assert rows_without_events(pieces(documents, BOTH)).tolist() == [1, 2]


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(0, 5))
def test_however_a_file_is_cut_into_stream_datums_each_row_keeps_its_index(lengths, offset):
    edges = np.cumsum([0, *lengths]).tolist()
    documents = [
        datum("file", (start + 1, stop + 1), (start + offset, stop + offset))
        for start, stop in itertools.pairwise(edges)
    ]
    rows = list(range(1, edges[-1] + 1))
    assert served(rows, documents) == [("file", row - 1 + offset) for row in rows]
