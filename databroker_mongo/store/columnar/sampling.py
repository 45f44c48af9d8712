"""Now and then the events are read beside a copy: what was changed in place is seen by nothing else."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence

from ...documents import DatumRun
from ..connection.collections import Collections
from ..protocol import EventIndex, Values
from . import coding
from .datums import UncopiableDatumsError, copy_datums, encode_runs

_logger = logging.getLogger("databroker_mongo")

EVERY = 200
"""One read of so many, of a process; counted, not drawn, so that the same reads do the same; 0 for none."""

_reads = itertools.count(1)


def is_sampled() -> bool:
    """Tell whether this read from copies is one of those that are compared with the events."""
    return EVERY > 0 and next(_reads) % EVERY == 0


def find_difference(copied: EventIndex, stored: EventIndex) -> str | None:
    """Return in words how rows that came from copies differ from those that came from the events."""
    rows = {"seq_num": (copied.seq_num, stored.seq_num), "time": (copied.time, stored.time)}
    for name, (one, other) in {**rows, "descriptor": (copied.descriptor, stored.descriptor)}.items():
        if one.tobytes() != other.tobytes():
            return f"{name!r} of a row"
    return find_differing_column(copied.data, stored.data)


def find_differing_column(copied: Mapping[str, Values], stored: Mapping[str, Values]) -> str | None:
    """Return in words which column of copies differs from that of the events."""
    for key, values in stored.items():
        kinds = coding.kind_of(copied[key]), coding.kind_of(values)
        # By their bytes, for a NaN is equal to none, and 1 to 1.0.
        if kinds[0] != kinds[1] or coding.encode(copied[key], kinds[0]) != coding.encode(values, kinds[1]):
            return f"the values of {key!r}"
    return None


def find_differing_datums(
    collections: Collections, copied: Mapping[str, Sequence[DatumRun]], stored: Mapping[str, Values]
) -> str | None:
    """Return in words which column has datums that differ from what copies say of them."""
    for key, runs in copied.items():
        try:
            found = copy_datums(collections, stored[key])
        except UncopiableDatumsError as error:
            return f"{error}, those of {key!r}"
        if found is None or encode_runs(found.runs) != encode_runs(runs):
            return f"what the datums of {key!r} say"
    return None
