"""Which data keys and which metadata the ``fields`` of a call mean: regular expressions that match a name as a whole.

Metadata are looked for in the configuration of devices, then in the start document, then in the stop document. What
does not belong here: the values of events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Selection:
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


def select(fields: Iterable[str] | None, descriptor: Document, *, start: Document, stop: Document) -> Selection:
    """Return what the fields mean for the events of a descriptor.

    Parameters
    ----------
    fields : iterable of str, or None
        Regular expressions; None for all data keys, and nothing beside them. An empty one means everything there is.
    descriptor, start, stop : mapping
        The documents; ``stop`` is empty where there is none.
    """
    data_keys = descriptor["data_keys"]
    if fields is None:
        return Selection(tuple(data_keys))
    patterns = [fields] if isinstance(fields, str) else list(fields)
    matches = re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or ".*").fullmatch
    selected = Selection(tuple(key for key in data_keys if matches(key)))
    configuration = (descriptor.get("configuration") or {}).values()
    for device in configuration:
        _add(selected, matches, device.get("data") or {}, device.get("timestamps") or {})
    _add(selected, matches, start, dict.fromkeys(start, start.get("time")))
    _add(selected, matches, stop, dict.fromkeys(stop, stop.get("time")))
    return selected


def _add(selected: Selection, matches: Any, values: Document, timestamps: Document) -> None:
    for name in values:
        if matches(name) and name not in selected.keys and name not in selected.extra:
            selected.extra[name] = values[name]
            selected.extra_timestamps[name] = timestamps.get(name)
