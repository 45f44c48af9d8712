"""One connection a store and process: kept from one question to the next, and made anew only where it must be."""

import copy
import gc
import pickle
import subprocess
import sys

import pymongo
import pymongo.errors
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import AuthenticationFailed, CredentialsUnavailable, NotAuthorized
from databroker_mongo.server import stop_server
from databroker_mongo.store import open_store
from databroker_mongo.store.connection import clients, location, place
from databroker_mongo.testing import build_run

SECRET = "sw0rdf1sh"


def test_a_store_keeps_its_connection_from_one_question_to_the_next(mongod_database_uri):
    catalog = Catalog.from_uri(mongod_database_uri)
    connection = catalog.store.connection
    assert len(catalog) == 0
    assert catalog.store.connection is connection
    assert catalog.search({"scan_id": 1}).store.connection is connection


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda store: pickle.loads(pickle.dumps(store))])
def test_a_copy_of_a_store_opens_a_connection_of_its_own(mongod_database_uri, travel):
    store = open_store(mongod_database_uri)
    connection = store.connection
    there = travel(store)
    assert there == store
    assert there.connection is not connection
    assert there.collections.run_start.database.client is store.collections.run_start.database.client


FORKED = """
import os, sys, warnings
from databroker_mongo import Catalog
catalog = Catalog.from_uri(sys.argv[1])
assert len(catalog) == 0
connection = catalog.store.connection
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    there = catalog.store.connection
    is_other = there is not connection and there.collections.event.database.client is not \
        connection.collections.event.database.client
    os._exit(0 if is_other and len(catalog) == 0 and catalog.store.connection is there else 1)
assert os.waitpid(child, 0)[1] == 0
assert catalog.store.connection is connection
"""


def test_a_forked_process_opens_a_connection_of_its_own(mongod_database_uri):
    subprocess.run([sys.executable, "-c", FORKED, mongod_database_uri], check=True, timeout=60)


def test_a_connection_whose_server_has_ended_is_made_anew(data):
    catalog = Catalog.from_uri(f"local://{data}?database=demo")
    assert len(catalog) == 0
    connection = catalog.store.connection
    assert catalog.store.connection is connection
    assert stop_server(data)
    assert not connection.is_current
    assert len(catalog) == 0
    assert catalog.store.connection.is_current
    stop_server(data)


def test_a_connection_is_made_anew_when_this_process_begins_to_write_there(mongod_database_uri):
    from_secondary = open_store(f"{mongod_database_uri}&readPreference=secondaryPreferred")
    from_primary = open_store(mongod_database_uri)
    before = from_secondary.connection, from_primary.connection
    with Writer(mongod_database_uri) as writer:
        for name, document in build_run({"primary": [{"x": 1.0}]}):
            writer(name, document)
    assert from_secondary.connection is not before[0]
    assert from_primary.connection is before[1]
    assert from_secondary.connection is from_secondary.connection


@pytest.mark.parametrize(
    ("refused", "becomes"),
    [
        (pymongo.errors.OperationFailure("auth failed", 18), AuthenticationFailed),
        (pymongo.errors.OperationFailure("not authorized on x", 13), NotAuthorized),
    ],
)
def test_a_password_that_was_changed_in_the_environment_is_taken_up_when_the_old_one_is_refused(
    monkeypatch, refused, becomes
):
    monkeypatch.setattr(clients, "_new_client", lambda uri, arguments: pymongo.MongoClient(uri, connect=False))
    monkeypatch.setenv("STORE_PASSWORD", "old")
    store = open_store("mongodb://reader:${STORE_PASSWORD}@localhost:1/runs")
    connection = store.connection
    monkeypatch.setenv("STORE_PASSWORD", "new")
    with pytest.raises(becomes), connection.translate_errors("count runs"):
        raise refused
    assert store.connection is not connection
    assert store.connection is store.connection
    assert store.collections.run_start.database.client is not connection.collections.run_start.database.client


def test_what_fails_for_another_reason_leaves_the_connection_as_it_is(mongod_database_uri):
    store = open_store(mongod_database_uri)
    connection = store.connection
    with pytest.raises(Exception, match="bad value"), connection.translate_errors("count runs"):
        raise pymongo.errors.OperationFailure("bad value", 2)
    assert store.connection is connection


def test_a_password_is_found_by_a_copy_as_long_as_somebody_here_has_it_and_not_longer(machine, monkeypatch):
    monkeypatch.setattr(clients, "_new_client", lambda uri, arguments: pymongo.MongoClient(uri, connect=False))
    store = open_store(f"mongodb://reader:{SECRET}@localhost:1/runs")
    sent = pickle.dumps(store)
    assert SECRET.encode() not in sent
    there = pickle.loads(sent)
    assert there.connection.address == store.address
    del store
    gc.collect()
    again = pickle.loads(sent)
    assert again.connection.is_current  # the connection of the other copy has it
    del there, again
    gc.collect()
    with pytest.raises(CredentialsUnavailable):
        _ = pickle.loads(sent).connection


def test_nothing_that_lasts_as_long_as_the_process_holds_a_password(machine, monkeypatch):
    monkeypatch.setattr(clients, "_new_client", lambda uri, arguments: object.__new__(_Client))
    store = open_store(f"mongodb://reader:{SECRET}@localhost:1/runs")
    clients.process_clients.client_of(f"mongodb://reader:{SECRET}@localhost:1/runs", {"appName": "kept"})
    del store
    gc.collect()
    kept = [vars(each) for each in (clients, clients.process_clients, location, place)]
    assert SECRET not in repr([{**each, "__builtins__": None} for each in kept])
    assert not [uri for uri in location._with_secrets.values() if SECRET in uri.written()]


class _Client:
    def close(self) -> None:
        pass
