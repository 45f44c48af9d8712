"""Pages and rows, values, and the quick checks, on documents drawn by Hypothesis."""

import copy
import random

import event_model
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from databroker_mongo import documents
from databroker_mongo.documents.usual import encode_usual, is_usual
from databroker_mongo.errors import InvalidDocument
from databroker_mongo.values import Unencodable, are_equal, encodable

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
SCALARS = st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=3), st.integers(-(2**63), 2**63 - 1))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
JUNK = st.one_of(SCALARS, st.lists(SCALARS, max_size=1), st.dictionaries(KEYS, SCALARS, max_size=2))


@st.composite
def event_rows(draw):
    rows = []
    for keys in draw(st.lists(st.lists(KEYS, max_size=3, unique=True), max_size=3)):
        for _ in range(draw(st.integers(1, 3))):
            number = len(rows) + 1
            section = st.fixed_dictionaries(dict.fromkeys(keys, VALUES))
            filled = draw(st.fixed_dictionaries({key: st.booleans() for key in keys[:1]}))
            rows.append(
                {"uid": str(number), "descriptor": draw(st.sampled_from("de")), "seq_num": number, "filled": filled}
                | {"time": draw(st.floats(0, 1e10)), "data": draw(section), "timestamps": draw(section)}
            )
    return rows


@given(event_rows(), st.integers(1, 4), st.integers(1, 3))
def test_packing_and_unpacking_gives_the_same_rows(rows, size, n_at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("databroker_mongo.documents.pages._PACKED_AT_ONCE", n_at_once)
        pages = list(documents.pages_of("event_page", rows, size=size))
    assert all(len(page["uid"]) <= size for page in pages)
    kinds = [(page["descriptor"], *(set(page[name]) for name in ("data", "timestamps", "filled"))) for page in pages]
    for page, kind, following in zip(pages, kinds, kinds[1:], strict=False):
        assert len(page["uid"]) == size or kind != following, "a page ends for a reason"
    unpacked = [row for page in pages for _, row in documents.checked("event_page", page)]
    assert are_equal(unpacked, rows)


@given(VALUES)
def test_plain_values_stay_equal(value):
    assert are_equal(encodable(value), value)


@given(
    hnp.arrays(hnp.scalar_dtypes() | hnp.unicode_string_dtypes(), hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
)
def test_an_array_becomes_a_list_that_gives_back_the_array_or_is_refused(array):
    try:
        value = encodable(array)
    except Unencodable:
        return
    back = np.array(value, dtype=array.dtype)
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def _any_of(valid, fields):
    changes = st.dictionaries(st.sampled_from([*fields, "colour"]), JUNK, max_size=2)
    removals = st.sets(st.sampled_from(fields), max_size=2)
    return st.builds(
        lambda changed, removed: {k: v for k, v in {**valid, **changed}.items() if k not in removed}, changes, removals
    )


def _is_accepted(name, doc):
    try:
        documents.validate(name, doc)
    except InvalidDocument:
        return False
    return True


EVENT = {
    "uid": "e",
    "descriptor": "d",
    "seq_num": 1,
    "time": 1.0,
    "data": {"a": 1},
    "timestamps": {"a": 1},
    "filled": {},
}
DATUM = {"datum_id": "a/1", "resource": "a", "datum_kwargs": {"point": 1}}


def _quickly(name, doc):
    """Whether the quick way takes the document, in which case it must give the same as the thorough one."""
    encoded = encode_usual(name, doc)
    assert encoded is None or are_equal(encoded, documents.encode(name, doc))
    return encoded is not None


@given(_any_of(EVENT, list(EVENT)))
def test_the_check_of_an_event_equals_the_schema_and_counts_from_one(doc):
    is_valid = event_model.schema_validators[event_model.DocumentNames.event].is_valid(doc)
    assert _is_accepted("event", doc) == (is_valid and doc["seq_num"] >= 1)
    assert _quickly("event", doc) <= _is_accepted("event", doc)


@given(_any_of(DATUM, list(DATUM)))
def test_the_check_of_a_datum_equals_the_schema(doc):
    is_valid = event_model.schema_validators[event_model.DocumentNames.datum].is_valid(doc)
    assert _is_accepted("datum", doc) == is_valid
    assert _quickly("datum", doc) <= is_valid


@given(event_rows())
def test_usual_events_are_checked_quickly(rows):
    assert all(_quickly("event", row) for row in rows)


RANGE = {"low": None, "high": 1.5}
DATA_KEYS = {
    "x": {"dtype": "number", "shape": [], "source": "PV:x", "units": "mm", "precision": 3, "lower_ctrl_limit": -1.0}
    | {"limits": {"control": RANGE, "display": None}, "object_name": "stage", "dtype_numpy": "<f8"},
    "mode": {"dtype": "string", "shape": [], "source": "PV:mode", "choices": ["in", "out"], "units": None},
    "det": {"dtype": "array", "shape": [None, 512], "source": "PV:det", "dims": ["y", "x"], "external": "FILESTORE:"}
    | {"dtype_numpy": [["a", "<f8"], ["b", "<i4"]], "limits": {"hysteresis": 1.0, "rds": {"time_difference": 1.0}}},
}
DESCRIPTOR = {
    "uid": "d",
    "run_start": "r",
    "time": 1.0,
    "name": "primary",
    "data_keys": {key: DATA_KEYS[key] for key in ("x", "mode")},
    "object_keys": {"stage": ["x", "mode"]},
    "object_classes": {"stage": "ophyd.Device"},
    "hints": {"stage": {"fields": ["x"]}},
    "configuration": {
        "stage": {
            "data": {"gain": 2, "offsets": [1.0, None], "nested": {"a": {"b": 1}}},
            "timestamps": {"gain": 1.0},
            "data_keys": {"gain": {"dtype": "integer", "shape": [], "source": "PV:gain"}},
        }
    },
}
WITH_MORE = {**DESCRIPTOR, "data_keys": DATA_KEYS, "hints": {"NX_class": "NXdata", "fields": ["x"]}}
ODD_NAMES = ["a.b", "a/b", "", "\n", "_id", "$set", "colour", "fields", "NX_class", "hysteresis", "external", "dims"]
ODD_VALUES = [None, True, 0, -1, 2**63 - 1, 1.5, float("nan"), "", "text", "STREAM:", "<f8", [], ["x"], [None]]
ODD_VALUES += [[1.0], [True], {}, {"a.b": 1}, {"a": {"b/c": 1}}, [{"a.b": 1}], {"low": 1, "high": True}]
ODD_VALUES += [RANGE, {"fields": [1]}]


def _mutated(document, chance):
    """Return the document with one of its parts, at any depth, replaced, removed, renamed or put elsewhere."""
    changed = copy.deepcopy(document)
    places = []
    parts = [changed]
    for part in parts:
        items = part.items() if isinstance(part, dict) else enumerate(part)
        places += ((part, name) for name, _ in items)
        parts += (value for _, value in items if isinstance(value, dict | list))
    part, name = chance.choice(places)
    change = chance.choice(["replace", "replace", "remove", "add", "rename"])
    if change == "replace" or isinstance(part, list):
        part[name] = copy.deepcopy(chance.choice(ODD_VALUES))
    elif change == "add":
        part[chance.choice(ODD_NAMES)] = copy.deepcopy(chance.choice(ODD_VALUES))
    else:
        value = part.pop(name)
        if change == "rename":
            part[chance.choice(ODD_NAMES)] = value
    return changed


def test_a_glance_accepts_no_invalid_descriptor():
    chance = random.Random(268)
    validator = event_model.schema_validators[event_model.DocumentNames.descriptor]
    n_invalid = n_glanced_at = 0
    for number in range(2000):
        encoded = documents.encode("descriptor", _mutated(DESCRIPTOR if number % 3 else WITH_MORE, chance))
        is_valid = validator.is_valid(encoded)
        n_invalid += not is_valid
        if is_usual("descriptor", encoded):
            n_glanced_at += 1
            assert is_valid, encoded
            documents.validate("descriptor", encoded)
    # As many of each kind, or the test has little to say.
    assert n_invalid > 600
    assert n_glanced_at > 300


@given(_any_of(DESCRIPTOR, list(DESCRIPTOR)), st.randoms(use_true_random=False))
def test_whatever_a_glance_accepts_the_schema_accepts(doc, chance):
    encoded = documents.encode("descriptor", _mutated(doc, chance) if doc else doc)
    assert is_usual("descriptor", encoded) <= _is_accepted("descriptor", encoded)


def test_a_usual_descriptor_is_checked_at_a_glance(monkeypatch):
    monkeypatch.setattr("databroker_mongo.documents.checks.validate", None)
    many = {f"motor_{number}": DATA_KEYS["x"] for number in range(268)}
    ((_, stored),) = documents.checked("descriptor", {**DESCRIPTOR, "data_keys": many})
    assert stored == {**DESCRIPTOR, "data_keys": many}
