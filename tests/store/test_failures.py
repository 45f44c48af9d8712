"""What pymongo raises becomes an error that says what was asked, of whom, and what to do."""

import logging
import time
import traceback

import dns.exception
import dns.resolver
import pymongo.errors
import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NotAuthorized,
    StoreError,
    StoreUnavailable,
)
from databroker_mongo.store import open_store

ADDRESS = "mongodb://reader:***@mongo.example.org/beamline"


def translate_errors(operation):
    connection = open_store("memory://runs").connection
    connection.address = ADDRESS
    return connection.translate_errors(operation)


@pytest.mark.parametrize(
    ("raised", "becomes", "says"),
    [
        (pymongo.errors.ServerSelectionTimeoutError("no servers, Timeout: 10s"), StoreUnavailable, "no MongoDB server"),
        (pymongo.errors.AutoReconnect("connection closed"), StoreUnavailable, "no MongoDB server answered"),
        (pymongo.errors.NetworkTimeout("timed out"), StoreUnavailable, "within the time limit"),
        (pymongo.errors.ExecutionTimeout("exceeded", 50), StoreUnavailable, "within the time limit"),
        (pymongo.errors.OperationFailure("not authorized on x", 13), NotAuthorized, "role 'read'"),
        (pymongo.errors.OperationFailure("auth failed", 18), AuthenticationFailed, "rejected the user or"),
        (pymongo.errors.OperationFailure("no such user", 11), AuthenticationFailed, "Check both, and authSource"),
        (pymongo.errors.OperationFailure("bad auth : failed", 8000), AuthenticationFailed, "rejected the user"),
        (pymongo.errors.OperationFailure("user is not allowed to do this", 8000), NotAuthorized, "role 'read'"),
        (pymongo.errors.OperationFailure("find requires authentication", 13), AuthenticationFailed, "requires a user"),
        (pymongo.errors.OperationFailure("no space left", 14031), StoreUnavailable, "just now: no space left"),
        (pymongo.errors.OperationFailure("bad value", 2), StoreError, "refused to count runs: bad value"),
        (pymongo.errors.CursorNotFound("cursor 5"), StoreError, "count runs"),
        (pymongo.errors.ConfigurationError("reports wire version 6, needs 8"), ConfigurationError, "is too old"),
    ],
)
def test_each_failure_has_its_own_error_with_the_server_and_the_operation(raised, becomes, says):
    with pytest.raises(becomes, match=says) as caught, translate_errors("count runs"):
        raise raised
    assert caught.value.address == ADDRESS
    assert caught.value.__cause__ is raised


CLOCK = {"clusterTime": 5, "signature": {"hash": b"5f2b", "keyId": 7}}
COMMAND = '{ insert: "run_start", ordered: false, $clusterTime: { clusterTime: 5, signature: { hash: "5f2b" } } }'
RIGHT = f"not authorized on test to execute command {COMMAND}"


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (
            pymongo.errors.OperationFailure(RIGHT, 13, {"ok": 0.0, "errmsg": RIGHT, "$clusterTime": CLOCK}),
            'not authorized on test to execute command { insert: "run_start"}. Ask for the role',
        ),
        (
            pymongo.errors.OperationFailure("failed", 18, {"errmsg": "Authentication failed.", "$clusterTime": CLOCK}),
            "Authentication failed. Check both",
        ),
        (
            pymongo.errors.OperationFailure("no", 2, {"errmsg": "bad value", "$clusterTime": CLOCK}),
            "refused to count runs: bad value",
        ),
        (
            pymongo.errors.NotPrimaryError("not primary", {"ok": 0.0, "$clusterTime": CLOCK}),
            "to count runs: not primary. Check",
        ),
        (
            pymongo.errors.BulkWriteError({"writeErrors": [{"code": 2, "errmsg": "bad"}], "$clusterTime": CLOCK}),
            "refused to count runs: bad",
        ),
        (
            pymongo.errors.WriteConcernError("waiting", 64, {"errmsg": "timed out", "$clusterTime": CLOCK}),
            "just now: timed out.",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_message_shows_the_clock_of_the_set_or_its_signature(raised, says):
    with pytest.raises(StoreError) as caught, translate_errors("count runs"):
        raise raised
    shown = "".join(traceback.format_exception(caught.value, limit=0))
    assert says in str(caught.value)
    assert not any(word in shown for word in ("$clusterTime", "signature", "5f2b", "full error"))


def test_names_that_cannot_be_looked_up_are_servers_that_do_not_answer(monkeypatch):
    def resolve(*_, **__):
        raise dns.resolver.NXDOMAIN

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with pytest.raises(StoreUnavailable, match="cannot be looked up: timed out"), translate_errors("count runs"):
        raise pymongo.errors.ConfigurationError("timed out") from dns.exception.Timeout()
    with pytest.raises(StoreUnavailable, match=r"//u:\*\*\*@nowhere.invalid\S+ cannot be looked up"):
        Catalog.from_uri("mongodb+srv://u:secret@nowhere.invalid/db?appName=x")[-1]


def test_each_question_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, "databroker_mongo"), translate_errors("count runs"):
        pass
    assert caplog.messages == [f"{ADDRESS}: count runs"]


def test_other_errors_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), translate_errors("count runs"):
        raise ZeroDivisionError


@pytest.mark.parametrize(("query", "options"), [("?timeoutMS=300", {}), ("", {"timeout_seconds": 0.3})])
def test_the_time_limit_of_a_question_includes_the_search_for_a_server(query, options):
    catalog = Catalog.from_uri(f"mongodb://127.0.0.1:1/absent{query}", **options)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="no MongoDB server answered"):
        catalog[-1]
    assert time.monotonic() - began < 20  # and not the thirty seconds of the driver
