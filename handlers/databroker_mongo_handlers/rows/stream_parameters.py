"""Parameters of stream resources that are about events, writers or other readers, and not about where rows are."""

from __future__ import annotations

from collections.abc import Mapping

_OF_THE_READER = frozenset(
    {
        "chunk_size",
        "data_key",
        "files_per_datum",
        "frame_per_point",
        "join_chunks",
        "join_method",
        "locking",
        "multiplier",
        "spec",
        "timestamps",
    }
)


def refuse_unknown(parameters: Mapping[str, object], handler: str) -> None:
    """Refuse parameters that might change what the data mean.

    Raises
    ------
    TypeError
        When there are any, naming them.
    """
    unknown = sorted(set(parameters) - _OF_THE_READER)
    if unknown:
        raise TypeError(f"{handler} does not take {', '.join(unknown)}")
