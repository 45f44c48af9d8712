"""Read in the log of a ``mongod`` why it ended.

How it is started again, or not, is decided elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import DataDirectoryUnusable, ServerError

TAIL_LINES = 8
TAIL_BYTES = 64 * 1024

KNOWN = {
    "DBPathInUse": "another mongod uses the directory; stop it, or name another directory",
    "featureCompatibilityVersion": (
        "its files were written by another version of MongoDB; use that version, or upgrade through each major version "
        "in turn, or name another directory"
    ),
    "unsupported WiredTiger file version": (
        "its files were written by a newer MongoDB; install that version, or name another directory"
    ),
    "unknown storage engine": (
        "its files were written by a MongoDB with another storage engine; use that version, or name another directory"
    ),
    "Please read the documentation for starting MongoDB with --repair": (
        "its files are damaged, or written by an incompatible MongoDB; restore a copy, or try `mongod --repair "
        "--dbpath DIRECTORY` on a copy of them"
    ),
    "No space left on device": "the disk is full; make room",
    "Permission denied": "files in it belong to somebody else; name a directory of yours",
}


def why_it_ended(log: Path, data: Path) -> ServerError:
    """Build the error for a server that ended when it should have started.

    Parameters
    ----------
    log : pathlib.Path
        What it wrote.
    data : pathlib.Path
        Its data directory.

    Returns
    -------
    ServerError
        A DataDirectoryUnusable if its files are to blame. The message ends with the last lines that matter.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError as error:
        text = f"its log cannot be read ({error.strerror})"
    tail = "\n".join(f"  | {line}" for line in _lines_that_matter(text))
    for sign, meaning in KNOWN.items():
        if sign in tail:
            message = f"The local MongoDB server cannot use {data}: {meaning}. It said:\n{tail}"
            return DataDirectoryUnusable(message, path=str(data), log=str(log))
    return ServerError(f"The local MongoDB server on {data} ended. It said:\n{tail}", path=str(data), log=str(log))


def _lines_that_matter(text: str) -> list[str]:
    """Pick errors, and what is not in mongod's own format; if there are none, the end of the log."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [said for line in lines if (said := _error_in(line))]
    return (errors or lines)[-TAIL_LINES:]


def _error_in(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(entry, dict) or entry.get("s") not in ("E", "F"):
        return None
    details = entry.get("attr") or {}
    said = details.get("error") or details.get("message") or ""
    return f"{entry.get('msg', '').strip()} {said if isinstance(said, str) else json.dumps(said)}".strip()
