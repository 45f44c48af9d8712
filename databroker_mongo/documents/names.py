"""What documents are called, and what they say of themselves. Nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

Named = tuple[str, Document]
"""A document with its kind, as it is emitted."""

SINGLES = ("start", "descriptor", "resource", "datum", "stream_resource", "stream_datum", "event", "stop")
"""The kinds of documents that are stored, in the order in which a run needs them."""


NAMELESS_STREAM = "primary"
"""The stream of descriptors that have no name."""


def stream_of(descriptor: Mapping[str, Any]) -> str:
    """Return the name of the stream that a descriptor belongs to; an empty name, or one that is no text, is none."""
    name = descriptor.get("name")
    return name if name and isinstance(name, str) else NAMELESS_STREAM


def is_streamed(data_key: Mapping[str, Any]) -> bool:
    """Tell whether a descriptor declares that the values of a data key are in a file that stream documents name."""
    return str(data_key.get("external", "")).startswith("STREAM")


def n_events_said(stop: Mapping[str, Any] | None) -> dict[str, int | None] | None:
    """Return how many events a stop document says that each stream has.

    None stands for what is no number of events, and for all of it where there is no stop document or it says nothing.
    """
    said = (stop or {}).get("num_events")
    return {stream: _as_count(n) for stream, n in said.items()} if isinstance(said, Mapping) else None


def _as_count(value: Any) -> int | None:
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value % 1 == 0
    return int(value) if is_count else None


def facts_of(name: str, doc: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a document says of itself, as facts for an error: its kind, its uid and what it belongs to."""
    run_uid = doc.get("uid") if name == "start" else doc.get("run_start")
    return {
        "document": name,
        "uid": doc.get("datum_id") if name == "datum" else doc.get("uid") if name in SINGLES else None,
        "run_uid": run_uid,
        "stream": doc.get("name") if name == "descriptor" else None,
        "descriptor_uid": doc.get("descriptor"),
        "resource_uid": doc.get("resource", doc.get("stream_resource")),
    }


def place_of(path: Sequence[Any]) -> dict[str, Any]:
    """Return where in a document something is, as facts for an error: its field, and the data key that this names."""
    is_of_data_key = len(path) > 1 and path[0] in ("data", "timestamps", "data_keys")
    return {"data_key": path[1] if is_of_data_key else None, "field": ".".join(map(str, path)) or None}
