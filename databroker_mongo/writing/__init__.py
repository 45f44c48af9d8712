"""Storing a run as it happens, and correcting it afterwards.

::

    writer          Writer: checks documents, and hands them to a Sender
    sender          the two ways of sending, seen from the writer
    direct_sender   ... each document by itself, or with those of other threads
    batch_sender    ... in batches, from a thread of its own
    delivery        brings documents to the store, through restarts of its server
    backlog         spools what cannot be stored, and sets aside what is refused
    spool_timer     ... and drains the spool from time to time, when the server was gone
    prospects       looks, when the first document comes, whether it can ever work
    undelivered     sends what writers have left, when somebody asks for it
    corrections     changes to the start, stop and descriptors of a run
    spool, spool_folders, spool_ground, quarantine, files   what lies on the disk meanwhile

What does not belong here: what makes a document valid (``documents``), how it is put into MongoDB (``store/``).
"""

from .corrections import REMOVE, Changes, update_run
from .quarantine import Refused, read_refused
from .spool import find_spooled_files, spool_of
from .spool_folders import Folder, list_folders
from .undelivered import find_refused, send_refused, send_spooled
from .writer import Writer

__all__ = [
    "Changes",
    "Folder",
    "REMOVE",
    "Refused",
    "Writer",
    "list_folders",
    "read_refused",
    "find_refused",
    "send_refused",
    "send_spooled",
    "spool_of",
    "find_spooled_files",
    "update_run",
]
