"""Sending a document again changes nothing; sending other contents under the same uid is told."""

import copy

import pymongo
import pymongo.monitoring
import pytest

from databroker_mongo.errors import CatalogWarning, DuplicateDocument, InvalidDocument
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.connection.collections import Collections
from databroker_mongo.store.insertion.insertion import COLLECTIONS, Insertion

NAN = float("nan")
DOCUMENTS = {
    "start": {"uid": "run", "time": 1.0},
    "descriptor": {"uid": "desc", "run_start": "run", "time": 1.0, "data_keys": {}},
    "event": {"uid": "e1", "descriptor": "desc", "seq_num": 1, "time": 1.0, "data": {"a": NAN}, "timestamps": {"a": 1}},
    "resource": {"uid": "r", "run_start": "run", "spec": "S", "root": "/", "resource_path": "f", "resource_kwargs": {}},
    "datum": {"datum_id": "r/0", "resource": "r", "datum_kwargs": {"index": 0}},
    "stream_resource": {"uid": "sr", "run_start": "run", "data_key": "a", "mimetype": "x/y", "uri": "u"},
    "stream_datum": {"uid": "sd", "stream_resource": "sr", "descriptor": "desc", "indices": {"start": 0, "stop": 1}},
    "stop": {"uid": "stop", "run_start": "run", "time": 2.0, "exit_status": "success"},
}


@pytest.fixture
def store(store_uri):
    return writable(open_store(store_uri))


@pytest.fixture
def real(mongod_database_uri):
    return writable(open_store(mongod_database_uri))


def put(store, name, *documents):
    store.insert(name, copy.deepcopy(documents))


def stored(store, name):
    return list(getattr(store.collections, COLLECTIONS[name]).find({}, {"_id": 0}))


def event(number, **changes):
    return {**DOCUMENTS["event"], "uid": f"e{number}", "seq_num": number, **changes}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_kind_of_document_is_stored_once_however_often_it_is_sent(store, name):
    for _ in range(3):
        put(store, name, DOCUMENTS[name])
    assert repr(stored(store, name)) == repr([DOCUMENTS[name]])


def test_a_batch_that_is_half_stored_becomes_whole(store):
    put(store, "event", event(2), event(4))
    put(store, "event", *(event(number) for number in range(1, 6)))
    assert sorted(doc["seq_num"] for doc in stored(store, "event")) == [1, 2, 3, 4, 5]


def test_a_document_that_occurs_twice_in_a_batch_is_stored_once(store):
    put(store, "event", event(1), event(2), event(1))
    assert len(stored(store, "event")) == 2


def test_an_event_with_an_empty_filled_equals_one_without(store):
    put(store, "event", event(1))
    put(store, "event", event(1, filled={}))
    assert "filled" not in stored(store, "event")[0]


def test_other_contents_are_refused_with_the_difference_and_the_rest_is_stored(store):
    put(store, "event", event(1, data={"a": 1.0}))
    with pytest.raises(DuplicateDocument) as caught:
        put(store, "event", event(1, data={"a": 2.0, "b": 3}), event(2))
    assert caught.value.differences == ["data.a: 1.0 is stored, 2.0 was sent", "data.b: nothing is stored, 3 was sent"]
    assert caught.value.uid == "e1"
    assert "data.a: 1.0 is stored, 2.0 was sent" in str(caught.value)
    assert [doc["data"] for doc in stored(store, "event") if doc["uid"] == "e1"] == [{"a": 1.0}]
    assert len(stored(store, "event")) == 2


def test_a_second_different_stop_is_kept_beside_and_the_first_counts(store):
    second = {**DOCUMENTS["stop"], "uid": "stop2", "exit_status": "fail"}
    put(store, "stop", DOCUMENTS["stop"])
    for _ in range(2):
        put(store, "stop", second)
    assert stored(store, "stop") == [DOCUMENTS["stop"]]
    beside = list(store.collections.metadata["run_stop_revisions"].find({}, {"_id": 0}))
    assert beside == [{"revision": 0, "document": second}]


def test_a_stop_of_the_same_uid_with_other_contents_is_refused(store):
    put(store, "stop", DOCUMENTS["stop"])
    with pytest.raises(DuplicateDocument, match="exit_status: 'success' is stored, 'fail' was sent"):
        put(store, "stop", {**DOCUMENTS["stop"], "exit_status": "fail"})


ODD_KEYS = [
    "a.b",
    "$x",
    "a$b",
    "",
    "__class__",
    "_id",
    "time",
    "k" * 1000,
    "\xe1",
    "data.x",
    "$where",
    "uid",
    "a b",
    "a/b",
]


def test_odd_keys_are_stored_as_they_are(store):
    data = {key: number for number, key in enumerate(ODD_KEYS)}
    for _ in range(2):
        put(store, "event", event(1, data=data))
    assert stored(store, "event")[0]["data"] == data


@pytest.mark.parametrize("n_more", [0, 100_000])
def test_a_document_over_16_mb_is_refused_with_key_and_size(real, n_more):
    with pytest.raises(InvalidDocument, match=r"'image' takes 16,\d\d\d,") as caught:
        put(real, "event", event(2), event(1, data={"small": 1, "image": b"\0" * (2**24 + n_more)}))
    assert caught.value.data_key == "image"
    assert caught.value.uid == "e1"
    assert caught.value.size_bytes > 2**24


def test_a_document_that_the_server_refuses_is_named(real):
    real.collections.metadata.create_collection("event", validator={"seq_num": {"$lt": 2}})
    with pytest.raises(InvalidDocument, match="code 121") as caught:
        put(real, "event", event(1), event(2), event(1))
    assert caught.value.uid == "e2"
    assert len(stored(real, "event")) == 1


@pytest.mark.parametrize("unique", [True, False])
def test_the_uid_of_an_event_of_another_stream_is_refused(real, unique):
    real.collections.event.create_index("uid", unique=unique)
    put(real, "event", event(1))
    with pytest.raises(DuplicateDocument, match="descriptor: 'desc' is stored, 'other' was sent"):
        put(real, "event", event(1, descriptor="other"))
    assert len(stored(real, "event")) == 1


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("name", ["event", "resource", "datum", "stop"])
def test_documents_of_other_programs_are_recognised_through_an_index(real, name, unique):
    key = {"datum": "datum_id", "stop": "run_start"}.get(name, "uid")
    collection = getattr(real.collections, COLLECTIONS[name])
    collection.create_index(key, unique=unique)
    collection.insert_one(dict(DOCUMENTS[name]))
    put(real, name, DOCUMENTS[name])
    assert len(stored(real, name)) == 1


def test_documents_of_other_programs_without_an_index_are_warned_of_once(real):
    real.collections.event.insert_one(event(1))
    with pytest.warns(CatalogWarning, match="admin create-indexes"):
        put(real, "event", event(2))
    put(real, "event", event(3))


def test_a_database_of_our_own_without_indexes_needs_no_warning(real):
    put(real, "event", event(1))
    put(real, "event", event(2))
    assert len(stored(real, "event")) == 2


class Commands(pymongo.monitoring.CommandListener):
    """The names of the commands that a client sends."""

    def __init__(self):
        self.names = []

    def started(self, event):
        self.names.append(event.command_name)

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def test_a_thousand_events_cost_one_question_and_sending_them_again_two(mongod_database_uri):
    commands = Commands()
    with pymongo.MongoClient(mongod_database_uri, event_listeners=[commands]) as client:
        database = client.get_default_database()
        collections = Collections(database, database, 10_000, "address")
        insertion = Insertion(collections, {"event": False})
        events = [event(number) for number in range(1, 1001)]
        insertion.insert("event", copy.deepcopy(events))
        insertion.insert("event", copy.deepcopy(events))
        assert [name for name in commands.names if name != "getMore"] == ["insert", "insert", "find"]
