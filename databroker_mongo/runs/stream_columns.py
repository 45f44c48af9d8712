"""The columns of a stream, opened together: of one length, in the queries that one of them costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import display
from ..arrays import Column, EventColumn, OpenedColumn, OpenedColumns, StreamSource, as_array, name_dims, read_rows
from ..errors import CatalogError, ColumnNotFound
from .columns import TIME, DataColumn, StreamColumn

Array = NDArray[Any]


class OpenColumn(DataColumn):
    """A column that was opened together with others of its stream, and has their length."""

    def __init__(self, source: StreamSource, name: str, opened: OpenedColumn, row_dims: tuple[str, ...]):
        StreamColumn.__init__(self, source, name)
        self._opened = opened
        self._row_dims = row_dims

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes, ``time`` first, as in the dataset that ``stream.read()`` gives."""
        return (TIME, *self._row_dims)

    @property
    def problem(self) -> CatalogError | None:
        """Why rows of it cannot be read, as far as its documents and its first file tell; None if they can."""
        return self._opened.error

    @property
    def absence(self) -> CatalogError | None:
        """Why it has no shape and dtype; None if it has."""
        return self._opened.absence

    @property
    def note(self) -> str:
        """What its documents got wrong, and how they were read; empty if nothing."""
        return self._opened.note

    @property
    def is_in_events(self) -> bool:
        """Whether its values are in the events themselves, and not in files that they name."""
        return isinstance(self._opened.column, EventColumn)

    @property
    def array(self) -> Column:
        """What reads it.

        Raises
        ------
        CatalogError
            It is an `absence`.
        """
        return self._column

    def _open(self, *, eager: bool) -> OpenedColumn:
        return self._opened


class StreamColumns(Mapping[str, OpenColumn]):
    """Columns of a stream that were opened together, by data key; ``stream.columns()`` gives them.

    Attributes
    ----------
    n_rows : int
        The number of rows that all of them have.
    time : numpy.ndarray or None
        ``(n_rows,)`` float64: when the events were taken, seconds since 1970; None for a stream without events.
    seq_num : numpy.ndarray
        ``(n_rows,)`` int64: the numbers of the rows, counted from 1; a rewound plan repeats some.
    """

    def __init__(self, source: StreamSource, opened: OpenedColumns, keys: Collection[str]):
        self.n_rows = opened.n_rows
        self.time = opened.time
        self.seq_num = opened.seq_num
        self._source = source
        self._opened = opened
        shapes = {key: column.shape[1:] for key, column in opened.columns.items()}
        dims = name_dims(source.data_keys, shapes)
        self._columns = {key: OpenColumn(source, key, opened.by_key[key], dims[key]) for key in keys}

    def __getitem__(self, key: str) -> OpenColumn:
        if key not in self._columns:
            raise ColumnNotFound(
                f"no column {key!r} was opened, but {', '.join(map(repr, self._columns)) or 'none'}",
                **self._source.facts,
                data_key=key,
            )
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return display.data_text(self._source.facts, self)

    def read_rows(self, rows: slice, keys: Collection[str] | None = None) -> dict[str, Array]:
        """Read some rows of some columns; those that events hold in one query, or as few as their size allows.

        Parameters
        ----------
        rows : slice
            The rows, counted from 0.
        keys : collection of str, optional
            The columns; by default all.

        Returns
        -------
        dict of numpy.ndarray
            ``(n, ...)`` each.

        Raises
        ------
        CatalogError
            One of them cannot be read.
        """
        wanted = list(self) if keys is None else keys
        return read_rows({key: self[key].array for key in wanted}, self._in_bounds(rows))

    def read_timestamps(self, rows: slice, keys: Collection[str]) -> dict[str, Array]:
        """Read when the values of some rows were taken, by the clocks of their devices: ``(n,)`` each, in one query."""
        window, taken = self._in_bounds(rows), self._source.rows
        if window.start == window.stop or not keys:
            return {key: np.empty(0) for key in keys}
        found = taken.store.event_columns(taken.snapshot, list(keys), section="timestamps", rows=window)
        return {key: as_array(values) for key, values in found.items()}

    def _in_bounds(self, rows: slice) -> slice:
        begin, end, step = rows.indices(self.n_rows)
        if step != 1:
            raise ValueError(f"rows are read one after the other; the step was {step}")
        return slice(begin, max(begin, end))
