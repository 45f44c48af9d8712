"""Documents as metadata of nodes, which go out as JSON or msgpack: both know less than BSON."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import orjson

from ..documents import Document

_PLAIN = (str, int, float, bool, bytes, datetime.datetime, type(None))
_OVERHEAD = 8
"""A document of many small values takes as many times as much memory as its JSON."""


def plain(document: Document) -> Document:
    """Return a document without values that only MongoDB has; these are told as texts."""
    try:
        orjson.dumps(document)
    except TypeError:
        return {key: _plain(value) for key, value in document.items()}
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, _PLAIN) else str(value)


def n_bytes_of(metadata: Mapping[str, Any]) -> int:
    """Return about how much memory metadata take."""
    return _OVERHEAD * len(orjson.dumps(metadata, default=str))
