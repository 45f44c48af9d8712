"""Documents that were refused, set aside: one JSON file for each, with the reason.

Where a document has values that JSON has not (bytes, dates, NaN), they are written as MongoDB's Extended JSON. A record
says whether its document is ``exact``: what is sent again is what was refused, or what somebody has made of it.

What does not belong here: which folder it is (``spool_folders``), what is refused (``delivery``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import json_util

from .. import numpy_values  # noqa: F401 (makes values of NumPy known, which documents may hold)
from ..store import PLAIN
from ..values import Unencodable, are_equal, encodable
from .files import numbered_name, write_whole

FOLDER = "quarantine"

_OPTIONS = json_util.RELAXED_JSON_OPTIONS.with_options(
    tz_aware=False, tzinfo=None, datetime_conversion=PLAIN.datetime_conversion
)
"""Dates come back as they come out of a database."""


@dataclass(frozen=True)
class Refused:
    """A document that was refused.

    Attributes
    ----------
    path : pathlib.Path
        Its file.
    time : float or None
        When it was, seconds since 1970.
    database : str
        For which database, as a URI without a password.
    name : str
        Kind of the document.
    document : object
        The document, as far as the file can hold it.
    error : str
        Why.
    is_exact : bool
        Whether the file holds the document exactly.
    """

    path: Path
    time: float | None
    database: str
    name: str
    document: Any
    error: str
    is_exact: bool


def set_aside(folder: Path, address: str, name: str, doc: object, error: Exception) -> Path:
    """Write a document and the reason to a new file of a folder, and return the file.

    Raises
    ------
    OSError
        It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / numbered_name("json")
    exact = _exact(doc)
    record = {
        "time": time.time(),
        "database": address,
        "error": str(error),
        "name": name,
        "exact": exact is not None,
        "document": doc if exact is None else exact,
    }
    write_whole(path, _as_json(record))
    return path


def iterate_refused(folder: Path) -> Iterator[Refused]:
    """Yield what a folder of refused documents holds, the oldest first; what cannot be read is passed over."""
    for path in sorted(folder.glob("*.json")):
        try:
            yield read_refused(path)
        except (OSError, ValueError):
            continue


def read_refused(path: Path) -> Refused:
    """Read one file.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is none of a quarantine.
    """
    record = json.loads(path.read_text())
    if not isinstance(record, dict) or not {"name", "document"} <= record.keys():
        raise ValueError(f"{path} holds no document that was refused")
    is_exact = record.get("exact") is True
    document = json_util.loads(json.dumps(record["document"]), json_options=_OPTIONS) if is_exact else None
    return Refused(
        path=path,
        time=record.get("time"),
        database=str(record.get("database", "")),
        name=str(record["name"]),
        document=document if is_exact else record["document"],
        error=str(record.get("error", "")),
        is_exact=is_exact,
    )


def _exact(doc: object) -> Any:
    """Return what JSON can hold and what gives the document back; None where there is no such thing."""
    if not isinstance(doc, Mapping):
        return None
    try:
        plain = encodable(doc)
        text = json_util.dumps(plain, json_options=_OPTIONS)
        is_same = are_equal(json_util.loads(text, json_options=_OPTIONS), plain)
    except (Unencodable, TypeError, ValueError, RecursionError, OverflowError):
        return None
    return json.loads(text) if is_same else None


def _as_json(record: dict[str, object]) -> str:
    try:
        return json.dumps(record, default=_as_json_value)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({**record, "document": repr(record["document"])})


def _as_json_value(value: object) -> object:
    try:
        plain = encodable(value)
    except Unencodable:
        return repr(value)
    return plain if isinstance(plain, list | dict | str | int | float) else repr(value)
