"""The Writer stores whole runs, and says what is wrong with a document."""

import types

import event_model
import numpy as np
import pytest

from databroker_mongo import Writer
from databroker_mongo.errors import ConfigurationError, DuplicateDocument, InvalidDocument
from databroker_mongo.store import open_store
from databroker_mongo.store.insertion.insertion import COLLECTIONS


def a_run(n_events=3, uid="run"):
    """The documents of a run with every kind of single document."""
    key = {"dtype": "number", "shape": [], "source": "sim"}
    image = {"dtype": "array", "shape": [2, 2], "source": "sim", "external": "FILESTORE:"}
    desc, resource = f"{uid}-desc", f"{uid}-res"
    yield "start", {"uid": uid, "time": 1.0, "scan_id": 1, "shape": (2, 2)}
    yield (
        "descriptor",
        {
            "uid": desc,
            "run_start": uid,
            "time": 1.0,
            "name": "primary",
            "data_keys": {"det": key, "image": image},
        },
    )
    file = {"spec": "NPY_SEQ", "root": "/", "resource_path": "a", "resource_kwargs": {}}
    yield "resource", {"uid": resource, "run_start": uid, **file}
    stream = {"data_key": "fly", "mimetype": "application/x-hdf5", "uri": "file://localhost/a.h5", "parameters": {}}
    yield "stream_resource", {"uid": f"{uid}-sr", "run_start": uid, **stream}
    for number in range(n_events):
        datum_id = f"{resource}/{number}"
        yield "datum", {"datum_id": datum_id, "resource": resource, "datum_kwargs": {"index": number}}
        event = {"uid": f"{uid}-e{number}", "descriptor": desc, "seq_num": number + 1, "time": 2.0 + number}
        data = {"det": np.float64(number), "image": datum_id}
        yield "event", {**event, "data": data, "timestamps": dict.fromkeys(data, 2.0), "filled": {"image": False}}
    yield (
        "stream_datum",
        {
            "uid": f"{uid}-sd",
            "stream_resource": f"{uid}-sr",
            "descriptor": desc,
            "seq_nums": {"start": 1, "stop": n_events + 1},
            "indices": {"start": 0, "stop": n_events},
        },
    )
    end = {"exit_status": "success", "num_events": {"primary": n_events}}
    yield "stop", {"uid": f"{uid}-stop", "run_start": uid, "time": 9.0, **end}


def stored(uri, name):
    return list(getattr(open_store(uri).collections, COLLECTIONS[name]).find({}, {"_id": 0}))


def counts(uri):
    return {name: len(stored(uri, name)) for name in COLLECTIONS}


WHOLE = dict.fromkeys(COLLECTIONS, 1) | {"datum": 3, "event": 3}


def test_a_run_with_every_kind_of_document_is_stored(store_uri):
    with Writer(store_uri) as writer:
        for name, doc in a_run():
            writer(name, doc)
    assert counts(store_uri) == WHOLE
    assert stored(store_uri, "start")[0]["shape"] == [2, 2]
    assert [event["data"]["det"] for event in stored(store_uri, "event")] == [0.0, 1.0, 2.0]


def test_every_document_sent_twice_is_stored_once(store_uri):
    for _ in range(2):
        writer = Writer(store_uri)
        for name, doc in a_run():
            writer(name, doc)
            writer(name, doc)
    assert counts(store_uri) == WHOLE


def test_events_in_pages_equal_events_one_by_one(store_uri):
    singles = [doc for name, doc in a_run() if name == "event"]
    datums = [doc for name, doc in a_run() if name == "datum"]
    writer = Writer(store_uri)
    writer("event", singles[1])
    writer("event_page", event_model.pack_event_page(*singles))
    writer("bulk_events", {"primary": singles})
    writer("datum_page", event_model.pack_datum_page(*datums))
    assert len(stored(store_uri, "event")) == 3
    assert sorted(stored(store_uri, "datum"), key=lambda datum: datum["datum_id"]) == datums


def test_documents_out_of_order_and_runs_interleaved_lose_nothing(store_uri):
    one, other = list(a_run(uid="one")), list(a_run(uid="other"))
    writer = Writer(store_uri)
    for (name, doc), (other_name, other_doc) in zip(one, reversed(other), strict=True):
        writer(name, doc)
        writer(other_name, other_doc)
    assert counts(store_uri) == {name: 2 * number for name, number in WHOLE.items()}


def test_an_invalid_event_names_its_run_and_nothing_of_it_is_stored(store_uri):
    writer = Writer(store_uri)
    documents = list(a_run())
    for name, doc in documents[:2]:
        writer(name, doc)
    event = next(doc for name, doc in documents if name == "event")
    page = event_model.pack_event_page(event, {**event, "uid": "bad", "data": {"det": 2**70, "image": "x"}})
    with pytest.raises(InvalidDocument) as caught:
        writer("event_page", page)
    assert (caught.value.run_uid, caught.value.uid, caught.value.data_key) == ("run", "bad", "det")
    assert stored(store_uri, "event") == []


def test_an_invalid_datum_names_the_run_of_its_resource(store_uri):
    writer = Writer(store_uri)
    for name, doc in list(a_run())[:3]:
        writer(name, doc)
    with pytest.raises(InvalidDocument) as caught:
        writer("datum", {"datum_id": "run-res/1", "resource": "run-res", "datum_kwargs": {"point": {1}}})
    assert (caught.value.run_uid, caught.value.uid) == ("run", "run-res/1")


@pytest.mark.parametrize("doc", [{"descriptor": []}, 5, None, [], "start"])
def test_what_is_no_document_is_refused(doc):
    with pytest.raises(InvalidDocument):
        Writer("memory://nothing")("event", doc)


def test_other_contents_under_a_known_uid_are_refused_with_the_difference(store_uri):
    writer = Writer(store_uri)
    writer("start", {"uid": "run", "time": 1.0, "sample": "A"})
    with pytest.raises(DuplicateDocument, match="sample: 'A' is stored, 'B' was sent"):
        writer("start", {"uid": "run", "time": 1.0, "sample": "B"})
    assert stored(store_uri, "start")[0]["sample"] == "A"


def test_the_repr_shows_the_address_without_the_password():
    writer = Writer("mongodb://user:secret@nowhere.invalid/db")
    assert repr(writer) == "Writer('mongodb://user:***@nowhere.invalid/db')"


def test_a_store_that_is_only_read_is_opened_for_writing_and_one_that_cannot_be_is_refused(store_uri):
    with Writer(open_store(store_uri)) as writer:
        writer("start", {"uid": "run", "time": 1.0})
    assert writer.acknowledged == 1
    with pytest.raises(ConfigurationError, match="packs://here is open for reading only"):
        Writer(types.SimpleNamespace(address="packs://here"))


@pytest.mark.parametrize("target", [5, None, {}, types.SimpleNamespace(address=5)])
def test_what_is_no_database_at_all_is_told_what_is_wanted(target):
    with pytest.raises(ConfigurationError, match="a Writer takes a URI like mongodb://HOST/DATABASE"):
        Writer(target)
