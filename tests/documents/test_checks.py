"""fault-cases 1 to 3: broken documents are refused by name; pages and rows are one thing."""

import copy

import event_model
import numpy as np
import pytest

from databroker_mongo import documents
from databroker_mongo.errors import InvalidDocument

START = {"uid": "run", "time": 1.0}
DESCRIPTOR = {
    "uid": "desc",
    "run_start": "run",
    "time": 1.0,
    "name": "primary",
    "data_keys": {"det": {"dtype": "number", "shape": [], "source": "sim"}},
}
EVENT = {"uid": "e1", "descriptor": "desc", "seq_num": 1, "time": 2.0, "data": {"det": 5.0}, "timestamps": {"det": 2.0}}
STOP = {"uid": "stop", "run_start": "run", "time": 3.0, "exit_status": "success"}


def dotted():
    return {**DESCRIPTOR, "data_keys": {"a.b": DESCRIPTOR["data_keys"]["det"]}}


STREAM_DATUM = {"uid": "sd", "stream_resource": "sr", "descriptor": "desc", "seq_nums": {"start": 1, "stop": 2}}


def without(doc, field):
    return {key: value for key, value in doc.items() if key != field}


def data_key(**changes):
    key = {**DESCRIPTOR["data_keys"]["det"], **changes}
    return {**DESCRIPTOR, "data_keys": {"det": {name: value for name, value in key.items() if value is not ...}}}


BROKEN = {
    "start without uid": ("start", without(START, "uid"), "uid"),
    "start without time": ("start", without(START, "time"), "time"),
    "start whose uid is no string": ("start", {**START, "uid": 5}, "uid"),
    "descriptor without data_keys": ("descriptor", without(DESCRIPTOR, "data_keys"), "data_keys"),
    "descriptor with an unknown dtype": ("descriptor", data_key(dtype="complex"), "data_keys.det.dtype"),
    "data key without shape": ("descriptor", data_key(shape=...), "data_keys.det.shape"),
    "descriptor with a dot in a data key": ("descriptor", dotted(), "data_keys.a.b"),
    "event without seq_num": ("event", without(EVENT, "seq_num"), "seq_num"),
    "event with seq_num 0": ("event", {**EVENT, "seq_num": 0}, "seq_num"),
    "event whose time is infinite": ("event", {**EVENT, "time": float("inf")}, "time"),
    "start whose time is no number": ("start", {**START, "time": float("nan")}, "time"),
    "stop whose time is infinite": ("stop", {**STOP, "time": -float("inf")}, "time"),
    "event without data": ("event", without(EVENT, "data"), "data"),
    "event whose time is no number": ("event", {**EVENT, "time": "noon"}, "time"),
    "event without descriptor": ("event", without(EVENT, "descriptor"), "descriptor"),
    "event with a field of no kind": ("event", {**EVENT, "colour": 1}, None),
    "stop without run_start": ("stop", without(STOP, "run_start"), "run_start"),
    "stop with an unknown exit_status": ("stop", {**STOP, "exit_status": "great"}, "exit_status"),
    "datum without kwargs": ("datum", {"datum_id": "d", "resource": "r"}, "datum_kwargs"),
    "stream_datum without indices": (
        "stream_datum",
        {"uid": "sd", "stream_resource": "sr", "descriptor": "desc"},
        "indices",
    ),
}


OLDER = {"uid": "sr", "spec": "AD_HDF5_SWMR_SLICE", "root": "/", "resource_path": "a.h5", "resource_kwargs": {}}


@pytest.mark.parametrize("change", [{}, {"data_key": "det"}, {"run_start": "run", "path_semantics": "windows"}])
def test_stream_resources_of_the_schema_before_2024_are_valid(change):
    documents.validate("stream_resource", {**OLDER, **change})


@pytest.mark.parametrize("change", [{"spec": None}, {"resource_kwargs": []}, {"colour": "red"}])
def test_a_broken_stream_resource_of_the_schema_before_2024_is_refused(change):
    with pytest.raises(InvalidDocument):
        documents.validate("stream_resource", {**OLDER, **change})


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_document_is_refused_with_its_kind_uid_run_and_field(case):
    name, doc, field = BROKEN[case]
    with pytest.raises(InvalidDocument) as caught:
        documents.checked(name, doc)
    facts = caught.value.facts
    assert facts["document"] == name
    assert facts.get("field") == field
    assert "uid" not in doc or (facts["uid"] == doc["uid"] and f"uid: {doc['uid']}" in str(caught.value))
    assert facts.get("run_uid") == (doc.get("uid") if name == "start" else doc.get("run_start"))


def test_a_value_of_another_type_than_several_that_may_be_is_told_which():
    with pytest.raises(InvalidDocument, match=r"3\.0 is not of type object or string") as caught:
        documents.checked("start", {"uid": "a", "time": 1.0, "sample": 3.0})
    assert caught.value.field == "sample"


def test_an_unknown_kind_of_document_is_refused():
    with pytest.raises(InvalidDocument, match="no kind of document named 'strat'"):
        documents.checked("strat", START)


def test_an_unstorable_value_is_refused_with_run_event_key_and_type():
    with pytest.raises(InvalidDocument) as caught:
        documents.checked("event", {**EVENT, "data": {"det": [1.0, {3}]}})
    assert caught.value.facts == {
        "document": "event",
        "uid": "e1",
        "descriptor_uid": "desc",
        "data_key": "det",
        "field": "data.det.1",
        "value_type": "set",
    }


def test_values_nested_without_end_are_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(InvalidDocument, match="nested too deeply"):
        documents.encode("event", {**EVENT, "data": {"det": endless}})


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {}},
        {"data": {"other": 1}},
        {"timestamps": {}},
        {"data": {"det": "text"}},
        {"data": {"det": [1, 2]}},
        {"filled": {"det": False}},
        {"filled": {"det": "datum/1"}},
    ],
)
def test_an_event_that_only_contradicts_its_descriptor_is_kept(changes):
    assert documents.checked("event", {**EVENT, **changes}) == [("event", {**EVENT, **changes})]


def test_a_descriptor_without_name_is_kept():
    documents.checked("descriptor", without(DESCRIPTOR, "name"))


def test_numpy_values_are_checked_as_the_numbers_they_are():
    [(_, event)] = documents.checked("event", {**EVENT, "seq_num": np.int64(3), "time": np.float32(2)})
    assert type(event["seq_num"]) is int
    assert type(event["time"]) is float


def test_the_document_that_was_given_is_not_changed():
    doc = {**EVENT, "data": {"det": (1, np.float64(2))}}
    before = copy.deepcopy(doc)
    documents.checked("event", doc)
    assert doc == before
    assert type(doc["data"]["det"]) is tuple


def events(n):
    return [{**EVENT, "uid": f"e{i}", "seq_num": i, "data": {"det": i * 1.0}, "filled": {}} for i in range(1, n + 1)]


def test_an_event_page_of_event_model_unpacks_to_its_events():
    page = event_model.pack_event_page(*events(3))
    assert documents.checked("event_page", page) == [("event", event) for event in events(3)]


def test_an_event_page_of_arrays_unpacks_to_its_events():
    page = event_model.pack_event_page(*events(3))
    page = {**page, "time": np.array(page["time"]), "seq_num": np.array(page["seq_num"])}
    page["data"] = {"det": np.array(page["data"]["det"])}
    assert [event for _, event in documents.checked("event_page", page)] == events(3)


def test_an_event_page_without_filled_unpacks():
    page = without(event_model.pack_event_page(*events(2)), "filled")
    assert [event for _, event in documents.checked("event_page", page)] == events(2)


def test_bulk_events_unpack_to_events():
    assert documents.checked("bulk_events", {"primary": events(2)}) == [("event", event) for event in events(2)]


def test_bulk_datum_unpacks_to_datums_each_with_its_own_keywords():
    bulk = {"resource": "r", "datum_ids": ["r/0", "r/1"], "datum_kwarg_list": [{"point": 0}, {"frame": 1}]}
    assert documents.checked("bulk_datum", bulk) == [
        ("datum", {"resource": "r", "datum_id": "r/0", "datum_kwargs": {"point": 0}}),
        ("datum", {"resource": "r", "datum_id": "r/1", "datum_kwargs": {"frame": 1}}),
    ]


def test_a_datum_page_whose_keywords_were_shifted_when_it_was_packed_is_refused():
    rows = [{"resource": "r", "datum_id": f"r/{i}", "datum_kwargs": kw} for i, kw in enumerate([{"p": 0}, {"q": 1}])]
    with pytest.raises(InvalidDocument, match="holds 1 values where a list is needed") as caught:
        documents.checked("datum_page", event_model.pack_datum_page(*rows))
    assert caught.value.field == "datum_kwargs.p"


def test_datums_of_other_keywords_are_packed_into_pages_of_their_own():
    kwargs = [{"p": 0}, {"p": 1}, {"q": 1}, {"p": 2}, {}]
    rows = [{"resource": "r", "datum_id": f"r/{i}", "datum_kwargs": kw} for i, kw in enumerate(kwargs)]
    pages = list(documents.pages_of("datum_page", rows, size=10))
    assert [len(page["datum_id"]) for page in pages] == [2, 1, 1, 1]
    assert [row for page in pages for _, row in documents.checked("datum_page", page)] == rows


MALFORMED_PAGES = {
    "a column is short": {"data": {"det": [1.0]}},
    "a column is text": {"data": {"det": "ab"}},
    "a column is a number": {"timestamps": {"det": 3}},
    "the data are no mapping": {"data": [1.0, 2.0]},
    "a field is unknown": {"colour": [1, 2]},
    "the times are a number": {"time": 5},
    "the times are an array without length": {"time": np.array(5.0)},
}


@pytest.mark.parametrize("case", MALFORMED_PAGES)
def test_a_malformed_page_is_refused(case):
    page = {**event_model.pack_event_page(*events(2)), **MALFORMED_PAGES[case]}
    with pytest.raises(InvalidDocument) as caught:
        documents.checked("event_page", page)
    assert caught.value.document == "event_page"
    assert caught.value.descriptor_uid == "desc"


@pytest.mark.parametrize(
    ("name", "doc"),
    [
        ("event", 5),
        ("event_page", []),
        ("bulk_events", {"primary": 5}),
        ("bulk_events", {"primary": [5]}),
        ("bulk_datum", {"resource": "r", "datum_ids": ["a"]}),
        ("bulk_datum", {"resource": "r", "datum_ids": 5, "datum_kwarg_list": []}),
        ("datum_page", {"resource": "r", "datum_id": 5, "datum_kwargs": {}}),
    ],
)
def test_what_is_no_document_at_all_is_refused(name, doc):
    with pytest.raises(InvalidDocument):
        documents.checked(name, doc)


def test_one_bad_row_refuses_the_whole_page():
    page = event_model.pack_event_page(*events(3))
    page["seq_num"][1] = 0
    with pytest.raises(InvalidDocument) as caught:
        documents.checked("event_page", page)
    assert caught.value.uid == "e2"
