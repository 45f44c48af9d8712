"""Columns: array-likes that read what they are asked for, in NumPy, and travel without what they read.

A column of events travels as a query of its store. A column of external data travels as resources and datum
arguments, and needs no database where it is read.
"""

from __future__ import annotations

import bisect
import copy
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assets import AssetReader, DatumStructure, Resource, Segment, pack_segments, unpack_segments
from ..errors import AssetOffline, AssetUnreadable, CatalogError, ShapeMismatch
from . import values as event_values
from .blocks import EventBlock
from .indexing import Region, split_key

Array = NDArray[Any]
Facts = Mapping[str, object]

# What is read in the dtype of the file and then converted is held twice for as long.
_CONVERTED_BYTES = 8_000_000


class Column(ABC):
    """A column of a stream: ``column[key]`` reads and returns an array.

    Parameters
    ----------
    shape : tuple of int
        ``(n_rows, *datum_shape)``.
    dtype : numpy.dtype
        Its dtype.
    facts : mapping
        ``run_uid``, ``scan_id``, ``stream`` and ``data_key``, for errors.
    file_chunks : tuple of int, optional
        The chunk shape of the file, counted in ``(rows, *axes)``, where the values are in files that have one.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        facts: Facts,
        *,
        file_chunks: tuple[int, ...] | None = None,
    ):
        self.shape = shape
        self.dtype = dtype
        self.facts = dict(facts)
        self.file_chunks = file_chunks

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def shorten(self, n_rows: int) -> None:
        """Keep the first rows alone."""
        self.shape = (n_rows, *self.shape[1:])

    def n_gaps(self) -> int:
        """Return how many rows no resource serves, though nothing is lost."""
        return 0

    def boundaries(self) -> list[int]:
        """Return the rows at which another resource begins to serve."""
        return []

    def way(self) -> str:
        """Return in words how values are read; empty where there is but one way."""
        return ""

    def n_covered(self) -> int:
        """Return how many rows there are before the last ones that no resource serves."""
        return len(self)

    def n_available(self, n_rows: int, taken: NDArray[np.intp]) -> int:
        """Return how many of the first ``n_rows`` rows are there in full.

        Parameters
        ----------
        n_rows : int
            How many are wanted.
        taken : numpy.ndarray
            All rows in the order in which they were taken.
        """
        return n_rows

    def first_problem(self) -> CatalogError | None:
        """Look at the headers of every file, if there are any; return what is wrong with the first bad one."""
        return None

    def __getitem__(self, key: Any) -> Array:
        region, residual = split_key(key, self.shape)
        return np.asarray(self.read_region(region)[residual])

    def read_region(self, region: Region) -> Array:
        """Return one region as an array of its own.

        Raises
        ------
        CatalogError
            What is at fault, with the facts of run, stream and data key.
        """
        try:
            return self._read(region)
        except CatalogError as error:
            self._add_facts(error)
            raise

    def take(self) -> Array:
        """Return all rows as an array of its own, and keep nothing of it: whoever takes a column is done with it.

        Raises
        ------
        CatalogError
            What is at fault, with the facts of run, stream and data key.
        """
        try:
            return self._take()
        except CatalogError as error:
            self._add_facts(error)
            raise

    def rows(self, block_bytes: int) -> Iterator[Any]:
        """Yield the rows, arrays or single values; no more than ``block_bytes`` of them, or one, are read at once."""
        step = max(1, block_bytes // max(1, math.prod(self.shape[1:]) * self.dtype.itemsize))
        for begin in range(0, len(self), step):
            yield from self[begin : begin + step]

    def read_rows(self) -> tuple[Array, dict[int, CatalogError]]:
        """Return all rows that can be read, and why each of the others cannot be; what stands in these means nothing.

        Raises
        ------
        CatalogError
            What is at fault with the column as a whole.
        """
        return self.read_region(tuple(slice(0, size) for size in self.shape)), {}

    def identity(self) -> tuple[object, ...]:
        """Return what tells this column from any other; equal for two that read the same."""
        return (type(self).__name__, sorted(self.facts.items(), key=str), self.shape, str(self.dtype))

    def _add_facts(self, error: CatalogError) -> None:
        error.facts = {**self.facts, **error.facts}

    def _take(self) -> Array:
        return self._read(tuple(slice(0, size) for size in self.shape))

    @abstractmethod
    def _read(self, region: Region) -> Array:
        """Return one region as an array of its own."""


class KnownColumn(Column):
    """A column whose values are at hand.

    Parameters
    ----------
    values : numpy.ndarray
        ``(n_rows, ...)``.
    """

    def __init__(self, values: Array, facts: Facts):
        super().__init__(values.shape, values.dtype, facts)
        self._values = values

    def identity(self) -> tuple[object, ...]:
        """Return what tells this column from any other."""
        return (*super().identity(), self._values.tobytes())

    def _read(self, region: Region) -> Array:
        return self._values[region].copy()


class EventColumn(Column):
    """A column whose values are in the events themselves.

    Parameters
    ----------
    block : EventBlock
        What it is fetched with.
    key : str
        Its data key.
    """

    def __init__(self, block: EventBlock, key: str, *, shape: tuple[int, ...], dtype: np.dtype[Any], facts: Facts):
        super().__init__(shape, dtype, facts)
        self.block = block
        self.key = key

    def identity(self) -> tuple[object, ...]:
        """Return what tells this column from any other."""
        return (*super().identity(), self.block.address, repr(self.block.snapshot), self.key)

    def _take(self) -> Array:
        if not 0 < len(self) == self.block.snapshot.n_rows:
            return super()._take()
        return event_values.cast_exactly(self.block.take_column(self.key), self.dtype, self.shape[1:])

    def _read(self, region: Region) -> Array:
        rows = region[0]
        if rows.start == rows.stop:
            return np.empty(tuple(part.stop - part.start for part in region), self.dtype)
        found = self.as_promised(self.block.read_rows([self.key], rows)[self.key])
        return found[(slice(None), *region[1:])].copy()

    def as_promised(self, rows: Array) -> Array:
        """Return some rows of the block in the dtype and shape of the column."""
        try:
            return event_values.cast_exactly(rows, self.dtype, self.shape[1:])
        except CatalogError as error:
            self._add_facts(error)
            raise


class LostColumn(Column):
    """A column of which only shape and dtype are known, since a document that tells its file is missing.

    Parameters
    ----------
    error : CatalogError
        What every attempt to read it raises.
    """

    def __init__(self, error: CatalogError, *, shape: tuple[int, ...], dtype: np.dtype[Any], facts: Facts):
        super().__init__(shape, dtype, facts)
        self._error = error

    def _read(self, region: Region) -> Array:
        # A copy, since `read_region` adds facts to what it catches, and a traceback grows with every raise.
        raise copy.copy(self._error)


class AssetColumn(Column):
    """A column whose values are in files, read through handlers on the machine that asks.

    Parameters
    ----------
    assets : AssetReader
        What turns datums into numbers.
    segments : tuple of Segment
        Which resource serves which rows; together they cover all rows, in order.
    datum : DatumStructure
        What every datum must be.
    lost : mapping of int to CatalogError, optional
        Of rows that no resource serves because a document is missing, which. A column that has any can be read row by
        row alone (`read_rows`).
    """

    def __init__(
        self,
        assets: AssetReader,
        segments: tuple[Segment, ...],
        datum: DatumStructure,
        *,
        shape: tuple[int, ...],
        facts: Facts,
        file_chunks: tuple[int, ...] | None = None,
        lost: Mapping[int, CatalogError] | None = None,
    ):
        super().__init__(shape, datum.dtype, facts, file_chunks=file_chunks)
        self._assets = assets
        self.segments = segments
        self._datum = datum
        self._lost = dict(lost or {})
        self.shorten(shape[0])  # the dtype depends on the gaps among these rows

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "segments": pack_segments(self.segments)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, segments=unpack_segments(state["segments"]))

    def shorten(self, n_rows: int) -> None:
        """Keep the first rows alone, and give the column a dtype with a missing value only if one of these is."""
        super().shorten(n_rows)
        self.dtype = event_values.missing_value(self._datum.dtype)[0] if self.n_gaps() else self._datum.dtype

    def n_gaps(self) -> int:
        """Return how many rows no resource serves, though nothing is lost."""
        n_unserved = sum(max(0, min(each.stop, len(self)) - each.start) for each in self.segments if not each.resource)
        return n_unserved - sum(row < len(self) for row in self._lost)

    def boundaries(self) -> list[int]:
        """Return the rows at which another resource begins to serve."""
        return [each.start for each in self.segments]

    def identity(self) -> tuple[object, ...]:
        """Return what tells this column from any other: its resources, and who reads them from where."""
        served = {each.resource.uid: each.resource for each in self.segments if each.resource is not None}
        readers = [self._assets.identity(resource) for resource in served.values()]
        spans = [(each.start, each.stop, each.datums_per_row, *map(repr, each.datums[:1])) for each in self.segments]
        return (*super().identity(), readers, spans)

    def read_rows(self) -> tuple[Array, dict[int, CatalogError]]:
        """Return all rows that can be read, and why each of the others cannot be; what stands in these means nothing.

        What cannot be read together is read in halves, down to single rows.
        """
        out = np.empty(self.shape, self.dtype)
        bad = {row: error for row, error in self._lost.items() if row < len(self)}
        edges = [-1, *sorted(bad), len(self)]
        for before, after in itertools.pairwise(edges):
            if out.size and after - before > 1:
                self._read_halves(out, slice(before + 1, after), bad)
        for error in bad.values():
            error.facts = {**self.facts, **error.facts}
        return out, dict(sorted(bad.items()))

    def read_into(self, out: Array, region: Region, *, finds_fault: bool = True) -> None:
        """Fill ``out`` with a region, in place.

        Parameters
        ----------
        out : numpy.ndarray
            Of the shape of the region and the dtype of the column.
        region : tuple of slice
            The region.
        finds_fault : bool
            Whether datums that cannot be read together are read one by one, so that the error names the one at fault.
        """
        rows = region[0]
        for segment in self.segments:
            start, stop = max(segment.start, rows.start), min(segment.stop, rows.stop)
            if start < stop:
                part = out[start - rows.start : stop - rows.start]
                within = slice(start - segment.start, stop - segment.start)
                self._read_segment(part, segment, within, region[1:], finds_fault)

    def has_row(self, row: int) -> bool:
        """Tell whether there is such a row, and a resource serves it."""
        return 0 <= row < len(self) and self._segment_of(row).resource is not None

    def of_rows(self, rows: Sequence[int]) -> AssetColumn:
        """Return a column of these rows, in this order."""
        places = [(self._number_of_segment(row), row) for row in rows]
        segments: list[Segment] = []
        # Rows that follow one another in one segment have the same distance to their new places.
        for _, group in itertools.groupby(enumerate(places), key=lambda each: (each[1][0], each[1][1] - each[0])):
            run = list(group)
            at, (number, row) = run[0]
            segments.append(self.segments[number].part(row, row + len(run), at=at))
        shape = (len(rows), *self.shape[1:])
        return AssetColumn(self._assets, tuple(segments), self._datum, shape=shape, facts=self.facts)

    def first_problem(self) -> CatalogError | None:
        """Look at the headers of every file; return what is wrong with the first bad one, offline ones coming last."""
        offline = None
        for segment in self.segments:
            for error in self._problems_of(segment, segment.resource) if segment.resource is not None else ():
                error.facts = {**self.facts, **error.facts}
                if not isinstance(error, AssetOffline):
                    return error
                offline = offline or error
        return offline

    def way(self) -> str:
        """Return in words how the values of the first file are read; empty where its handler knows but one way."""
        for segment in self.segments:
            if segment.resource is not None:
                return self._assets.way(segment.resource, segment.datums[0])
        return ""

    def n_covered(self) -> int:
        """Return how many rows there are before the last ones that no resource serves."""
        covered = [each.stop for each in self.segments if each.resource is not None]
        return covered[-1] if covered else 0

    def n_available(self, n_rows: int, taken: NDArray[np.intp]) -> int:
        """Return how many of the first ``n_rows`` rows are there in full: a file that lacks one lacks all after it."""
        # Each look may open a file: the last row is looked for first, which most have, and others by bisection.
        is_served = np.zeros(len(taken), bool)
        for segment in self.segments:
            is_served[segment.start : segment.stop] = segment.resource is not None
        rows = taken[is_served[taken] & (taken < n_rows)]
        if not len(rows) or self._is_written(int(rows[-1])):
            return n_rows
        n_there = bisect.bisect_left(
            range(len(rows) - 1), True, key=lambda place: not self._is_written(int(rows[place]))
        )
        return int(rows[n_there:].min())

    def _read(self, region: Region) -> Array:
        out = np.empty(tuple(part.stop - part.start for part in region), self.dtype)
        if out.size:
            self.read_into(out, region)
        return out

    def _read_halves(self, out: Array, rows: slice, bad: dict[int, CatalogError]) -> None:
        try:
            self.read_into(out[rows], (rows, *(slice(0, size) for size in self.shape[1:])), finds_fault=False)
        except CatalogError as error:
            middle = (rows.start + rows.stop) // 2
            if middle == rows.start:
                bad[rows.start] = error
                return
            self._read_halves(out, slice(rows.start, middle), bad)
            self._read_halves(out, slice(middle, rows.stop), bad)

    def _problems_of(self, segment: Segment, resource: Resource) -> Iterator[CatalogError]:
        try:
            numbers = self._assets.ends_of_files(resource, segment.datums)
        except CatalogError as error:
            yield error
            return
        for number in numbers:
            datum, datum_id = segment.datums[number], segment.ids[number] if segment.ids else None
            try:
                self._assets.check(resource, datum, self._datum, datum_id=datum_id)
            except CatalogError as error:
                yield error

    def _segment_of(self, row: int) -> Segment:
        return self.segments[self._number_of_segment(row)]

    def _number_of_segment(self, row: int) -> int:
        return bisect.bisect_right(self.segments, row, key=lambda each: each.start) - 1

    def _is_written(self, row: int) -> bool:
        segment = self._segment_of(row)
        assert segment.resource is not None
        last = (row - segment.start + 1) * segment.datums_per_row - 1
        try:
            self._assets.structure(segment.resource, segment.datums[last])
        except AssetOffline:
            return True  # nothing is moved to tape while it is written
        except AssetUnreadable:
            return False
        return True

    def _read_segment(self, out: Array, segment: Segment, rows: slice, inner: Region, finds_fault: bool) -> None:
        if segment.resource is None:
            out[...] = event_values.missing_value(self._datum.dtype)[1]
            return
        if len(self._datum.shape) == len(inner):
            numbers: Sequence[int] = range(rows.start, rows.stop)
            region = inner
        else:
            # A row is several rows of the stored data: its frames axis picks among them.
            n = segment.datums_per_row
            numbers = [row * n + frame for row in range(rows.start, rows.stop) for frame in range(n)[inner[0]]]
            region = inner[1:]
            out = out.reshape(-1, *out.shape[2:])
        if out.dtype == self._datum.dtype:
            self._read_numbers(out, segment, numbers, region, finds_fault)
            return
        step = max(1, _CONVERTED_BYTES // max(1, out[:1].nbytes))
        for start in range(0, len(numbers), step):
            part = slice(start, start + step)
            of_file = np.empty(out[part].shape, self._datum.dtype)
            self._read_numbers(of_file, segment, numbers[part], region, finds_fault)
            self._convert(of_file, out[part], segment.resource)

    def _convert(self, of_file: Array, out: Array, resource: Resource) -> None:
        """Put values among missing ones, which their own dtype cannot say."""
        may_round = of_file.dtype.kind in "iu" and of_file.dtype.itemsize == 8
        if may_round and not event_values.is_exact_as(of_file, out.dtype):
            raise ShapeMismatch(
                f"some rows have no data, which {of_file.dtype} cannot express, and {out.dtype} would round values of "
                "the others. Store the missing documents, or leave this column out.",
                **self._assets.facts(resource),
                found_dtype=str(of_file.dtype),
                expected_dtype=str(out.dtype),
            )
        out[...] = of_file

    def _read_numbers(
        self, out: Array, segment: Segment, numbers: Sequence[int], region: Region, finds_fault: bool
    ) -> None:
        assert segment.resource is not None
        datums, ids = segment.pick(numbers)
        self._assets.read_rows(
            out, segment.resource, datums, region, promised=self._datum, ids=ids, finds_fault=finds_fault
        )
