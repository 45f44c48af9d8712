"""The quick way for the documents that come by the thousand or hold keys by the hundred: valid at a glance, or not.

What is not is left to ``checks``. It may only take documents that ``checks`` would take, and must give the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import Any

from ..values import Unencodable, encodable
from .names import Document


def is_usual(name: str, doc: Mapping[str, Any]) -> bool:
    """Tell whether a document is valid beyond doubt, once its values are encoded; False asks for a closer look."""
    return name in _USUAL and _USUAL[name](doc)


def encode_usual(name: str, doc: Mapping[str, Any]) -> Document | None:
    """Encode a document that is usual and needs no more for it than its sections; None asks for a closer look."""
    if name not in _SECTIONS or not is_usual(name, doc):
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


def _is_usual_descriptor(doc: Mapping[str, Any]) -> bool:
    return (
        _NEEDED_FIELDS <= doc.keys() <= _FIELDS.keys()
        and type(doc["time"]) in (float, int)
        and -1e18 < doc["time"] < 1e18
        and _have_kinds(doc, _FIELDS)
        and _are_usual_data_keys(doc["data_keys"])
        and all(map(_is_usual_configuration, doc.get("configuration", {}).values()))
        and set(map(type, doc.get("object_classes", {}).values())) <= {str}
        and _are_usual_hints(doc.get("hints", {}))
        and _have_usual_names(doc)
    )


def _have_kinds(doc: Mapping[str, Any], kinds: Mapping[str, type | None]) -> bool:
    return all(kind is None or name not in doc or type(doc[name]) is kind for name, kind in kinds.items())


def _is_usual_configuration(configuration: Any) -> bool:
    return (
        type(configuration) is dict
        and _have_kinds(configuration, _SECTIONS_OF_CONFIGURATION)
        and _are_usual_data_keys(configuration.get("data_keys", {}))
    )


def _are_usual_hints(hints: dict[str, Any]) -> bool:
    # Hints of devices stand by their names beside these two, which mean something to the schema.
    return "NX_class" not in hints and _are_lists_of(str)([hints.get("fields", [])])


def _are_usual_data_keys(data_keys: dict[str, Any]) -> bool:
    # Field by field over all keys: a few calls for each field, instead of one for each field of hundreds of keys.
    each = data_keys.values()
    if not (set(map(type, each)) <= {dict} and all(data_key.keys() >= _NEEDED_OF_DATA_KEYS for data_key in each)):
        return False
    return all(
        are_usual([data_key[name] for data_key in each if name in data_key])
        for name, are_usual in _OF_DATA_KEYS.items()
    )


def _are_of(*kinds: type) -> Callable[[Collection[Any]], bool]:
    return lambda values: set(map(type, values)) <= {*kinds}


def _are_lists_of(*kinds: type) -> Callable[[Collection[Any]], bool]:
    return lambda values: set(map(type, values)) <= {list} and set(map(type, chain.from_iterable(values))) <= {*kinds}


def _are_among(*texts: str) -> Callable[[Collection[Any]], bool]:
    return lambda values: set(map(type, values)) <= {str} and set(values) <= {*texts}


def _fit(pattern: str) -> Callable[[Collection[Any]], bool]:
    compiled = re.compile(pattern)
    return lambda values: set(map(type, values)) <= {str} and all(map(compiled.fullmatch, set(values)))


def _are_usual_limits(values: Collection[Any]) -> bool:
    return all(
        type(limits) is dict and limits.keys() <= _LIMITS and all(map(_is_usual_range, limits.values()))
        for limits in values
    )


def _is_usual_range(limits: Any) -> bool:
    if type(limits) is not dict:
        return limits is None
    return limits.keys() == _BOUNDS and set(map(type, limits.values())) <= {int, float, type(None)}


def _have_usual_names(document: Mapping[str, Any]) -> bool:
    """Tell whether all names, those within others too, are ones that the schema of descriptors takes.

    It has no slash and no dot in the names of mappings, except in those within lists, which it does not look at.
    """
    level = [document]
    while level:
        names = set(chain.from_iterable(level))
        together = "".join(names)
        if "" in names or "." in together or "/" in together:
            return False
        level = [each for mapping in level for each in mapping.values() if isinstance(each, dict)]
    return True


_NEEDED_FIELDS = {"data_keys", "run_start", "time", "uid"}
_FIELDS: dict[str, type | None] = {
    "configuration": dict,
    "data_keys": dict,
    "hints": dict,
    "name": str,
    "object_classes": dict,
    "object_keys": dict,
    "run_start": str,
    "time": None,
    "uid": str,
}
_SECTIONS_OF_CONFIGURATION = {"data": dict, "data_keys": dict, "timestamps": dict}
_NEEDED_OF_DATA_KEYS = {"dtype", "shape", "source"}
_OF_DATA_KEYS: dict[str, Callable[[Collection[Any]], bool]] = {
    "choices": _are_lists_of(str),
    "dims": _are_lists_of(str),
    "dtype": _are_among("string", "number", "array", "boolean", "integer"),
    # What has a name for each of its fields is a list of pairs, and left to a closer look.
    "dtype_numpy": _fit("[|<>][tbiufcmMOSUV][0-9]+"),
    "external": _fit("[A-Z]+:?.*"),
    "limits": _are_usual_limits,
    "object_name": _are_of(str),
    "precision": _are_of(int, type(None)),
    "shape": _are_lists_of(int, type(None)),
    "source": _are_of(str),
    "units": _are_of(str, type(None)),
}
_LIMITS = {"alarm", "control", "display", "warning"}
_BOUNDS = {"high", "low"}

_USUAL: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "descriptor": _is_usual_descriptor,
    "event": _is_usual_event,
    "datum": _is_usual_datum,
}
_SECTIONS = {"event": ("data", "timestamps", "filled"), "datum": ("datum_kwargs",)}
