"""The data of events in stream resources, whose events do not say where it is: found for a page of them at a time.

What does not belong here: data whose datums the events name (``rows.PageRows`` is for these).
"""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..documents import is_streamed
from ..errors import DocumentWarning, stacklevel_of_caller
from ..store import Document
from .column_set import OpenedColumns
from .columns import AssetColumn, Column
from .external import stored_in_streams
from .opening import open_columns
from .rows import StreamRows
from .source import StreamSource


class RowsInFiles:
    """The rows of one stream that stream resources serve.

    They are those that there are when the first page comes, and read as whole columns of the stream are.

    Parameters
    ----------
    source : StreamSource
        The stream.
    """

    def __init__(self, source: StreamSource):
        uids = [descriptor["uid"] for descriptor in source.descriptors]
        self._source = dataclasses.replace(source, rows=StreamRows(source.rows.store, uids))
        self._keys_of = {each["uid"]: each["data_keys"].keys() for each in source.descriptors}
        self._taken: set[int] = set()
        self._told: set[str] = set()

    @cached_property
    def columns(self) -> dict[str, AssetColumn]:
        """The columns in stream resources, by data key.

        Raises
        ------
        CatalogError
            What is wrong with the first that cannot be read.
        """
        source = self._source
        served = stored_in_streams(source.rows.store, source.descriptors, source.transform)
        keys = [key for key in source.data_keys if key in served]
        opened = open_columns(source, keys, eager=False) if keys else OpenedColumns()
        _raise_first(opened)
        for key, each in opened.by_key.items():
            if each.notes and not each.is_behind:
                self._tell(key, each.note)
        return {key: column for key, column in opened.columns.items() if isinstance(column, AssetColumn)}

    def parts_of(self, page: Document) -> Iterator[tuple[slice, dict[str, Column]]]:
        """Yield consecutive events of a page and, by data key, a column of the data of each of these events.

        Where some events have no data, they and the others are in parts of their own, and the caller is warned.

        Raises
        ------
        CatalogError
            The data cannot be read.
        """
        declared = self._keys_of[page["descriptor"]]
        columns = {key: column for key, column in self.columns.items() if key in declared}
        self._require_documents([key for key in declared if key not in columns and key not in page["data"]])
        rows = [self._row_of(*pair) for pair in zip(page["seq_num"], page["time"], strict=True)] if columns else []
        keys = [[key for key, column in columns.items() if column.has_row(row)] for row in rows]
        for key in columns:
            if any(key not in served for served in keys):
                self._tell(key, "the data of some events is not stored in files, or not yet; they are given without it")
        start = 0
        for served, group in itertools.groupby(keys or [[]] * len(page["time"])):
            stop = start + len(list(group))
            yield slice(start, stop), {key: columns[key].of_rows(rows[start:stop]) for key in served}
            start = stop

    def _require_documents(self, keys: Sequence[str]) -> None:
        """Insist that data keys that are declared to be in stream resources, and in no event, have any."""
        lost = [key for key in keys if is_streamed(self._source.data_keys[key])]
        if lost:
            _raise_first(open_columns(self._source, lost, eager=False))

    def _row_of(self, seq_num: Any, time: Any) -> int:
        """Return which row an event is; -1 for one that was not there when the rows were counted."""
        index = self._source.rows.index
        first, last = (int(np.searchsorted(index.seq_num, seq_num, side)) for side in ("left", "right"))
        # Of a plan that was rewound several rows have the number: each is found by its time, and given once, since two
        # of them may have one time as well.
        for row in range(first, last):
            is_same = index.time[row] == time or (np.isnan(index.time[row]) and not _is_time(time))
            if last == first + 1 or (row not in self._taken and is_same):
                self._taken.update([row] if last > first + 1 else [])
                return row
        return -1

    def _tell(self, key: str, note: str) -> None:
        """Tell something of a data key once."""
        told = f"{self._source.where}: {key!r}: {note}"
        if told not in self._told:
            self._told.add(told)
            warnings.warn(told, DocumentWarning, stacklevel=stacklevel_of_caller())


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not np.isnan(value)


def _raise_first(opened: OpenedColumns) -> None:
    for each in opened.by_key.values():
        if each.problem is not None:
            raise each.problem
