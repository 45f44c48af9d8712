"""From pymongo's errors to the package's own: what was asked, of which server, and what to do. Nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...errors import (
    AuthenticationFailed,
    CatalogError,
    ConfigurationError,
    NotAuthorized,
    StoreError,
    StoreUnavailable,
)

if TYPE_CHECKING:
    import pymongo.errors

TRANSIENT = frozenset({6, 7, 24, 64, 89, 91, 112, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
"""Codes of the server's "not now": it steps down, shuts down, was interrupted, or another write was in the way."""

_CURSOR_IS_GONE = frozenset({43, 175, 237})

UNAUTHORIZED = 13
_REFUSED_ACCOUNT = frozenset({11, 18, 334})
_ATLAS = 8000
_OUT_OF_DISK_SPACE = 14031
_COMMAND = re.compile(r"(command \{ ?\w+: [^,}]*).*", re.DOTALL)
_TIME_LIMIT_EXCEEDED = 50


def translate(error: pymongo.errors.PyMongoError, operation: str, address: str) -> CatalogError:
    """Return what an error of pymongo means.

    Parameters
    ----------
    error : PyMongoError
        The error; of its text only the part is kept that says what is wrong.
    operation : str
        What was asked, in words that complete "when it was asked to ...".
    address : str
        The database's URI without any password.
    """
    import pymongo.errors

    # What the driver appends is the server's whole answer, with the clock of its set and a signature of that.
    error.args = (words_of(error), *error.args[1:])
    if isinstance(error, pymongo.errors.ConfigurationError):
        return _unsupported(error, address)
    if isinstance(error, pymongo.errors.ExecutionTimeout | pymongo.errors.NetworkTimeout):
        return _too_slow(operation, address, error)
    if isinstance(error, pymongo.errors.OperationFailure):
        return _refused(error, operation, address)
    if isinstance(error, pymongo.errors.ConnectionFailure):
        if error.timeout and not isinstance(error, pymongo.errors.ServerSelectionTimeoutError):
            return _too_slow(operation, address, error)
        return StoreUnavailable(
            f"no MongoDB server answered at {address} when it was asked to {operation}: {words_of(error)}. Check that "
            "the server runs and that this machine can reach it.",
            address=address,
            operation=operation,
        )
    return StoreError(
        f"MongoDB at {address} could not {operation}: {words_of(error)}", address=address, operation=operation
    )


def is_retryable(error: Exception) -> bool:
    """Tell whether an error ends an answer that the server, or another of its set, would give if asked again."""
    import pymongo.errors

    if isinstance(error, pymongo.errors.OperationFailure):
        return error.code in TRANSIENT | _CURSOR_IS_GONE
    return isinstance(error, pymongo.errors.AutoReconnect) and not error.timeout


def words_of(error: Exception) -> str:
    """Return what the server or the driver says, on one line, without the whole answer that pymongo appends."""
    details = getattr(error, "details", None)
    said = ""
    if isinstance(details, Mapping):
        parts = [details, *details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        said = next((str(part["errmsg"]) for part in parts if part.get("errmsg")), "")
    text = said or str(error).partition(", full error: ")[0].partition(", Timeout:")[0]
    lines = _COMMAND.sub(r"\1}", text).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _too_slow(operation: str, address: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"MongoDB at {address} did not {operation} within the time limit: {words_of(error)}. A catalog's "
        "timeout_seconds sets the limit; catalog.explain(query) shows which index would help.",
        address=address,
        operation=operation,
    )


def _refused(error: Exception, operation: str, address: str) -> StoreError:
    code = getattr(error, "code", None)
    if code == _TIME_LIMIT_EXCEEDED:
        return _too_slow(operation, address, error)
    if code in _REFUSED_ACCOUNT or code in (UNAUTHORIZED, _ATLAS):
        return _not_authorized(error, operation, address)
    if code in TRANSIENT or code == _OUT_OF_DISK_SPACE:
        return StoreUnavailable(
            f"MongoDB at {address} could not {operation} just now: {words_of(error)}. Try again.",
            address=address,
            operation=operation,
        )
    return StoreError(
        f"MongoDB at {address} refused to {operation}: {words_of(error)}", address=address, operation=operation
    )


def _not_authorized(error: Exception, operation: str, address: str) -> NotAuthorized:
    facts = {"address": address, "operation": operation, "code": getattr(error, "code", None)}
    said = words_of(error)
    if "requires authentication" in said:
        return AuthenticationFailed(
            f"MongoDB at {address} requires a user and a password to {operation}: {said}. Write them into the URI: "
            "mongodb://USER:${MY_PASSWORD}@HOST/DATABASE?authSource=admin.",
            **facts,
        )
    if facts["code"] in _REFUSED_ACCOUNT or said.startswith("bad auth"):
        return AuthenticationFailed(
            f"MongoDB at {address} rejected the user or the password that was given to {operation}: {said}. Check "
            "both, and authSource, which names the database that keeps the account.",
            **facts,
        )
    return NotAuthorized(
        f"the account used for {address} may not {operation}: {said}. "
        "Ask for the role 'read' on the database to read, 'readWrite' to write.",
        **facts,
    )


def _unsupported(error: Exception, address: str) -> CatalogError:
    import pymongo

    text = words_of(error)
    if type(error.__cause__).__module__.partition(".")[0] == "dns":
        return StoreUnavailable(f"the servers of {address} cannot be looked up: {text}", address=address)
    if "wire version" not in text:
        return ConfigurationError(f"the settings of {address} cannot be used: {text}", address=address)
    return ConfigurationError(
        f"the MongoDB server at {address} is too old for pymongo {pymongo.version}: {text}. "
        "MongoDB 4.4 and newer are served by the newest pymongo; for MongoDB 3.6 to 4.2 install 'pymongo>=4.9,<4.11'.",
        address=address,
        pymongo=pymongo.version,
    )
