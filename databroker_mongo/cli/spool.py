"""The commands ``databroker-mongo spool ...`` and ``quarantine ...``: what writers on this machine did not deliver."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import display
from ..errors import ConfigurationError
from .databases import open_database

if TYPE_CHECKING:
    from ..writing import Folder, Refused

_FAILURE = 1
_HEAD = ("WAITING", "OLDEST", "STATE", "DATABASE", "FILE")


def list_spooled(chosen: argparse.Namespace) -> int | None:
    """List the documents that are pending on this machine for their database.

    With a database, list only those for it, and the reports of writers on other machines. An active writer sends its
    documents when the server answers. The documents that others have left are sent by the next writer for the database,
    or by `spool send`.
    """
    from ..writing import find_spooled_files

    rows = [
        (
            str(each.n_documents),
            display.local_time(each.oldest),
            "of a writer at work" if each.is_held else "left",
            folder.shown,
            str(each.path),
        )
        for folder in _folders(chosen.spool, chosen.catalog)
        for each in find_spooled_files(folder.path)
    ]
    print("\n".join(display.align([_HEAD, *rows])) if rows else "No documents are pending on this machine.")
    if chosen.catalog is None:
        return None
    for report in open_database(chosen.catalog).spool_reports():
        print(_report(report))
    return None


def send_spooled(chosen: argparse.Namespace) -> int | None:
    """Store the documents that are pending on this machine for a database.

    Documents of an active writer are left to it. FOLDER is for documents that an earlier version has spooled in a
    folder that does not name its database; `spool list` shows it. Refused documents are put into the quarantine, all
    others are stored, and the files are removed.
    """
    from ..store import writable
    from ..writing import send_spooled as send
    from ..writing import spool_of

    store = writable(open_database(chosen.catalog))
    spool = spool_of(store, _spool_directory(chosen.spool))
    found = send(store, spool, folders=chosen.folders)
    n_refused = sum(each.n_refused for each in found)
    print(f"Stored: {_count(sum(each.n_documents for each in found) - n_refused)}.")
    if n_refused:
        print(f"Refused: {_count(n_refused)}; see databroker-mongo quarantine list.")
    return _FAILURE if n_refused else None


def list_refused(chosen: argparse.Namespace) -> int | None:
    """List the documents that were refused and set aside on this machine.

    With a database, list only those for it. Each is a file, which can be corrected and sent again with `quarantine
    send`.
    """
    from ..writing import find_refused

    found = find_refused(each.path for each in _folders(chosen.spool, chosen.catalog))
    for refused in found:
        print(_describe(refused))
    if not found:
        print("No document was refused on this machine.")
    return None


def send_refused(chosen: argparse.Namespace) -> int | None:
    """Send documents again that were refused and set aside.

    Send all documents for the database, or those in FILE. The file of a document that is now stored is removed; the
    others stay, and the reason is shown.
    """
    from ..store import writable
    from ..writing import find_refused
    from ..writing import send_refused as send

    store = writable(open_database(chosen.catalog))
    if chosen.files:
        refused = [_read(path) for path in chosen.files]
    else:
        refused = find_refused(each.path for each in _folders(chosen.spool, chosen.catalog))
    sent = send(store, refused)
    for each in sent:
        if each.error is not None:
            print(f"{each.refused.path}\n  {each.error.message}")
    n_refused = sum(each.error is not None for each in sent)
    print(f"Stored: {_count(len(sent) - n_refused)}. Still refused: {_count(n_refused)}.")
    return _FAILURE if n_refused else None


def _count(n_documents: int) -> str:
    return f"{n_documents} document{'s' * (n_documents != 1)}"


def _spool_directory(given: Path | None) -> Path:
    from ..config import spool_directory

    return spool_directory() if given is None else given


def _folders(given: Path | None, catalog: str | None) -> Iterator[Folder]:
    """Yield the folders of a spool, or those of them that may hold documents for a database."""
    from ..writing import list_folders, spool_of

    directory = _spool_directory(given)
    wanted: Sequence[Path] | None = None
    if catalog is not None:
        spool = spool_of(open_database(catalog), directory)
        wanted = [*spool.folders(), *spool.similar_folders()]
    for folder in list_folders(directory):
        if wanted is None or folder.path in wanted:
            yield folder


def _read(path: Path) -> Refused:
    from ..writing import read_refused

    try:
        return read_refused(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"this is not a refused document: {error}", path=str(path)) from error


def _describe(refused: Refused) -> str:
    kept = "" if refused.is_exact else " (as text: it cannot be sent before it is corrected)"
    reason = refused.error.partition("\n")[0]
    return f"{refused.path}\n  {display.local_time(refused.time)}  {refused.name}{kept}\n  {reason}"


def _report(report: Mapping[str, Any]) -> str:
    left = "no documents are left there" if report.get("is_drained") else "more documents are left there"
    return (
        f"{report.get('host')} delivered {_count(report.get('n_documents', 0))}, kept there since "
        f"{display.local_time(report.get('oldest'))} in {report.get('path')}; {left}."
    )
