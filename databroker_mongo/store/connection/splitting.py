"""Long lists of identifiers in portions that fit one query. Nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

_Name = TypeVar("_Name")
_PORTION_BYTES = 4_000_000


def split_by_size(names: Iterable[_Name], portion_bytes: int = _PORTION_BYTES) -> list[list[_Name]]:
    """Return the names in lists, each of at most about ``portion_bytes`` when sent (a command may hold 16 MB)."""
    portions: list[list[_Name]] = []
    size = 0
    for name in names:
        n_bytes = len(str(name))
        if not portions or size + n_bytes > portion_bytes:
            portions.append([])
            size = 0
        portions[-1].append(name)
        size += n_bytes + 16
    return portions
