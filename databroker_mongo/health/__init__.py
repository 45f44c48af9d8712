"""What is wrong: with the documents of a run, and with its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .documents import Finding, check_database, check_run
from .files import check_files, find_lost_files, list_files

if TYPE_CHECKING:
    from .tables import RunTable

__all__ = [
    "Finding",
    "RunTable",
    "check_database",
    "check_files",
    "check_run",
    "list_files",
    "find_lost_files",
]


def __getattr__(name: str) -> Any:
    # pandas takes half a second to import, and a shell's command lists runs without it.
    if name != "RunTable":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .tables import RunTable

    return RunTable
