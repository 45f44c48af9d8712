"""When the values of a stream were taken. The values themselves, and the time of events, do not belong here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .arrays.opening import StreamSource
from .arrays.structure import is_streamed
from .arrays.values import as_array

if TYPE_CHECKING:
    import xarray


class Timestamps:
    """When each value of a stream was taken, by the clock of its device."""

    def __init__(self, source: StreamSource):
        self._source = source

    def __repr__(self) -> str:
        return f"<timestamps of {', '.join(self._source.data_keys) or 'no data key'}>"

    def read(self, keys: Iterable[str] | None = None) -> xarray.Dataset:
        """Read the timestamps of data keys, ``(time,)`` each, in seconds since 1970; NaN where an event has none."""
        from .arrays import dataset

        rows = self._source.rows
        streamed = {key for key, data_key in self._source.data_keys.items() if is_streamed(data_key)}
        wanted = [key for key in (self._source.data_keys if keys is None else keys) if key not in streamed]
        found = rows.columns(wanted, section="timestamps")
        columns = {key: as_array(values) for key, values in found.items()}
        return dataset.table_of_rows(columns, dict.fromkeys(columns, ()), rows.index.time)

    def to_dask(self, keys: Iterable[str] | None = None) -> xarray.Dataset:
        """Read the timestamps, as dask arrays of one block."""
        from .arrays import dataset

        return dataset.chunked(self.read(keys))
