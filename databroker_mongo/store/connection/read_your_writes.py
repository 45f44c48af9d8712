"""Which databases this process writes to: it reads these from the primary, so that it finds what it wrote.

What does not belong here: how a database is opened (``connection``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .place import Place

_written: dict[Place, Any] = {}


def remember(place: Place, client: Any) -> None:
    """Take down that this process writes to a database, over this client."""
    _written[place] = client


def is_written_here(place: Place, client: Any) -> bool:
    """Tell whether this process writes to a database, by whichever account and member of its set."""
    if place in _written:
        return True
    for other, writer in list(_written.items()):
        if _with_members(place, client).is_same_as(_with_members(other, writer)):
            _written[place] = client
            return True
    return False


def _with_members(place: Place, client: Any) -> Place:
    """Add the servers that a client knows by now, which may be more than its URI names."""
    return replace(place, hosts=place.hosts | {f"{host}:{port}" for host, port in client.nodes})
