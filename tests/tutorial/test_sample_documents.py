"""Both simulated catalogues: documents that event-model accepts, the same every time, of plain Python types."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain

import event_model
import pytest

from databroker_mongo.tutorial import bmm_documents, rsoxs_documents


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.fixture(params=["bmm", "rsoxs"])
def documents(request, images):
    return bmm_documents if request.param == "bmm" else lambda: rsoxs_documents(images)


def test_every_document_keeps_to_its_schema(documents):
    for name, document in documents():
        event_model.schema_validators[event_model.DocumentNames[name]].validate(document)


def test_the_same_documents_come_every_time(documents):
    assert list(documents()) == list(documents())


def test_documents_hold_nothing_but_what_json_knows(documents):
    for name, document in documents():
        assert json.loads(json.dumps(document, allow_nan=False)) == document, name


def test_no_uid_is_given_twice(documents):
    uids = Counter(document.get("uid") or document["datum_id"] for _, document in documents())
    assert max(uids.values()) == 1


def test_documents_come_in_the_order_of_a_run(documents):
    known: set[str] = set()
    stopped: set[str] = set()
    for name, document in documents():
        if name == "event":
            assert document["descriptor"] in known
            assert {document["data"][key] for key in document["filled"]} <= known
        elif name == "datum":
            assert document["resource"] in known
        elif name != "start":
            assert document["run_start"] in known
            assert document["run_start"] not in stopped
        if name == "stop":
            stopped.add(document["run_start"])
        known.add(document.get("uid") or document["datum_id"])


def test_stop_counts_the_events(documents):
    streams = {d["uid"]: (d["run_start"], d["name"]) for name, d in documents() if name == "descriptor"}
    counted = Counter(streams[d["descriptor"]] for name, d in documents() if name == "event")
    for name, document in documents():
        if name == "stop":
            for stream, n_events in document["num_events"].items():
                assert counted[document["run_start"], stream] == n_events


def test_every_data_key_belongs_to_one_device(documents):
    for name, document in documents():
        if name == "descriptor":
            assert sorted(document["data_keys"]) == sorted(chain.from_iterable(document["object_keys"].values()))
            for device, keys in document["object_keys"].items():
                assert {document["data_keys"][key]["object_name"] for key in keys} == {device}
            assert set(document["configuration"]) == set(document["hints"]) == set(document["object_keys"])


def test_event_times_ascend_within_a_stream(documents):
    latest: dict[str, tuple[int, float]] = {}
    for name, document in documents():
        if name == "event":
            here = (document["seq_num"], document["time"])
            before = latest.get(document["descriptor"], (0, 0.0))
            assert here[0] == before[0] + 1
            assert here[1] > before[1]
            latest[document["descriptor"]] = here
