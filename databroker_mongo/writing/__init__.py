"""Storing a run as it happens, and correcting it afterwards.

::

    writer         Writer: checks documents, and says when they are sent
    batch          what waits to be sent together, and the clock that watches it
    delivery       brings documents to the store through restarts; spools them, and sets refused ones aside
    corrections    changes to the start or stop of a run

What does not belong here: what makes a document valid (``documents``), how it is put into MongoDB or into a file
(``store/``).
"""

from .corrections import update_run
from .writer import Writer

__all__ = ["Writer", "update_run"]
