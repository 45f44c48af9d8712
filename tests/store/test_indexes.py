"""Which indexes a database has and lacks, and how they are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pymongo
import pytest

from databroker_mongo.errors import QueryError, StoreError
from databroker_mongo.health import check_database
from databroker_mongo.store import ConnectionOptions, open_store, writable
from databroker_mongo.store.upkeep import views
from databroker_mongo.store.upkeep.indexes import list_wanted

SCRIPT = Path(__file__).parents[2] / "scripts" / "create_indexes"


def states(reports):
    return {(each.collection, each.name): each.state for each in reports}


def script(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60)


def test_all_that_suitcase_makes_is_wanted_and_the_rows_of_a_stream():
    found = {(index.collection, index.keys, index.is_unique) for index in list_wanted()}
    assert ("run_start", (("time", -1), ("_id", -1)), True) in found
    assert ("event", (("descriptor", -1), ("time", 1)), False) in found
    assert ("event", (("descriptor", 1), ("seq_num", 1)), False) in found
    assert not any("text" in dict(keys).values() for _, keys, _ in found), "the full text only where it is asked for"
    with pytest.raises(QueryError):
        list_wanted(metadata=["$where"])


def test_nothing_is_made_by_looking_and_all_that_is_missing_by_asking(mongod_database_uri):
    store = open_store(mongod_database_uri)
    assert set(states(store.indexes()).values()) == {"missing"}
    made = writable(store).create_indexes(metadata=["sample.name", "$**"], text=True)
    assert set(states(made).values()) == {"present"}
    assert states(store.indexes(metadata=["sample.name"]))["run_start", "(sample.name 1, time -1)"] == "present"
    assert states(store.indexes())["run_start", "($** text)"] == "present"
    assert states(writable(store).create_indexes(metadata=["sample.name", "$**"], text=True)) == states(made)


@pytest.mark.parametrize("options", [{"metadata": ["sample.name"]}, {"metadata": ["$**"]}, {"text": True}])
def test_an_index_that_was_made_when_it_was_asked_for_is_ours_afterwards(mongod_database_uri, options):
    store = open_store(mongod_database_uri)
    made = writable(store).create_indexes(**options)
    assert sorted(map(str, store.indexes())) == sorted(map(str, made))
    assert [finding.kind for finding in check_database(store)] == []


@pytest.mark.parametrize(
    "keys", [[("sample.name", 1)], [("sample.name", -1), ("time", -1)], [("a", 1), ("time", -1), ("b", 1)]]
)
def test_an_index_of_other_keys_is_not_ours(mongod_database_uri, keys):
    with pymongo.MongoClient(mongod_database_uri) as client:
        client.get_default_database()["run_start"].create_index(keys)
    assert "extra" in states(open_store(mongod_database_uri).indexes()).values()


def test_a_unique_index_of_a_field_is_not_ours(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        client.get_default_database()["run_start"].create_index([("sample.name", 1), ("time", -1)], unique=True)
    assert "extra" in states(open_store(mongod_database_uri).indexes()).values()


def test_views_have_no_indexes_of_their_own_and_say_so(mongod_database_uri):
    store = open_store(mongod_database_uri)
    writable(store).create_indexes()
    views.create_views(writable(store).collections, prefix="p.", field="data_session", values=["p"])
    reports = open_store(mongod_database_uri, options=ConnectionOptions(collection_prefix="p.")).indexes()
    assert {(each.state, each.detail) for each in reports} == {
        ("unknown", "a view uses the indexes of its collections")
    }


def test_what_another_program_made_is_reported_and_left_alone(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        database = client.get_default_database()
        database["run_start"].create_index("uid")
        database["run_start"].create_index("plan_name", name="theirs")
        reports = writable(open_store(mongod_database_uri)).create_indexes()
        assert states(reports)["run_start", "(uid 1)"] == "differs"
        assert states(reports)["run_start", "(plan_name 1)"] == "extra"
        names = set(database["run_start"].index_information())
    assert "theirs" in names
    assert "uid_1" in names


def test_a_unique_index_over_duplicates_is_an_error_that_names_them(mongod_database_uri):
    with pymongo.MongoClient(mongod_database_uri) as client:
        client.get_default_database()["run_stop"].insert_many([{"run_start": "same"}, {"run_start": "same"}])
    with pytest.raises(StoreError, match="two documents have the same value") as caught:
        writable(open_store(mongod_database_uri)).create_indexes()
    assert caught.value.value == {"run_start": "same"}


def test_a_database_in_memory_needs_no_index():
    assert open_store("memory://").indexes() == []


def test_the_script_shows_what_it_would_make_and_makes_it_when_told_to(mongod_database_uri):
    shown = script(mongod_database_uri, "--metadata", "sample.name")
    assert shown.returncode == 0
    assert "would be made with --apply" in shown.stdout
    assert set(states(open_store(mongod_database_uri).indexes()).values()) == {"missing"}
    made = script(mongod_database_uri, "--metadata", "sample.name", "--apply")
    assert made.returncode == 0
    assert "missing" not in made.stdout
    assert "(sample.name 1, time -1)" in made.stdout


def test_the_script_says_in_a_sentence_what_is_wrong():
    failed = script("no-such-catalog")
    assert failed.returncode == 1
    assert "no-such-catalog" in failed.stderr
    assert "Traceback" not in failed.stderr
