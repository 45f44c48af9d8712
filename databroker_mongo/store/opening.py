"""Databases of runs by their URI: which kind of store each is, is decided here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import Uri
from ..errors import ConfigurationError
from .connection.location import ConnectionOptions, locate
from .normalized import NormalizedStore
from .protocol import Store

if TYPE_CHECKING:
    from .writable_normalized import WritableNormalizedStore


def open_store(
    uri: str | Uri, *, asset_uri: str | Uri | None = None, options: ConnectionOptions | None = None
) -> NormalizedStore:
    """Open a database of runs for reading; nothing is asked of it yet.

    Raises
    ------
    ConfigurationError
        The URI has an unknown scheme or names no database.
    CredentialsUnavailable
        A variable that stands for a secret is not set.
    """
    location = locate(uri, asset_uri=asset_uri, options=options)
    if location.is_in_memory:
        from .memory.store import MemoryStore  # late: as a rule there is a server

        return MemoryStore(location)
    return NormalizedStore(location)


def writable(store: Store) -> WritableNormalizedStore:
    """Return the same database, opened for writing.

    Raises
    ------
    ConfigurationError
        It is of a kind that can only be read, or its URI says ``w=0``.
    """
    if not isinstance(store, NormalizedStore):
        raise ConfigurationError(f"{store.address} is open for reading only: nothing can be stored or corrected there")
    from .memory.store import WritableMemoryStore  # late: who only reads does not load what writes
    from .writable_normalized import WritableNormalizedStore

    return (WritableMemoryStore if store.location.is_in_memory else WritableNormalizedStore)(store.location)
