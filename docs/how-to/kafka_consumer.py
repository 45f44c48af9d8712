"""Store the documents of many Kafka topics, each in a database of its own.

python kafka_consumer.py broker1:9092,broker2:9092
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from databroker_mongo import Writer
from databroker_mongo.errors import DuplicateDocument, InvalidDocument

DATABASES = {
    "abc.bluesky.documents": "mongodb://mongo.example.org/abc",
    "xyz.bluesky.documents": "mongodb://mongo.example.org/xyz",
}


class Store:
    """Stores what is consumed, and tells Kafka so when a run has stopped and everything before is stored durably."""

    def __init__(self, databases: Mapping[str, str], quarantine: str):
        self._writers = {
            topic: Writer(uri, durable="batch", on_failure="raise", spool=quarantine)
            for topic, uri in databases.items()
        }

    def __call__(self, consumer: Any, topic: str, name: str, doc: Mapping[str, Any]) -> None:
        """Take one document. Whatever is raised here must end the consumer: it has not stored what it was given."""
        self._do(self._writers[topic], name, doc)
        if name == "stop":
            for writer in self._writers.values():
                self._do(writer)
            consumer.commit(asynchronous=False)

    def _do(self, writer: Writer, *document: Any) -> None:
        try:
            writer(*document) if document else writer.flush()
        except (InvalidDocument, DuplicateDocument) as error:
            # It will be refused however often it is sent, and lies in the quarantine: the others must go on.
            logging.getLogger(__name__).error("%s", error)


def deserialized(message: bytes) -> Any:
    """Return the name of a document and the document; of what is none, something that will be refused and set aside."""
    import msgpack
    import msgpack_numpy

    try:
        name, doc = msgpack.loads(message, object_hook=msgpack_numpy.decode)
    except Exception:
        return "unreadable message", {"message": message}
    return str(name), doc


def reraise(error: Exception) -> None:
    """End the consumer, which otherwise goes on as if nothing had happened, and commits what was never stored."""
    raise error


if __name__ == "__main__":
    from bluesky_kafka import BlueskyConsumer

    consumer = BlueskyConsumer(
        topics=list(DATABASES),
        bootstrap_servers=sys.argv[1],
        group_id="mongodb",
        consumer_config={"enable.auto.commit": False, "auto.offset.reset": "earliest"},
        deserializer=deserialized,
        process_document=Store(DATABASES, quarantine="/var/lib/databroker_mongo"),
    )
    consumer.start_polling(on_exception=reraise)
