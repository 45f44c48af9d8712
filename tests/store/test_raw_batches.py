"""Batches of BSON come without a document being made of any event, and as pymongo's own cursor has them."""

import pymongo
import pytest
from bson import raw_bson

from databroker_mongo.store.connection import raw_batches
from databroker_mongo.store.connection.raw_batches import RawBatches

N_EVENTS = 2500


@pytest.fixture
def events(mongod_database_uri):
    client = pymongo.MongoClient(mongod_database_uri)
    collection = client.get_default_database()["event"]
    data = ({"a": [1, {"b": None}], "t": "ä" * number} for number in range(N_EVENTS))
    collection.insert_many({"_id": number, "data": each} for number, each in enumerate(data))
    yield collection
    client.close()


def _ask(ask):
    return list(ask({"_id": {"$gte": 10}}, {"data": 1}, batch_size=700, max_time_ms=60_000))


def test_batches_are_those_of_pymongo(events):
    expected = _ask(events.find_raw_batches)
    assert len(expected) > 2
    assert _ask(lambda *args, **options: RawBatches(events, *args, **options)) == expected


def test_an_answer_without_documents_has_no_batch(events):
    query = {"_id": -1}
    assert list(RawBatches(events, query)) == list(events.find_raw_batches(query))


def test_no_document_is_made_of_an_event(events, monkeypatch):
    made: list[object] = []
    original = raw_bson.RawBSONDocument.__init__

    def count(self, *args, **options):
        made.append(self)
        original(self, *args, **options)

    monkeypatch.setattr(raw_bson.RawBSONDocument, "__init__", count)
    assert len(list(RawBatches(events, {}, batch_size=N_EVENTS + 1))) == 1
    assert len(made) < 10
    assert len(list(events.find_raw_batches({}, batch_size=N_EVENTS + 1))) == 1
    assert len(made) > N_EVENTS, "pymongo's own cursor does not do so any more: this one may go"


def test_another_pymongo_takes_its_own_way(events, monkeypatch):
    expected = _ask(events.find_raw_batches)
    monkeypatch.delattr(raw_bson, "_RAW_ARRAY_BSON_OPTIONS")
    monkeypatch.setattr(raw_batches, "_reply_of", _seen := _Spy(raw_batches._reply_of))
    assert _ask(lambda *args, **options: RawBatches(events, *args, **options)) == expected
    assert _seen.answers
    assert set(_seen.answers) == {None}


class _Spy:
    def __init__(self, function):
        self.function = function
        self.answers = []

    def __call__(self, *args):
        answer = self.function(*args)
        self.answers.append(answer)
        return answer


def test_an_error_of_the_server_is_that_of_pymongo(events):
    with pytest.raises(pymongo.errors.OperationFailure, match="unknown top level operator"):
        list(RawBatches(events, {"$nonsense": 1}))
