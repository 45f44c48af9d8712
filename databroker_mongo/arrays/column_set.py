"""Columns that were opened, all of one length: what is still to come is cut from all, gaps among rows are told.

What does not belong here: finding out which column is where, reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..assets import Segment
from ..errors import CatalogError
from .columns import AssetColumn, Column


@dataclass
class OpenedColumns:
    """Columns of a stream that may be read, all of one length.

    Attributes
    ----------
    columns : dict
        The columns, by data key, in the order in which they were asked for.
    file_chunks : dict
        For columns in files, the chunk shape of the file in ``(rows, *axes)``, where it has one.
    problems : dict
        Why a data key cannot be read, or not yet known to be. A key may be in ``columns`` as well: then it raises the
        same when it is read.
    awaited : dict
        Why a data key of a run in progress has no row yet. It is in ``columns`` only if its descriptor tells shape and
        dtype.
    notes : dict
        What its descriptor got wrong about a data key.
    habits : dict
        The same, where all descriptors of such detectors do, or no row is wrong for it, so that nobody need be warned.
    behind : list of str
        The data keys whose rows end before those of others, so that all are cut.
    n_rows : int
        The common length.
    time : numpy.ndarray or None
        ``(n_rows,)`` float64, seconds since 1970; None for a stream without events.
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64, never falling.
    segments : dict
        For data keys in files, which resource serves which rows, whether they can be read or not.
    """

    columns: dict[str, Column] = field(default_factory=dict)
    file_chunks: dict[str, tuple[int, ...] | None] = field(default_factory=dict)
    problems: dict[str, CatalogError] = field(default_factory=dict)
    awaited: dict[str, CatalogError] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    n_rows: int = 0
    time: np.ndarray[Any, np.dtype[np.float64]] | None = None
    segments: dict[str, tuple[Segment, ...]] = field(default_factory=dict)
    habits: dict[str, str] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)
    seq_num: np.ndarray[Any, np.dtype[np.int64]] = field(default_factory=lambda: np.empty(0, np.int64))

    def absent(self) -> dict[str, CatalogError]:
        """Return why there is no column for some data keys."""
        found = {**self.problems, **self.awaited}
        return {key: error for key, error in found.items() if key not in self.columns}

    def keep_common_rows(self, streamed: Collection[str], *, is_complete: bool) -> None:
        """Cut all columns to the rows that every growing file, and every stream resource, already has.

        Parameters
        ----------
        streamed : collection of str
            The data keys that stream datums serve.
        is_complete : bool
            The run has stopped, so that its files no longer grow.
        """
        lengths = dict.fromkeys(self.awaited, 0)
        taken = self._as_taken()
        for key, column in self.columns.items():
            if isinstance(column, AssetColumn) and key not in self.problems and key not in self.awaited:
                length = column.n_covered() if key in streamed else self.n_rows
                lengths[key] = length if is_complete else column.n_available(length, taken)
        shortest = min(lengths.values(), default=self.n_rows)
        if shortest == self.n_rows:
            return
        self.behind = behind = [key for key, length in lengths.items() if length == shortest]
        told = (
            f"only {shortest} of {self.n_rows} rows are there; all columns end with them, unless exclude={behind!r} "
            "is given"
        )
        for key in behind:
            self.add_notes({key: f"{told}. So far, {self.awaited[key].message}" if key in self.awaited else told})
        self.n_rows = shortest
        self.seq_num = self.seq_num[:shortest]
        self.time = None if self.time is None else self.time[:shortest]
        for column in self.columns.values():
            column.shorten(shortest)

    def _as_taken(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Return the rows in the order in which they were taken, which is another where a plan was rewound."""
        is_rewound = self.time is not None and bool((self.seq_num[1:] == self.seq_num[:-1]).any())
        return np.argsort(self.time, kind="stable") if is_rewound and self.time is not None else np.arange(self.n_rows)

    def note_gaps(self) -> None:
        """Tell which columns have rows that nothing serves, and what that makes of them."""
        for key, column in self.columns.items():
            n_gaps = column.n_gaps() if isinstance(column, AssetColumn) else 0
            if n_gaps:
                becomes = f", as {column.dtype}" if column.dtype.kind == "f" else ""
                self.add_notes({key: f"{n_gaps} of {len(column)} rows have no datum and are missing values{becomes}"})

    def add_notes(self, notes: Mapping[str, str]) -> None:
        """Tell something more about data keys."""
        for key, note in notes.items():
            self.notes[key] = f"{self.notes[key]}; {note}" if key in self.notes else note
