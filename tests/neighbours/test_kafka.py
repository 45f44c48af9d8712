"""The consumer of docs/how-to with bluesky-kafka, and a broker that speaks Kafka's protocol: librdkafka's own."""

from __future__ import annotations

import importlib.util
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from databroker_mongo import Catalog
from databroker_mongo.testing.runs import build_run

from .required import required

bluesky_kafka = required("bluesky_kafka")
confluent_kafka = required("confluent_kafka")

RECIPE = Path(__file__).parents[2] / "docs" / "how-to" / "kafka_consumer.py"

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def recipe() -> Any:
    specification = importlib.util.spec_from_file_location("kafka_consumer", RECIPE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def broker() -> Any:
    """A client that holds a broker on a loopback port; others reach it at ``broker.address``."""

    class Broker(confluent_kafka.Producer):  # type: ignore[misc]  # an untyped base
        @property
        def address(self) -> str:
            return ",".join(f"{each.host}:{each.port}" for each in self.list_topics(timeout=10).brokers.values())

    return Broker({"test.mock.num.brokers": 1, "log_level": 0})


class Consumption:
    """The consumer as the recipe makes it, for as long as a test wants."""

    def __init__(self, recipe: Any, address: str, databases: dict[str, str], quarantine: Path):
        self.recipe = recipe
        self.n_documents = 0
        self._store = recipe.Store(databases, str(quarantine))
        self._consumer = bluesky_kafka.BlueskyConsumer(
            topics=list(databases),
            bootstrap_servers=address,
            group_id="mongodb",
            consumer_config={
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000,
                "log_level": 0,
            },
            deserializer=recipe.deserialized,
            process_document=self._process,
        )

    def _process(self, *arguments: Any) -> None:
        self.n_documents += 1
        self._store(*arguments)

    def go_on(self, n_documents: int, *, seconds: float = 30) -> None:
        """Consume so many documents, or as many as come in time."""
        deadline = time.monotonic() + seconds
        self._consumer.start_polling(
            continue_polling=lambda: self.n_documents < n_documents and time.monotonic() < deadline,
            on_exception=self.recipe.reraise,
        )


def publish(broker: Any, topic: str, documents: list[Any]) -> None:
    publisher = bluesky_kafka.Publisher(topic=topic, bootstrap_servers=broker.address, key="one partition")
    for name, doc in documents:
        publisher(name, doc)
    publisher.flush()


def run(number: int) -> list[tuple[str, dict[str, Any]]]:
    rows = [{"det": 0.5 * row} for row in range(5)]
    return build_run({"primary": rows}, scan_id=number, time=1.7e9 + number, uid=f"run-{number}")


def test_a_consumer_that_ends_halfway_leaves_the_rest_to_the_next_and_nothing_is_lost_or_twice(
    recipe: Any, broker: Any, mongod_database_uri: str, tmp_path: Path
) -> None:
    interleaved = list(itertools.chain(*zip(run(1), run(2), strict=True)))
    databases = {"abc": mongod_database_uri}
    n_documents = len(interleaved)
    publish(broker, "abc", interleaved)
    first = Consumption(recipe, broker.address, databases, tmp_path)
    first.go_on(n_documents // 2)
    del first
    broker.produce("abc", b"\xc1 is no message", key="one partition")
    broker.flush()
    second = Consumption(recipe, broker.address, databases, tmp_path)
    second.go_on(n_documents + 1)
    # Nothing was committed before the first stop document.
    assert second.n_documents == n_documents + 1
    del second
    found = Catalog.from_uri(mongod_database_uri)
    assert {uid: len(each.primary.read()["time"]) for uid, each in found.items()} == {"run-1": 5, "run-2": 5}
    [aside] = tmp_path.rglob("quarantine/*.json")
    assert "unreadable message" in json.loads(aside.read_text())["error"]
    third = Consumption(recipe, broker.address, databases, tmp_path)
    third.go_on(2, seconds=15)
    # All but what came after the last stop document is committed.
    assert third.n_documents == 1
