"""A stream as databroker 2 serves it: datasets of data and timestamps, and one of each device's configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from tiled.structures.core import Spec

from ..arrays import as_array
from ..documents import Document
from ..runs import Stream, StreamColumns
from ..store import MISSING
from .arrays import ArrayAdapter
from .metadata import plain
from .nodes import Container, Node, name_segments
from .stream_adapter import STREAM_SPEC, array_of, n_bytes_held

_TIME: Final = "time"
_VARIABLE, _COORDINATE = Spec("xarray_data_var"), Spec("xarray_coord")


class OldStreamAdapter(Container):
    """A stream whose columns are opened when somebody asks for them.

    Parameters
    ----------
    stream : Stream
        The stream.
    count : callable
        Is told how many bytes opened columns take.
    """

    def __init__(self, stream: Stream, count: Callable[[int], None]):
        metadata = plain({"descriptors": stream.descriptors, "stream_name": stream.name})
        super().__init__(metadata, [STREAM_SPEC, Spec("BlueskyEventStream", version="1")])
        self.stream = stream
        self._count = count
        self._lock = threading.Lock()
        parts = {"data": self._data, "timestamps": self._timestamps}
        self._parts: dict[str, Node] = {name: self._dataset(arrays) for name, arrays in parts.items()}
        self._parts["config"] = self._configuration("data")
        self._parts["config_timestamps"] = self._configuration("timestamps")

    def find_children(self) -> Mapping[str, Node]:
        """Return its parts."""
        return self._parts

    def _open(self) -> StreamColumns:
        with self._lock:
            return self._columns

    @cached_property
    def _columns(self) -> StreamColumns:
        columns = self.stream.columns()
        self._count(n_bytes_held(columns))
        return columns

    def _dataset(self, arrays: Callable[[], dict[str, Node]]) -> Dataset:
        metadata = {**self._metadata, "attrs": {"stream_name": self.stream.name}}
        return Dataset(metadata, arrays)

    def _configuration(self, section: str) -> Devices:
        held = [each.get("configuration") or {} for each in self.stream.descriptors]
        names = dict.fromkeys(name for configuration in held for name in configuration)
        of_device = {name: [configuration.get(name) or {} for configuration in held] for name in names}
        segments = name_segments(names)
        return Devices(
            {segments[name]: Dataset({"attrs": {}}, partial(_of_device, of_device[name], section)) for name in names}
        )

    def _data(self) -> dict[str, Node]:
        columns = self._open()
        names = name_segments(columns, taken=(_TIME,))
        arrays: dict[str, Node] = {
            names[key]: array_of(column, columns, self.answers, specs=[_VARIABLE]) for key, column in columns.items()
        }
        return arrays if columns.time is None else {_TIME: _times(columns.time), **arrays}

    def _timestamps(self) -> dict[str, Node]:
        columns, keys = self._open(), list(self.stream.timestamps)
        found = columns.read_timestamps(slice(None), keys)
        names = name_segments(keys, taken=(_TIME,))
        arrays = {names[key]: _row_values(values) for key, values in found.items()}
        return arrays if columns.time is None else {_TIME: _times(columns.time), **arrays}


class Dataset(Container):
    """Arrays that clients make a dataset of.

    Parameters
    ----------
    metadata : mapping
        With ``attrs``, those of the dataset.
    arrays : callable
        Returns the arrays by name; called once, when somebody asks for them.
    """

    def __init__(self, metadata: Mapping[str, Any], arrays: Callable[[], dict[str, Node]]):
        super().__init__(metadata, [Spec("xarray_dataset")])
        self._make = arrays
        self._lock = threading.Lock()

    def find_children(self) -> Mapping[str, Node]:
        """Return the arrays."""
        with self._lock:
            return self._arrays

    @cached_property
    def _arrays(self) -> Mapping[str, Node]:
        return self._make()


class Devices(Container):
    """The configuration of each device."""

    def __init__(self, datasets: Mapping[str, Dataset]):
        super().__init__({}, [])
        self._datasets = datasets

    def find_children(self) -> Mapping[str, Node]:
        """Return a dataset for each device."""
        return self._datasets


def _of_device(held: list[Document], section: str) -> dict[str, Node]:
    """Return the configuration of a device: of each name its values, descriptor by descriptor."""
    names = dict.fromkeys(name for each in held for name in each.get(section) or {})
    values = {name: as_array([(each.get(section) or {}).get(name, MISSING) for each in held]) for name in names}
    segments = name_segments(names)
    return {segments[name]: _row_values(each) for name, each in values.items()}


def _times(times: np.ndarray[Any, Any]) -> ArrayAdapter:
    return ArrayAdapter.of_array(times, dims=(_TIME,), metadata={"attrs": {}}, specs=[_COORDINATE])


def _row_values(values: np.ndarray[Any, Any]) -> ArrayAdapter:
    dims = (_TIME, *(f"dim_{axis}" for axis in range(values.ndim - 1)))
    return ArrayAdapter.of_array(values, dims=dims, metadata={"attrs": {}}, specs=[_VARIABLE])
