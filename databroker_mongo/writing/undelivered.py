"""What was not delivered, sent when somebody asks for it: spools that writers have left, and refused documents.

What does not belong here: when a writer sends them by itself (``backlog``), how they are shown (``cli/``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import documents
from ..errors import CatalogError, ConfigurationError, DuplicateDocument, InvalidDocument
from ..store import WritableStore
from . import quarantine
from .backlog import Backlog, Replayed
from .delivery import Delivery
from .quarantine import Refused
from .spool import Spool

_RETRY_SECONDS = 10.0


@dataclass(frozen=True)
class Resent:
    """What became of a refused document that was sent again.

    Attributes
    ----------
    refused : Refused
        The document.
    error : CatalogError or None
        Why it is not stored; None when it is, and its file removed.
    """

    refused: Refused
    error: CatalogError | None


def send_spooled(store: WritableStore, spool: Spool, *, folders: Iterable[Path] = ()) -> list[Replayed]:
    """Store what writers that have ended left in the spool.

    Parameters
    ----------
    store : WritableStore
        Where to.
    spool : Spool
        The spool of this database.
    folders : iterable of path
        Other folders that hold documents for it, as those that an earlier version named.

    Returns
    -------
    list of Replayed
        What each file held. Refused documents among it are in the quarantine, the others stored, the files removed.

    Raises
    ------
    StoreError, ServerError, ConfigurationError
        Not all of it can be stored; the rest stays.
    """
    backlog = Backlog(Delivery(store, retry_seconds=_RETRY_SECONDS), spool, can_wait=True)
    return backlog.send_orphans(folders)


def find_refused(folders: Iterable[Path]) -> list[Refused]:
    """Return the documents that were refused and set aside in the quarantines of these folders."""
    return [each for folder in folders for each in quarantine.iterate_refused(folder / quarantine.FOLDER)]


def send_refused(store: WritableStore, refused: Sequence[Refused]) -> list[Resent]:
    """Send refused documents again, as their files hold them now, and remove the files of those that are stored.

    Raises
    ------
    StoreError, ServerError, ConfigurationError
        The server does not take any; the rest stays.
    """
    delivery = Delivery(store, retry_seconds=_RETRY_SECONDS)
    return [Resent(each, _send(delivery, each)) for each in refused]


def _send(delivery: Delivery, refused: Refused) -> CatalogError | None:
    if not refused.is_exact:
        return ConfigurationError(
            "the file holds only the text of a document whose values JSON cannot express. Correct the document in "
            'it, and write "exact": true.',
            path=str(refused.path),
        )
    try:
        refusals = delivery.deliver(documents.checked(refused.name, refused.document))
    except (InvalidDocument, DuplicateDocument) as error:
        return error
    if refusals:
        return refusals[0].error
    refused.path.unlink()
    return None
