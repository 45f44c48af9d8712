"""Documents one by one."""

import copy
import json
import pickle
import warnings

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import OldNameWarning
from databroker_mongo.testing import build_run
from databroker_mongo.testing.runs import StreamAsset
from databroker_mongo.v1.documents import PlainDocument

from .conftest import FRAMES, TIME, scan


def names(documents):
    return [name for name, _ in documents]


def test_the_documents_of_a_run_are_those_that_were_stored(db):
    stored = {doc.get("uid"): (name, doc) for name, doc in scan()}
    again = {doc.get("uid"): (name, doc) for name, doc in db[1].documents()}
    assert again == stored


def test_each_comes_before_those_that_need_it(db):
    assert names(db[2].documents()) == ["start", "descriptor", "resource", *["datum"] * 4, *["event"] * 4, "stop"]
    assert names(db.restream(db[3])) == ["start", "descriptor", "event"]


def test_one_stream_leaves_descriptors_and_events_of_others_out(db):
    documents = list(db[1].documents("baseline"))
    assert names(documents) == ["start", "descriptor", "event", "event", "stop"]
    assert [event["data"] for event in db[1].events("baseline")] == [{"temp": 20.5}, {"temp": 21.5}]
    assert names(db[1].documents("typo")) == ["start", "stop"]


def test_fields_choose_from_the_data_and_add_metadata(db):
    event = next(iter(db[1].events(fields=["I0", "det_gain", "purpose", "exit_status"])))
    assert event["data"] == {"I0": 0.0, "det_gain": 3, "purpose": "calibration", "exit_status": "success"}
    known = {"I0": TIME + 2, "det_gain": TIME - 9.0, "purpose": TIME, "exit_status": TIME + 1000}
    assert event["timestamps"] == known


def test_an_event_without_any_chosen_field_is_left_out(db):
    assert next(iter(db[4].events(fields=["extra"])))["seq_num"] == 3
    assert names(db[1].documents(fields=["typo"])) == ["start", "descriptor", "descriptor", "stop"]


@pytest.mark.parametrize("fill", [True, ["img"]])
def test_images_take_the_place_of_their_identifiers(db, fill):
    ids = [event["data"]["img"] for event in db[2].events()]
    events = list(db[2].events(fill=fill))
    np.testing.assert_array_equal([event["data"]["img"] for event in events], FRAMES)
    assert [event["filled"]["img"] for event in events] == ids


@pytest.fixture
def empty(catalog):
    """A scan that reads nothing but a detector whose data is in a stream resource, so that its events are empty."""
    asset = StreamAsset("application/x-hdf5", "file://localhost/a.h5", [(0, 2), (2, 3)], shape=(2, 2))
    documents = build_run({"primary": [{}] * 3}, scan_id=5, time=TIME + 14400, assets={"primary": {"st": asset}})
    with Writer(catalog) as writer:
        for name, doc in documents:
            writer(name, doc)
    return documents


def test_events_without_data_are_given_with_their_times(db, empty):
    stored = [doc for name, doc in empty if name == "event"]
    called = []
    db.process(db[5], lambda name, doc: called.append(doc) if name == "event" else None)
    assert called == stored
    assert list(db[5].events()) == list(db.get_events(db[5])) == stored
    assert [doc for name, doc in db.restream(db[5]) if name == "event"] == stored
    assert list(db.get_events(db[5], fields=["st"])) == stored
    assert list(db.get_events(db[5], fields=["typo"])) == []
    assert [event["data"] for event in db.get_events(db[5], fields=["scan_id"])] == [{"scan_id": 5}] * 3


def test_a_copy_of_a_run_has_the_events_without_data(db, empty, catalog, database_name):
    other = Catalog.from_uri(f"memory://{database_name}_copy")
    db.export(db[5], other.v1)
    assert list(other[-1].documents()) == list(catalog[-1].documents())
    assert other[-1].findings(files=False) == []


def test_process_calls_with_each_document_of_each_run(db):
    calls = []
    db.process([db[3], db[1]], lambda name, doc: calls.append((name, doc["time"])))
    assert [name for name, _ in calls].count("start") == 2
    assert calls == [(name, doc["time"]) for header in (db[3], db[1]) for name, doc in header.documents()]


def test_events_of_several_runs_follow_one_another(db):
    assert [event["data"].get("x") for event in db.get_events([db[3], db[2]])] == [1, 0.0, 1.0, 2.0, 3.0]


def test_stream_is_an_old_name_of_documents(db):
    with pytest.warns(OldNameWarning, match="Header.documents") as caught:
        documents = list(db[3].stream())
    assert caught[0].filename == __file__
    assert documents == list(db[3].documents())


def test_the_hook_makes_the_documents(db):
    db.prepare_hook = lambda name, doc: (name, sorted(doc))
    assert db[1].start[0] == "start"
    assert {document[0] for _, document in db[2].documents()} == {
        "start",
        "descriptor",
        "resource",
        "datum",
        "event",
        "stop",
    }


def test_a_document_is_a_dictionary_that_cannot_be_changed(db):
    start = db[1].start
    for change in (
        lambda: start.update(x=1),
        lambda: start.pop("uid"),
        lambda: start.setdefault("x", 1),
        lambda: start.__setitem__("x", 1),
        lambda: start.__delitem__("uid"),
        lambda: setattr(start, "x", 1),
    ):
        with pytest.raises(TypeError, match="dict"):
            change()
    assert dict(start) == start == copy.deepcopy(start) == pickle.loads(pickle.dumps(start))
    assert json.loads(json.dumps(start)) == start
    assert isinstance(start, dict)


def test_values_as_attributes_warn_once_for_each_place(db):
    start = db[1].start

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        assert [start.plan_name for _ in range(2)] == ["scan", "scan"]
    assert [(each.category, each.filename) for each in caught] == [(OldNameWarning, __file__)]
    with pytest.raises(AttributeError, match="typo"):
        start.typo  # noqa: B018
    assert not hasattr(PlainDocument(), "uid")
