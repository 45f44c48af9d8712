"""When the values of a stream were taken, by the clocks of their devices; the times of events are in its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import TIME_ATTRIBUTES, StreamSource, as_array
from ..completion import completable
from ..documents import is_streamed
from ..errors import ColumnNotFound
from .columns import HeldColumn

if TYPE_CHECKING:
    import xarray


@completable
class Timestamps(Mapping[str, HeldColumn]):
    """The times when each value of a stream was taken, by the clock of its device: columns by data key."""

    def __init__(self, source: StreamSource):
        self._source = source

    def __repr__(self) -> str:
        return f"<timestamps of {', '.join(self._source.data_keys) or 'no data key'}>"

    def __getitem__(self, name: str) -> HeldColumn:
        self._select(name)
        return HeldColumn(self._source, name, partial(self._values, name), attrs=TIME_ATTRIBUTES)

    def __iter__(self) -> Iterator[str]:
        return iter(self._select(None))

    def __len__(self) -> int:
        return len(self._select(None))

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def _values(self, name: str) -> np.ndarray[Any, Any]:
        return as_array(self._source.rows.columns([name], section="timestamps")[name])

    def read(self, keys: str | Iterable[str] | None = None) -> xarray.Dataset:
        """Read the timestamps of data keys, ``(time,)`` each, in seconds since 1970; NaN where an event has none.

        Parameters
        ----------
        keys : str or iterable of str, optional
            The data keys that are wanted; by default all except those in stream resources, whose timestamps are not in
            events.

        Raises
        ------
        ColumnNotFound
            The stream has no such data key, or the events hold no timestamps for it.
        """
        from ..arrays import table_of_rows

        rows = self._source.rows
        found = rows.columns(self._select(keys), section="timestamps")
        columns = {key: as_array(values) for key, values in found.items()}
        attrs = dict.fromkeys(columns, TIME_ATTRIBUTES)
        return table_of_rows(columns, dict.fromkeys(columns, ()), rows.index.time, attrs)

    def _select(self, keys: str | Iterable[str] | None) -> list[str]:
        known = self._held
        wanted = known if keys is None else [keys] if isinstance(keys, str) else list(keys)
        for key in wanted:
            if key not in known:
                raise ColumnNotFound(
                    f"the events of the stream hold no timestamps of {key!r}, but of {', '.join(known) or 'nothing'}",
                    **self._source.facts,
                    data_key=key,
                )
        return wanted

    @cached_property
    def _held(self) -> list[str]:
        """The data keys whose timestamps are in events: of those that are declared to be in files, what is found."""
        data_keys = self._source.data_keys
        streamed = {key for key, data_key in data_keys.items() if is_streamed(data_key)}
        events = self._source.rows.first_events().values() if streamed else ()
        found = {key for event in events for key in event.get("timestamps") or ()}
        return [key for key in data_keys if key not in streamed or key in found]

    def to_dask(self, keys: str | Iterable[str] | None = None) -> xarray.Dataset:
        """Read the timestamps, as dask arrays of one block."""
        from ..arrays import chunked

        return chunked(self.read(keys))
