"""Stream datums joined to rows by seq_num."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databroker_mongo.assets import Resource, Stored, join
from databroker_mongo.documents import indices_of, left_over, rows_without_events, spans_of
from databroker_mongo.errors import InvalidDocument

FILE = Resource(uid="file", spec="application/x-hdf5", is_stream=True)
OTHER = Resource(uid="other", spec="application/x-hdf5", is_stream=True)
BOTH = {"file": FILE, "other": OTHER}


def datum(resource, seq_nums, indices):
    return {
        "stream_resource": resource,
        "seq_nums": dict(zip(("start", "stop"), seq_nums, strict=True)),
        "indices": dict(zip(("start", "stop"), indices, strict=True)),
    }


def joined(seq_num, documents, **how):
    return join(np.array(seq_num, np.int64), Stored(spans_of(documents), BOTH), **how)


def served(seq_num, documents, **how):
    """What serves each row: (resource uid, index) or None."""
    rows = []
    for segment in joined(seq_num, documents, **how).segments:
        assert segment.start == len(rows)
        if segment.resource is None:
            rows += [None] * (segment.stop - segment.start)
        else:
            rows += [(segment.resource.uid, each["index"]) for each in segment.datums]
    return rows


def test_neighbouring_stream_datums_are_one_piece():
    documents = [datum("file", (1, 3), (0, 2)), datum("file", (3, 9), (2, 8))]
    assert len(spans_of(documents)) == 1
    assert len(joined(range(1, 9), documents).segments) == 1


def test_rows_of_several_resources_are_served_by_each():
    documents = [datum("other", (3, 5), (0, 2)), datum("file", (1, 3), (7, 9))]
    assert served([1, 2, 3, 4], documents) == [("file", 7), ("file", 8), ("other", 0), ("other", 1)]


def test_rows_that_nothing_covers_are_holes():
    assert served([1, 2, 3, 4], [datum("file", (2, 3), (0, 1))]) == [None, ("file", 0), None, None]
    assert served([1, 2], []) == [None, None]


REWOUND = [datum("file", (1, 4), (0, 3)), datum("file", (3, 6), (3, 6))]


def test_each_repeat_of_a_row_has_a_stored_row_of_its_own():
    found = joined([1, 2, 3, 3, 4, 5], REWOUND)
    assert [(each.start, each.stop, each.datums[0]["index"]) for each in found.segments] == [(0, 6, 0)]
    assert served([1, 2, 3, 3, 4, 5], REWOUND) == [("file", index) for index in range(6)]
    assert list(found.notes()) == []


def test_a_repeat_without_a_stored_row_is_a_hole_and_told():
    found = joined([1, 2, 2, 3], [datum("file", (1, 4), (0, 3))])
    assert [each.resource and each.datums[0]["index"] for each in found.segments] == [0, None, 2]
    [note] = found.notes()
    assert "fewer rows of stored data than events of seq_num 2" in note


def test_copies_of_an_event_share_its_stored_row_where_there_are_too_few():
    time = np.array([1.0, 2.0, 2.0, 3.0])
    assert served([1, 2, 2, 3], [datum("file", (1, 4), (0, 3))], time=time) == [("file", n) for n in (0, 1, 1, 2)]
    copied = np.array([1.0, 2.0, 3.0, 3.0, 5.0, 5.0, 6.0, 7.0])
    found = joined([1, 2, 3, 3, 3, 3, 4, 5], REWOUND, time=copied)
    assert (found.n_ahead, found.n_without_event, len(found.contested)) == (0, 0, 0)
    assert served([1, 2, 3, 3, 3, 3, 4, 5], REWOUND, time=copied) == [("file", n) for n in (0, 1, 2, 2, 3, 3, 4, 5)]
    same_time = np.array([1.0, 2.0, 3.0, 3.0, 4.0, 5.0])
    assert served([1, 2, 3, 3, 4, 5], REWOUND, time=same_time) == [("file", index) for index in range(6)]


def test_stored_rows_that_no_event_takes_are_counted():
    found = joined([1, 3, 4], REWOUND)
    assert (found.n_ahead, found.n_without_event) == (1, 2)
    assert served([1, 3, 4], REWOUND) == [("file", 0), ("file", 2), ("file", 4)]


def test_rows_of_descriptors_without_the_data_key_take_no_stored_row():
    declares = np.array([False, False, True, True])
    assert served([1, 2, 2, 3], [datum("file", (2, 4), (0, 2))], declares=declares) == [
        None,
        None,
        ("file", 0),
        ("file", 1),
    ]


def test_of_two_resources_that_begin_alike_the_first_named_comes_first():
    documents = [datum("other", (1, 4), (0, 3)), datum("file", (1, 6), (0, 5))]
    seq_num = rows_without_events([spans_of(documents)])
    assert seq_num.tolist() == [1, 1, 2, 2, 3, 3, 4, 5]
    assert served(seq_num, documents)[:4] == [("other", 0), ("file", 0), ("other", 1), ("file", 1)]


def test_data_keys_of_other_lengths_have_the_rows_of_the_longest():
    short, long = spans_of([datum("file", (2, 4), (0, 2))]), spans_of(REWOUND)
    assert rows_without_events([short, [], long]).tolist() == [1, 2, 3, 3, 4, 5]
    assert rows_without_events([[]]).tolist() == rows_without_events([]).tolist() == []


def test_a_gap_among_the_rows_of_a_stream_without_events_takes_no_room():
    spans = spans_of([datum("file", (1, 3), (0, 2)), datum("file", (2**50, 2**50 + 2), (2, 4))])
    assert rows_without_events([spans]).tolist() == [1, 2, 2**50, 2**50 + 1]


@pytest.mark.parametrize("seq_num", [[1, 2, 2], [2**53, 2**53 + 1, 2**53 + 1], [2**62, 2**63 - 1, 2**63 - 1]])
@pytest.mark.parametrize("end", [9.0, np.inf, np.nan])
def test_events_are_counted_by_their_exact_numbers(seq_num, end):
    n_events = 3 if np.isnan(end) else 2
    counted = left_over(np.array(seq_num, np.int64), np.array([1.0, end, end]), [])
    assert counted == (n_events, 0, 0)


NO_BOUNDS = [
    None, 3, [1, 2], {"start": 1}, {"start": 1, "stop": 2.5}, {"start": 0, "stop": 2**40}, {"start": 0, "stop": 2**27},
    {"start": 2**62, "stop": 2**62 + 2}, {"start": -(2**63), "stop": 2 - 2**63}, {"start": -(2**63), "stop": 2**63 - 1},
]  # fmt: skip


@pytest.mark.parametrize("bounds", NO_BOUNDS)
def test_a_stream_datum_without_usable_numbers_is_refused(bounds):
    broken = {**datum("file", (1, 2), (0, 1)), "uid": "x", "seq_nums": bounds, "indices": bounds}
    with pytest.raises(InvalidDocument) as caught:
        spans_of([broken])
    assert (caught.value.datum, caught.value.resource_uid) == ("x", "file")
    with pytest.raises(InvalidDocument) as caught:
        indices_of(broken)
    assert (caught.value.datum, caught.value.resource_uid) == ("x", "file")


def test_a_stream_datum_that_is_stored_twice_counts_once():
    documents = [datum("file", (1, 3), (0, 2))] * 2
    assert served([1, 2], documents) == [("file", 0), ("file", 1)]
    assert rows_without_events([spans_of(documents)]).tolist() == [1, 2]


@settings(derandomize=True)
@given(st.lists(st.integers(1, 4), max_size=6), st.integers(0, 5))
def test_however_a_file_is_cut_into_stream_datums_each_row_keeps_its_index(lengths, offset):
    edges = np.cumsum([0, *lengths]).tolist()
    documents = [
        datum("file", (start + 1, stop + 1), (start + offset, stop + offset))
        for start, stop in itertools.pairwise(edges)
    ]
    rows = list(range(1, edges[-1] + 1))
    assert served(rows, documents) == [("file", row - 1 + offset) for row in rows]


@st.composite
def spans(draw):
    """Stream datums of any two resources: (resource, first seq_num, first index, number of rows)."""
    span = st.tuples(st.sampled_from(["file", "other"]), st.integers(1, 8), st.integers(0, 9), st.integers(1, 5))
    return draw(st.lists(span, max_size=6))


@settings(derandomize=True)
@given(st.lists(st.integers(1, 12), max_size=20), spans())
def test_the_kth_repeat_has_the_kth_stored_row(seq_num, found):
    stored = {}
    order = list(dict.fromkeys(resource for resource, *_ in found))
    for resource, first, index, n in found:
        for step in range(n):
            stored.setdefault(first + step, set()).add((order.index(resource), index + step))
    taken = dict.fromkeys(stored, 0)
    expected = []
    for number in sorted(seq_num):
        rows = sorted(stored.get(number, ()))
        place = taken.get(number, 0)
        expected.append((order[rows[place][0]], rows[place][1]) if place < len(rows) else None)
        taken[number] = place + 1
    documents = [datum(resource, (first, first + n), (index, index + n)) for resource, first, index, n in found]
    result = joined(sorted(seq_num), documents)
    assert served(sorted(seq_num), documents) == expected
    unused = {number: max(0, len(rows) - taken[number]) for number, rows in stored.items()}
    last = max(seq_num, default=0)
    assert result.n_ahead == sum(n for number, n in unused.items() if number > last)
    assert result.n_without_event == sum(n for number, n in unused.items() if number <= last)
    assert result.contested.tolist() == sorted(number for number, rows in stored.items() if taken[number] > len(rows))
    without = [number for number in sorted(stored) for _ in stored[number]]
    assert rows_without_events([spans_of(documents)]).tolist() == without
