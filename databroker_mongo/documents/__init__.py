"""The Bluesky documents.

A *page* (``event_page``, ``datum_page``, and the old ``bulk_events``, ``bulk_datum``) carries many documents; a
*single* document is what is stored.

::

    names       what documents are called, and what they say of themselves
    pages       pages <-> single documents
    checks      which documents are valid; their values put as MongoDB keeps them
    usual       ... at a glance, for what comes by the thousand or is large
    spans       which rows of a stream are which rows of its stream resources
    datum_runs  the datums of consecutive rows in little space
    readable    what can be read of a descriptor that another program left broken

What does not belong here: which values can be kept (``values``), where documents go and when (``store/``, ``writing``).
"""

from typing import TYPE_CHECKING

from ..doors import open_late
from .names import NAMELESS_STREAM, SINGLES, Document, Named, facts_of, is_streamed, n_events_said, stream_of
from .readable import broken_fields, readable_descriptor

if TYPE_CHECKING:
    from .checks import checked, encode, validate
    from .datum_runs import DatumColumns, DatumKwargs, DatumRun, are_numbered, number_ids
    from .pages import pages_of, part_of_page, rows_of
    from .spans import Span, indices_of, left_over, n_stored, pairs_of, rows_without_events, spans_of

__all__ = [
    "DatumColumns",
    "DatumKwargs",
    "DatumRun",
    "Document",
    "NAMELESS_STREAM",
    "Named",
    "SINGLES",
    "Span",
    "are_numbered",
    "broken_fields",
    "checked",
    "encode",
    "facts_of",
    "indices_of",
    "is_streamed",
    "left_over",
    "n_events_said",
    "n_stored",
    "number_ids",
    "pages_of",
    "pairs_of",
    "part_of_page",
    "readable_descriptor",
    "rows_of",
    "rows_without_events",
    "spans_of",
    "stream_of",
    "validate",
]

if not TYPE_CHECKING:  # late: a run is looked up without what checks and pages documents, and without NumPy
    __getattr__ = open_late(
        __name__,
        {
            "checks": ("checked", "encode", "validate"),
            "datum_runs": ("DatumColumns", "DatumKwargs", "DatumRun", "are_numbered", "number_ids"),
            "pages": ("pages_of", "part_of_page", "rows_of"),
            "spans": ("Span", "indices_of", "left_over", "n_stored", "pairs_of", "rows_without_events", "spans_of"),
        },
    )
