"""How rows of stored data make rows of a stream: several frames of a file may be one event.

Pure. What does not belong here: which file serves which row (``assets.stream_datums``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..assets.handler import DatumStructure
from .structure import DataKey


def one_row(declared: DatumStructure, parameters: Mapping[str, Any]) -> DatumStructure:
    """Return what a descriptor declares of one row of the stored data.

    Parameters
    ----------
    declared : DatumStructure
        What it declares of an event: its first axis may count rows of the stored data.
    parameters : mapping
        Those of the stream resource; ``chunk_shape`` tells how many axes the stored data has.
    """
    chunk_shape = parameters.get("chunk_shape")
    if isinstance(chunk_shape, Sequence) and len(chunk_shape) == len(declared.shape):
        return declared._replace(shape=declared.shape[1:])
    return declared


def rows_in_event(data_key: DataKey, row: DatumStructure) -> int | None:
    """Return how many rows of the stored data make a row of the stream, where they are an axis of their own."""
    declared = tuple(data_key.get("shape") or ())
    has_own_axis = len(declared) == len(row.shape) + 1 and declared[1:] == row.shape
    return int(declared[0]) if has_own_axis and declared[0] else None


def chunks_in_events(row: DatumStructure, per_event: int | None) -> tuple[int, ...] | None:
    """Return the chunk shape of the stored data, counted in ``(rows of the stream, *axes of an event)``."""
    if row.chunks is None or per_event is None:
        return row.chunks
    return (max(1, row.chunks[0] // per_event), min(per_event, row.chunks[0]), *row.chunks[1:])
