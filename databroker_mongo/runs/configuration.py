"""How each device was configured while the data of a stream was taken."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..arrays import TIME_ATTRIBUTES, StreamSource, as_array, attributes, name_dims
from ..completion import completable
from ..documents import is_streamed
from ..errors import ColumnNotFound, DocumentWarning, stacklevel_of_caller
from ..store import MISSING, Document
from .columns import HeldColumn

if TYPE_CHECKING:
    import xarray


@completable
class ConfigurationOfDevices(Mapping[str, "DeviceConfiguration"]):
    """The configuration of the devices of a stream, by device."""

    def __init__(self, source: StreamSource, section: Literal["data", "timestamps"]):
        self._source = source
        self._section = section

    def _names(self) -> list[str]:
        each = (descriptor.get("configuration") or {} for descriptor in self._source.descriptors)
        return list(dict.fromkeys(name for configuration in each for name in configuration))

    def __getitem__(self, device: str) -> DeviceConfiguration:
        names = self._names()
        if device not in names:
            raise ColumnNotFound(
                f"the stream has no configuration of a device {device!r}. It has: {', '.join(names) or 'none'}.",
                **self._source.facts,
                device=device,
            )
        return DeviceConfiguration(self._source, device, self._section)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def _ipython_key_completions_(self) -> list[str]:
        return self._names()

    def __repr__(self) -> str:
        return f"<configuration of {', '.join(self._names()) or 'no device'}>"


@completable
class DeviceConfiguration(Mapping[str, HeldColumn]):
    """The configuration of one device by name: a row for each event, from the descriptor that the event belongs to."""

    def __init__(self, source: StreamSource, device: str, section: Literal["data", "timestamps"]):
        self._source = source
        self._device = device
        self._section = section

    def __repr__(self) -> str:
        return f"<configuration of {self._device}: {', '.join(self._names()) or 'nothing'}>"

    def read(self) -> xarray.Dataset:
        """Read the configuration, ``(time, ...)`` each with its units, and the coordinate ``time``, seconds since 1970.

        There is a row for each event. A stream whose data are only in stream resources has no events, and then a
        warning says that there are no rows and that the `descriptors` of the stream have the configuration.
        """
        from ..arrays import table_of_rows

        self._warn_without_events()
        columns = {name: self._values(name) for name in self._names()}
        attrs = {name: self._attributes(name) for name in columns}
        return table_of_rows(columns, self._dims(), self._source.rows.index.time, attrs)

    def __getitem__(self, name: str) -> HeldColumn:
        if name not in self._names():
            has = ", ".join(self._names()) or "nothing"
            raise ColumnNotFound(
                f"the configuration of the device {self._device!r} has no {name!r}. It has: {has}.",
                **self._source.facts,
                device=self._device,
                data_key=name,
            )
        return HeldColumn(
            self._source,
            name,
            partial(self._told_values, name),
            row_dims=self._dims()[name],
            attrs=self._attributes(name),
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _ipython_key_completions_(self) -> list[str]:
        return self._names()

    def _warn_without_events(self) -> None:
        if len(self._source.rows.index.time) or not any(map(is_streamed, self._source.data_keys.values())):
            return
        warnings.warn(
            f"the stream {self._source.facts.get('stream')!r} has no events, so its configuration has no rows. The "
            f"descriptors hold it: stream.descriptors[0]['configuration'][{self._device!r}]",
            DocumentWarning,
            stacklevel=stacklevel_of_caller(),
        )

    def _told_values(self, name: str) -> np.ndarray[Any, Any]:
        self._warn_without_events()
        return self._values(name)

    def _values(self, name: str) -> np.ndarray[Any, Any]:
        return self._by_descriptor(name)[self._source.rows.index.descriptor]

    def _attributes(self, name: str) -> Mapping[str, Any]:
        if self._section == "timestamps":
            return TIME_ATTRIBUTES
        return attributes(self._data_keys().get(name, {}), self._device)

    def _by_descriptor(self, name: str) -> np.ndarray[Any, Any]:
        return as_array([(each.get(self._section) or {}).get(name, MISSING) for each in self._held()])

    def _dims(self) -> dict[str, tuple[str, ...]]:
        data_keys, names = self._data_keys(), self._names()
        shapes = {name: self._by_descriptor(name).shape[1:] for name in names}
        return name_dims({name: data_keys.get(name, {}) for name in names}, shapes)

    def _data_keys(self) -> dict[str, Document]:
        return {key: value for each in self._held() for key, value in (each.get("data_keys") or {}).items()}

    def _held(self) -> list[Document]:
        """Return what each descriptor says of the device."""
        return [(each.get("configuration") or {}).get(self._device) or {} for each in self._source.descriptors]

    def _names(self) -> list[str]:
        return list(dict.fromkeys(key for each in self._held() for key in each.get(self._section) or {}))

    def to_dask(self) -> xarray.Dataset:
        """Read the configuration, as dask arrays of one block."""
        from ..arrays import chunked

        return chunked(self.read())
