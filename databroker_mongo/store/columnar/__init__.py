"""Columnar copies of events and of their datums: made, believed, read and dropped.

They are kept beside the events in a collection of their own, as an index is: an accelerator that may be dropped at any
time, and that is not believed when in doubt.

    presence    whether there may be any
    coding      a column as bytes, and back
    copies      which documents a copy has
    datums      what datums say, beside the columns that name them
    belief      whether the events still are those of a copy
    reading     columns out of the documents of copies
    rows        the rows of streams, from copies and from events
    sampling    which reads are compared with the events
    dropping    copies that are not believed any more
    late_events ... because others of their events are stored
    making      one copy
    building    the copies of all events that are not going to change

What does not belong here: what an event is (``events/``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..connection.collections import Collections
from ..events.rows import EventRows
from .presence import has_copies

if TYPE_CHECKING:
    from .rows import ColumnarRows


def with_copies(collections: Collections, events: EventRows, *, trusts_settled: bool) -> EventRows | ColumnarRows:
    """Return the rows of streams: from copies where the database may have some, else as the events have them."""
    if not has_copies(collections):
        return events
    from .rows import ColumnarRows  # of a database without copies, no reader needs it

    return ColumnarRows(collections, events, trusts_settled=trusts_settled)
