"""What is asked of MongoDB and of files, asked in threads; and what goes wrong there as an answer over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from anyio import to_thread
from fastapi import HTTPException

from ..errors import (
    AssetError,
    AssetOffline,
    BuildInProgress,
    CatalogError,
    ColumnNotFound,
    ConfigurationError,
    NotAuthorized,
    PathNotAllowed,
    QueryError,
    RunNotFound,
    StoreError,
    StoreUnavailable,
    StreamNotFound,
    UnreadableColumns,
    Unsupported,
)
from ..health import Finding

_Found = TypeVar("_Found")

_logger = logging.getLogger("databroker_mongo")

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

_OF_THE_REQUEST: Final = (400, 404)
"""What the client asked wrongly is told as it is."""


_SENTENCES: Final[tuple[tuple[type[CatalogError], str], ...]] = (
    (StoreError, "the database does not answer, or not this server"),
    (ConfigurationError, "the server cannot answer as it is configured"),
    (AssetOffline, "a file is offline, for example on tape"),
    (PathNotAllowed, "a file is not in a directory that this run may be read from"),
    (UnreadableColumns, "one or more columns cannot be read"),
    (AssetError, "a file of it cannot be read"),
    (CatalogError, "it cannot be read"),
)
_FACTS: Final = ("run_uid", "scan_id", "stream", "data_key", "resource_uid", "datum_id", "spec")
"""What a person may be told who sees the run: all of it stands in its documents."""

_FILES_IN_WORDS: Final = {
    "missing-files": "Files of it are not there",
    "forbidden-files": "Files of it are not in a directory that this run may be read from",
    "offline-files": "Files of it are offline, for example on tape",
    "unreadable-spec": "Files of it are of a kind that the server does not read",
}
"""What is said of findings whose messages have paths."""


@dataclass(frozen=True)
class Answers:
    """How a tree answers what goes wrong.

    Attributes
    ----------
    tells_places : bool
        Whether answers name paths and hosts, as errors do. Otherwise they say in a sentence what is at fault, and the
        server's log has the whole error.
    """

    tells_places: bool = False

    def told(self, error: CatalogError) -> str:
        """Return what clients are told of an error."""
        if self.tells_places:
            return str(error)
        _logger.warning("%s", error)
        sentence = next(sentence for kind, sentence in _SENTENCES if isinstance(error, kind))
        facts = {name: error.facts.get(name) for name in _FACTS}
        return str(CatalogError(f"{sentence}; the log of the server says more.", **facts))

    def told_of(self, finding: Finding) -> str:
        """Return what clients are told of something that is wrong with a run."""
        if self.tells_places or finding.kind not in _FILES_IN_WORDS:
            return finding.message
        _logger.warning("%s", finding.message)
        return f"{_FILES_IN_WORDS[finding.kind]}; the log of the server says more."

    def answer(self, error: CatalogError) -> HTTPException:
        """Return an error as an answer: 410 for data that cannot be read, 503 where MongoDB cannot answer."""
        status, headers = next((status, headers) for kinds, status, headers in _RULES if isinstance(error, kinds))
        return HTTPException(status, str(error) if status in _OF_THE_REQUEST else self.told(error), {**headers})

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise errors of the library as answers over HTTP.

        Raises
        ------
        HTTPException
            In the place of a CatalogError.
        """
        try:
            yield
        except CatalogError as error:
            raise self.answer(error) from error

    async def ask(self, function: Callable[..., _Found], *arguments: object) -> _Found:
        """Call a function that waits for MongoDB or for files in a thread, so that others are served meanwhile."""
        found: _Found = await to_thread.run_sync(partial(self._call, function, *arguments))
        return found

    def _call(self, function: Callable[..., _Found], *arguments: object) -> _Found:
        with self.translate_errors():
            return function(*arguments)


DISCREET: Final = Answers()
"""Without paths and hosts."""
