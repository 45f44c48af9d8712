"""What is stored comes back as it was, whatever it looks like to MongoDB's own libraries."""

import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import StoreError
from databroker_mongo.testing import build_run

REFERENCES = [
    {"$ref": "schema", "$id": 5},
    {"$id": "b", "$ref": "a", "$db": "c", "more": [1]},
    {"$ref": 1, "$id": {"$ref": "a", "$id": None}},
    {"$ref": "a"},
    {"$id": "a"},
]


@pytest.mark.parametrize("value", REFERENCES, ids=str)
def test_a_mapping_that_looks_like_a_reference_stays_a_mapping(store_uri, value):
    configuration = {"det": {"data": {"s": value}, "timestamps": {"s": 1.0}, "data_keys": {}}}
    documents = build_run({"primary": [{"x": value}, {"x": [value]}]}, configuration=configuration, sample=value)
    catalog = Catalog.from_uri(store_uri)
    with Writer(catalog) as writer:
        for name, document in [*documents, *documents]:
            writer(name, document)
    run = catalog[-1]
    assert run.start["sample"] == value
    assert type(run.start["sample"]) is dict
    assert run.primary.read()["x"].values.tolist() == [value, [value]]
    assert run.descriptors[0]["configuration"] == configuration
    assert [event["data"]["x"] for event in catalog.v1[-1].events()] == [value, [value]]
    assert [row.data["x"] for row in run.primary.follow()] == [value, [value]]
    catalog.update(run.start["uid"], start={"comment": "kept"})
    assert catalog[-1].start == {**documents[0][1], "comment": "kept"}


@pytest.mark.parametrize("seq_num", [1.5, float("nan"), "2", None])
def test_a_seq_num_that_is_no_whole_number_is_an_error(store_uri, seq_num):
    catalog = Catalog.from_uri(store_uri)
    with Writer(catalog) as writer:
        for name, document in build_run({"primary": [{"x": 1}, {"x": 2}]}):
            writer(name, document)
    catalog.store.collections.event.update_one({"seq_num": 2}, {"$set": {"seq_num": seq_num}})
    with pytest.raises(StoreError, match="seq_num"):
        catalog[-1].primary.read()
    catalog.store.collections.event.update_many({}, {"$set": {"seq_num": 2.0}})
    assert catalog[-1].primary.read()["x"].values.tolist() == [1, 2]
