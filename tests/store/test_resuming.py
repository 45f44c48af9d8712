"""Answers that break off, at every document, and go on: each document once, in the order of its time."""

import pymongo
import pytest
from pymongo.errors import AutoReconnect, CursorNotFound, OperationFailure

from databroker_mongo.store.connection.retries import in_order_of_time, retry_from_start, retry_once

GONE = CursorNotFound("gone", 43)
TIMES = [3.0, 1.0, 1.0, 2, 1.0, "later", "later", 2.0]


class Breaking:
    """A collection whose first answer, or every answer, breaks off after some documents."""

    def __init__(self, collection, *, after, error=GONE, n_breaks=1):
        self.collection = collection
        self.after, self.error, self.n_breaks = after, error, n_breaks

    def find(self, query, projection=None):
        self._found = self.collection.find(query, projection)
        return self

    def sort(self, *order):
        self._found = self._found.sort(*order)
        return self

    def batch_size(self, n_documents):
        return self

    def __iter__(self):
        for number, document in enumerate(self._found):
            if number == self.after and self.n_breaks:
                self.n_breaks -= 1
                raise self.error
            yield document


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


@pytest.mark.parametrize("n_breaks", [1, 3])
@pytest.mark.parametrize("after", range(1, len(TIMES) - 2))
def test_an_answer_that_breaks_off_goes_on_with_what_is_missing(events, after, n_breaks):
    whole = uids_of(in_order_of_time(Breaking(events, after=99), {}, batch_size=2))
    broken = Breaking(events, after=after, n_breaks=n_breaks)
    found = list(in_order_of_time(broken, {}, batch_size=2))
    assert sorted(uids_of(found)) == sorted(whole)
    assert [event["time"] for event in found] == [1.0, 1.0, 1.0, 2, 2.0, 3.0, "later", "later"]
    assert all("_id" not in event for event in found)
    assert broken.n_breaks < n_breaks


@pytest.mark.parametrize("times", [[None, 1.0], [float("nan"), 1.0]])
def test_what_has_no_place_in_time_cannot_be_gone_on_from(events, times):
    store(events, times)
    with pytest.raises(CursorNotFound):
        list(in_order_of_time(Breaking(events, after=1), {}, batch_size=2))


def test_an_answer_that_does_not_even_begin_is_an_error(events):
    with pytest.raises(AutoReconnect):
        list(in_order_of_time(Breaking(events, after=0, error=AutoReconnect("no")), {}, batch_size=2))


def test_an_answer_that_was_refused_is_not_asked_for_again(events):
    refusal = OperationFailure("not authorized", 13)
    with pytest.raises(OperationFailure, match="not authorized"):
        list(in_order_of_time(Breaking(events, after=2, error=refusal), {}, batch_size=2))
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
