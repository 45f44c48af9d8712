"""What indexes a collection has, asked now and then, by an account that may not be allowed to ask."""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

from ...errors import CatalogWarning
from ..connection.collections import Collections

Keys = tuple[tuple[str, Any], ...]

_ASK_AGAIN_SECONDS = 300.0
_FEW_EVENTS = 1000
_found: dict[tuple[str, str], tuple[float, tuple[Keys, ...] | None]] = {}
_warned: set[str] = set()
_lock = threading.Lock()


def keys_of_indexes(collections: Collections, name: str) -> tuple[Keys, ...] | None:
    """Return the keys of each index of a collection; None when the account may not list them."""
    import pymongo.errors

    place = (collections.address, name)
    with _lock:
        asked, keys = _found.get(place, (float("-inf"), None))
    if time.monotonic() - asked < _ASK_AGAIN_SECONDS:
        return keys
    try:
        keys = tuple(tuple(index["key"].items()) for index in getattr(collections, name).list_indexes())
    except pymongo.errors.OperationFailure:
        keys = None
    with _lock:
        _found[place] = (time.monotonic(), keys)
    return keys


def can_find_rows_by_seq_num(collections: Collections) -> bool:
    """Tell whether an index finds the events of a descriptor by their ``seq_num``."""
    keys = keys_of_indexes(collections, "event") or ()
    return any([field for field, _ in key[:2]] == ["descriptor", "seq_num"] for key in keys)


def warn_of_scans(collections: Collections, n_rows: int) -> None:
    """Warn once a database when no index leads to the events of a stream, so that each read looks at all events."""
    if n_rows <= _FEW_EVENTS or collections.address in _warned:
        return
    keys = keys_of_indexes(collections, "event")
    if keys is None or any(key[0][0] == "descriptor" for key in keys):
        return
    _warned.add(collections.address)
    warnings.warn(
        f"the events at {collections.address} have no index on 'descriptor', so each read of a stream examines the "
        "events of all runs. databroker-mongo admin create-indexes --apply makes it.",
        CatalogWarning,
        stacklevel=2,
    )
