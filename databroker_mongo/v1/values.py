"""The values of data keys, row by row: as they are stored, or as what their datums stand for, images among these."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from ..arrays import Column, OpenedColumns, StreamSource, is_held
from ..documents import is_streamed
from ..errors import ColumnNotFound
from ..runs import Stream
from ..store import MISSING, Values

BLOCK_BYTES: Final = 64_000_000
"""How much of external data is read at once, unless a single row is more."""


def stored_values(source: StreamSource, keys: Sequence[str]) -> dict[str, Values]:
    """Return the values in the events of a stream: numbers, texts and lists, NaN where an event has none.

    Keys whose values are in stream resources are left out: events have none of them.
    """
    found = source.rows.columns(keys) if keys else {}
    return {
        key: _without_gaps(values)
        for key, values in found.items()
        if not is_streamed(source.data_keys[key]) or is_held(values)
    }


def is_external(source: StreamSource, key: str) -> bool:
    """Tell whether the values of a data key are outside the events."""
    return "external" in source.data_keys[key]


def open_external(stream: Stream, keys: Sequence[str]) -> OpenedColumns:
    """Open columns of external data, all of one length, and warn of what their documents got wrong.

    Raises
    ------
    ColumnNotFound
        The stream has no such data key.
    CatalogError
        What is wrong with the first that cannot be read.
    """
    source = stream.source
    for key in keys:
        if key not in source.data_keys:
            raise ColumnNotFound(f"the stream has no data key {key!r}", **source.facts, data_key=key)
    opened = stream.open_columns(keys, eager=False)
    for key in keys:
        error = opened.by_key[key].problem or opened.by_key[key].absence
        if error is not None:
            raise error
    return opened


def rows_of(column: Column) -> Iterator[Any]:
    """Yield the rows of a column, each an array of its own; few are in memory at once."""
    return column.rows(BLOCK_BYTES)


def _without_gaps(values: Values) -> Values:
    if isinstance(values, np.ndarray):
        return values
    return [np.nan if value is MISSING else value for value in values]


class Images:
    """Images, an element for each event: ``(frames, y, x)``, all frames of the event, for an area detector.

    Parameters
    ----------
    columns : sequence of Column
        The columns that hold them, one after the other.
    rows : sequence of int, optional
        The rows to include; all by default.
    """

    def __init__(self, columns: Sequence[Column], *, rows: Sequence[int] | None = None):
        self._columns = list(columns)
        self._stops = list(itertools.accumulate(column.shape[0] for column in columns))
        self._rows = range(self._stops[-1]) if rows is None else rows

    @property
    def pixel_type(self) -> np.dtype[Any]:
        """The dtype that holds the values of all frames."""
        return np.result_type(*(column.dtype for column in self._columns))

    dtype = pixel_type

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """The shape of one frame, of the first run's."""
        return self._columns[0].shape[1:]

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of frames, and the shape of one."""
        return (len(self), *self.frame_shape)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[np.ndarray[Any, Any]]:
        return (self.get_frame(number) for number in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return Images(self._columns, rows=self._rows[key])
        if isinstance(key, list | tuple):
            return Images(self._columns, rows=[self._rows[number] for number in key])
        return self.get_frame(key)

    def get_frame(self, number: int) -> np.ndarray[Any, Any]:
        """Read one frame.

        Raises
        ------
        IndexError
            There are not so many frames.
        AssetError
            Its file cannot be read.
        """
        row = self._rows[number]
        place = bisect.bisect_right(self._stops, row)
        begin = self._stops[place - 1] if place else 0
        return self._columns[place][row - begin]

    def __repr__(self) -> str:
        return f"<Images: {len(self)} of {' x '.join(map(str, self.frame_shape))}, {self.pixel_type}>"
