"""Which databases this process writes to: it reads these from the primary, so that it finds what it wrote.

What does not belong here: how a database is opened (``connection``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .place import Place, place_of

_written: dict[Place, Any] = {}


def remember(uri: str, client: Any) -> None:
    """Take down that this process writes to the database of a URI, over this client."""
    _written[place_of(uri)] = client


def is_written_here(uri: str, client: Any) -> bool:
    """Tell whether this process writes to the database of a URI, by whichever account and member of its set."""
    place = place_of(uri)
    if place in _written:
        return True
    for other, writer in list(_written.items()):
        if _with_members(place, client).meets(_with_members(other, writer)):
            _written[place] = client
            return True
    return False


def _with_members(place: Place, client: Any) -> Place:
    """Add the servers that a client knows by now, which may be more than its URI names."""
    return replace(place, hosts=place.hosts | {f"{host}:{port}" for host, port in client.nodes})
