"""Header: one run, as databroker 1 showed it; and the headers that ``db(...)`` gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..display import local_time
from ..documents import Named, stream_of
from ..errors import CatalogWarning, OldNameWarning, stacklevel_of_caller
from ..runs import Catalog, Run
from .documents import ALL, choose_fields, replay
from .tables import warn_of_time_zone
from .values import is_external, open_external, rows_of, stored_values

if TYPE_CHECKING:
    import pandas
    from xarray import Dataset

StreamName = str | type[ALL]
_PARTS = ("start", "descriptors", "stop", "ext")


class Finder(Protocol):
    """What a header needs of the broker that found it."""

    prepare_hook: Callable[[str, dict[str, Any]], Any]

    def fetch_external(self, start: Any, stop: Any) -> dict[str, Any]:
        """Return the value of each of the external fetchers for a run."""
        ...

    def get_table(
        self,
        headers: Header,
        stream_name: str = ...,
        fields: Iterable[str] | None = ...,
        fill: bool | Iterable[str] = ...,
        *,
        convert_times: bool = ...,
        localize_times: bool = ...,
    ) -> pandas.DataFrame:
        """Read one stream of a run as a table."""
        ...


class Header:
    """The documents and the data of one run. Get one with ``db[-1]``.

    Parameters
    ----------
    run : Run
        The run.
    db : Broker
        The broker that found it.
    """

    def __init__(self, run: Run, db: Finder):
        self._run = run
        self.db = db
        self.ext = SimpleNamespace(**db.fetch_external(run.start, run.stop or {}))

    @property
    def v2(self) -> Run:
        """The same run in the newer interface."""
        return self._run

    @property
    def uid(self) -> str:
        """The uid of the run."""
        uid: str = self._run.start["uid"]
        return uid

    @property
    def start(self) -> Any:
        """The start document."""
        return self.db.prepare_hook("start", self._run.start)

    @property
    def stop(self) -> Any:
        """The stop document; empty while there is none, and then queried again each time."""
        stop = self._run.stop
        if stop is None:
            stop = self._run.refresh().stop or {}
        return self.db.prepare_hook("stop", stop)

    @property
    def descriptors(self) -> list[Any]:
        """The descriptors of all streams, the newest first."""
        newest_first = sorted(self._run.descriptors, key=lambda descriptor: descriptor["time"], reverse=True)
        return [self.db.prepare_hook("descriptor", descriptor) for descriptor in newest_first]

    @property
    def stream_names(self) -> list[str]:
        """The names of the streams, in the order they began."""
        return list(self._run)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Header) and bool(self.start == other.start)

    def __hash__(self) -> int:
        return hash(self.uid)

    def __getitem__(self, name: str) -> Any:
        if name not in _PARTS:
            raise KeyError(name)
        return getattr(self, name)

    def get(self, name: str, *default: Any) -> Any:
        """Return an attribute by its name, or the default where there is none."""
        return getattr(self, name, *default)

    def keys(self) -> Iterator[str]:
        """Yield the names ``start``, ``descriptors``, ``stop`` and ``ext``."""
        return iter(_PARTS)

    def values(self) -> Iterator[Any]:
        """Yield the values of these names."""
        return (self[name] for name in _PARTS)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield the names and their values."""
        return ((name, self[name]) for name in _PARTS)

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def __repr__(self) -> str:
        start = self._run.start
        return f"<Header {start['uid']} (scan id {start.get('scan_id')})>"

    def _repr_html_(self) -> str:
        return _header_html(self._run.start, self._run.stop or {}, self._run.descriptors[::-1])

    def table(
        self,
        stream_name: str = "primary",
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
        timezone: str | None = None,
        convert_times: bool = True,
        localize_times: bool = True,
    ) -> pandas.DataFrame:
        """Read a stream as a table; see :meth:`Broker.get_table`, which takes the same arguments."""
        warn_of_time_zone(timezone)
        return self.db.get_table(
            self,
            stream_name=stream_name,
            fields=fields,
            fill=fill,
            convert_times=convert_times,
            localize_times=localize_times,
        )

    def documents(
        self,
        stream_name: StreamName = ALL,
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
    ) -> Iterator[Named]:
        """Yield the documents of the run; see :meth:`Broker.get_documents`."""
        for name, document in replay(self._run, stream_name=stream_name, fields=fields, fill=bool(fill)):
            yield name, self.db.prepare_hook(name, document)

    def events(
        self,
        stream_name: StreamName = "primary",
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
    ) -> Iterator[Any]:
        """Yield the events of a stream, few in memory at once; see :meth:`Broker.get_events`."""
        return (event for name, event in self.documents(stream_name, fields, fill) if name == "event")

    def data(self, field: str, stream_name: str = "primary", fill: bool = True) -> Iterator[Any]:
        """Yield the value of one data key in each event, few in memory at once.

        Parameters
        ----------
        field : str
            The data key; or metadata, which are the same in each event.
        stream_name : str
            The stream.
        fill : bool
            Whether external data are read: arrays of the shape of one datum, ``(frames, y, x)`` for area detectors.

        Yields
        ------
        object
            Nothing at all, with a warning, where there is no such stream or data key.
        """
        stream = self._run.get(stream_name)
        if stream is None:
            self._warn_of_nothing(f"no stream {stream_name!r}. It has: {', '.join(self._run) or 'none'}")
            return
        source = stream.source
        if field not in source.data_keys:
            yield from self._metadata(field, stream_name)
        elif fill and is_external(source, field):
            yield from rows_of(open_external(stream, [field]).columns[field])
        else:
            found = stored_values(source, [field])
            if field not in found:
                self._warn_of_nothing(f"no {field!r} in its events, but in stream resources, which fill=True reads")
            values = found.get(field, [])
            yield from values.tolist() if isinstance(values, np.ndarray) else values

    def _metadata(self, name: str, stream_name: str) -> Iterator[Any]:
        source = self._run[stream_name].source
        start, stop = self._run.start, self._run.stop or {}
        each = [choose_fields([name], descriptor, start=start, stop=stop).extra for descriptor in source.descriptors]
        if not any(name in extra for extra in each):
            known = ", ".join(source.data_keys) or "none"
            self._warn_of_nothing(
                f"no data key {name!r} in the stream {stream_name!r}, and no such metadata. Data keys: {known}"
            )
        return (each[row][name] for row in source.rows.index.descriptor.tolist() if name in each[row])

    def _warn_of_nothing(self, text: str) -> None:
        """Tell why there is nothing to iterate over, which databroker 1 left to be noticed."""
        warnings.warn(f"run {self.uid} has {text}", CatalogWarning, stacklevel=stacklevel_of_caller())

    def fields(self, stream_name: StreamName = ALL) -> set[str]:
        """Return the data keys of a stream, or of all."""
        return {key for descriptor in self._described(stream_name) for key in descriptor["data_keys"]}

    def devices(self, stream_name: StreamName = ALL) -> set[str]:
        """Return the names of the devices of a stream, or of all."""
        return {name for descriptor in self._described(stream_name) for name in descriptor.get("object_keys") or {}}

    def config_data(self, device_name: str) -> dict[str, list[dict[str, Any]]]:
        """Return the configuration of a device: for each stream, a list with one element per configuration.

        Parameters
        ----------
        device_name : str
            One of :meth:`devices`.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for descriptor in self._run.descriptors:
            configured = (descriptor.get("configuration") or {}).get(device_name)
            if configured:
                found.setdefault(stream_of(descriptor), []).append(configured["data"])
        return found

    def xarray(self, stream_name: str = "primary") -> Dataset:
        """Read a stream into memory; ``run[stream_name].read()`` in the newer interface."""
        return self._run[stream_name].read()

    def xarray_dask(self, stream_name: str = "primary") -> Dataset:
        """Describe a stream as lazy arrays; ``run[stream_name].to_dask()`` in the newer interface."""
        return self._run[stream_name].to_dask()

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Named]:
        """Yield the documents of the run; an old name of :meth:`documents`."""
        warnings.warn(
            "Header.stream is an old name of Header.documents", OldNameWarning, stacklevel=stacklevel_of_caller()
        )
        return self.documents(*args, **kwargs)

    def _described(self, stream_name: StreamName) -> list[dict[str, Any]]:
        return [each for each in self._run.descriptors if stream_name is ALL or stream_of(each) == stream_name]


class Results:
    """Headers, the newest first. Each iteration queries the database again.

    Parameters
    ----------
    broker : Broker
        The broker that searched.
    catalog : Catalog
        The runs that match.
    """

    def __init__(self, broker: Finder, catalog: Catalog):
        self._broker = broker
        self._catalog = catalog

    def __iter__(self) -> Iterator[Header]:
        return (Header(run, self._broker) for run in self._catalog.values())

    def __repr__(self) -> str:
        return f"<Results: headers of {self._catalog!r}>"

    def _repr_html_(self) -> str:
        return self._catalog._repr_html_()


def _header_html(start: Mapping[str, Any], stop: Mapping[str, Any], descriptors: Sequence[Mapping[str, Any]]) -> str:
    """Return the documents of a run as one table."""
    described = "".join(_document(descriptor, stream_of(descriptor)) for descriptor in descriptors)
    parts = (_document(start, "Start"), _document(stop, "Stop"), f"<b>Descriptors</b>{described}")
    return f"<table>{''.join(f'<tr><td>{part}</td></tr>' for part in parts)}</table>"


def _document(document: Mapping[str, Any], caption: Any) -> str:
    return f"<table><caption>{escape(str(caption))}</caption>{_rows(document)}</table>"


def _rows(values: Mapping[str, Any]) -> str:
    ordered = sorted(values.items(), key=lambda item: str(item[0]))
    return "".join(f"<tr><th>{escape(str(key))}</th><td>{_cell(key, value)}</td></tr>" for key, value in ordered)


def _cell(key: Any, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"<table>{_rows(value)}</table>"
    if isinstance(value, list | tuple):
        return f"<table>{''.join(f'<tr><td>{_cell(None, each)}</td></tr>' for each in value)}</table>"
    return escape(local_time(value) if key == "time" else str(value))
