"""The ``_id`` of documents: that of old ones, which others name by its text, and of starts without a uid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bson import ObjectId

from ..documents import Document


def object_ids(names: Iterable[Any]) -> dict[str, Any]:
    """Return, for each name that is the text of an ObjectId, that ObjectId."""
    return {name: ObjectId(name) for name in names if isinstance(name, str) and ObjectId.is_valid(name)}


def uid_of(start: Mapping[str, Any]) -> str:
    """Return the uid of a start document, or in the place of a uid that is no text the ``_id``."""
    uid = start.get("uid")
    return uid if isinstance(uid, str) else str(start["_id"])


def as_shown(start: Document) -> Document:
    """Return a start document as it is shown: without its ``_id``, or with that in the place of the uid it lacks."""
    identifier = start.pop("_id")
    if not isinstance(start.get("uid"), str):
        start["uid"] = str(identifier)
    return start
