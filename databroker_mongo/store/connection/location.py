"""What a URI leads to: which database of which server, within which time limits.

What a URI may be:

* ``mongodb://...`` or ``mongodb+srv://...``, with the database in its path;
* ``local:///path/to/data?database=name``: the private server on that data directory, started when needed;
* ``memory://name``: mongomock, gone with the process.

What does not belong here: how it is opened (``connection``).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from weakref import WeakValueDictionary

from ...config import COUNTED, SETTLED, CatalogSettings, Uri, redact_uri, reveal
from ...errors import ConfigurationError
from .clients import check_uri
from .place import Place, place_of

_memory_names = itertools.count(1)
_with_secrets: WeakValueDictionary[str, Uri] = WeakValueDictionary()
_LEAST_SECONDS = 0.001
_APP_NAME = "databroker_mongo"


@dataclass(frozen=True)
class ConnectionOptions:
    """How a catalog speaks to its server.

    Attributes
    ----------
    timeout_seconds : float
        Time limit of each query: to find a server that answers, the network and the server's work together.
    collection_prefix : str
        What the names of the collections begin with, where they are views of one proposal.
    use_columnar : bool
        Whether columnar copies of events are read, where there are any.
    columnar : mapping
        When they are believed: ``{"trust": "counted"}``, when the events are as many as were copied, which each read
        asks; ``{"trust": "settled"}``, without counting if two counts an hour or more apart have agreed.

    Raises
    ------
    ConfigurationError
        A value cannot be meant.
    """

    timeout_seconds: float = 10.0
    collection_prefix: str = ""
    use_columnar: bool = True
    columnar: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        use: Any = self.use_columnar
        if not isinstance(use, bool):
            raise ConfigurationError(f"use_columnar is True or False, not {use!r}", setting="use_columnar")
        said: Any = self.columnar
        if said not in ({}, {"trust": COUNTED}, {"trust": SETTLED}):
            raise ConfigurationError(
                f"columnar is {{'trust': 'counted'}} or {{'trust': 'settled'}}, not {said!r}", setting="columnar"
            )
        seconds: Any = self.timeout_seconds
        is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
        if not (is_number and seconds >= _LEAST_SECONDS):
            raise ConfigurationError(
                f"timeout_seconds must be a number, at least {_LEAST_SECONDS:g}, not {seconds!r}",
                setting="timeout_seconds",
            )

    @property
    def trusts_settled(self) -> bool:
        """Whether the events of a columnar copy that is settled are not counted."""
        return self.columnar.get("trust") == SETTLED

    @classmethod
    def given(cls, **options: Any) -> ConnectionOptions:
        """Return options given in code; None stands for the default."""
        return cls(**{name: value for name, value in options.items() if value is not None})

    @classmethod
    def of(cls, settings: CatalogSettings) -> ConnectionOptions:
        """Return what the settings of a catalog say, with the defaults for the rest."""
        said = {each.name: getattr(settings, each.name) for each in fields(cls)}
        return cls(**{name: value for name, value in said.items() if value is not None})

    def client_arguments(self, uri: str) -> dict[str, Any]:
        """Return the arguments of ``MongoClient``; what the URI itself sets is left to it."""
        arguments: dict[str, Any] = {"timeoutMS": round(self.timeout_seconds * 1000), "appName": _APP_NAME}
        in_uri = {name.lower() for name in parse_qs(urlsplit(uri).query)}
        return {k: v for k, v in arguments.items() if k.lower() not in in_uri}


@dataclass(frozen=True)
class Location:
    """Which databases hold the runs, and how to reach them. Pickles without credentials.

    Attributes
    ----------
    uri : Uri
        URI of the database of the run documents.
    asset_uri : Uri
        URI of the database of resources and datums, often the same.
    options : ConnectionOptions
        Time limits and the like.
    """

    uri: Uri
    asset_uri: Uri
    options: ConnectionOptions = ConnectionOptions()

    @property
    def address(self) -> str:
        """The URI without any password."""
        return str(self.uri)

    @property
    def is_in_memory(self) -> bool:
        """Whether the run documents are in this process, and gone with it."""
        return self.address.startswith("memory:")

    @property
    def places(self) -> tuple[Place, ...]:
        """Which databases these are: that of the run documents and, where it is another, of the assets."""
        return tuple(dict.fromkeys(place_of(_in_the_clear(uri)) for uri in (self.uri, self.asset_uri)))

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """The options of the URIs that weaken what "stored" means, as they are written there."""
        options: dict[str, None] = {}
        for name, value in self._options():
            is_number_of_servers = name.lower() == "w" and _is_number(value)
            is_switched_off = name.lower() in ("journal", "retrywrites") and value.lower() == "false"
            if is_number_of_servers or is_switched_off:
                options[f"{name}={value}"] = None
        return tuple(options)

    def require_acknowledgement(self) -> None:
        """Refuse to write where the servers are told not to answer.

        Raises
        ------
        ConfigurationError
            One of the URIs says ``w=0``.
        """
        for name, value in self._options():
            if name.lower() == "w" and _is_number(value) and int(value) == 0:
                raise ConfigurationError(
                    f"The option {name}={value} in the URI {self.address}, or in that of its assets, tells the server "
                    "not to say whether it has stored a document: documents that it refuses would be lost without a "
                    "report. Leave it out; documents are then acknowledged when a majority of the servers has them.",
                    option=f"{name}={value}",
                    address=self.address,
                )

    def _options(self) -> list[tuple[str, str]]:
        # The driver also takes a semicolon between options.
        queries = (urlsplit(_in_the_clear(uri)).query for uri in (self.uri, self.asset_uri))
        return [option for query in queries for option in parse_qsl(query.replace(";", "&"))]


def locate(uri: str | Uri, *, asset_uri: str | Uri | None = None, options: ConnectionOptions | None = None) -> Location:
    """Check the URIs, as far as they can be without a connection.

    Raises
    ------
    ConfigurationError
        What is given is no URI, has an unknown scheme, names no database, or cannot be parsed.
    CredentialsUnavailable
        A variable that stands for a secret is not set.
    """
    if uri == "memory://":
        uri = f"memory://unnamed-{os.getpid()}-{next(_memory_names)}"
    first, second = _as_uri(uri), _as_uri(asset_uri or uri)
    for revealed in {_in_the_clear(first), _in_the_clear(second)}:
        scheme, _ = split_uri(revealed)
        if scheme.startswith("mongodb"):
            check_uri(revealed)
    return Location(first, second, options or ConnectionOptions())


def _as_uri(given: object) -> Uri:
    if isinstance(given, Uri):
        return given
    if isinstance(given, str):
        return Uri(given)
    raise ConfigurationError(
        "the URI of a catalog must be a string like mongodb://HOST/DATABASE, not a value of type "
        f"{type(given).__name__}."
    )


def source_of(uri: Uri) -> Uri:
    """Return a URI with its secrets: of one that was pickled in this process, that which it came from, if it is here.

    Any other is the URI itself, which ``reveal`` completes from the settings of this machine.
    """
    if not uri.is_foreign:
        if uri.has_secret:
            _with_secrets[str(uri)] = uri
        return uri
    return uri if uri.is_opaque else _with_secrets.get(str(uri), uri)


def _in_the_clear(uri: Uri) -> str:
    return reveal(source_of(uri))


def _is_number(value: str) -> bool:
    """Tell whether a value is a number as the driver reads it, with a sign or spaces perhaps."""
    try:
        int(value)
    except ValueError:
        return False
    return True


def split_uri(uri: str) -> tuple[str, str]:
    """Return scheme and database name of a URI."""
    scheme, colon, rest = uri.partition("://")
    if not colon or scheme not in ("mongodb", "mongodb+srv", "local", "memory"):
        raise ConfigurationError(
            f"{redact_uri(uri)!r} is not a URI of a catalog. Use mongodb://HOST/DATABASE, "
            "local:///path/to/data?database=NAME or memory://NAME.",
        )
    if scheme == "memory":
        database = rest
    elif scheme == "local":
        if not rest.startswith("/"):
            raise ConfigurationError(
                f"the URI {redact_uri(uri)!r} does not name the data directory by its absolute path. Write it as "
                "local:///absolute/path?database=NAME."
            )
        database = next(iter(parse_qs(urlsplit(uri).query).get("database", [])), "")
    else:
        database = unquote(rest.rpartition("@")[2].partition("?")[0].partition("/")[2])
    if not database or set(database) & set('/\\. "$'):
        raise ConfigurationError(
            f"the URI {redact_uri(uri)!r} names no database, or one that MongoDB does not accept ({database!r}). "
            "Write it as mongodb://HOST/DATABASE, local:///path/to/data?database=NAME or memory://NAME.",
        )
    return scheme, database
