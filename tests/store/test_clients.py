"""One client for each server, and a local server that comes back."""

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import ConfigurationError
from databroker_mongo.store.clients import client_of
from databroker_mongo.store.local_server import stop_server
from databroker_mongo.testing import build_run
from databroker_mongo.writing import Writer


def test_databases_of_one_server_share_a_client_unless_an_account_may_be_looked_for_in_them(mongod_uri):
    one, other = (client_of(mongod_uri.replace("/?", f"/{name}?"), {}) for name in ("one", "other"))
    assert one is other
    with_account = [f"mongodb://user:password@localhost:1/{name}" for name in ("one", "other")]
    first, second = (client_of(uri, {"serverSelectionTimeoutMS": 1}) for uri in with_account)
    assert first is not second


def test_a_local_server_that_was_stopped_is_started_again(data):
    catalog = Catalog.from_uri(f"local://{data}?database=demo")
    writer = Writer(catalog)
    for name, doc in build_run({"primary": [{"x": 1.0}]}):
        writer(name, doc)
    assert stop_server(data)
    assert len(catalog) == 1
    stop_server(data)


def test_a_local_uri_needs_a_directory():
    with pytest.raises(ConfigurationError, match="names no data directory"):
        len(Catalog.from_uri("local://?database=demo"))
