"""Which databases this process writes to: it reads these from the primary, so that it finds what it wrote.

What does not belong here: how a database is opened (``connection``).
"""

from __future__ import annotations

from typing import Any

Place = tuple[frozenset[str], str]
"""Hosts, and the name of a database."""

_written: dict[Place, Any] = {}


def remember(uri: str, client: Any) -> None:
    """Take down that this process writes to the database of a URI, over this client."""
    _written[_place(uri)] = client


def is_written_here(uri: str, client: Any) -> bool:
    """Tell whether this process writes to the database of a URI, by whichever account and member of its set."""
    place = _place(uri)
    if place in _written:
        return True
    hosts, database = place
    for (written_hosts, written_database), writer in list(_written.items()):
        if database == written_database and (hosts | _members(client)) & (written_hosts | _members(writer)):
            _written[place] = client
            return True
    return False


def _place(uri: str) -> Place:
    address = uri.partition("://")[2].partition("?")[0].rpartition("@")[2].lower()
    hosts, _, database = address.partition("/")
    return frozenset(hosts.split(",")), database


def _members(client: Any) -> frozenset[str]:
    """Return the servers that a client knows by now, which may be more than its URI names."""
    return frozenset(f"{host}:{port}" for host, port in client.nodes)
