"""Storing a run as it happens, and correcting it afterwards.

::

    writer         Writer: checks documents, and hands them on
    direct         ... each by itself             outbox         ... in batches, from a thread of its own
    delivery       brings documents to the store, through restarts of its server
    revisits       ... from time to time, when it was gone
    backlog        spools what cannot be stored, and sets aside what is refused
    prospects      looks, when the first document comes, whether it can ever work
    undelivered    sends what writers have left, when somebody asks for it
    corrections    changes to the start, stop and descriptors of a run

What does not belong here: what makes a document valid (``documents``), how it is put into MongoDB or into a file
(``store/``).
"""

from .corrections import REMOVE, Changes, update_run
from .quarantine import Refused, read_refused
from .spool import spooled_files
from .spool_folders import Folder, list_folders
from .undelivered import refused_documents, send_refused, send_spooled, spool_of
from .writer import Writer

__all__ = [
    "Changes",
    "Folder",
    "REMOVE",
    "Refused",
    "Writer",
    "list_folders",
    "read_refused",
    "refused_documents",
    "send_refused",
    "send_spooled",
    "spool_of",
    "spooled_files",
    "update_run",
]
