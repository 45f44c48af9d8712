"""In which order runs are given. Nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import QueryError
from ..printable import shown
from .fields import plain_path
from .plain import without_numpy

Sort = tuple[tuple[str, int], ...]
Sorting = str | tuple[str, int] | Sequence[str | tuple[str, int]]

NEWEST_FIRST: Sort = (("time", -1),)

_WORDS_FOR_DIRECTIONS = ("1", "-1", "asc", "ascending", "desc", "descending")


def sort_of(sorting: Sorting) -> Sort:
    """Return fields of the start document, each with 1 or -1: of ``"-time"``, ``("time", -1)`` or several of these.

    Runs that are equal in all of them come the newest first.

    Raises
    ------
    QueryError
        For anything else, and for fields of other documents.
    """
    is_pair = isinstance(sorting, list | tuple) and len(sorting) == 2 and _direction(sorting[1]) is not None
    is_several = isinstance(sorting, list | tuple) and not is_pair
    parts = tuple(map(_sort_field, sorting if is_several else [sorting]))
    return parts if "time" in dict(parts) else (*parts, *NEWEST_FIRST)


def _sort_field(part: object) -> tuple[str, int]:
    if isinstance(part, str):
        part = (part.removeprefix("-"), -1 if part.startswith("-") else 1)
    direction = _direction(part[1]) if isinstance(part, tuple | list) and len(part) == 2 else None
    if not isinstance(part, tuple | list) or direction not in (1, -1) or _tells_direction(part[0]):
        raise QueryError(
            f"{shown(part)} is not a sort order; write 'scan_id', '-time', ('time', -1), or a list of these."
        )
    name = plain_path(part[0])
    if name.startswith(("stop.", "descriptor.")):
        raise QueryError(f"Runs are sorted by fields of the start document; {name!r} belongs to another document.")
    return name.removeprefix("start."), direction


def _tells_direction(name: object) -> bool:
    """Tell whether a name ends in a word for a direction, which would be taken for a field and turn the order round."""
    return isinstance(name, str) and name.rpartition(" ")[2].lower() in _WORDS_FOR_DIRECTIONS


def _direction(value: object) -> int | None:
    """Return a number of Python or NumPy; None for what is none."""
    number = without_numpy(value)
    return int.__index__(number) if isinstance(number, int) else None
