"""Datum arguments in little space."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from databroker_mongo.assets.datums import DatumIds, DatumTable, Segment

values = st.one_of(st.integers(-3, 3), st.booleans(), st.none(), st.text(max_size=2), st.floats(allow_nan=False))


@given(st.lists(st.dictionaries(st.sampled_from(["point", "frame"]), values, max_size=2), max_size=5))
def test_every_datum_is_found_again_with_its_own_types(datums):
    table = DatumTable(datums)
    assert len(table) == len(datums)
    for found in (list(table), table[:], [table[row] for row in range(len(datums))]):
        assert found == datums
        assert [{k: type(v) for k, v in one.items()} for one in found] == [
            {k: type(v) for k, v in one.items()} for one in datums
        ]


@given(st.lists(st.fixed_dictionaries({"n": st.integers(-9, 9)}), max_size=9), st.slices(9))
def test_a_slice_is_a_slice(datums, part):
    assert DatumTable(datums)[part] == datums[part]


def test_a_hundred_thousand_steady_datums_travel_in_next_to_nothing():
    table = DatumTable([{"point_number": 5 + 3 * row, "target": "data"} for row in range(100_000)])
    assert len(pickle.dumps(table)) < 500
    assert pickle.loads(pickle.dumps(table))[99_999] == {"point_number": 300_002, "target": "data"}


def test_rows_that_are_made_of_several_rows_of_a_file_count_on():
    segment = Segment(0, 3, "any", DatumTable.of_indices(4, 7)).in_groups_of(2)
    assert segment.datums_per_row == 2
    assert [datum["index"] for datum in segment.datums] == [8, 9, 10, 11, 12, 13]


@given(st.lists(st.one_of(st.text(max_size=3), st.integers(0, 12).map("r/{}".format), st.just("r/01")), max_size=6))
def test_every_identifier_is_found_again(ids):
    found = DatumIds(ids)
    assert len(found) == len(ids)
    assert list(found) == found[:] == ids


def test_identifiers_that_are_numbered_travel_in_next_to_nothing_and_others_stay_behind():
    numbered = pickle.dumps(DatumIds([f"resource/{number}" for number in range(100_000)]))
    assert len(numbered) < 200
    assert pickle.loads(numbered)[99_999] == "resource/99999"
    assert list(pickle.loads(pickle.dumps(DatumIds(["one", "two"])))) == []
