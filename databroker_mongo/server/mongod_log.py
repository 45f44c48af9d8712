"""Read in the log of a ``mongod`` why it ended.

How it is started again, or not, is decided elsewhere.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from ..errors import DataDirectoryUnusable, ServerError

TAIL_LINES = 8
TAIL_BYTES = 64 * 1024
LINE_LENGTH = 1000
FREE_BYTES = 100_000

OTHER_FORMAT = re.compile(r"featureCompatibilityVersion.*?version: \\*\"([\d.]+)", re.DOTALL)
OTHER_VERSION = "its files were written by an incompatible MongoDB. Install that version, or name another directory"
DISK_FULL = "the disk is full. Make room"
DAMAGED = (
    "its files are damaged, or of an incompatible MongoDB. Restore a copy, or try `mongod --repair --dbpath COPY` on a "
    "copy of them"
)
KNOWN = {
    "DBPathInUse": "another mongod uses it. Stop that one, or name another directory",
    "No space left on device": DISK_FULL,
    "Permission denied": "files in it belong to somebody else. Name a directory of yours",
    "too recent to start up on the existing data files": OTHER_VERSION,
    "unsupported WiredTiger file version": OTHER_VERSION,
    "unknown storage engine": OTHER_VERSION,
    "WiredTiger error message": DAMAGED,
}


def explain_end(log: Path, data: Path) -> ServerError:
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
    meaning = _what_is_wrong(tail, data)
    if meaning is not None:
        message = f"The local MongoDB server cannot use {data}: {meaning}. It said:\n{tail}"
        return DataDirectoryUnusable(message, path=str(data), log=str(log))
    return ServerError(f"The local MongoDB server on {data} ended. It said:\n{tail}", path=str(data), log=str(log))


def _what_is_wrong(said: str, data: Path) -> str | None:
    if found := OTHER_FORMAT.search(said):
        return (
            f"its files are in the format of MongoDB {found[1]}, which the one installed does not read. Install that "
            "version (upgrades go through each major version in turn), or name another directory"
        )
    if shutil.disk_usage(data).free < FREE_BYTES:
        return DISK_FULL
    return next((meaning for sign, meaning in KNOWN.items() if sign in said), None)


def _lines_that_matter(text: str) -> list[str]:
    """Pick errors, and what is not in mongod's own format; if there are none, the end of the log."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [said for line in lines if (said := _error_in(line))]
    return [line[:LINE_LENGTH] for line in (errors or lines)[-TAIL_LINES:]]


def _error_in(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(entry, dict) or entry.get("s") not in ("E", "F"):
        return None
    details = entry.get("attr") or {}
    said = details.get("message") or details.get("error") or ""
    if isinstance(said, dict):
        said = f"{said.get('msg', '')} ({said.get('error_str', '')})"
    return f"{entry.get('msg', '').strip()} {said}".strip()
