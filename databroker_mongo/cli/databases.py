"""Which database a command means: a configured catalog's, or that of a URI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store import NormalizedStore


def store_of(catalog: str) -> tuple[NormalizedStore, Sequence[str]]:
    """Open the database of a configured catalog or of a URI; return it with the fields that are to have indexes."""
    from ..config import find_entries, is_uri
    from ..store import ConnectionOptions, open_store

    if is_uri(catalog):
        return open_store(catalog), ()
    settings = find_entries()[catalog]
    store = open_store(settings.uri, asset_uri=settings.asset_uri, options=ConnectionOptions.of(settings))
    return store, settings.metadata_indexes
