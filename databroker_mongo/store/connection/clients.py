"""The clients of this process, closed when it ends, and what it has to know of them.

What does not belong here: databases, credentials that have to be looked for. In this folder pymongo is imported by the
functions that need it: it takes a tenth of a second, and scripts that name a broker at their head may open none.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ...config import redact_uri
from ...documents import Document
from ...errors import ConfigurationError, StoreUnavailable
from .place import Place

if TYPE_CHECKING:
    from pymongo import MongoClient

    from ...server import LocalServer

_GOODBYE_SECONDS = 0.5


class ProcessClients:
    """What this process has open to MongoDB, and which databases it writes to.

    There is one client for each server and set of options, and one private server for each data directory. What a
    parent process has opened is its own, and is kept apart by its number.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[int, bytes], MongoClient[Document]] = {}
        self._local_servers: dict[tuple[int, str], LocalServer] = {}
        self._written: dict[Place, MongoClient[Document]] = {}
        self._lock = threading.Lock()
        self._secret = os.urandom(16)

    def client_of(self, uri: str, arguments: dict[str, Any]) -> MongoClient[Document]:
        """Return the client for a URI in the clear; databases of one server share it."""
        server = _without_database(uri)
        key = (os.getpid(), self._fingerprint(server, arguments))
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = self._clients[key] = _new_client(server, arguments)
        return client

    def _fingerprint(self, server: str, arguments: dict[str, Any]) -> bytes:
        """Tell one client from another without keeping the password in its URI."""
        return hashlib.blake2b(repr((server, sorted(arguments.items()))).encode(), key=self._secret).digest()

    def local_server_of(self, uri: str) -> LocalServer:
        """Return the private server on the data directory that a ``local:`` URI names, started when needed."""
        from ...server import local_server  # most catalogs need none, and it takes a while to import

        directory = unquote(urlsplit(uri).path)
        with self._lock:
            server = self._local_servers.get((os.getpid(), directory))
            if server is None or not server.socket.exists():
                server = self._local_servers[os.getpid(), directory] = local_server(directory)
        return server

    def remember_writing(self, place: Place, client: MongoClient[Document]) -> None:
        """Note that this process writes to a database, over this client."""
        self._written[place] = client

    def is_written_here(self, place: Place, client: MongoClient[Document]) -> bool:
        """Tell whether this process writes to a database, by whichever account and member of its set.

        If so, it reads it from the primary, so that it finds what it wrote.
        """
        if place in self._written:
            return True
        for other, writer in list(self._written.items()):
            if _with_members(place, client).is_same_as(_with_members(other, writer)):
                self._written[place] = client
                return True
        return False

    def close(self) -> None:
        """Close the connections, which pymongo would otherwise complain about; those of a parent are its own."""
        if not self._clients:
            return
        import pymongo

        for (pid, _), client in self._clients.items():
            if pid == os.getpid():
                # pymongo says goodbye to the server, and waits for one that is gone as long as for any answer.
                with pymongo.timeout(_GOODBYE_SECONDS):
                    client.close()

    def free_after_fork(self) -> None:
        """Let go of a lock that another thread of the parent may have held."""
        self._lock = threading.Lock()


process_clients = ProcessClients()
atexit.register(process_clients.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process_clients.free_after_fork)


def _without_database(uri: str) -> str:
    """Leave the database out, unless an account may be looked for in it."""
    if not uri.startswith("mongodb") or "@" in uri:
        return uri
    return urlunsplit(urlsplit(uri)._replace(path="/"))


def _with_members(place: Place, client: MongoClient[Document]) -> Place:
    """Add the servers that a client knows by now, which may be more than its URI names."""
    return replace(place, hosts=place.hosts | {f"{host}:{port}" for host, port in client.nodes})


def _new_client(uri: str, arguments: dict[str, Any]) -> Any:
    if uri.startswith("memory:"):
        import mongomock  # few need it, and it takes a while to import

        return mongomock.MongoClient()
    import pymongo

    with _refusing(uri):
        return pymongo.MongoClient(uri, **arguments)


def check_uri(uri: str) -> None:
    """Parse a ``mongodb:`` URI in the clear as the driver will, without a connection or a look-up of names.

    Raises
    ------
    ConfigurationError
        It cannot be parsed, or names a file that cannot be read.
    """
    from pymongo import uri_parser

    parsed = uri
    if uri.startswith("mongodb+srv:"):
        # The parser would look the name up, and of any other URI refuse the options of such a one.
        parsed = uri.partition("?")[0].replace("mongodb+srv:", "mongodb:", 1)
    with _refusing(uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the client warns when it is opened
        uri_parser.parse_uri(parsed, warn=True)


@contextmanager
def _refusing(uri: str) -> Iterator[None]:
    import pymongo.errors

    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"a file that the URI {redact_uri(uri)!r} names cannot be read: {error.strerror or error}",
            path=error.filename,
        ) from None
    except (pymongo.errors.InvalidURI, ValueError):
        # pymongo's text quotes parts of the URI, the password among them when it is not escaped.
        raise ConfigurationError(
            f"the URI {redact_uri(uri)!r} cannot be parsed. A port is a number, and '/', '@' and ':' in a user name or "
            "password are written %2F, %40 and %3A."
        ) from None
    except pymongo.errors.ConfigurationError as error:
        if type(error.__cause__).__module__.partition(".")[0] == "dns":
            raise StoreUnavailable(f"the servers of {redact_uri(uri)} cannot be looked up: {error}") from None
        raise ConfigurationError(f"the URI {redact_uri(uri)!r} cannot be used: {error}") from None
