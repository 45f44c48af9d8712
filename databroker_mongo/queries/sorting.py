"""In which order runs are given. Nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import QueryError
from .refusals import check_path

Sort = tuple[tuple[str, int], ...]
Sorting = str | tuple[str, int] | Sequence[str | tuple[str, int]]

NEWEST_FIRST: Sort = (("time", -1),)


def sort_of(sorting: Sorting) -> Sort:
    """Return fields of the start document, each with 1 or -1: of ``"-time"``, ``("time", -1)`` or several of these.

    Runs that are equal in all of them come the newest first.

    Raises
    ------
    QueryError
        For anything else, and for fields of other documents.
    """
    is_several = isinstance(sorting, list | tuple) and not (len(sorting) == 2 and isinstance(sorting[1], int))
    parts = tuple(map(_sort_field, sorting if is_several else [sorting]))
    return parts if "time" in dict(parts) else (*parts, *NEWEST_FIRST)


def _sort_field(part: object) -> tuple[str, int]:
    if isinstance(part, str):
        part = (part.removeprefix("-"), -1 if part.startswith("-") else 1)
    if not isinstance(part, tuple | list) or len(part) != 2 or part[1] not in (1, -1):
        raise QueryError(f"{part!r} is no order; write 'scan_id', '-time', ('time', -1), or a list of these.")
    name, direction = part
    check_path(name)
    if name.startswith(("stop.", "descriptor.")):
        raise QueryError(f"Runs are sorted by fields of the start document; {name!r} is of another.")
    return name.removeprefix("start."), int(direction)
