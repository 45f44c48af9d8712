"""The rows of streams whose events are at hand: all events of a stream are looked at.

No value is compared by anything but Python, whatever stands in the place of a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...documents import Document
from ..connection.retries import sort_within_times
from ..events.columns import read_documents
from ..events.layout import Path
from ..events.rows import Rows, numbers_of, put_in_order
from ..protocol import Snapshot, Values
from ..stops import sort_by_time
from .matching import is_match


class PlainEvents(Rows):
    """The rows of streams out of plain events.

    Parameters
    ----------
    find : callable
        From the uids of descriptors to their events, in the order in which they came.
    """

    def __init__(self, find: Callable[[Sequence[str]], Iterable[Document]]):
        self._find = find

    def in_order_of_time(self, descriptor_uids: Sequence[str]) -> Iterator[Document]:
        """Yield the events of these descriptors in the order of their time, and of one time in row order."""
        yield from sort_within_times([sort_by_time(self._find(descriptor_uids))], descriptor_uids)

    def can_find_rows(self, snapshot: Snapshot) -> bool:
        """Tell that all events are looked at."""
        return False

    def is_uniform(self, snapshot: Snapshot, sample: Mapping[str, Any]) -> bool:
        """Tell that nothing is cheaper than to read the columns."""
        return False

    def _find_any(self, filters: list[dict[str, Any]], descriptor_uids: Sequence[str]) -> Iterable[Document]:
        return (event for event in self._find(descriptor_uids) if is_match({"$or": filters}, event))

    def _read_all(
        self, descriptor_uids: Sequence[str], fields: Sequence[Path], *, n_expected: int | None
    ) -> list[Values]:
        return read_documents(self._find(descriptor_uids), fields)

    def _read_snapshot(self, snapshot: Snapshot, window: slice | None, fields: Sequence[Path]) -> list[Values]:
        found = read_documents(self._find(snapshot.descriptor_uids), fields)
        seq_nums, times = numbers_of(found[0]), numbers_of(found[1])
        is_there = (seq_nums <= snapshot.last_seq_num) & (np.isnan(times) | (times <= snapshot.last_time))
        return [put_in_order(each, np.flatnonzero(is_there)) for each in found]

    def warn_of_scans(self, n_rows: int) -> None:
        """Warn of nothing: no index would be used."""
