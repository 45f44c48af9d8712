"""Documents that are valid beyond doubt, told without asking event-model: the many, and those of a schema it dropped.

What does not belong here: what is wrong with a document (``documents``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def is_surely_valid(name: str, doc: Document) -> bool:
    """Tell whether a single document of plain values is valid; False also means that it takes a closer look."""
    return name in _SURE and _SURE[name](doc)


def _accepts_event(doc: Document) -> bool:
    # Equal to the schema of event-model for all that is accepted here: asking jsonschema costs more than storing.
    try:
        return (
            type(doc["uid"]) is str
            and type(doc["descriptor"]) is str
            and type(doc["seq_num"]) is int
            and doc["seq_num"] >= 1
            and type(doc["time"]) in (float, int)
            and type(doc["data"]) is dict
            and type(doc["timestamps"]) is dict
            and (len(doc) == 6 or (len(doc) == 7 and _is_filled(doc["filled"])))
        )
    except KeyError:
        return False


def _is_filled(filled: Any) -> bool:
    return type(filled) is dict and all(type(value) in (bool, str) for value in filled.values())


def _accepts_datum(doc: Document) -> bool:
    try:
        return (
            type(doc["datum_id"]) is str
            and type(doc["resource"]) is str
            and type(doc["datum_kwargs"]) is dict
            and len(doc) == 3
        )
    except KeyError:
        return False


def _accepts_older_stream_resource(doc: Document) -> bool:
    # The schema until event-model 1.20, whose documents are still sent by whoever moves runs from one store to another.
    needed = {"uid": str, "spec": str, "resource_path": str, "resource_kwargs": dict}
    optional = {"root": str, "data_key": str, "path_semantics": str, "run_start": str}
    kinds = {**needed, **optional}
    return needed.keys() <= doc.keys() and all(type(value) is kinds.get(key) for key, value in doc.items())


_SURE: dict[str, Callable[[Document], bool]] = {
    "event": _accepts_event,
    "datum": _accepts_datum,
    "stream_resource": _accepts_older_stream_resource,
}
