"""A location, opened: what a store holds in one process, as long as it is good for anything.

What does not belong here: what a URI means (``location``), and what is asked (``search/``, ``events/``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ...config import reveal
from ...documents import Document
from ...errors import NotAuthorized
from .clients import process_clients
from .collections import Collections
from .decoding import with_exact_decoding, with_plain_decoding
from .failures import translate
from .location import ConnectionOptions, Location, source_of, split_uri
from .place import place_of

if TYPE_CHECKING:
    from pymongo.database import Database

_logger = logging.getLogger("databroker_mongo")


class Connection:
    """The databases of a location, over this process's client for them.

    Opening it asks the server nothing. It belongs to one process and is never pickled.

    Parameters
    ----------
    location : Location
        Where.
    is_durable : bool
        Whether it is to be written to, and documents come out in the very types in which they are stored. Writes are
        acknowledged only when a majority has them in its journal, unless the URI says otherwise (see
        :attr:`Location.weaknesses`). From then on this process reads what is there from the primary, whatever its read
        preference, so that it always finds what it wrote.

    Attributes
    ----------
    address : str
        The URI of the run documents, without any password.
    collections : Collections
        The collections.
    """

    def __init__(self, location: Location, *, is_durable: bool = False):
        self._pid = os.getpid()
        self._is_refused = False
        self._sockets: list[Path] = []
        # A copy of the store that was pickled here finds its password by these, as long as this is open.
        self._uris = source_of(location.uri), source_of(location.asset_uri)
        revealed = dict.fromkeys(map(reveal, self._uris))  # mostly one
        databases = [self._database(each, location.options) for each in revealed]
        self._place = place_of(next(iter(revealed)))
        self._client = databases[0].client
        self._is_read_from_primary = True
        self.address = location.address
        self.collections = self._open(databases, location.options, is_durable=is_durable)

    @property
    def is_current(self) -> bool:
        """Whether another one, opened now, would be the same; else the store opens another one.

        It would not after a fork, when the private server has ended, when the account was refused (the environment may
        have another password by now), and when this process has begun to write to the database from whose secondaries
        it reads.
        """
        return (
            self._pid == os.getpid()
            and not self._is_refused
            and all(socket.exists() for socket in self._sockets)
            and (self._is_read_from_primary or not self._is_written_here)
        )

    @contextmanager
    def translate_errors(self, operation: str, *, seconds: float | None = None) -> Iterator[Collections]:
        """Hand out the collections, and translate what pymongo raises inside the block.

        Parameters
        ----------
        operation : str
            What they are used for, in words that complete "when it was asked to ...".
        seconds : float, optional
            A limit for the whole block, retries included.

        Raises
        ------
        StoreUnavailable
            No server answered, or not within the time limit.
        AuthenticationFailed
            The user or the password is refused, or there is none.
        NotAuthorized
            The account may not do this.
        StoreError
            The server refused for another reason.
        ConfigurationError
            The server is too old for the installed pymongo.
        """
        import pymongo.errors

        _logger.debug("%s: %s", self.address, operation)
        try:
            with nullcontext() if seconds is None else pymongo.timeout(seconds):
                yield self.collections
        except pymongo.errors.PyMongoError as error:
            failure = translate(error, operation, self.address)
            self._is_refused = self._is_refused or isinstance(failure, NotAuthorized)
            raise failure from error

    def _database(self, uri: str, options: ConnectionOptions) -> Database[Document]:
        scheme, database = split_uri(uri)
        if scheme == "memory":
            return process_clients.client_of("memory://", {})[database]
        if scheme == "local":
            server = process_clients.local_server_of(uri)
            self._sockets.append(server.socket)
            uri = str(server.uri)
        return process_clients.client_of(uri, options.client_arguments(uri))[database]

    def _open(
        self, databases: list[Database[Document]], options: ConnectionOptions, *, is_durable: bool
    ) -> Collections:
        """Return the collections of the database of runs, which is the first, and of that of assets, the last."""
        if is_durable:
            process_clients.remember_writing(self._place, self._client)
        self._is_read_from_primary = self._is_written_here or all(map(_is_read_from_primary, databases))
        databases = [self._configured(each, is_durable=is_durable) for each in databases]
        return Collections(
            databases[0],
            databases[-1],
            max_time_ms=round((self._client.options.timeout or options.timeout_seconds) * 1000),
            address=self.address,
            prefix=options.collection_prefix,
        )

    def _configured(self, database: Database[Document], *, is_durable: bool) -> Database[Document]:
        if self._is_written_here:
            from pymongo import ReadPreference

            database = database.with_options(read_preference=ReadPreference.PRIMARY)
        return _durable(with_exact_decoding(database)) if is_durable else with_plain_decoding(database)

    @property
    def _is_written_here(self) -> bool:
        return process_clients.is_written_here(self._place, self._client)


def _is_read_from_primary(database: Database[Document]) -> bool:
    from pymongo import ReadPreference

    return bool(database.read_preference == ReadPreference.PRIMARY)


def _durable(database: Database[Document]) -> Database[Document]:
    from pymongo import WriteConcern

    concern = {"w": "majority", "j": True, **database.write_concern.document}
    return database.with_options(write_concern=WriteConcern(**concern))
