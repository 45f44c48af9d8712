"""From a stream and the names of data keys to columns: which is where, of what shape and dtype, and what is wrong.

Shape and dtype are found in this order and nowhere else: the file, the first datum or event, the descriptor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..assets import AssetReader, DatumIds, DatumTable, Segment, Stored, join, may_still_come
from ..documents import Span, is_streamed, rows_without_events
from ..errors import CatalogError, DatumNotFound, ShapeMismatch
from ..store import MISSING, CopiedRuns, Values
from . import external, inline
from .column_set import OpenedColumns
from .columns import AssetColumn, KnownColumn, LostColumn
from .first_file import FirstFile, Found, as_declared, segments_with_row_axes
from .source import StreamSource
from .stored_rows import chunks_in_events
from .structure import contradictions, declared_structure

_N_PROBES = 64  # each opens a file, perhaps over a network


class _Rows(Enum):
    """What the rows of a stream are."""

    EVENTS = "its events; none if it has neither events nor stored data"
    STORED_DATA = "what stream datums say is stored, as of a fly scan whose devices emit no events"
    EVENTS_TO_COME = "events that are not there yet, though data that go with them are stored"
    STORED_DATA_OF_LOST_EVENTS = "what is stored, for the run is over and the events are missing"


def open_columns(source: StreamSource, keys: Sequence[str], *, eager: bool, by_row: bool = False) -> OpenedColumns:
    """Open columns of a stream.

    Parameters
    ----------
    source : StreamSource
        The stream.
    keys : sequence of str
        The data keys that are wanted, each one of ``source.data_keys``.
    eager : bool
        Whether all values are wanted anyway, so that the values of events are fetched along with the rows.
    by_row : bool
        Whether columns are going to be read row by row (`Column.read_rows`): what is wrong with single rows then costs
        these alone, and no column is cut because a file still grows.
    """
    with source.assets.keep_open():
        return _Opening(source, keys, eager, by_row).run()


class _Opening:
    """One opening of columns, from the queries to the common length."""

    def __init__(self, source: StreamSource, keys: Sequence[str], eager: bool, by_row: bool):
        self._source = source
        self._eager = eager
        self._lost: dict[str, dict[int, CatalogError]] | None = {} if by_row else None
        data_keys = source.data_keys
        self._data_keys = {key: data_keys[key] for key in keys}
        self._streamed = [key for key in keys if is_streamed(data_keys[key])]
        self._external = [key for key in keys if "external" in data_keys[key] and key not in self._streamed]
        self._stored: dict[str, Stored | CatalogError] = {}
        self._copied: dict[str, tuple[Segment, ...]] = {}
        self._opened = OpenedColumns.of(keys)

    def run(self) -> OpenedColumns:
        opened = self._opened
        values = self._look_up()
        ids = {key: values[key] for key in self._external if key in values and not _is_filled(values[key])}
        located = [*ids, *self._copied]
        in_events = [key for key in self._data_keys if key not in located and key not in self._streamed]
        rows = self._kind_of_rows(has_values_in_events=bool(in_events or located))
        if rows in (_Rows.EVENTS, _Rows.EVENTS_TO_COME):
            self._take_events()
            self._open_inline(in_events, values)
            self._open_external(ids)
            for key, segments in self._copied.items():
                self._open_segments(key, segments, frames_in_file=False)
        else:
            self._take_stored_rows()
            for key in [*in_events, *located]:
                self._lose(key, DatumNotFound("no event of the stream is stored, and events would hold the values"))
        for key in self._streamed:
            self._open_streamed(key, self._stored.get(key, Stored([], {})))
        # Read row by row, each row is told by itself, so that none need be cut.
        opened.keep_common_rows(self._streamed, is_complete=self._source.is_complete or self._lost is not None)
        opened.note_gaps()
        for key, note in contradictions(self._source.descriptors, self._data_keys).items():
            opened.add_note(key, note)
        return opened

    def _look_up(self) -> Mapping[str, Values]:
        """Fix the rows, and return the values of the keys that are not going to be looked at otherwise."""
        rows = self._source.rows
        inline_keys = [key for key in self._data_keys if key not in self._streamed and key not in self._external]
        reads_all = self._eager or inline.is_cheap_to_read(self._data_keys, inline_keys, rows.n_expected)
        self._stored = self._stored_in_streams() if self._streamed else {}
        unserved = [key for key in self._streamed if key not in self._stored]
        keys = [*unserved, *(inline_keys if reads_all else ())]
        if self._lost is not None or "datum" in self._source.transforms:
            values = rows.columns([*self._external, *keys])
        else:
            values, runs = rows.columns_with_datums(keys, self._external)
            values = self._take_copied(values, runs)
        self._place(values)
        return values

    def _take_copied(self, values: Mapping[str, Values], runs: CopiedRuns) -> dict[str, Values]:
        """Take where the data of columns are from copies of their datums, and return the values of all others.

        Where a resource is missing or wrong, the identifiers are looked at one by one, to say which rows lack it.
        """
        source = self._source
        segments = external.copied_segments(
            source.rows.store, runs, values, source.transform, describe=source.assets.facts
        )
        self._copied.update(segments)
        lacking = [key for key in runs if key not in segments and key not in values]
        found = {key: each for key, each in values.items() if key not in segments}
        return {**found, **(source.rows.columns(lacking) if lacking else {})}

    def _kind_of_rows(self, *, has_values_in_events: bool) -> _Rows:
        if len(self._source.rows.index.seq_num) or not any(self._spans()):
            return _Rows.EVENTS
        if not has_values_in_events:
            return _Rows.STORED_DATA
        return _Rows.STORED_DATA_OF_LOST_EVENTS if self._source.is_complete else _Rows.EVENTS_TO_COME

    def _spans(self) -> list[list[Span]]:
        return [each.spans for each in self._stored.values() if isinstance(each, Stored)]

    def _take_events(self) -> None:
        index, opened = self._source.rows.index, self._opened
        opened.seq_num, opened.time, opened.n_rows = index.seq_num, index.time, len(index.seq_num)
        self._note_times(index.time)

    def _take_stored_rows(self) -> None:
        opened = self._opened
        opened.seq_num = rows_without_events(self._spans())
        opened.n_rows = len(opened.seq_num)

    def _open_inline(self, keys: Sequence[str], values: Mapping[str, Values]) -> None:
        columns = inline.open_inline(self._source, self._data_keys, keys, values)
        quirks = inline.contradicted_shapes(self._data_keys, columns)
        for key, column in columns.items():
            self._opened.by_key[key].column = column
            self._opened.by_key[key].quirk = quirks.get(key)

    def _note_times(self, time: NDArray[np.float64]) -> None:
        n_without = int(np.count_nonzero(np.isnan(time)))
        if n_without:
            told = f"{n_without} of {len(time)} events have a time that is missing or not a number, and is NaN here"
            self._opened.add_note("time", told)

    def _stored_in_streams(self) -> dict[str, Stored | CatalogError]:
        source = self._source
        return external.stored_in_streams(source.rows.store, source.descriptors, source.transform)

    def _place(self, values: Mapping[str, Values]) -> None:
        """Take each external data key for what is stored of it, where its descriptor says something else."""
        # A descriptor says ``external: "STREAM:"`` of stream datums, and anything else of datums. Some devices declare
        # the one and emit the other, or put the values into the events after all: what is stored decides.
        without = [key for key in self._external if key not in self._copied and not is_held(values[key])]
        if without and not self._streamed:
            self._stored = self._stored_in_streams()
        served = [key for key in without if key in self._stored]
        held = [key for key in self._streamed if key not in self._stored and is_held(values[key])]
        self._streamed = [key for key in self._streamed if key not in held] + served
        self._external = [key for key in self._external if key not in served] + held

    def _open_external(self, ids: Mapping[str, Values]) -> None:
        if not ids:
            return
        source = self._source
        columns = {key: list(values) for key, values in ids.items()}
        found = external.datum_segments(
            source.rows.store, columns, source.transform, describe=source.assets.facts, lost=self._lost
        )
        for key, segments in found.items():
            if isinstance(segments, CatalogError):
                self._lose(key, segments)
            else:
                self._open_segments(key, segments, frames_in_file=False)

    def _open_streamed(self, key: str, found: Stored | CatalogError) -> None:
        if isinstance(found, CatalogError):
            self._lose(key, found)
        elif found.spans or self._may_begin(key):
            opened = self._opened
            joined = join(opened.seq_num, found, time=opened.time, declares=self._declares(key))
            self._open_segments(key, joined.segments, frames_in_file=True)
            for note in joined.notes():
                opened.add_note(key, note)
        else:
            self._lose(
                key,
                DatumNotFound(
                    "no stream resource or stream datum is stored for this data key, so its file is unknown. Databases "
                    "written by suitcase-mongo do not keep these documents."
                ),
            )

    def _declares(self, key: str) -> NDArray[np.bool_] | None:
        """Tell which rows are of a descriptor that has a data key, where not all are."""
        has_key = np.array([key in descriptor["data_keys"] for descriptor in self._source.descriptors])
        return None if has_key.all() or self._opened.time is None else has_key[self._source.rows.index.descriptor]

    def _may_begin(self, key: str) -> bool:
        """Tell whether stream datums may come, or none was due; events without stream resources have lost theirs."""
        if self._opened.n_rows:
            return not self._source.is_complete and self._has_resource(key)
        return not self._source.is_complete or self._source.n_said == 0 or self._has_resource(key)

    def _has_resource(self, key: str) -> bool:
        return bool({key, None} & self._keys_of_resources)

    @cached_property
    def _keys_of_resources(self) -> set[str | None]:
        """The data keys that stream resources of the run name, those that have no stream datum too."""
        source = self._source
        stored = source.rows.store.run_resources(source.run_uid, name="stream_resource")
        return {doc.get("data_key") for doc in stored if isinstance(doc.get("data_key"), str | None)}

    def _open_segments(self, key: str, segments: tuple[Segment, ...], *, frames_in_file: bool) -> None:
        """Find the structure of a column in its first file, and make the column."""
        opened = self._opened
        opened.by_key[key].segments = segments
        first = next((each for each in segments if each.resource is not None), None)
        if self._lost is not None:
            first = self._first_readable(key, segments, is_streamed=frames_in_file) or first
        if first is None and opened.n_rows:
            lost = DatumNotFound("no event and no stream datum locates a row of this data key")
            if not frames_in_file or self._source.is_complete:
                self._lose(key, lost)
                return
            self._fail(key, lost, is_pending=True)
        found = self._look_into_file(key, first, is_streamed=frames_in_file)
        if found is not None:
            self._make_column(key, segments, found)
        elif first is None and not opened.n_rows:
            self._open_without_rows(key)

    def _make_column(self, key: str, segments: tuple[Segment, ...], found: Found) -> None:
        opened, datum, per_row = self._opened, found.datum, found.fit.per_event
        segments = segments_with_row_axes(segments, found.fit.row_axes, self._source.assets)
        if per_row is not None:
            segments = tuple(each.in_groups_of(per_row) for each in segments)
        opened.by_key[key].segments = segments
        opened.by_key[key].column = AssetColumn(
            self._source.assets,
            segments,
            datum,
            shape=(opened.n_rows, *datum.shape) if per_row is None else (opened.n_rows, per_row, *datum.shape),
            facts={**self._source.facts, "data_key": key},
            file_chunks=chunks_in_events(datum, per_row),
            lost=(self._lost or {}).get(key),
        )

    def _open_without_rows(self, key: str) -> None:
        row_shape, dtype = inline.structure_of_no_rows(self._data_keys[key])
        declared = f"{self._data_keys[key].get('dtype')} of shape {self._data_keys[key].get('shape')}"
        opened = self._opened.by_key[key]
        opened.column = KnownColumn(np.empty((0, *row_shape), dtype), {**self._source.facts, "data_key": key})
        opened.quirk = f"no row of it is stored, and the structure of a row is not known: {declared} is declared"

    def _first_readable(self, key: str, segments: tuple[Segment, ...], *, is_streamed: bool) -> Segment | None:
        """Return the first row that can be read, as far as its headers tell, and fits, as a segment of its own."""
        for segment in segments:
            for number in _probes(segment, self._source.assets):
                ids = DatumIds([segment.ids[number]] if segment.ids else ())
                row = segment.start + number
                found = Segment(row, row + 1, segment.resource, DatumTable([segment.datums[number]]), ids=ids)
                with contextlib.suppress(CatalogError):
                    if self._look(key, found, is_streamed=is_streamed) is not None:
                        return found
        return None

    def _look_into_file(self, key: str, first: Segment | None, *, is_streamed: bool) -> Found | None:
        """Return what the first file holds; what is declared, where there is none or it cannot be read."""
        data_key, opened = self._data_keys[key], self._opened.by_key[key]
        try:
            found = self._look(key, first, is_streamed=is_streamed)
        except ShapeMismatch as error:
            self._fail(key, error)
            return None
        except CatalogError as error:
            self._fail(key, error, is_pending=not self._source.is_complete and may_still_come(error))
            found = None
        if found is None:
            keywords = {} if first is None or first.resource is None else first.resource.kwargs
            return as_declared(data_key, keywords, is_streamed=is_streamed)
        if found.fit.note is not None and found.fit.is_quirk:
            opened.quirk = found.fit.note
        elif found.fit.note is not None:
            opened.notes.append(found.fit.note)
        return found

    def _look(self, key: str, first: Segment | None, *, is_streamed: bool) -> Found | None:
        """Return what the file of the first row of a segment holds; None where no resource serves it."""
        source, resource = self._source, None if first is None else first.resource
        if first is None or resource is None:
            return None
        file = FirstFile(source.assets, resource, first.datums[0], datum_id=first.ids[0] if first.ids else None)
        return file.look(
            self._data_keys[key],
            run_uid=source.run_uid,
            name=key,
            is_streamed=is_streamed,
            n_asked=lambda: external.n_known(source.rows.store, resource, source.descriptors),
        )

    def _lose(self, key: str, error: CatalogError) -> None:
        """Put a column that raises in the place of one whose documents are missing, if its descriptor tells all."""
        self._fail(key, error)
        datum = declared_structure(self._data_keys[key])
        if datum is not None:
            shape = (self._opened.n_rows, *datum.shape)
            column = LostColumn(error, shape=shape, dtype=datum.dtype, facts=error.facts)
            self._opened.by_key[key].column = column

    def _fail(self, key: str, error: CatalogError, *, is_pending: bool = False) -> None:
        error.facts = {**self._source.facts, "data_key": key, **error.facts}
        opened = self._opened.by_key[key]
        opened.error, opened.is_pending = error, is_pending


def _probes(segment: Segment, assets: AssetReader) -> Iterable[int]:
    """Yield the numbers of datums to look at: of few all, of many those at the ends of files and some between."""
    n_datums = len(segment.datums)
    if segment.resource is None or n_datums <= _N_PROBES:
        return range(n_datums if segment.resource is not None else 0)
    spread = range(0, n_datums, n_datums // _N_PROBES)
    try:
        return sorted({*spread, *assets.ends_of_files(segment.resource, segment.datums)})
    except CatalogError:
        return spread


def is_held(values: Values) -> bool:
    """Tell whether any event holds a value of an external key."""
    if isinstance(values, np.ndarray):
        return len(values) > 0
    return any(each is not MISSING and each is not None for each in values)


def _is_filled(values: Values) -> bool:
    """Tell whether an external key already holds data in place of the identifiers of datums."""
    if isinstance(values, np.ndarray):
        return len(values) > 0
    kinds = set(map(type, values)) - {type(MISSING), type(None)}
    return bool(kinds) and not any(issubclass(kind, str) for kind in kinds)
