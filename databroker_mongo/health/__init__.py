"""What is wrong: with the documents of a run or a database, with its columns, and with its files."""

from __future__ import annotations

from .documents import Finding, check_database, check_run
from .files import check_files, find_lost_files, list_files
from .untagged import check_tags

__all__ = [
    "Finding",
    "check_database",
    "check_files",
    "check_run",
    "check_tags",
    "find_lost_files",
    "list_files",
]
