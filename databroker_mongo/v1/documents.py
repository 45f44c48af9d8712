"""The documents of a run one by one, as the RunEngine emitted them: which, and what is in them.

What does not belong here: the order of documents, and how they are filled (``runs.replay``).
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from ..documents import Document, Named, rows_of
from ..errors import OldNameWarning, stacklevel_of_caller
from ..runs import Run
from .values import BLOCK_BYTES

_PAGE_ROWS: Final = 1000
_WIDEST_ITEM_BYTES: Final = 8


class ALL:
    """In the place of the name of a stream: all streams."""


def replay(run: Run, *, stream_name: str | type[ALL], fields: Iterable[str] | None, fill: bool) -> Iterator[Named]:
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
    chosen: dict[str, ChosenFields] = {}
    for name, document in run.documents(fill=fill, streams=streams, page_size=_page_rows(run, fill)):
        if name == "descriptor":
            chosen[document["uid"]] = choose_fields(patterns, document, start=run.start, stop=run.stop or {})
            yield name, document
        elif name == "event_page":
            wanted = chosen[document["descriptor"]]
            yield from (("event", event) for event in _events(document, wanted, is_whole=patterns is None))
        elif name == "datum_page":
            yield from (("datum", dict(datum)) for _, datum in rows_of(name, document))
        else:
            yield name, document


def _events(page: dict[str, Any], fields: ChosenFields, *, is_whole: bool) -> Iterator[dict[str, Any]]:
    for _, row in rows_of("event_page", page):
        event = dict(row)
        if not is_whole:
            event["data"] = _merged(event["data"], fields.keys, fields.extra)
            event["timestamps"] = _merged(event["timestamps"], fields.keys, fields.extra_timestamps)
            if not event["data"] and (row["data"] or not fields.keys):
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


@dataclass(frozen=True)
class ChosenFields:
    """What a call takes of the events of one descriptor.

    Attributes
    ----------
    keys : tuple of str
        Its data keys.
    extra : dict
        Metadata that stand beside them, the same in each event.
    extra_timestamps : dict
        When each of these was known, seconds since 1970.
    """

    keys: tuple[str, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    extra_timestamps: dict[str, Any] = field(default_factory=dict)


def choose_fields(
    fields: Iterable[str] | None, descriptor: Document, *, start: Document, stop: Document
) -> ChosenFields:
    """Return what the fields mean for the events of a descriptor.

    Metadata are looked for in the configuration of devices, then in the start document, then in the stop document.

    Parameters
    ----------
    fields : iterable of str, or None
        Regular expressions; None for all data keys, and nothing beside them. An empty one means everything there is.
    descriptor, start, stop : mapping
        The documents; ``stop`` is empty where there is none.
    """
    data_keys = descriptor["data_keys"]
    if fields is None:
        return ChosenFields(tuple(data_keys))
    patterns = [fields] if isinstance(fields, str) else list(fields)
    matches = re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or ".*").fullmatch
    chosen = ChosenFields(tuple(key for key in data_keys if matches(key)))
    configuration = (descriptor.get("configuration") or {}).values()
    for device in configuration:
        _add(chosen, matches, device.get("data") or {}, device.get("timestamps") or {})
    _add(chosen, matches, start, dict.fromkeys(start, start.get("time")))
    _add(chosen, matches, stop, dict.fromkeys(stop, stop.get("time")))
    return chosen


def _add(chosen: ChosenFields, matches: Any, values: Document, timestamps: Document) -> None:
    for name in values:
        if matches(name) and name not in chosen.keys and name not in chosen.extra:
            chosen.extra[name] = values[name]
            chosen.extra_timestamps[name] = timestamps.get(name)


class PlainDocument(dict[str, Any]):
    """A document that cannot be changed by accident; ``dict(document)`` can be.

    ``document.uid`` is ``document["uid"]``, with a warning.
    """

    def __getattr__(self, name: str) -> Any:
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"the document has no {name!r}; it has {', '.join(map(str, self))}") from None
        warnings.warn(
            f"Values of documents as attributes may go away: write ['{name}'] instead of .{name}",
            OldNameWarning,
            stacklevel=stacklevel_of_caller(),
        )
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a document cannot be changed: change a copy, dict(document)")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = _refuse
    update = setdefault = pop = popitem = clear = __ior__ = _refuse


def plain_document(name: str, document: dict[str, Any]) -> PlainDocument:
    """Return a document of any kind as scripts receive it; the default of ``Broker.prepare_hook``."""
    return PlainDocument(document)
