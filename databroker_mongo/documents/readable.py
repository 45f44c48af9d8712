"""What can be read of a stored descriptor that another program left broken.

What does not belong here: which documents may be stored (``checks``).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from .names import Document


def readable_descriptor(descriptor: Document) -> Document:
    """Return a descriptor whose fields are of the types that readers count on.

    What is of another type counts as absent, so that one broken entry does not hide the columns beside it; a
    descriptor as it should be is returned as it is.
    """
    changed = _changed(descriptor)
    return {**descriptor, **changed} if changed else descriptor


def broken_fields(descriptor: Document) -> list[str]:
    """Return the fields of a stored descriptor that are of another type than readers count on."""
    return list(_changed(descriptor))


def _changed(descriptor: Document) -> Document:
    """Return the fields that have to be read as something else, and as what."""
    uid = descriptor.get("uid")
    fields: Document = {
        "uid": uid if uid and isinstance(uid, Hashable) else "",
        "time": _time(descriptor.get("time")),
        "data_keys": _data_keys(descriptor.get("data_keys")),
    }
    fields |= {name: read(descriptor[name]) for name, read in _OPTIONAL.items() if descriptor.get(name)}
    return {name: value for name, value in fields.items() if not _is_same(descriptor.get(name), value)}


def _is_same(found: Any, value: Any) -> bool:
    return found is value or (type(found) is type(value) and bool(found == value))


def _unless_same(found: Any, read: Document) -> Any:
    """Return what was found if all that is in it is read as it is: then it need not be compared again."""
    is_same = type(found) is dict and len(found) == len(read) and all(map(operator.is_, found.values(), read.values()))
    return found if is_same else read


def _time(value: Any) -> Any:
    return value if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Any:
    """Return a mapping of mappings; an entry that is none is empty."""
    return _unless_same(value, {key: _mapping(each) for key, each in _mapping(value).items()})


def _data_keys(value: Any) -> Any:
    """Return the data keys; a shape that is no list of sizes counts as absent."""
    read = {
        name: each if _is_shape(each.get("shape")) else {field: each[field] for field in each if field != "shape"}
        for name, each in _mappings(value).items()
    }
    return _unless_same(value, read)


def _is_shape(value: Any) -> bool:
    if not value:
        return value is None or isinstance(value, list | tuple)
    return isinstance(value, list | tuple) and all(size is None or isinstance(size, int) for size in value)


def _lists(value: Any) -> Any:
    return _unless_same(value, {key: each for key, each in _mapping(value).items() if isinstance(each, list)})


def _configuration(value: Any) -> Any:
    return _unless_same(value, {device: _device(each) for device, each in _mappings(value).items()})


def _device(entry: Document) -> Document:
    kept = {name: _mapping(entry[name]) for name in ("data", "timestamps") if entry.get(name)}
    if entry.get("data_keys"):
        kept["data_keys"] = _data_keys(entry["data_keys"])
    return entry if all(entry[name] is each for name, each in kept.items()) else {**entry, **kept}


_OPTIONAL: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "configuration": _configuration,
    "object_keys": _lists,
}
