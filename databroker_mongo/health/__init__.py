"""What is wrong: with the documents of a run, and with its files."""

from .documents import Finding, check_database, check_run
from .files import check_files, list_files, lost_files
from .tables import RunTable

__all__ = [
    "Finding",
    "RunTable",
    "check_database",
    "check_files",
    "check_run",
    "list_files",
    "lost_files",
]
