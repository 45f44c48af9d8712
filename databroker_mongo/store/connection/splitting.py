"""Long lists of identifiers in portions that fit one question. Nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_PORTION_BYTES = 4_000_000


def split_by_size(names: Iterable[str], portion_bytes: int = _PORTION_BYTES) -> Iterator[list[str]]:
    """Yield the names in lists, each of at most about ``portion_bytes`` when sent (a command may hold 16 MB)."""
    portion: list[str] = []
    size = 0
    for name in names:
        if portion and size + len(str(name)) > portion_bytes:
            yield portion
            portion, size = [], 0
        portion.append(name)
        size += len(str(name)) + 16
    if portion:
        yield portion
