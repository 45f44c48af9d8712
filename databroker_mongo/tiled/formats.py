"""Formats that Tiled has not for runs, or writes otherwise: their documents, and HDF5.

Tiled asks for a format of a spec before one of a family of structures, so that these are for what is served from here
alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
from tiled.media_type_registration import default_serialization_registry

from ..runs import Run
from .run_adapter import RUN_SPEC

JSON_SEQUENCE = "application/json-seq"


def register_formats() -> None:
    """Tell Tiled of the formats."""
    default_serialization_registry.register(RUN_SPEC.name, JSON_SEQUENCE, write_documents)


def write_documents(mimetype: str, run: Any, metadata: Mapping[str, Any], filter_for_access: Any) -> Iterator[bytes]:
    """Write the documents of a run, as they are stored; called in a thread."""
    return iterate_documents(run.run, False)


def iterate_documents(run: Run, fill: bool) -> Iterator[bytes]:
    """Yield the documents of a run as records of RFC 7464.

    NaN and infinities stay what they are, which Python reads and strict JSON does not know.
    """
    documents = run.documents(fill="yes" if fill else "no")
    first = next(documents)  # what cannot be answered at all is told before anything is sent
    return (_record(name, document) for name, document in chain([first], documents))


def _record(name: str, document: Mapping[str, Any]) -> bytes:
    return b"\x1e" + json.dumps({"name": name, "doc": document}, default=_told).encode() + b"\n"


def _told(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
