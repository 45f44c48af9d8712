"""Runs recorded at a beamline, stored and read, against the documents and files themselves."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from databroker_mongo import Catalog, Writer

DATA = Path(__file__).parents[2] / "shared" / "data"
pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the recorded runs are not in {DATA}"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
]


def recorded(name):
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line.replace("{{DATA}}", str(DATA))) for line in lines]


def stored(uri, documents):
    catalog = Catalog.from_uri(uri)
    with Writer(catalog, durable="batch") as writer:
        for name, doc in documents:
            writer(name, doc)
    return catalog


def by_stream(documents):
    """The events of each stream in order: {(run uid, stream name): [event, ...]}."""
    descriptors = {doc["uid"]: doc for name, doc in documents if name == "descriptor"}
    events = {(each["run_start"], each["name"]): [] for each in descriptors.values()}
    for name, doc in documents:
        if name == "event":
            descriptor = descriptors[doc["descriptor"]]
            events[descriptor["run_start"], descriptor["name"]].append(doc)
    return {place: sorted(each, key=lambda event: event["seq_num"]) for place, each in events.items()}


def test_every_value_of_ten_runs_is_read_as_it_was_recorded(store_uri):
    documents = recorded("usaxs_2019")
    catalog = stored(store_uri, documents)
    assert len(catalog) == 10
    n_values = 0
    for (run_uid, stream), events in by_stream(documents).items():
        dataset = catalog[run_uid][stream].read()
        lazy = catalog[run_uid][stream].to_dask()
        assert dataset["time"].values.tolist() == [event["time"] for event in events]
        for key in events[0]["data"]:
            expected = [event["data"][key] for event in events]
            assert dataset[key].values.tolist() == expected, (run_uid, stream, key)
            assert lazy[key].dtype == dataset[key].dtype
            n_values += len(expected)
        assert lazy.compute().identical(dataset)
    assert n_values > 5000


def test_the_documents_come_back_as_they_were_recorded(store_uri):
    documents = recorded("usaxs_2019")
    catalog = stored(store_uri, documents)
    expected = {(name, doc["uid"]): doc for name, doc in documents if name != "event"}
    events = {doc["uid"]: doc for name, doc in documents if name == "event"}
    for run in catalog.values():
        for name, doc in run.documents():
            if name != "event_page":
                assert expected.pop((name, doc["uid"])) == doc
                continue
            for row, uid in enumerate(doc["uid"]):
                event = events.pop(uid)
                assert {key: values[row] for key, values in doc["data"].items()} == event["data"]
                assert (doc["seq_num"][row], doc["time"][row]) == (event["seq_num"], event["time"])
    assert not expected
    assert not events


def test_runs_of_one_plan_are_found_by_what_was_recorded(store_uri):
    catalog = stored(store_uri, recorded("usaxs_2019"))
    tuned = catalog.search({"plan_name": {"$regex": "^tune"}}, stream="primary", stop={"exit_status": "success"})
    assert sorted(run.start["plan_name"] for run in tuned.values()) == ["tune_a2rp", "tune_ar", "tune_m2rp", "tune_mr"]
    assert catalog[110].start["plan_name"] == "Flyscan"
    assert catalog["19965989"].start["scan_id"] == 110


def test_tiff_frames_of_a_detector_are_read_from_their_files(store_uri):
    run = stored(store_uri, recorded("tiff_2points"))[506]
    frames = [tifffile.imread(DATA / "tiff_2points" / f"reader_{number:05d}.tiff") for number in range(4)]
    expected = np.stack(frames).reshape(2, 2, 8, 16)
    images = run.primary.read()["det_image"]
    assert images.dtype == expected.dtype
    np.testing.assert_array_equal(images, expected)
    lazy = run.primary.to_dask()["det_image"]
    np.testing.assert_array_equal(lazy[1, 0, 2:5, 3].compute(), expected[1, 0, 2:5, 3])
    assert run.files()["exists"].all()
    assert set(run.health()["status"]) == {"ok"}
