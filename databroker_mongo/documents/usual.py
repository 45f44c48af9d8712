"""The quick way for the documents that come by the thousand: encoded and found valid in one go, or left to ``checks``.

It may only take documents that ``checks`` would take, and must give the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..values import Unencodable, encodable
from .names import Document


def _quick_event(doc: Mapping[str, Any]) -> Document | None:
    """Encode and validate a usual event in one go; None where it takes a closer look."""
    filled = doc.get("filled", {})
    try:
        is_usual = (
            len(doc) == (7 if "filled" in doc else 6)
            and type(doc["time"]) is float
            and math.isfinite(doc["time"])
            and type(doc["seq_num"]) is int
            and 1 <= doc["seq_num"] < 2**63
            and type(filled) is dict
            and (not filled or {bool, str} >= set(map(type, filled.values())))
        )
    except KeyError:
        return None
    sections = ("data", "timestamps", "filled") if "filled" in doc else ("data", "timestamps")
    return _encode_sections(doc, ("uid", "descriptor"), sections) if is_usual else None


def _quick_datum(doc: Mapping[str, Any]) -> Document | None:
    """Encode and validate a usual datum in one go; None where it takes a closer look."""
    return _encode_sections(doc, ("datum_id", "resource"), ("datum_kwargs",)) if len(doc) == 3 else None


def _encode_sections(doc: Mapping[str, Any], texts: tuple[str, ...], sections: tuple[str, ...]) -> Document | None:
    encoded = dict(doc)
    try:
        for field in texts:
            if type(encoded[field]) is not str or not encoded[field].isascii():
                return None
        for field in sections:
            if type(encoded[field]) is not dict:
                return None
            encoded[field] = encodable(encoded[field])
    except (KeyError, Unencodable, RecursionError):
        return None
    return encoded


QUICK: dict[str, Callable[[Mapping[str, Any]], Document | None]] = {"event": _quick_event, "datum": _quick_datum}
"""By kind of document; None where it takes a closer look."""
