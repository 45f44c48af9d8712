"""From pymongo's errors to the package's own: what was asked, of which server, and what to do. Nothing else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigurationError, NotAuthorized, StoreError, StoreUnavailable

TRANSIENT = frozenset({6, 7, 24, 64, 89, 91, 112, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
"""Codes of the server's "not now": it steps down, shuts down, was interrupted, or another write was in the way."""

_CURSOR_IS_GONE = frozenset({43, 175, 237})

_logger = logging.getLogger(__name__)

UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_TIME_LIMIT_EXCEEDED = 50


@contextmanager
def asking(operation: str, address: str) -> Iterator[None]:
    """Translate what pymongo raises inside the block.

    Parameters
    ----------
    operation : str
        What is asked, in words that complete "while it was asked to ...".
    address : str
        The database's URI without a password.

    Raises
    ------
    StoreUnavailable
        No server answered, or not within the time limit.
    NotAuthorized
        The account may not do this, or its credentials were refused.
    StoreError
        The server refused for another reason.
    ConfigurationError
        The server is too old for the installed pymongo.
    """
    import pymongo.errors

    _logger.debug("%s: %s", address, operation)
    try:
        yield
    except pymongo.errors.ConfigurationError as error:
        raise _unsupported(error, address) from error
    except (pymongo.errors.ExecutionTimeout, pymongo.errors.NetworkTimeout) as error:
        raise _too_slow(operation, address, error) from error
    except pymongo.errors.OperationFailure as error:
        raise _refused(error, operation, address) from error
    except pymongo.errors.ConnectionFailure as error:
        if error.timeout and not isinstance(error, pymongo.errors.ServerSelectionTimeoutError):
            raise _too_slow(operation, address, error) from error
        raise StoreUnavailable(
            f"no MongoDB server answered at {address} when it was asked to {operation}: {_first_line(error)}. "
            "Check that the server runs and that this machine reaches it.",
            address=address,
            operation=operation,
        ) from error
    except pymongo.errors.PyMongoError as error:
        raise StoreError(
            f"MongoDB at {address} could not {operation}: {_first_line(error)}", address=address, operation=operation
        ) from error


def is_broken_off(error: Exception) -> bool:
    """Tell whether an error ends an answer that the server, or another of its set, would give if asked again."""
    import pymongo.errors

    if isinstance(error, pymongo.errors.OperationFailure):
        return error.code in TRANSIENT | _CURSOR_IS_GONE
    return isinstance(error, pymongo.errors.AutoReconnect) and not error.timeout


def _first_line(error: Exception) -> str:
    return str(error).split(", Timeout:")[0].splitlines()[0] if str(error) else type(error).__name__


def _too_slow(operation: str, address: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"MongoDB at {address} did not {operation} within the time limit: {_first_line(error)}. A catalog's "
        "timeout_seconds sets the limit; catalog.explain(query) shows which index would help.",
        address=address,
        operation=operation,
    )


def _refused(error: Exception, operation: str, address: str) -> StoreError:
    code = getattr(error, "code", None)
    if code == _TIME_LIMIT_EXCEEDED:
        return _too_slow(operation, address, error)
    if code in (UNAUTHORIZED, _AUTHENTICATION_FAILED):
        return NotAuthorized(
            f"the account used for {address} may not {operation}: {_first_line(error)}. "
            "Ask for the role 'read' on the database to read, 'readWrite' to write, or check user and password.",
            address=address,
            operation=operation,
        )
    if code in TRANSIENT:
        return StoreUnavailable(
            f"MongoDB at {address} could not {operation} just now: {_first_line(error)}. Try again.",
            address=address,
            operation=operation,
        )
    return StoreError(
        f"MongoDB at {address} refused to {operation}: {_first_line(error)}", address=address, operation=operation
    )


def _unsupported(error: Exception, address: str) -> ConfigurationError:
    import pymongo

    text = _first_line(error)
    if "wire version" not in text:
        return ConfigurationError(f"the settings of {address} cannot be used: {text}", address=address)
    return ConfigurationError(
        f"the MongoDB server at {address} is too old for pymongo {pymongo.version}: {text}. "
        "MongoDB 4.4 and newer are served by the newest pymongo; for MongoDB 3.6 to 4.2 install 'pymongo>=4.9,<4.11'.",
        address=address,
        pymongo=pymongo.version,
    )
