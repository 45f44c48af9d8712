"""Corrections of a run change what is read, keep what was, and are checked like any document."""

import subprocess
import sys
import threading

import bson
import pymongo
import pytest

from databroker_mongo import REMOVE, Catalog, Writer
from databroker_mongo.errors import InvalidDocument, RunNotFound, StreamNotFound
from databroker_mongo.store import open_store, writable
from databroker_mongo.writing import update_run

KEY = {"source": "PV:x", "dtype": "number", "shape": [], "units": "mm"}
START = {"uid": "run", "time": 1.0, "sample": "A", "user": {"name": "Ann", "badge": 7}}
DESCRIPTORS = [
    {"uid": f"desc-{number}", "run_start": "run", "time": 1.0 + number, "name": name, "data_keys": {"x": dict(KEY)}}
    for number, name in enumerate(["primary", "baseline", "primary"])
]
STOP = {"uid": "stop", "run_start": "run", "time": 2.0, "exit_status": "success"}


@pytest.fixture
def store(store_uri):
    store = writable(open_store(store_uri))
    writer = Writer(store)
    writer("start", START)
    for descriptor in DESCRIPTORS:
        writer("descriptor", descriptor)
    writer("stop", STOP)
    return store


@pytest.fixture
def catalog(store, store_uri):
    return Catalog.from_uri(store_uri)


def test_fields_of_start_and_stop_are_changed_and_the_earlier_ones_kept(store):
    for _ in range(2):
        update_run(store, "run", start={"sample": "B", "note": "swapped"}, stop={"reason": "beam lost"})
    assert store.stops(["run"])["run"] == {**STOP, "reason": "beam lost"}
    assert store.examination.revisions("start", "run") == [START]
    assert store.examination.revisions("stop", "stop") == [STOP]
    update_run(store, "run", start={"sample": "C"})
    assert [doc["sample"] for doc in store.examination.revisions("start", "run")] == ["A", "B"]


def test_fields_are_removed_and_nested_ones_changed_in_any_document(catalog):
    for _ in range(2):
        catalog.update(
            -1,
            start={"sample": REMOVE, ("user", "badge"): REMOVE, ("user", "name"): "Bob", ("new", "a", "b"): [1]},
            stop={"exit_status": "abort"},
            descriptors={"primary": {("data_keys", "x", "units"): "um"}, "desc-1": {"hints": {}}},
        )
    run = catalog[-1]
    assert run.start == {"uid": "run", "time": 1.0, "user": {"name": "Bob"}, "new": {"a": {"b": [1]}}}
    assert run.stop == {**STOP, "exit_status": "abort"}
    units = {each["uid"]: each["data_keys"]["x"]["units"] for each in run.descriptors}
    assert units == {"desc-0": "um", "desc-1": "mm", "desc-2": "um"}
    assert run["baseline"].descriptors[0]["hints"] == {}
    assert run.primary.read().attrs["stream"] == "primary"


def test_what_was_before_each_correction_is_listed(catalog):
    assert catalog[-1].revisions() == []
    catalog.update(-1, start={"sample": "B"}, descriptors={"primary": {("data_keys", "x", "units"): "um"}})
    catalog.update(-1, start={"sample": REMOVE, ("user", "name"): "Bob"}, stop={"reason": "beam lost"})
    found = [(each.name, each.uid, each.number, each.changed) for each in catalog[-1].revisions()]
    assert found == [
        ("start", "run", 0, ("sample",)),
        ("start", "run", 1, ("sample", "user.name")),
        ("stop", "stop", 0, ("reason",)),
        ("descriptor", "desc-0", 0, ("data_keys.x.units",)),
        ("descriptor", "desc-2", 0, ("data_keys.x.units",)),
    ]
    assert catalog[-1].revisions()[0].document == START
    assert repr(catalog[-1].revisions()[1]) == "<Revision 1 of the start 'run', before sample, user.name changed>"


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "other"},
        {"uid": REMOVE},
        {("uid",): "other"},
        {("uid", "x"): 1},
        {"time": "noon"},
        {"time": REMOVE},
        {"sample": {1}},
        {("sample", "name"): "B"},
    ],
    ids=repr,
)
def test_a_correction_that_breaks_the_run_is_refused_and_changes_nothing(store, changes):
    with pytest.raises(InvalidDocument) as caught:
        update_run(store, "run", start=changes, stop={"reason": "never stored"})
    assert caught.value.run_uid == "run"
    assert store.stops(["run"])["run"] == STOP
    assert store.examination.run_revisions("run") == []


def test_a_document_that_would_belong_to_another_run_is_refused(store):
    with pytest.raises(InvalidDocument, match="'run_start' identifies a stop"):
        update_run(store, "run", stop={"run_start": "other"})
    with pytest.raises(InvalidDocument, match="'run_start' identifies a descriptor"):
        update_run(store, "run", descriptors={"baseline": {"run_start": REMOVE}})
    with pytest.raises(InvalidDocument) as caught:
        update_run(store, "run", descriptors={"baseline": {"data_keys": REMOVE}})
    assert (caught.value.uid, caught.value.stream) == ("desc-1", "baseline")


def test_a_run_or_stream_that_is_not_there_or_has_not_stopped_cannot_be_corrected(store):
    with pytest.raises(RunNotFound, match="no run 'other'"):
        update_run(store, "other", start={"sample": "B"})
    with pytest.raises(RunNotFound, match="no run 'other'"):
        update_run(store, "other", descriptors={"primary": {"hints": {}}})
    Writer(store)("start", {"uid": "crashed", "time": 1.0})
    with pytest.raises(RunNotFound, match="no stop document"):
        update_run(store, "crashed", stop={"reason": "power cut"})
    with pytest.raises(StreamNotFound, match=r"no stream 'dark'.*primary, baseline"):
        update_run(store, "run", start={"sample": "B"}, descriptors={"dark": {"hints": {}}})
    assert store.examination.run_revisions("run") == []


def test_what_another_program_stored_stays_as_it_is_when_another_field_is_corrected(mongod_database_uri):
    odd = {"number": bson.Decimal128("1.50"), "id": bson.ObjectId("5" * 24), "pattern": bson.Regex("a"), "deep": [{}]}
    with pymongo.MongoClient(mongod_database_uri) as client:
        client.get_default_database().run_start.insert_one({**START, "odd": odd})
        catalog = Catalog.from_uri(mongod_database_uri)
        catalog.update("run", start={"sample": "B", ("odd", "deep"): (1, 2)})
        stored = client.get_default_database().run_start.find_one({"uid": "run"}, {"_id": 0})
    assert stored == {**START, "sample": "B", "odd": {**odd, "deep": [1, 2]}}
    with pytest.raises(InvalidDocument) as caught:
        catalog.update("run", start={("odd", "deep"): {1}})
    assert (caught.value.field, caught.value.run_uid) == ("odd.deep", "run")


def test_two_who_correct_one_run_at_the_same_time_both_have_their_way(store, catalog, monkeypatch):
    from databroker_mongo.writing import corrections

    original = corrections.documents.validate

    def while_another_corrects(name, doc):
        monkeypatch.setattr(corrections.documents, "validate", original)
        catalog.update("run", start={"comment": "theirs", ("user", "badge"): 8})
        original(name, doc)

    monkeypatch.setattr(corrections.documents, "validate", while_another_corrects)
    update_run(store, "run", start={"note": "ours", ("user", "name"): "Bob"})
    assert catalog["run"].start == {
        **START,
        "comment": "theirs",
        "note": "ours",
        "user": {"name": "Bob", "badge": 8},
    }
    assert [each.number for each in catalog["run"].revisions()] == [0, 1]


def test_threads_that_correct_one_run_lose_no_field(store, catalog):
    def write(writer):
        for number in range(5):
            catalog.update("run", start={f"field_{writer}_{number}": number}, stop={f"field_{writer}_{number}": number})

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for document in (catalog["run"].start, catalog["run"].stop):
        assert len([name for name in document if name.startswith("field_")]) == 15


CORRECT = """
import sys
from databroker_mongo import Catalog

catalog = Catalog.from_uri(sys.argv[1])
catalog[-1]
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    catalog.update("run", start={f"field_{sys.argv[2]}_{number}": number})
"""


def test_threads_that_take_turns_at_every_step_meet_no_half_document(catalog):
    errors = []

    def write(writer):
        try:
            for number in range(12):
                catalog.update("run", start={f"field_{writer}_{number}": number})
        except Exception as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert len([name for name in catalog["run"].start if name.startswith("field_")]) == 48


@pytest.mark.timeout(400)
def test_ten_processes_that_correct_one_run_lose_no_field(mongod_database_uri):
    with Writer(mongod_database_uri) as writer:
        writer("start", START)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CORRECT, mongod_database_uri, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(10)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    run = Catalog.from_uri(mongod_database_uri)["run"]
    assert len([name for name in run.start if name.startswith("field_")]) == 200
    assert [each.number for each in run.revisions()] == list(range(200))
    assert all(len(each.changed) == 1 for each in run.revisions())


ODD_KEYS = ["$set", "$x", "$ref", "a$b", "$"]
COLLECTION_OF = {"start": "run_start", "stop": "run_stop", "descriptor": "event_descriptor"}
OF_KIND = {"start": START, "stop": STOP, "descriptor": DESCRIPTORS[0]}


def correct(uri, name, changes):
    changes = {"primary": changes} if name == "descriptor" else changes
    Catalog.from_uri(uri).update("run", **{f"{name}s" if name == "descriptor" else name: changes})


@pytest.mark.parametrize("name", ["start", "stop", "descriptor"])
@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_document_with_odd_keys_can_be_corrected(mongod_database_uri, name, key):
    writer = Writer(mongod_database_uri)
    odd = {key: 1, "nested": {key: [{key: 2}]}}
    for kind in ("start", "descriptor", "stop"):
        writer(kind, {**odd, **OF_KIND[kind]} if kind == name else OF_KIND[kind])
    before = dict(Catalog.from_uri(mongod_database_uri)["run"].documents())[name]
    assert before == {**odd, **OF_KIND[name]}
    for change in ({"note": "x"}, {(key,): 5, ("nested", key): 6}, {(key,): REMOVE}):
        correct(mongod_database_uri, name, change)
    catalog = Catalog.from_uri(mongod_database_uri)
    assert dict(catalog["run"].documents())[name] == {**OF_KIND[name], "note": "x", "nested": {key: 6}}
    assert catalog["run"].revisions()[0].document == before
    assert getattr(catalog.store.collections, COLLECTION_OF[name]).count_documents({}) == 1


@pytest.mark.parametrize("name", ["start", "stop", "descriptor"])
@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_document_in_memory_has_odd_keys_that_can_be_corrected_or_none(database_name, name, key):
    uri = f"memory://{database_name}"
    writer = Writer(uri)
    for kind in ("start", "descriptor", "stop"):
        writer(kind, OF_KIND[kind])
    if key.startswith("$"):
        said = "database in memory keeps no .* begins with"
        with pytest.raises(InvalidDocument, match=said):
            writer(name, {**OF_KIND[name], "uid": "new", "run_start": "new", key: 1})
        with pytest.raises(InvalidDocument, match=said):
            correct(uri, name, {key: 1})
        assert Catalog.from_uri(uri)["run"].revisions() == []
    correct(uri, name, {("nested", key): 1})
    if not key.startswith("$"):
        correct(uri, name, {key: 5})
        correct(uri, name, {key: REMOVE})
    assert dict(Catalog.from_uri(uri)["run"].documents())[name] == {**OF_KIND[name], "nested": {key: 1}}


@pytest.mark.parametrize("name", ["start", "stop", "descriptor"])
@pytest.mark.parametrize("key", ["a.b", ".", "x.$", "$x.y", ""])
def test_a_key_with_a_dot_or_without_a_name_is_refused(catalog, store_uri, name, key):
    for odd in ({key: 1}, {"nested": {key: 1}})[: 1 if name == "stop" else 2]:
        with pytest.raises(InvalidDocument, match="breaks its schema"):
            Writer(store_uri)(name, {**OF_KIND[name], "uid": "new", **odd})
    with pytest.raises(InvalidDocument, match="breaks its schema"):
        correct(store_uri, name, {key: 1})
    assert catalog["run"].revisions() == []


@pytest.mark.parametrize("key", ["a.b", ".", "x.$", "$x.y", ""])
def test_such_a_key_within_a_field_of_a_stop_which_its_schema_allows_can_be_corrected(store_uri, key):
    writer = Writer(store_uri)
    writer("start", START)
    writer("stop", {**STOP, "nested": {key: [1]}})
    for change in ({"reason": "x"}, {("nested", key): 6}, {"reason": REMOVE}):
        correct(store_uri, "stop", change)
    assert Catalog.from_uri(store_uri)["run"].stop == {**STOP, "nested": {key: 6}}


@pytest.mark.parametrize("key", ["smaple", ("user", "nmae"), ("never", "there"), ("user", "name", "first")])
@pytest.mark.parametrize("name", ["start", "stop", "descriptor"])
def test_a_field_that_was_never_there_cannot_be_removed(catalog, store_uri, name, key):
    field = key if isinstance(key, str) else key[-1]
    with pytest.raises(InvalidDocument, match=rf"no (mapping.*)?field .*{field}.*") as raised:
        correct(store_uri, name, {"sample": "B", key: REMOVE})
    assert raised.value.facts["field"]
    assert catalog["run"].revisions() == []


def test_what_was_removed_may_be_removed_once_more(catalog, store_uri):
    for _ in range(2):
        correct(store_uri, "start", {"sample": REMOVE, ("user", "badge"): REMOVE})
    assert catalog["run"].start == {"uid": "run", "time": 1.0, "user": {"name": "Ann"}}
    assert len(catalog["run"].revisions()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "sample"}, "Corrections of 'start' are a mapping"),
        ({"stop": [1]}, "Corrections of 'stop' are a mapping"),
        ({"descriptors": ["primary"]}, "Corrections of descriptors are a mapping"),
        ({"descriptors": {"primary": ["hints"]}}, "Corrections of 'primary' are a mapping"),
        ({"start": {(): 1}}, "names no field to correct in 'start'"),
        ({"start": {5: 1}}, "names no field to correct in 'start'"),
        ({"start": {("sample", 5): 1}}, "names no field to correct in 'start'"),
    ],
)
def test_what_is_no_mapping_of_fields_is_refused_with_a_sentence(catalog, changes, message):
    with pytest.raises(InvalidDocument, match=message):
        catalog.update("run", **changes)
    assert catalog["run"].start == START
