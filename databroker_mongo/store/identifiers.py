"""The ``_id`` of old documents, which others name by its text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bson import ObjectId


def object_ids(names: Iterable[Any]) -> dict[str, Any]:
    """Return, for each name that is the text of an ObjectId, that ObjectId."""
    return {name: ObjectId(name) for name in names if isinstance(name, str) and ObjectId.is_valid(name)}
