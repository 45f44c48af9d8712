"""Which database a URI leads to, whoever opens it, by whichever account and options.

What does not belong here: how it is opened (``connection``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_DEFAULT_PORT = "27017"


@dataclass(frozen=True)
class Place:
    """A database on its servers.

    Attributes
    ----------
    scheme : str
        ``mongodb``, ``mongodb+srv``, ``local`` or ``memory``.
    hosts : frozenset of str
        The servers that are named, each with its port; the data directory of a local one.
    database : str
        The name of the database.
    """

    scheme: str
    hosts: frozenset[str]
    database: str

    def __str__(self) -> str:
        return f"{self.scheme}://{','.join(sorted(self.hosts))}/{self.database}"

    def is_same_as(self, other: Place) -> bool:
        """Tell whether both are one database: they share a server, of which each may name others of its set as well."""
        return self.database == other.database and bool(self.hosts & other.hosts)


def place_of(uri: str) -> Place:
    """Return the place that a URI names; that its password is hidden makes no difference."""
    scheme, _, rest = uri.partition("://")
    if scheme == "memory":
        return Place(scheme, frozenset({"this process"}), rest)
    if scheme == "local":
        parts = urlsplit(uri)
        database = next(iter(parse_qs(parts.query).get("database", [])), "")
        return Place(scheme, frozenset({os.path.realpath(unquote(parts.path))}), database)
    hosts, _, database = rest.partition("?")[0].rpartition("@")[2].partition("/")
    is_srv = scheme == "mongodb+srv"
    return Place(scheme, frozenset(_host(each, is_srv) for each in hosts.split(",")), unquote(database))


def _host(written: str, is_srv: bool) -> str:
    if written.lower().endswith(".sock"):
        return unquote(written)
    has_port = ":" in written.rpartition("]")[2]
    return written.lower() if has_port or is_srv else f"{written.lower()}:{_DEFAULT_PORT}"


def is_same_database(some: Sequence[Place], others: Sequence[Place]) -> bool:
    """Tell whether two lists of databases, those of the runs and of their assets, mean the same ones."""
    return len(some) == len(others) > 0 and all(one.is_same_as(other) for one, other in zip(some, others, strict=True))
