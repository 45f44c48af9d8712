"""The images of one data key, of one run or many, as a sequence that reads those of each event when asked for.

What does not belong here: which columns there are, and how they are read.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..arrays import Column


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
