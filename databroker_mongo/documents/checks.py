"""What makes a document valid, and its values those of MongoDB. This is the only file that imports event_model.

What does not belong here: pages (``pages``), which values can be kept (``values``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from .. import numpy_values  # noqa: F401 (makes values of NumPy known, which documents may hold)
from ..errors import InvalidDocument
from ..values import Unencodable, encodable
from .names import SINGLES, Document, facts_of, place_of
from .pages import rows_of
from .usual import encode_usual, is_usual


def checked(name: str, doc: Mapping[str, Any]) -> list[tuple[str, Document]]:
    """Return the single documents that ``doc`` stands for, valid and with encodable values only.

    Parameters
    ----------
    name : str
        Kind of document, a page perhaps.
    doc : mapping
        The document; it is not changed, and what is returned shares no mutable part with it.

    Raises
    ------
    InvalidDocument
        When the name is unknown, or any of the documents is invalid or holds a value that cannot be kept.
    """
    if name in SINGLES and isinstance(doc, Mapping):
        return [(name, _checked_single(name, doc))]
    try:
        # The columns of a page are encoded faster as a whole; only a row by itself tells which event is at fault.
        encoded = encodable(doc)
    except (Unencodable, RecursionError):
        return [(single, _checked_single(single, row)) for single, row in rows_of(name, doc)]
    rows: list[tuple[str, Any]] = list(rows_of(name, encoded))
    for single, row in rows:
        if not is_usual(single, row):
            validate(single, row)
    return rows


def _checked_single(name: str, doc: Mapping[str, Any]) -> Document:
    encoded = encode_usual(name, doc)
    if encoded is None:
        encoded = encode(name, doc)
        if not is_usual(name, encoded):
            validate(name, encoded)
    return encoded


def encode(name: str, doc: Mapping[str, Any]) -> Document:
    """Return an equal document of plain types that MongoDB keeps exactly.

    Raises
    ------
    InvalidDocument
        When a value cannot be kept; it names the document, the key, the type of the value and the reason.
    """
    try:
        return encodable(doc)  # type: ignore[no-any-return]  # a mapping becomes a dict
    except Unencodable as error:
        path, reason, value_type = error.path, error.reason, error.value_type
    except RecursionError:
        path, reason, value_type = [], "its values are nested too deeply", None
    message = f"A value of the {name} document cannot be stored: {reason}."
    raise InvalidDocument(message, **facts_of(name, doc), **place_of(path), value_type=value_type)


def validate(name: str, doc: Document) -> None:
    """Check a single document, as :func:`encode` gives it, against its schema.

    Raises
    ------
    InvalidDocument
        When it breaks the schema, its time is not finite, it is an event with a ``seq_num`` below 1, or has an ``_id``.
    """
    if "_id" in doc:
        raise InvalidDocument(
            "The field '_id' is that by which MongoDB knows a document. The writer makes it of the uid, and documents "
            "come out without it: leave it out.",
            **facts_of(name, doc),
            field="_id",
        )
    if name == "stream_resource" and _is_older_stream_resource(doc):
        return
    errors = list(_validator(name).iter_errors(doc))
    if errors:
        raise _described(name, doc, min(errors, key=_is_consequence))
    time = doc.get("time")
    if isinstance(time, float) and not math.isfinite(time):
        raise InvalidDocument(f"A time must be a number of seconds, not {time}.", **facts_of(name, doc), field="time")
    if name == "event" and doc["seq_num"] < 1:
        raise InvalidDocument("The first seq_num of a stream is 1.", **facts_of(name, doc), field="seq_num")


def _is_older_stream_resource(doc: Document) -> bool:
    # The schema until event-model 1.20, whose documents are still sent by whoever moves runs from one store to another.
    needed = {"uid": str, "spec": str, "resource_path": str, "resource_kwargs": dict}
    optional = {"root": str, "data_key": str, "path_semantics": str, "run_start": str}
    kinds = {**needed, **optional}
    return needed.keys() <= doc.keys() and all(type(value) is kinds.get(key) for key, value in doc.items())


@cache
def _validator(name: str) -> Any:
    import event_model  # takes 0.1 s, which a program that only reads does not need to wait for

    return event_model.schema_validators[event_model.DocumentNames[name]]


def _is_foreseen(key: str, schema: Mapping[str, Any]) -> bool:
    patterns = schema.get("patternProperties", {})
    return key in schema.get("properties", {}) or any(re.search(pattern, key) for pattern in patterns)


def _is_consequence(error: Any) -> bool:
    # A field that breaks its own schema counts as unevaluated, too: the first reason is the one to tell.
    return str(error.validator) == "unevaluatedProperties"


def _described(name: str, doc: Document, error: Any) -> InvalidDocument:
    path, message = list(error.absolute_path), str(error.message)
    if error.validator == "required":
        path += [key for key in error.validator_value if key not in error.instance][:1]
    elif error.validator == "additionalProperties":
        path += [key for key in error.instance if not _is_foreseen(key, error.schema)][:1]
    elif error.validator in ("anyOf", "oneOf") and all("type" in each for each in error.validator_value):
        kinds = " or ".join(str(each["type"]) for each in error.validator_value)
        message = f"{error.instance!r} is not of type {kinds}"
    message = message if len(message) < 300 else f"{message[:300]}..."
    return InvalidDocument(
        f"The {name} document breaks its schema: {message}.", **facts_of(name, doc), **place_of(path)
    )
