"""A database in memory, opened."""

from __future__ import annotations

from typing import Any

from ..connection.connection import Connection
from ..connection.location import ConnectionOptions
from .collections import MemoryCollections


class MemoryConnection(Connection):
    """A database of mongomock: written and read by this process alone, at once and in one place."""

    def _open(self, databases: list[Any], options: ConnectionOptions, *, is_durable: bool) -> MemoryCollections:
        return MemoryCollections(
            databases[0],
            databases[-1],
            max_time_ms=round(options.timeout_seconds * 1000),
            address=self.address,
            prefix=options.collection_prefix,
        )
