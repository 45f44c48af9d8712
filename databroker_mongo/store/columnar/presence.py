"""Whether a database has columnar copies at all, known without asking at each read."""

from __future__ import annotations

from ..connection.collections import Collections

COLLECTION = "event_columns"


def has_copies(collections: Collections) -> bool:
    """Tell whether a database may have columnar copies, as it was some minutes ago at most.

    Where an account may not say, for it is a view or another's collection, it is asked for them.
    """
    keys = collections.index_cache.list_keys(collections.named(COLLECTION))
    return keys is None or bool(keys)
