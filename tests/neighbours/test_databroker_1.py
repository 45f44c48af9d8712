"""databroker 1.2.5 reads what the Writer wrote, and we read what its suitcase-mongo wrote."""

from __future__ import annotations

import json

import event_model
import pymongo
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogWarning
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing.runs import Asset, build_run

pytestmark = [pytest.mark.neighbour, pytest.mark.slow, pytest.mark.timeout(700)]

READ = """
import json, sys
from databroker._drivers.mongo_normalized import BlueskyMongoCatalog
catalog = BlueskyMongoCatalog(sys.argv[1], sys.argv[1])
run = catalog[sys.argv[2]]
read = run.baseline.read()
print(json.dumps({
    "documents": list(run.documents(fill="no")),
    "uids": list(catalog),
    "by_scan_id": catalog[7].metadata["start"]["uid"],
    "baseline": {key: read[key].values.tolist() for key in read},
    "time": read["time"].values.tolist(),
}))
"""

WRITE = """
import json, sys
from suitcase.mongo_normalized import Serializer
serializer = Serializer(sys.argv[1], sys.argv[1])
if sys.argv[3] == "indexed":
    serializer.create_indexes()
for name, doc in json.loads(sys.argv[2]):
    serializer(name, doc)
"""


@pytest.fixture
def documents():
    """A run of two streams, with an image on disk; plain values, so that JSON carries them."""
    asset = Asset("NPY_SEQ", "/data", "images", [{"index": number} for number in range(3)], shape=(4, 4))
    rows = [{"det": 0.5 * number, "count": number, "label": f"n{number}"} for number in range(3)]
    motors = [
        {"motor": 1.5, "slits": [0.1, 0.2], "state": "open"},
        {"motor": 2.5, "slits": [0.3, 0.4], "state": "shut"},
    ]
    documents = build_run(
        {"baseline": motors, "primary": rows},
        scan_id=7,
        assets={"primary": {"image": asset}},
        configuration={"det": {"data": {"gain": 3}, "timestamps": {"gain": 1.0}, "data_keys": {}}},
        sample={"name": "Ni"},
        uid="0c2b7a4e-7d1f-4a55-9a0b-0a8f4c1d2e3f",
    )
    return json.loads(json.dumps(documents))


def singles(documents):
    """The contents by kind, rows of pages one by one, in an order that does not depend on how they came."""
    found = {}
    for name, doc in documents:
        rows = [doc]
        if name == "event_page":
            name, rows = "event", list(event_model.unpack_event_page(doc))
        elif name == "datum_page":
            name, rows = "datum", list(event_model.unpack_datum_page(doc))
        for row in rows:
            kept = {key: value for key, value in row.items() if key not in ("filled", "path_semantics")}
            found.setdefault(name, []).append(json.loads(json.dumps(kept)))
    return {name: sorted(rows, key=json.dumps) for name, rows in found.items()}


@pytest.mark.parametrize("durable", ["each", "batch"])
def test_databroker_reads_what_the_writer_wrote(databroker_1, mongod_database_uri, documents, durable):
    with Writer(mongod_database_uri, durable=durable) as writer:
        for name, doc in documents:
            writer(name, doc)
    uid = documents[0][1]["uid"]
    read = json.loads(databroker_1(READ, mongod_database_uri, uid))
    assert singles(read["documents"]) == singles(documents)
    assert read["uids"] == [uid]
    assert read["by_scan_id"] == uid
    assert read["baseline"]["motor"] == [1.5, 2.5]
    assert read["baseline"]["slits"] == [[0.1, 0.2], [0.3, 0.4]]
    assert read["baseline"]["state"] == ["open", "shut"]
    assert read["time"] == [doc["time"] for name, doc in documents if name == "event"][:2]


@pytest.mark.parametrize("indexes", ["indexed", "bare"])
def test_we_read_what_suitcase_wrote(databroker_1, mongod_database_uri, documents, indexes):
    databroker_1(WRITE, mongod_database_uri, json.dumps(documents), indexes)
    run = Catalog.from_uri(mongod_database_uri)[7]
    assert singles(run.documents(fill="no")) == singles(documents)
    assert run.baseline.read()["motor"].values.tolist() == [1.5, 2.5]
    assert list(run) == ["baseline", "primary"]


def counts(uri):
    with pymongo.MongoClient(uri) as client:
        database = client.get_default_database()
        return {name: database[name].count_documents({}) for name in database.list_collection_names()}


ONE_COPY = {"run_start": 1, "event_descriptor": 2, "resource": 1, "datum": 3, "event": 5, "run_stop": 1}


def test_what_suitcase_stored_under_its_indexes_is_recognised_when_sent_again(
    databroker_1, mongod_database_uri, documents
):
    databroker_1(WRITE, mongod_database_uri, json.dumps(documents), "indexed")
    for durable in ("each", "batch"):
        with Writer(mongod_database_uri, durable=durable) as writer:
            for name, doc in documents:
                writer(name, doc)
    assert counts(mongod_database_uri) == ONE_COPY


def test_a_database_that_suitcase_left_without_indexes_is_told(databroker_1, mongod_database_uri, documents):
    databroker_1(WRITE, mongod_database_uri, json.dumps(documents), "bare")
    with pytest.warns(CatalogWarning, match="admin create-indexes"):
        Writer(mongod_database_uri)("start", {"uid": "another", "time": 1.0})


def test_suitcase_makes_its_indexes_on_what_we_wrote_and_recognises_it(databroker_1, mongod_database_uri, documents):
    with Writer(mongod_database_uri) as writer:
        for name, doc in documents:
            writer(name, doc)
    # suitcase-mongo 0.7 stores a resource that it finds a second time: that is left out.
    again = [pair for pair in documents if pair[0] != "resource"]
    databroker_1(WRITE, mongod_database_uri, json.dumps(again), "indexed")
    assert counts(mongod_database_uri) == ONE_COPY


def write(uri, documents):
    """Store documents as this package does."""
    with Writer(uri) as writer:
        for name, doc in documents:
            writer(name, doc)


def build_copies(uri):
    return writable(open_store(uri)).build_columnar(apply=True)


def copies_in(uri):
    with pymongo.MongoClient(uri) as client:
        return list(client.get_default_database()["event_columns"].find({}, sort=[("_id", 1)]))


def read_motors(uri, scan_id):
    """Return the positions of a motor, and whether they come from a columnar copy."""
    read = Catalog.from_uri(uri)[scan_id].baseline.read()
    return read["motor"].values.tolist(), read.attrs.get("read_from") == "columnar copies"


def test_databroker_reads_beside_columnar_copies_and_leaves_them(databroker_1, mongod_database_uri, documents):
    write(mongod_database_uri, documents)
    assert build_copies(mongod_database_uri).n_made == 2
    copies = copies_in(mongod_database_uri)
    read = json.loads(databroker_1(READ, mongod_database_uri, documents[0][1]["uid"]))
    assert singles(read["documents"]) == singles(documents)
    assert read["baseline"]["motor"] == [1.5, 2.5]
    assert copies_in(mongod_database_uri) == copies
    assert read_motors(mongod_database_uri, 7) == ([1.5, 2.5], True)


@pytest.mark.parametrize("indexes", ["indexed", "bare"])
def test_what_suitcase_stores_beside_columnar_copies_is_read(databroker_1, mongod_database_uri, documents, indexes):
    write(mongod_database_uri, documents)
    build_copies(mongod_database_uri)
    another = json.loads(json.dumps(build_run({"baseline": [{"motor": 3.5}]}, scan_id=8, time=1.8e9)))
    [event, *_] = [doc for name, doc in documents if name == "event" and "motor" in doc["data"]]
    late = {**event, "uid": "late", "seq_num": 3, "time": event["time"] + 0.5, "data": {**event["data"], "motor": 9.5}}

    databroker_1(WRITE, mongod_database_uri, json.dumps(another), indexes)
    assert read_motors(mongod_database_uri, 8) == ([3.5], False)
    assert read_motors(mongod_database_uri, 7) == ([1.5, 2.5], True)
    databroker_1(WRITE, mongod_database_uri, json.dumps([("event", late)]), indexes)
    assert read_motors(mongod_database_uri, 7) == ([1.5, 2.5, 9.5], False)

    assert build_copies(mongod_database_uri).n_made == 2
    assert read_motors(mongod_database_uri, 8) == ([3.5], True)
    assert read_motors(mongod_database_uri, 7) == ([1.5, 2.5, 9.5], True)
    read = json.loads(databroker_1(READ, mongod_database_uri, documents[0][1]["uid"]))
    assert sorted(read["baseline"]["motor"]) == [1.5, 2.5, 9.5]
