"""How rows of stored data make rows of a stream: several frames of a file may be one event.

Pure. What does not belong here: which file serves which row (``assets.stream_datums``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..assets import DatumStructure

_CHANNELS = (3, 4)  # RGB, and with an alpha channel


def one_row(declared: DatumStructure, parameters: Mapping[str, object]) -> DatumStructure:
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


def rows_in_event(data_key: Mapping[str, Any], row: DatumStructure) -> int | None:
    """Return how many rows of the stored data make a row of the stream, where they are an axis of their own."""
    return rows_as_axis(data_key.get("shape"), row.shape)


def rows_as_axis(declared: Sequence[Any] | None, row: tuple[int, ...]) -> int | None:
    """Return how many rows of the stored data a declared shape makes a row of the stream, if they are an axis of it.

    Parameters
    ----------
    declared : sequence or None
        The shape that the descriptor declares of an event.
    row : tuple of int
        The shape of a row of the stored data. Its axes may be declared in another order, and its colours left out.
    """
    if not declared or any(not isinstance(size, int) or size < 1 for size in declared):
        return None
    n_rows, *others = declared
    if sorted(declared) == sorted(row):
        return None
    return n_rows if sorted(others) in [sorted(row), *map(sorted, without_colours(row))] else None


def without_colours(row: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield what would be left of a row of an image without each axis of 3 or 4, which may be its colours."""
    for axis, size in enumerate(row if len(row) > 2 else ()):
        if size in _CHANNELS:
            yield row[:axis] + row[axis + 1 :]


def chunks_in_events(row: DatumStructure, per_event: int | None) -> tuple[int, ...] | None:
    """Return the chunk shape of the stored data, counted in ``(rows of the stream, *axes of an event)``."""
    if row.chunks is None or per_event is None:
        return row.chunks
    return (max(1, row.chunks[0] // per_event), min(per_event, row.chunks[0]), *row.chunks[1:])
