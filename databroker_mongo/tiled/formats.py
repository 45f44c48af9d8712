"""Formats that Tiled has not for runs: their documents, and HDF5 (``hdf5``).

Tiled asks for a format of a spec before one of a family of structures, so that these are for what is served from here
alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pandas
from tiled.media_type_registration import default_serialization_registry

from ..printable import as_json
from ..runs import Run
from .hdf5 import HDF5, write_container, write_table
from .nodes import Container, Part
from .run_adapter import RUN_SPEC, RunAdapter
from .stream_adapter import STREAM_SPEC
from .tables import TABLE_SPEC

JSON_SEQUENCE = "application/json-seq"


def register_formats() -> None:
    """Tell Tiled of the formats."""
    default_serialization_registry.register(RUN_SPEC.name, JSON_SEQUENCE, write_documents)
    for spec in (RUN_SPEC, STREAM_SPEC):
        default_serialization_registry.register(spec.name, HDF5, write_container)
    default_serialization_registry.register(TABLE_SPEC.name, HDF5, write_table)
    default_serialization_registry.register(TABLE_SPEC.name, JSON_SEQUENCE, write_rows)
    default_serialization_registry.register(TABLE_SPEC.name, "application/json", write_columns)


def write_documents(mimetype: str, run: Container, metadata: Mapping[str, Any], access: object) -> Iterator[bytes]:
    """Write the documents of a run, or of some of its streams, as they are stored; called in a thread."""
    streams = {each.stream.name for each in run.children().values()} if isinstance(run, Part) else None
    whole = run.whole if isinstance(run, Part) else run
    assert isinstance(whole, RunAdapter)
    with whole.answers.translate_errors():
        return iterate_documents(whole.run, False, streams)


def write_rows(mimetype: str, table: pandas.DataFrame, metadata: Mapping[str, Any]) -> Iterator[bytes]:
    """Write each row of a table as JSON on a line of its own.

    RFC 7464 has a separator before each record as well, of which Tiled's page makes a table without rows.
    """
    columns = _plain_columns(table)
    rows = zip(*columns.values(), strict=True)
    return (as_json(dict(zip(columns, row, strict=True))).encode() + b"\n" for row in rows)


def write_columns(mimetype: str, table: pandas.DataFrame, metadata: Mapping[str, Any]) -> bytes:
    """Write the columns of a table as one JSON document; Tiled's own writer fails where a value is a list."""
    return as_json(_plain_columns(table)).encode()


def _plain_columns(table: pandas.DataFrame) -> dict[str, list[Any]]:
    return {str(name): [_plain(value) for value in table[name].tolist()] for name in table}


def _plain(value: Any) -> Any:
    if value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.isoformat() if isinstance(value, pandas.Timestamp) else value


def iterate_documents(run: Run, fill: bool, streams: Collection[str] | None = None) -> Iterator[bytes]:
    """Yield the documents of a run as records of RFC 7464.

    NaN and infinities stay what they are, which Python reads and strict JSON does not know.
    """
    documents = run.documents(fill="yes" if fill else "no", streams=streams)
    first = next(documents)  # what cannot be answered at all is told before anything is sent
    return (_record(name, document) for name, document in chain([first], documents))


def _record(name: str, document: Mapping[str, Any]) -> bytes:
    return b"\x1e" + json.dumps({"name": name, "doc": document}, default=_told).encode() + b"\n"


def _told(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
