"""The collections of the normalised layout, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...documents import Document

if TYPE_CHECKING:
    from pymongo.collection import Collection
    from pymongo.database import Database

from .index_cache import IndexCache


class Collections:
    """The collections of the normalised layout, each an attribute by the name that suitcase-mongo gave it.

    Parameters
    ----------
    metadata, assets : database
        The database of the run documents and that of assets; they may be the same.
    max_time_ms : int
        Time limit of one operation, in milliseconds.
    address : str
        URI of the run documents without any password.
    prefix : str
        What the names of the collections begin with.

    Attributes
    ----------
    index_cache : IndexCache
        What is known of their indexes.
    """

    def __init__(
        self, metadata: Database[Document], assets: Database[Document], max_time_ms: int, address: str, prefix: str = ""
    ):
        self.metadata = metadata
        self.assets = assets
        self.max_time_ms = max_time_ms
        self.address = address
        self.prefix = prefix
        self.index_cache = IndexCache()
        self.run_start = self.named("run_start")
        self.run_stop = self.named("run_stop")
        self.event_descriptor = self.named("event_descriptor")
        self.event = self.named("event")
        self.resource = self._of(assets, "resource")
        self.datum = self._of(assets, "datum")
        self.stream_resource = self._of(assets, "stream_resource")
        self.stream_datum = self._of(assets, "stream_datum")

    def named(self, name: str) -> Collection[Document]:
        """Return any other collection of the database of run documents."""
        return self._of(self.metadata, name)

    def _of(self, database: Database[Document], name: str) -> Collection[Document]:
        return database[self.prefix + name]
