"""The rows of streams in memory: all events of a stream are looked at.

mongomock cannot compare every value that may stand in the place of a time, and fails where a path leads into a list of
something else than documents. So times are compared here, and of each event whole sections are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..events.columns import read_documents
from ..events.layout import Path
from ..events.rows import EventRows, put_in_order, times_of
from ..protocol import Snapshot, Values


class MemoryRows(EventRows):
    """The rows of the streams of a database in memory."""

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell that there is no index."""
        return False

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell that nothing is cheaper than to read the columns."""
        return False

    def _read(self, query: dict[str, Any], fields: Sequence[Path], *, n_expected: int | None = None) -> list[Values]:
        sections = {field[0] for field in fields}
        found = self._collections.event.find(query, {"_id": 0, **dict.fromkeys(sorted(sections), 1)})
        return read_documents(found, fields)

    def _read_snapshot(self, snapshot: Snapshot, window: slice | None, fields: Sequence[Path]) -> list[Values]:
        descriptors = {"$in": list(snapshot.descriptor_uids)}
        found = self._read({"descriptor": descriptors, "seq_num": {"$lte": snapshot.last_seq_num}}, fields)
        times = times_of(found[1])
        kept = np.flatnonzero(np.isnan(times) | (times <= snapshot.last_time))
        return [put_in_order(each, kept) for each in found]

    def _warn_of_scans(self, n_rows: int) -> None:
        pass
