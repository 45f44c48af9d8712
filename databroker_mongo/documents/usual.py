"""The quick way for the documents that come by the thousand: told to be valid at a glance, or left to ``checks``.

It may only take documents that ``checks`` would take, and must give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..values import Unencodable, encodable
from .names import Document


def is_usual(name: str, doc: Mapping[str, Any]) -> bool:
    """Tell whether a document is valid beyond doubt, once its values are encoded; False asks for a closer look."""
    return name in _USUAL and _USUAL[name](doc)


def encode_usual(name: str, doc: Mapping[str, Any]) -> Document | None:
    """Encode a document that is usual; None asks for a closer look."""
    if not is_usual(name, doc):
        return None
    encoded = dict(doc)
    try:
        for section in _SECTIONS[name]:
            if section in encoded:
                encoded[section] = encodable(encoded[section])
    except (Unencodable, RecursionError):
        return None
    return encoded


def _is_usual_event(doc: Mapping[str, Any]) -> bool:
    filled = doc.get("filled", {})
    try:
        return (
            len(doc) == (7 if "filled" in doc else 6)
            and type(doc["uid"]) is type(doc["descriptor"]) is str
            # Any other text might hold half of a surrogate pair, which UTF-8, and so BSON, cannot keep.
            and (doc["uid"] + doc["descriptor"]).isascii()
            and type(doc["time"]) in (float, int)
            # NaN is on neither side, and a whole number within these bounds fits into 64 bits.
            and -1e18 < doc["time"] < 1e18
            and type(doc["seq_num"]) is int
            and 1 <= doc["seq_num"] < 2**63
            and type(doc["data"]) is type(doc["timestamps"]) is type(filled) is dict
            and (not filled or {bool, str} >= set(map(type, filled.values())))
        )
    except KeyError:
        return False


def _is_usual_datum(doc: Mapping[str, Any]) -> bool:
    try:
        return (
            len(doc) == 3
            and type(doc["datum_id"]) is type(doc["resource"]) is str
            and (doc["datum_id"] + doc["resource"]).isascii()
            and type(doc["datum_kwargs"]) is dict
        )
    except KeyError:
        return False


_USUAL: dict[str, Callable[[Mapping[str, Any]], bool]] = {"event": _is_usual_event, "datum": _is_usual_datum}
_SECTIONS = {"event": ("data", "timestamps", "filled"), "datum": ("datum_kwargs",)}
