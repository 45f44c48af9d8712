"""What is read of descriptors that other programs left broken, and of those that are as they should be."""

import copy

import pytest

from databroker_mongo.documents import broken_fields, readable_descriptor

KEY = {"dtype": "number", "shape": [], "source": "PV:x"}
DESCRIPTOR = {
    "uid": "d",
    "run_start": "r",
    "time": 1.5,
    "name": "primary",
    "data_keys": {"x": KEY, "image": {**KEY, "dtype": "array", "shape": [None, 5], "external": "FILE:"}},
    "object_keys": {"det": ["x"]},
    "configuration": {"det": {"data": {"a": 1}, "timestamps": {"a": 1.0}, "data_keys": {"a": KEY}}, "empty": {}},
}


@pytest.mark.parametrize(
    "descriptor",
    [DESCRIPTOR, {"uid": "d", "time": 1, "data_keys": {}}, {**DESCRIPTOR, "hints": [1], "configuration": {}}],
    ids=["usual", "short", "with other fields"],
)
def test_what_is_as_it_should_be_is_the_descriptor_itself(descriptor):
    before = copy.deepcopy(descriptor)
    assert readable_descriptor(descriptor) is descriptor
    assert broken_fields(descriptor) == []
    assert descriptor == before


BROKEN = {
    "time": [("soon", 0.0), (float("nan"), 0.0)],
    "uid": [(None, ""), (["d"], "")],
    "name": [(5, None)],
    "data_keys": [
        (None, {}),
        ({"x": KEY, "y": 5}, {"x": KEY, "y": {}}),
        ({"x": {**KEY, "shape": "wide"}}, {"x": {"dtype": "number", "source": "PV:x"}}),
        ({"x": {**KEY, "shape": 0}}, {"x": {"dtype": "number", "source": "PV:x"}}),
        ({"x": {**KEY, "shape": [1.5]}}, {"x": {"dtype": "number", "source": "PV:x"}}),
    ],
    "object_keys": [(["x"], {}), ({"det": ["x"], "other": "x"}, {"det": ["x"]})],
    "configuration": [
        ("none", {}),
        ({"det": None}, {"det": {}}),
        ({"det": {"data": [1]}}, {"det": {"data": {}}}),
        ({"det": {"data_keys": {"a": 1}}}, {"det": {"data_keys": {"a": {}}}}),
    ],
}
CASES = [(field, found, read) for field, cases in BROKEN.items() for found, read in cases]


@pytest.mark.parametrize(("field", "found", "read"), CASES)
def test_what_is_of_another_type_counts_as_absent_and_the_rest_is_read(field, found, read):
    descriptor = {**DESCRIPTOR, field: found}
    assert broken_fields(descriptor) == [field]
    assert readable_descriptor(descriptor) == {**DESCRIPTOR, field: read}
    assert descriptor[field] is found
