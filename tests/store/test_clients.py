"""One client for each server, and a local server that comes back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partialmethod

import pymongo
import pymongo.monitoring
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import ConfigurationError
from databroker_mongo.server import stop_server
from databroker_mongo.store.connection.clients import process_clients
from databroker_mongo.testing import build_run

CLIENT = pymongo.MongoClient.__init__


def test_databases_of_one_server_share_a_client_unless_an_account_may_be_looked_for_in_them(mongod_uri):
    one, other = (process_clients.client_of(mongod_uri.replace("/?", f"/{name}?"), {}) for name in ("one", "other"))
    assert one is other
    with_account = [f"mongodb://user:password@localhost:1/{name}" for name in ("one", "other")]
    first, second = (process_clients.client_of(uri, {"serverSelectionTimeoutMS": 1}) for uri in with_account)
    assert first is not second


class Meeting(pymongo.monitoring.CommandListener):
    """Lets no question pass before as many are asked at once."""

    def __init__(self, n_questions):
        self.barrier = threading.Barrier(n_questions)

    def started(self, event):
        if event.command_name == "count":
            self.barrier.wait(timeout=20)

    def succeeded(self, event):
        pass

    failed = succeeded


def test_threads_do_not_wait_for_the_connections_of_others(mongod_uri, monkeypatch):
    # The driver's queue for them is no fair one: those who come back go first, over and over.
    n_threads = 32
    meeting = Meeting(n_threads)
    monkeypatch.setattr(pymongo.MongoClient, "__init__", partialmethod(CLIENT, event_listeners=[meeting]))
    catalog = Catalog.from_uri(mongod_uri.replace("/?", "/nothing?appName=meeting&"))
    with ThreadPoolExecutor(n_threads) as pool:
        assert list(pool.map(lambda _: len(catalog), range(n_threads))) == [0] * n_threads
    assert not meeting.barrier.broken


def test_a_local_server_that_was_stopped_is_started_again(data):
    catalog = Catalog.from_uri(f"local://{data}?database=demo")
    writer = Writer(catalog)
    for name, doc in build_run({"primary": [{"x": 1.0}]}):
        writer(name, doc)
    assert stop_server(data)
    assert len(catalog) == 1
    stop_server(data)


@pytest.mark.parametrize("place", ["", "relative/path", "user:S3cret@host/path", "[::1/path"])
def test_a_local_uri_needs_the_whole_path_of_a_directory(place):
    with pytest.raises(ConfigurationError, match="local:///absolute/path") as caught:
        Catalog.from_uri(f"local://{place}?database=demo")
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize("opened", [Catalog.from_uri, Writer])
@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://reader:S3cret@[::1/runs",
        "mongodb://reader:S3cret@h:abc/runs",
        "mongodb+srv://reader:S3cret@a.example.org:abc/runs",
        "mongodb://reader:S3/cret@h/runs",
        "mongodb://reader:S3cret@h/runs?tls=true&tlsCertificateKeyFile=/nope",
    ],
)
def test_a_uri_that_can_never_be_opened_is_refused_at_once_without_its_password(opened, uri):
    with pytest.raises(ConfigurationError, match="mongodb") as caught:
        opened(uri)
    assert "S3" not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["mongodb+srv://u:p@a.example.org/runs?srvMaxHosts=2", "mongodb://a:1,[::1]:2/runs?x=1"]
)
def test_a_uri_that_may_be_opened_is_not_refused_before(uri):
    assert repr(Writer(uri))


@pytest.mark.parametrize("given", [None, 5, b"mongodb://u:S3cret@h/runs"])
def test_what_is_no_uri_at_all_is_told_what_is_wanted(given):
    for opened in (Catalog.from_uri, Writer):
        with pytest.raises(
            ConfigurationError, match=f"mongodb://HOST/DATABASE.* of type {type(given).__name__}"
        ) as caught:
            opened(given)
        assert "S3cret" not in str(caught.value)


def test_a_process_that_writes_reads_what_it_wrote_from_the_primary(mongod_database_uri):
    reader = Catalog.from_uri(f"{mongod_database_uri}&readPreference=secondaryPreferred")
    assert reader.store.collections.run_start.read_preference.mongos_mode == "secondaryPreferred"
    for name, doc in build_run({"primary": [{"x": 1.0}]}):
        Writer(mongod_database_uri)(name, doc)
    assert reader.store.collections.run_start.read_preference.mongos_mode == "primary"
    assert reader[-1].start["scan_id"] == 1


def test_a_process_has_a_connection_for_each_of_its_threads_at_most(mongod_database_uri):
    """16 workers of 16 threads each: 288 connections, as the documentation says."""
    with pymongo.MongoClient(mongod_database_uri) as client:

        def n_connections():
            found = client.admin.aggregate([{"$currentOp": {"allUsers": True, "idleConnections": True}}])
            return sum(each.get("appName") == "counted" for each in found)

        catalog = Catalog.from_uri(f"{mongod_database_uri}&appName=counted")
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda _: len(catalog), range(200)))
        assert 0 < n_connections() <= 16 + 2
