"""Datum arguments in little space."""

import itertools
import pickle
import uuid
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from databroker_mongo.assets import DatumIds, DatumTable, Resource, Segment, pack_segments, unpack_segments

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


def segments(n_rows, names):
    for row in range(n_rows):
        uid, name = next(names), next(names)
        resource = Resource(uid=uid, spec="S", root="/data/beamline", path=f"scan/{name}.h5", kwargs={"frames": 1})
        yield Segment(row, row + 1, resource, DatumTable([{"point": 0}]), ids=DatumIds([f"{uid}/0"]))


def test_segments_arrive_as_they_were_sent():
    row = next(segments(1, itertools.cycle(["r"])))
    missing = Segment(1, 4, None, DatumTable([{}, {}, {}]))
    several = Segment(4, 6, row.resource, DatumTable.of_indices(0, 4), 2)
    again = unpack_segments(pack_segments([row, missing, several]))
    assert [list(each.datums) for each in again] == [list(each.datums) for each in (row, missing, several)]
    assert [(each.start, each.stop, each.resource, each.datums_per_row) for each in again] == [
        (0, 1, row.resource, 1),
        (1, 4, None, 1),
        (4, 6, row.resource, 2),
    ]
    assert list(again[0].ids) == ["r/0"]


def test_identifiers_that_are_no_numbers_of_their_resource_stay_behind():
    row = next(segments(1, itertools.cycle(["r"])))
    for ids in (["other/0"], ["one"]):
        assert list(unpack_segments(pack_segments([replace(row, ids=DatumIds(ids))]))[0].ids) == []


def test_a_resource_for_each_of_two_thousand_rows_travels_in_little_space():
    random = Random(1)
    names = iter(lambda: str(uuid.UUID(int=random.getrandbits(128), version=4)), None)
    assert len(pack_segments(list(segments(2000, names)))) < 90_000


def test_a_resource_of_a_hundred_thousand_rows_travels_in_next_to_nothing():
    resource = next(segments(1, itertools.cycle(["r"]))).resource
    ids = DatumIds([f"r/{number}" for number in range(100_000)])
    table = DatumTable([{"point": number} for number in range(100_000)])
    data = pack_segments([Segment(0, 100_000, resource, table, ids=ids)])
    assert len(data) < 600
    assert unpack_segments(data)[0].ids[99_999] == "r/99999"
