"""The documents of a run one by one, as the RunEngine emitted them: no pages, external data in them when asked.

What does not belong here: the order of documents, and how they are filled (``replay``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ..documents import rows_of
from .selection import Selection, select
from .values import BLOCK_BYTES

if TYPE_CHECKING:
    from ..runs import Run

Named = tuple[str, dict[str, Any]]

_PAGE_ROWS: Final = 1000
_WIDEST_ITEM_BYTES: Final = 8


class ALL:
    """In the place of the name of a stream: all streams."""


def replayed(run: Run, *, stream_name: str | type[ALL], fields: Iterable[str] | None, fill: bool) -> Iterator[Named]:
    """Yield the documents of a run; of streams, events and descriptors those that are asked for.

    Parameters
    ----------
    run : Run
        The run.
    stream_name : str or ALL
        The stream whose descriptors and events are wanted.
    fields : iterable of str, or None
        Regular expressions: of an event the data keys that match are left, and the metadata that match are added. An
        event that has none of them is left out; one that held nothing before, as of a detector whose data is in stream
        resources, only if its descriptor has none of them.
    fill : bool
        Whether events hold what datums stand for.
    """
    patterns = fields if fields is None or isinstance(fields, str) else list(fields)
    # A name that no stream has yields nothing, as in databroker 1; whoever asks warns of it.
    streams = [name for name in (stream_name,) if name in run] if isinstance(stream_name, str) else None
    selections: dict[str, Selection] = {}
    for name, document in run.documents(fill=fill, streams=streams, page_size=_page_rows(run, fill)):
        if name == "descriptor":
            selections[document["uid"]] = select(patterns, document, start=run.start, stop=run.stop or {})
            yield name, document
        elif name == "event_page":
            selection = selections[document["descriptor"]]
            yield from (("event", event) for event in _events(document, selection, is_whole=patterns is None))
        elif name == "datum_page":
            yield from (("datum", dict(datum)) for _, datum in rows_of(name, document))
        else:
            yield name, document


def _events(page: dict[str, Any], selection: Selection, *, is_whole: bool) -> Iterator[dict[str, Any]]:
    for _, row in rows_of("event_page", page):
        event = dict(row)
        if not is_whole:
            event["data"] = _merged(event["data"], selection.keys, selection.extra)
            event["timestamps"] = _merged(event["timestamps"], selection.keys, selection.extra_timestamps)
            if not event["data"] and (row["data"] or not selection.keys):
                continue
        yield event


def _merged(values: dict[str, Any], keys: tuple[str, ...], extra: dict[str, Any]) -> dict[str, Any]:
    return {**{key: values[key] for key in keys if key in values}, **extra}


def _page_rows(run: Run, fill: bool) -> int:
    """Return how many events may be filled at once: as many as surely fit into memory."""
    if not fill:
        return _PAGE_ROWS
    row_bytes = max((_row_bytes(stream.source.data_keys) for stream in run.values()), default=0)
    return min(_PAGE_ROWS, max(1, BLOCK_BYTES // row_bytes)) if row_bytes else _PAGE_ROWS


def _row_bytes(data_keys: dict[str, Any]) -> int:
    shapes = (key.get("shape") or () for key in data_keys.values() if "external" in key)
    return sum(math.prod(abs(size or 1) for size in shape) * _WIDEST_ITEM_BYTES for shape in shapes)
