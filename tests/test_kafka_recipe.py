"""The consumer of docs/how-to: nothing is committed that is not stored, and nothing is stored twice."""

import gc
import importlib.util
import json
from pathlib import Path

import pymongo
import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import StoreUnavailable
from databroker_mongo.store.writable_normalized import WritableNormalizedStore
from databroker_mongo.testing.runs import build_run
from databroker_mongo.writing import delivery

RECIPE = Path(__file__).parents[1] / "docs" / "how-to" / "kafka_consumer.py"


@pytest.fixture
def recipe():
    specification = importlib.util.spec_from_file_location("kafka_consumer", RECIPE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Consumer:
    """Polls as bluesky_kafka.BlueskyConsumer 0.10 does: exceptions are swallowed unless on_exception raises."""

    def __init__(self, messages, process_document, *, offset=0):
        self.messages = messages
        self.process_document = process_document
        self.committed = self.offset = offset

    def start_polling(self, *, on_exception):
        while self.offset < len(self.messages):
            topic, name, doc = self.messages[self.offset]
            self.offset += 1
            try:
                self.process_document(self, topic, name, json.loads(json.dumps(doc)))
            except Exception as error:
                on_exception(error)

    def commit(self, *, asynchronous):
        assert asynchronous is False
        self.committed = self.offset


def run(number):
    rows = [{"det": 0.5 * row} for row in range(5)]
    return build_run({"primary": rows}, scan_id=number, time=1.7e9 + number, uid=f"run-{number}")


@pytest.fixture
def databases(mongod_uri, database_name):
    names = {topic: f"{database_name}_{topic}" for topic in ("abc", "xyz")}
    yield {topic: mongod_uri.replace("/?", f"/{name}?") for topic, name in names.items()}
    with pymongo.MongoClient(mongod_uri) as client:
        for name in names.values():
            client.drop_database(name)


@pytest.fixture
def messages():
    """Two runs interleaved on one topic, another run on the other."""
    together = zip(run(1), run(2), run(3), strict=True)
    return [(topic, *pair) for trio in together for topic, pair in zip(["abc", "abc", "xyz"], trio, strict=True)]


def stored(databases):
    return {
        topic: {uid: len(found.primary.read()["time"]) for uid, found in Catalog.from_uri(uri).items()}
        for topic, uri in databases.items()
    }


WHOLE = {"abc": {"run-1": 5, "run-2": 5}, "xyz": {"run-3": 5}}


def test_topics_are_stored_each_in_its_database_and_committed_at_the_stops(recipe, databases, messages, tmp_path):
    consumer = Consumer(messages, recipe.Store(databases, str(tmp_path)))
    consumer.start_polling(on_exception=recipe.reraise)
    assert stored(databases) == WHOLE
    assert consumer.committed == len(messages)


@pytest.mark.parametrize("offset", [0, 3, 7, 20])
def test_reading_again_from_an_old_offset_changes_nothing(recipe, databases, messages, tmp_path, offset):
    Consumer(messages, recipe.Store(databases, str(tmp_path))).start_polling(on_exception=recipe.reraise)
    again = Consumer(messages, recipe.Store(databases, str(tmp_path)), offset=offset)
    again.start_polling(on_exception=recipe.reraise)
    assert stored(databases) == WHOLE
    assert list(tmp_path.rglob("*")) == []


def test_a_document_that_is_refused_is_set_aside_and_the_others_go_on(recipe, databases, messages, tmp_path):
    other_contents = {**messages[0][2], "sample": "another"}
    poisoned = [*messages[:9], ("abc", "start", other_contents), ("xyz", "event", {"uid": "bad"}), *messages[9:]]
    consumer = Consumer(poisoned, recipe.Store(databases, str(tmp_path)))
    consumer.start_polling(on_exception=recipe.reraise)
    assert stored(databases) == WHOLE
    assert consumer.committed == len(poisoned)
    aside = [json.loads(path.read_text()) for path in tmp_path.rglob("quarantine/*.json")]
    assert sorted(each["document"]["uid"] for each in aside) == ["bad", "run-1"]
    assert all(each["error"] for each in aside)


def test_a_database_that_stays_away_ends_the_consumer_and_nothing_is_lost(
    recipe, databases, messages, tmp_path, monkeypatch
):
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 40.0)
    is_away = []
    insert = WritableNormalizedStore.insert

    def insert_if_there(self, name, documents, *, seconds=None):
        if is_away and name != "start":
            raise StoreUnavailable("away")
        insert(self, name, documents, seconds=seconds)

    monkeypatch.setattr(WritableNormalizedStore, "insert", insert_if_there)
    consumer = Consumer(messages, recipe.Store(databases, str(tmp_path)))
    is_away.append(True)
    with pytest.raises(StoreUnavailable):
        consumer.start_polling(on_exception=recipe.reraise)
    assert consumer.committed == 0
    is_away.clear()
    del consumer
    gc.collect()
    again = Consumer(messages, recipe.Store(databases, str(tmp_path)))
    again.start_polling(on_exception=recipe.reraise)
    assert stored(databases) == WHOLE
