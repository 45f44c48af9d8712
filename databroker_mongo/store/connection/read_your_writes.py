"""Which databases this process writes to: it reads these from the primary, so that it finds what it wrote.

What does not belong here: how a database is opened (``connection``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...documents import Document
from .place import Place

if TYPE_CHECKING:
    from pymongo import MongoClient

_written: dict[Place, MongoClient[Document]] = {}


def remember(place: Place, client: MongoClient[Document]) -> None:
    """Take down that this process writes to a database, over this client."""
    _written[place] = client


def is_written_here(place: Place, client: MongoClient[Document]) -> bool:
    """Tell whether this process writes to a database, by whichever account and member of its set."""
    if place in _written:
        return True
    for other, writer in list(_written.items()):
        if _with_members(place, client).is_same_as(_with_members(other, writer)):
            _written[place] = client
            return True
    return False


def _with_members(place: Place, client: MongoClient[Document]) -> Place:
    """Add the servers that a client knows by now, which may be more than its URI names."""
    return replace(place, hosts=place.hosts | {f"{host}:{port}" for host, port in client.nodes})
