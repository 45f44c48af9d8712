"""What is asked of MongoDB and of files, asked in threads; and what goes wrong there as an answer over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from anyio import to_thread
from fastapi import HTTPException

from ..errors import (
    BuildInProgress,
    CatalogError,
    ColumnNotFound,
    ConfigurationError,
    NotAuthorized,
    QueryError,
    RunNotFound,
    StoreUnavailable,
    StreamNotFound,
    Unsupported,
)

_Found = TypeVar("_Found")

_NO_STORE: Final = {"Cache-Control": "no-store"}
"""A disk that is not mounted is not gone for ever."""

_RULES: Final[tuple[tuple[tuple[type[CatalogError], ...], int, dict[str, str]], ...]] = (
    ((StoreUnavailable, BuildInProgress), 503, {"Retry-After": "5"}),
    ((NotAuthorized, ConfigurationError), 503, {"Retry-After": "60"}),
    ((QueryError, Unsupported), 400, {}),
    ((RunNotFound, StreamNotFound, ColumnNotFound), 404, {}),
    ((CatalogError,), 410, _NO_STORE),
)
"""The first that a kind of error is one of decides: its status, and the headers that go with it."""


def answer(error: CatalogError) -> HTTPException:
    """Return an error as an answer: 410 for data that cannot be read, 503 where MongoDB cannot answer."""
    status, headers = next((status, headers) for kinds, status, headers in _RULES if isinstance(error, kinds))
    return HTTPException(status, str(error), {**headers})


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise errors of the library as answers over HTTP.

    Raises
    ------
    HTTPException
        In the place of a CatalogError.
    """
    try:
        yield
    except CatalogError as error:
        raise answer(error) from error


async def ask(function: Callable[..., _Found], *arguments: object) -> _Found:
    """Call a function that waits for MongoDB or for files in a thread, so that others are served meanwhile."""
    found: _Found = await to_thread.run_sync(partial(_call, function, *arguments))
    return found


def _call(function: Callable[..., _Found], *arguments: object) -> _Found:
    with translate_errors():
        return function(*arguments)
