"""Answers that break off, at every document, and go on: each document once, in the order of its time."""

from itertools import chain
from unittest.mock import MagicMock

import bson
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo.errors import AutoReconnect, CursorNotFound, OperationFailure

from databroker_mongo.store.connection import retries
from databroker_mongo.store.connection.decoding import PLAIN
from databroker_mongo.store.connection.retries import (
    find_all,
    find_portions,
    in_order_of_time,
    retry_from_start,
    retry_once,
    sort_within_times,
)

GONE = CursorNotFound("gone", 43)
TIMES = [3.0, 1.0, 1.0, 2, 1.0, "later", "later", 2.0]


class Breaking:
    """A collection whose first answer, or every answer, breaks off after some documents."""

    def __init__(self, collection, *, after, error=GONE, n_breaks=1, n_at_once=1):
        self.collection = collection
        self.n_at_once = n_at_once
        self.after, self.error, self.n_breaks = after, error, n_breaks

    def find(self, query):
        return self._breaking(self.collection.find(query))

    def _breaking(self, found):
        for number, document in enumerate(found):
            if number == self.after and self.n_breaks:
                self.n_breaks -= 1
                raise self.error
            yield document

    def find_portions(self, query):
        portion = []
        try:
            for document in self._breaking(self.collection.find(query).sort("time", 1)):
                portion.append(document)
                if len(portion) == self.n_at_once:
                    yield portion
                    portion = []
        finally:
            yield portion


def store(collection, times):
    collection.delete_many({})
    collection.insert_many({"uid": f"e{number}", "time": time} for number, time in enumerate(times))


@pytest.fixture
def events(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        collection = client.get_default_database().event
        store(collection, TIMES)
        yield collection


def uids_of(found):
    return [event["uid"] for event in found]


def in_order(collection):
    return list(chain.from_iterable(in_order_of_time(collection.find_portions, {})))


@pytest.mark.parametrize("n_at_once", [1, 2, 9])
@pytest.mark.parametrize("n_breaks", [1, 3])
@pytest.mark.parametrize("after", range(1, len(TIMES) - 2))
def test_an_answer_that_breaks_off_goes_on_with_what_is_missing(events, after, n_breaks, n_at_once):
    whole = uids_of(in_order(Breaking(events, after=99)))
    broken = Breaking(events, after=after, n_breaks=n_breaks, n_at_once=n_at_once)
    found = in_order(broken)
    assert sorted(uids_of(found)) == sorted(whole)
    assert [event["time"] for event in found] == [1.0, 1.0, 1.0, 2, 2.0, 3.0, "later", "later"]
    assert all("_id" not in event for event in found)
    assert broken.n_breaks < n_breaks


@pytest.mark.parametrize("times", [[None, 1.0], [float("nan"), 1.0]])
def test_what_has_no_place_in_time_cannot_be_gone_on_from(events, times):
    store(events, times)
    with pytest.raises(CursorNotFound):
        in_order(Breaking(events, after=1))


def test_an_answer_that_does_not_even_begin_is_an_error(events):
    with pytest.raises(AutoReconnect):
        in_order(Breaking(events, after=0, error=AutoReconnect("no")))


def test_an_answer_that_was_refused_is_not_asked_for_again(events):
    refusal = OperationFailure("not authorized", 13)
    with pytest.raises(OperationFailure, match="not authorized"):
        in_order(Breaking(events, after=2, error=refusal))
    with pytest.raises(OperationFailure, match="not authorized"):
        list(retry_from_start(lambda: Breaking(events, after=2, error=refusal).find({})))


def test_an_answer_without_order_begins_again(events):
    broken = Breaking(events, after=2)
    assert uids_of(retry_from_start(lambda: broken.find({}))) == [
        "e0",
        "e1",
        *(f"e{number}" for number in range(len(TIMES))),
    ]


def test_a_question_is_asked_once_more_and_no_more(events):
    broken = Breaking(events, after=2, n_breaks=2)
    with pytest.raises(CursorNotFound):
        retry_once(lambda: list(broken.find({})))
    assert len(retry_once(lambda: list(broken.find({})))) == len(TIMES)


@pytest.mark.parametrize("n_of_one_time", [1, 7, 150, 1000])
def test_events_of_one_time_are_put_in_order_across_portions(events, n_of_one_time):
    stored = [
        {"_id": number, "descriptor": "d", "seq_num": 1000 - number, "time": float(number // n_of_one_time)}
        for number in range(1000)
    ]
    events.delete_many({})
    events.insert_many(stored)
    portions = list(find_portions(events, {}, batch_size=300))
    assert len(portions) > 4
    assert [each["_id"] for portion in portions for each in portion] == list(range(1000))
    in_order = sorted(stored, key=lambda each: (each["time"], each["seq_num"]))
    assert list(sort_within_times(portions, ["d"])) == in_order


def test_a_batch_that_is_no_bson_is_refused(monkeypatch):
    batches = MagicMock()
    batches.return_value.sort.return_value.batch_size.return_value = [bson.encode({"a": 1}) + bytes(8)]
    monkeypatch.setattr(retries, "_find_batches", batches)
    with pytest.raises(bson.errors.InvalidBSON):
        list(find_portions(MagicMock(codec_options=bson.DEFAULT_CODEC_OPTIONS), {}, batch_size=2))


def test_each_document_is_decoded_once(events, monkeypatch):
    store(events, range(500))
    made = []
    original = RawBSONDocument.__init__

    def count(self, *args, **options):
        made.append(self)
        original(self, *args, **options)

    monkeypatch.setattr(RawBSONDocument, "__init__", count)
    plain = events.with_options(codec_options=PLAIN)
    assert find_all(plain, {}, {"_id": 0, "time": 1}) == [{"time": number} for number in range(500)]
    assert len(made) < 10
