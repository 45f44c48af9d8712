"""Values of BSON's own types are stored as they are, or refused by name; so runs of other programs can be copied."""

import datetime
import re
import uuid

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import InvalidDocument
from databroker_mongo.writing import quarantine
from databroker_mongo.writing.spool import SpoolFile, encode_rows

ID = ObjectId("0123456789abcdef01234567")
VALUES = {
    "ObjectId": ID,
    "Decimal128": Decimal128("1.50"),
    "Decimal128 NaN": Decimal128("NaN"),
    "Regex": Regex("^a", re.I | re.X),
    "Timestamp": Timestamp(5, 2),
    "Code": Code("f"),
    "Code with a scope": Code("f", {"a": 1, "b": [ID]}),
    "Code with an empty scope": Code("f", {}),
    "Binary with a subtype": Binary(b"y", 128),
    "Binary of an older kind": Binary(b"y", 2),
    "Binary of a UUID": Binary(bytes(16), 4),
    "MinKey": MinKey(),
    "MaxKey": MaxKey(),
    "a date after 9999": DatetimeMS(2**60),
    "a date before the year 1": DatetimeMS(-(2**60)),
}
"""What comes out in the type in which it went in."""

BECOME = {
    "DBRef": (DBRef("a", ID, "b"), {"$ref": "a", "$id": ID, "$db": "b"}),
    "Binary": (Binary(b"y"), b"y"),
    "DatetimeMS": (DatetimeMS(5), datetime.datetime(1970, 1, 1, microsecond=5000)),
    "Int64": (Int64(5), 5),
}
"""What is read as another type of the same value."""

REFUSED = {
    "a compiled pattern": (re.compile("a"), r"re\.Pattern.*from_native|from_native"),
    "a UUID": (uuid.UUID(int=1), "UUID"),
    "a flag that BSON has not": (Regex("a", re.A), "flags"),
    "a pattern of bytes": (Regex(b"a"), "text"),
    "a pattern with NUL": (Regex("a\0b"), "NUL"),
    "a scope with microseconds": (Code("f", {"a": datetime.datetime(2026, 1, 1, microsecond=1)}), "milliseconds"),
    "a lone surrogate": (Code("\ud800"), "surrogate"),
}


def run_with(value, uid="run"):
    """Return the documents of a run that has a value in each kind of document."""
    data_keys = {"a": {"source": "x", "dtype": "string", "shape": []}}
    event = {"uid": f"{uid}-e", "descriptor": f"{uid}-d", "seq_num": 1, "time": 3.0, "timestamps": {"a": 3.0}}
    return [
        ("start", {"uid": uid, "time": 1.0, "v": value, "deep": [{"_id": value}]}),
        ("descriptor", {"uid": f"{uid}-d", "run_start": uid, "time": 2.0, "name": "primary", "data_keys": data_keys,
                        "configuration": {"a": {"data": {"v": value}, "timestamps": {}, "data_keys": {}}}}),
        ("event", {**event, "data": {"a": value}}),
        ("stop", {"uid": f"{uid}-s", "run_start": uid, "time": 4.0, "exit_status": "success", "v": value}),
    ]  # fmt: skip


def values_in(run):
    documents = dict(run.documents())
    event = documents.get("event_page") or documents["event"]
    value = event["data"]["a"]
    configuration = documents["descriptor"]["configuration"]["a"]["data"]["v"]
    in_event = value[0] if "event_page" in documents else value
    return [run.start["v"], run.start["deep"][0]["_id"], configuration, in_event, run.stop["v"]]


def are_same(one, other):
    return type(one) is type(other) and bson.encode({"v": one}) == bson.encode({"v": other})


@pytest.mark.parametrize("durable", ["each", "batch"])
@pytest.mark.parametrize("kind", [*VALUES, *BECOME])
def test_a_value_of_bson_is_stored_as_it_is_and_copied_to_another_catalog(store_uri, database_name, kind, durable):
    value, expected = BECOME[kind] if kind in BECOME else (VALUES[kind], VALUES[kind])
    with Writer(store_uri, durable=durable) as writer:
        for document in [*run_with(value), *run_with(value)]:  # one that is sent again is known
            writer(*document)
    run = Catalog.from_uri(store_uri)["run"]
    assert all(are_same(each, expected) for each in values_in(run))
    elsewhere = f"memory://{database_name}-elsewhere"
    with Writer(elsewhere) as writer:
        for document in run.documents():
            writer(*document)
    copied = Catalog.from_uri(elsewhere)["run"]
    assert all(are_same(each, expected) for each in values_in(copied))
    assert list(map(repr, copied.documents())) == list(map(repr, run.documents()))


@pytest.mark.parametrize("kind", REFUSED)
def test_a_value_that_would_be_changed_is_refused_with_what_to_send(database_name, kind):
    value, reason = REFUSED[kind]
    writer = Writer(f"memory://{database_name}")
    for name, document in run_with(value):
        with pytest.raises(InvalidDocument, match=reason) as raised:
            writer(name, document)
        assert raised.value.facts["value_type"]
    assert len(Catalog.from_uri(f"memory://{database_name}")) == 0


@pytest.mark.parametrize("name", ["start", "descriptor", "event", "stop"])
@pytest.mark.parametrize("value", [5, ID, None])
def test_a_name_of_mongodbs_own_is_refused(database_name, name, value):
    writer = Writer(f"memory://{database_name}")
    document = dict(run_with("a"))[name]
    with pytest.raises(InvalidDocument, match="'_id' is that by which MongoDB knows") as raised:
        writer(name, {**document, "_id": value})
    assert raised.value.facts["field"] == "_id"
    writer(name, document)


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_bson_outlives_the_spool_and_the_quarantine(tmp_path, kind):
    document = {"uid": "run", "time": 1.0, "v": VALUES[kind]}
    waiting = SpoolFile(tmp_path / "1.bson")
    waiting.append(encode_rows([("start", document)]), is_synced=False)
    ((_, spooled),) = waiting.rows()
    waiting.close()
    set_aside = quarantine.read_refused(
        quarantine.set_aside(tmp_path, "memory://x", "start", document, ValueError("no"))
    )
    assert set_aside.is_exact
    for each in (spooled, set_aside.document):
        assert are_same(each["v"], VALUES[kind])
