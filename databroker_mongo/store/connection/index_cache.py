"""What indexes a collection has, asked now and then, by an account that may not be allowed to ask."""

from __future__ import annotations

import threading
import time
from typing import Any

Keys = tuple[tuple[str, Any], ...]

_ASK_AGAIN_SECONDS = 300.0


class IndexCache:
    """The keys of indexes, as they were when they were last asked for, and what was warned of because of them."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, tuple[Keys, ...] | None]] = {}
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def list_keys(self, collection: Any) -> tuple[Keys, ...] | None:
        """Return the keys of each index of a collection; None when the account may not list them."""
        import pymongo.errors

        name = collection.name
        with self._lock:
            asked, keys = self._found.get(name, (float("-inf"), None))
        if time.monotonic() - asked < _ASK_AGAIN_SECONDS:
            return keys
        try:
            keys = tuple(tuple(index["key"].items()) for index in collection.list_indexes())
        except pymongo.errors.OperationFailure:
            keys = None
        with self._lock:
            self._found[name] = (time.monotonic(), keys)
        return keys

    def note_none(self, collection: Any) -> None:
        """Take a collection for one without indexes, until they are asked for again."""
        with self._lock:
            self._found[collection.name] = (time.monotonic(), ())

    def forget(self, collection: Any) -> None:
        """Ask anew for the indexes of a collection, since they have just been made or removed."""
        with self._lock:
            self._found.pop(collection.name, None)

    def is_first_warning(self, of: str) -> bool:
        """Tell whether nobody was warned of this yet, and note that somebody is."""
        with self._lock:
            is_first = of not in self._warned
            self._warned.add(of)
        return is_first
