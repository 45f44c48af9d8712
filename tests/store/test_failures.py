"""What pymongo raises becomes an error that says what was asked, of whom, and what to do."""

import logging
import time

import pymongo.errors
import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import ConfigurationError, NotAuthorized, StoreError, StoreUnavailable
from databroker_mongo.store.failures import asking

ADDRESS = "mongodb://reader:***@mongo.example.org/beamline"


@pytest.mark.parametrize(
    ("raised", "becomes", "says"),
    [
        (pymongo.errors.ServerSelectionTimeoutError("no servers, Timeout: 10s"), StoreUnavailable, "no MongoDB server"),
        (pymongo.errors.AutoReconnect("connection closed"), StoreUnavailable, "no MongoDB server answered"),
        (pymongo.errors.NetworkTimeout("timed out"), StoreUnavailable, "within the time limit"),
        (pymongo.errors.ExecutionTimeout("exceeded", 50), StoreUnavailable, "within the time limit"),
        (pymongo.errors.OperationFailure("not authorized on x", 13), NotAuthorized, "role 'read'"),
        (pymongo.errors.OperationFailure("auth failed", 18), NotAuthorized, "may not count runs"),
        (pymongo.errors.OperationFailure("bad value", 2), StoreError, "refused to count runs: bad value"),
        (pymongo.errors.CursorNotFound("cursor 5"), StoreError, "count runs"),
        (pymongo.errors.ConfigurationError("reports wire version 6, needs 8"), ConfigurationError, "is too old"),
    ],
)
def test_each_failure_has_its_own_error_with_the_server_and_the_operation(raised, becomes, says):
    with pytest.raises(becomes, match=says) as caught, asking("count runs", ADDRESS):
        raise raised
    assert caught.value.address == ADDRESS
    assert caught.value.__cause__ is raised


def test_each_question_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, "databroker_mongo"), asking("count runs", ADDRESS):
        pass
    assert caplog.messages == [f"{ADDRESS}: count runs"]


def test_other_errors_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), asking("count runs", ADDRESS):
        raise ZeroDivisionError


@pytest.mark.parametrize(("query", "options"), [("?timeoutMS=300", {}), ("", {"timeout_seconds": 0.3})])
def test_the_time_limit_of_a_question_includes_the_search_for_a_server(query, options):
    catalog = Catalog.from_uri(f"mongodb://127.0.0.1:1/absent{query}", **options)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="no MongoDB server answered"):
        catalog[-1]
    assert time.monotonic() - began < 5
