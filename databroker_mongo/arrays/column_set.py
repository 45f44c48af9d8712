"""Columns that were opened, all of one length, and what is to be told of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..assets import Segment
from ..errors import CatalogError
from .blocks import EventBlock
from .columns import Array, Column, EventColumn


@dataclass
class OpenedColumn:
    """A data key that was opened: its column, where it can have one, and what there is to tell of it.

    Attributes
    ----------
    column : Column or None
        What reads it; None only if ``error`` says why.
    error : CatalogError or None
        Why it cannot be read, or has no row yet. If the descriptor tells shape and dtype there is a column beside it,
        which raises the same when rows of it are read.
    is_pending : bool
        The error is of a run in progress, which may write the rows yet.
    notes : list of str
        What its documents got wrong.
    quirk : str or None
        What its descriptor got wrong as all of such detectors do, or with no harm to any row, so that nobody need be
        warned.
    segments : tuple of Segment
        For external data, which resource serves which rows, whether they can be read or not. How many rows of the
        stored data make one is known where there is a column.
    is_behind : bool
        Its rows end before those of others, so that all are cut.
    """

    column: Column | None = None
    error: CatalogError | None = None
    is_pending: bool = False
    notes: list[str] = field(default_factory=list)
    quirk: str | None = None
    segments: tuple[Segment, ...] = ()
    is_behind: bool = False

    @property
    def problem(self) -> CatalogError | None:
        """Why it cannot be read; None if it can, or may be in time."""
        return None if self.is_pending else self.error

    @property
    def absence(self) -> CatalogError | None:
        """Why it has no column; None if it has one."""
        return self.error if self.column is None else None

    @property
    def note(self) -> str:
        """All notes as one sentence; empty if there are none."""
        return "; ".join(self.notes)

    def n_rows_there(self, n_rows: int, taken: NDArray[np.intp], *, is_streamed: bool, is_complete: bool) -> int:
        """Return how many of the first rows it has, which limits the common length.

        A column that cannot be read limits nothing: its error is told, and the others keep their rows.

        Parameters
        ----------
        n_rows : int
            How many rows the stream has.
        taken : numpy.ndarray
            The rows in the order in which they were taken.
        is_streamed : bool
            Stream datums serve it: they may end before the events do.
        is_complete : bool
            Its files no longer grow.
        """
        if self.is_pending:
            return 0
        if self.error is not None or self.column is None:
            return n_rows
        length = self.column.n_covered() if is_streamed else n_rows
        return length if is_complete else self.column.n_available(length, taken)


@dataclass
class OpenedColumns:
    """Columns of a stream that may be read, all of one length.

    Attributes
    ----------
    by_key : dict
        An `OpenedColumn` for each data key, in the order in which they were asked for. If there is something to tell of
        the times of the events, it is a note of ``"time"``, whether or not that is a data key.
    n_rows : int
        The common length.
    time : numpy.ndarray or None
        ``(n_rows,)`` float64, seconds since 1970; None for a stream without events.
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64, never falling.
    """

    by_key: dict[str, OpenedColumn] = field(default_factory=dict)
    n_rows: int = 0
    time: NDArray[np.float64] | None = None
    seq_num: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, keys: Iterable[str]) -> OpenedColumns:
        """Begin with nothing but the data keys."""
        return cls({key: OpenedColumn() for key in keys})

    @property
    def columns(self) -> dict[str, Column]:
        """The columns of those data keys that have one."""
        return {key: each.column for key, each in self.by_key.items() if each.column is not None}

    @property
    def absences(self) -> dict[str, CatalogError]:
        """Why there is no column for some data keys."""
        return {key: each.absence for key, each in self.by_key.items() if each.absence is not None}

    @property
    def notes(self) -> dict[str, str]:
        """What the documents got wrong, for those of which they did."""
        return {key: each.note for key, each in self.by_key.items() if each.notes}

    @property
    def quirks(self) -> dict[str, str]:
        """What is wrong and known, for those that have it."""
        return {key: each.quirk for key, each in self.by_key.items() if each.quirk is not None}

    def add_note(self, key: str, note: str) -> None:
        """Tell something more of a data key, or of ``"time"``."""
        self.by_key.setdefault(key, OpenedColumn()).notes.append(note)

    def keep_common_rows(self, streamed: Collection[str], *, is_complete: bool) -> None:
        """Cut all columns to the rows that every growing file, and every stream resource, already has.

        Parameters
        ----------
        streamed : collection of str
            The data keys that stream datums serve.
        is_complete : bool
            The run has stopped, so that its files no longer grow.
        """
        taken = self._as_taken()
        lengths = {
            key: each.n_rows_there(self.n_rows, taken, is_streamed=key in streamed, is_complete=is_complete)
            for key, each in self.by_key.items()
        }
        shortest = min(lengths.values(), default=self.n_rows)
        if shortest == self.n_rows:
            return
        behind = [key for key, length in lengths.items() if length == shortest]
        told = (
            f"only {shortest} of {self.n_rows} rows are there; all columns end with them, unless exclude={behind!r} "
            "is given"
        )
        for key in behind:
            each = self.by_key[key]
            each.is_behind = True
            each.notes.append(f"{told}. So far, {each.error.message}" if each.error is not None else told)
        self._cut(shortest)

    def note_gaps(self) -> None:
        """Tell which columns have rows that nothing serves, and what that makes of them."""
        for key, column in self.columns.items():
            n_gaps = column.n_gaps()
            if n_gaps:
                becomes = f", as {column.dtype}" if column.dtype.kind == "f" else ""
                self.add_note(key, f"{n_gaps} of {len(column)} rows have no datum and are missing values{becomes}")

    def _cut(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.seq_num = self.seq_num[:n_rows]
        self.time = None if self.time is None else self.time[:n_rows]
        for column in self.columns.values():
            column.shorten(n_rows)

    def _as_taken(self) -> NDArray[np.intp]:
        """Return the rows in the order in which they were taken, which is another where a plan was rewound."""
        # After a pause the RunEngine repeats the messages since the last checkpoint, and begins again with the seq_num
        # that it had there (RunBundler.rewind of bluesky.bundlers): rows sorted by seq_num are not in order of time.
        is_rewound = self.time is not None and bool((self.seq_num[1:] == self.seq_num[:-1]).any())
        return np.argsort(self.time, kind="stable") if is_rewound and self.time is not None else np.arange(self.n_rows)


def read_rows(columns: Mapping[str, Column], rows: slice) -> dict[str, Array]:
    """Return some rows of columns (step 1, in bounds); those that are fetched together are fetched in one query."""
    of_block: dict[EventBlock, dict[str, EventColumn]] = {}
    for name, column in columns.items():
        if isinstance(column, EventColumn):
            of_block.setdefault(column.block, {})[name] = column
    found: dict[str, Array] = {}
    for block, group in of_block.items() if rows.stop > rows.start else ():
        fetched = block.read_rows([column.key for column in group.values()], rows)
        found |= {name: column.as_promised(fetched[column.key]).copy() for name, column in group.items()}
    return {name: found[name] if name in found else column[rows] for name, column in columns.items()}
