"""Stream: the events of one kind in a run, as columns.

What a person types on a stream is here; how it is read is in ``arrays``: ``open_columns`` (``opening.py``) finds what
the columns are, ``load_dataset`` (``dataset.py``) reads them.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import operator
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

import numpy as np

from .. import display
from ..arrays import TIME_ATTRIBUTES, OpenedColumns, StreamRows, StreamSource, as_moments, column_name, open_columns
from ..completion import completable
from ..documents import n_events_said, stream_of
from ..errors import (
    CatalogError,
    CatalogWarning,
    ColumnNotFound,
    DocumentWarning,
    UnreadableColumns,
    UnreadableWarning,
    stacklevel_of_caller,
)
from ..store import Document
from ..values import copied
from . import live
from .columns import TIME, DataColumn, HeldColumn, Open, StreamColumn
from .configuration import ConfigurationOfDevices
from .context import Context
from .live import Row
from .remedies import for_a_key, for_an_attribute
from .stream_columns import StreamColumns
from .timestamps import Timestamps

if TYPE_CHECKING:
    import pandas
    import xarray

_logger = logging.getLogger("databroker_mongo")

OnError = Literal["raise", "skip", "rows"]
Dedupe = Literal["last"]
Times = Literal["seconds", "datetime"]

_PARTS = ("data", "timestamps", "config", "config_timestamps")
"""What databroker 2 has between the brackets of a stream; a data key of such a name comes first."""


@completable
class Stream(Mapping[str, StreamColumn]):
    """A stream of a run, a mapping from its data keys to their columns: a snapshot, of one length once it was read.

    Get one with ``run["primary"]`` or ``run.primary``. ``stream["I0"]`` is one of its columns; nothing is read to list
    them, and ``len(stream)`` counts them, not the events. A stream without any is true nevertheless. Two are equal that
    have one name and are of equal runs.

    Parameters
    ----------
    name : str
        Its name.
    context : Context
        Where its events are, who reads its external data, and what corrects the documents of these.
    start, stop : dict, dict or None
        The documents of its run.
    descriptors : list of dict
        Its descriptors, in order of time.
    """

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        start: Document,
        stop: Document | None,
        descriptors: Sequence[Document],
    ):
        self.name = name
        self._start = start
        self._stop = stop
        self._descriptors = list(descriptors)
        n_said = (n_events_said(stop) or {}).get(name)
        self.source = StreamSource(
            rows=StreamRows(context.store, [each["uid"] for each in descriptors], n_expected=n_said),
            assets=context.assets.of_run(start),
            descriptors=self._descriptors,
            run_uid=start["uid"],
            is_complete=stop is not None,
            facts={"run_uid": start["uid"], "scan_id": start.get("scan_id"), "stream": name},
            transforms=context.transforms,
            n_said=n_said,
        )
        self._reported: set[str] = set()

    @property
    def metadata(self) -> dict[str, Any]:
        """The documents of the stream: ``start``, ``stop`` (None if there is none yet) and ``descriptors``."""
        documents = {"start": self._start, "stop": self._stop, "descriptors": self._descriptors, "stream": self.name}
        return copied(documents)

    @property
    def descriptors(self) -> list[Document]:
        """The descriptors, in order of time."""
        return copied(self._descriptors)

    @property
    def data_keys(self) -> dict[str, Document]:
        """The data keys of all descriptors, by name, in stored order."""
        return copied(dict(self.source.data_keys))  # type: ignore[arg-type]

    @property
    def data(self) -> StreamData:
        """The columns by name, and ``time``, the times of the events: ``stream["data"]`` of databroker 2."""
        return StreamData(self, self.open_columns)

    @property
    def timestamps(self) -> Timestamps:
        """The times when each value was taken, by the clock of its device."""
        return Timestamps(self.source)

    @property
    def config(self) -> ConfigurationOfDevices:
        """The configuration of each device: ``stream.config["quadem1"].read()``."""
        return ConfigurationOfDevices(self.source, "data")

    @property
    def config_timestamps(self) -> ConfigurationOfDevices:
        """The times when each value of the configuration was taken."""
        return ConfigurationOfDevices(self.source, "timestamps")

    def __getitem__(self, key: Any) -> Any:
        """Return a column by its data key or, for other names, an attribute as in databroker 2.

        Parameters
        ----------
        key : str or tuple of str
            A data key; ``"time"``; ``"data"``, ``"timestamps"``, ``"config"`` or ``"config_timestamps"``, which are the
            attributes of these names. With several names, ``stream["data", "I0"]`` is ``stream["data"]["I0"]``.

        Returns
        -------
        StreamColumn
            Of a data key; nothing is read.

        Warns
        -----
        DocumentWarning
            Once, if one of the attributes has the name of a data key: the column is returned.

        Raises
        ------
        ColumnNotFound
            The stream has no such data key. It is a KeyError.
        TypeError
            The key is not a string.
        """
        if isinstance(key, tuple) and key:
            return functools.reduce(operator.getitem, key[1:], self[key[0]])
        if not isinstance(key, str):
            raise TypeError(for_a_key(key, self.source.data_keys))
        if key in _PARTS:
            if key not in self.source.data_keys:
                return getattr(self, key)
            self._tell({key: f"stream[{key!r}] is the column of this data key, not what stream.{key} is"})
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.source.data_keys)

    def __contains__(self, key: object) -> bool:
        """Tell whether the stream has a data key."""
        return key in self.source.data_keys

    def __len__(self) -> int:
        return len(self.source.data_keys)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash((self._start["uid"], self.name))

    @property
    def _identity(self) -> tuple[object, ...]:
        return self._start["uid"], self.name, self.source.rows.store

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        return display.stream_text(self.name, self._start, self.source.data_keys)

    def _repr_html_(self) -> str:
        return display.stream_html(self.name, self._start, self.source.data_keys)

    def read(
        self,
        keys: Iterable[str] | None = None,
        *,
        variables: Iterable[str] | None = None,
        exclude: Collection[str] = (),
        on_error: OnError = "raise",
        dedupe: Dedupe | None = None,
        times: Times = "seconds",
        recall: bool = False,
        use_columnar: bool = True,
    ) -> xarray.Dataset:
        """Read data into memory.

        Parameters
        ----------
        keys : iterable of str, optional
            The data keys that are wanted, in the order that the columns are to have; by default all, as stored. Nothing
            else is fetched.
        variables : iterable of str, optional
            The same, under its name in databroker 2; it may include ``"time"``, which is always there.
        exclude : collection of str
            Data keys to leave out; a name that the stream does not have is ignored.
        on_error : {"raise", "skip", "rows"}
            What to do about columns that cannot be read: raise one error for all; or leave them out and name them, with
            the reason, in ``ds.attrs["unreadable"]``; or, where a column can be read in part, leave out of all columns
            the rows that one of them lacks, and name these in ``ds.attrs["unreadable_rows"]``: by data key, from the
            number of the row in the stream, counted from 0, to the reason. ``ds.attrs["n_rows_left_out"]`` is their
            number. A column of which no row can be read is left out itself. ``json.loads`` makes mappings of the two.
        dedupe : {"last"}, optional
            Keep only the latest of several events with one ``seq_num`` (a rewound plan repeats them).
        times : {"seconds", "datetime"}
            Whether the coordinate ``time`` is seconds since 1970, float64, or dates in UTC, ``datetime64[ns]``; a time
            that is no date is NaT, with a warning.
        recall : bool
            Whether offline files, for example on tape, are fetched; otherwise they are unreadable. The site decides
            which files are offline.
        use_columnar : bool
            Whether columnar copies of the events are read, where there are any that are believed.

        Returns
        -------
        xarray.Dataset
            NumPy arrays of shape ``(time, ...)``, with the coordinate ``time`` in seconds since 1970. Attributes are
            numbers and texts, so that files can keep them: what a document says otherwise is JSON.

        Raises
        ------
        ColumnNotFound
            A data key that the stream does not have.
        UnreadableColumns
            At least one column cannot be read; ``reasons`` has an error for each.
        """
        from ..arrays import load_dataset

        _require("on_error", on_error, ("raise", "skip", "rows"))
        _require("dedupe", dedupe, (None, "last"))
        _require("times", times, ("seconds", "datetime"))
        if variables is not None:
            if keys is not None:
                raise TypeError("keys and variables are two names of one argument: give one of them")
            return self.data.read(
                variables,
                exclude=exclude,
                on_error=on_error,
                dedupe=dedupe,
                times=times,
                recall=recall,
                use_columnar=use_columnar,
            )
        by_row = on_error == "rows"
        source = self._source_for(recall=recall, use_columnar=use_columnar)
        with source.assets.keep_open():
            opened = self._open(source, self._select(keys, exclude), eager=True, by_row=by_row)
            self._tell_of_odd_dates(opened, times)
            loaded, lacking = load_dataset(
                opened, source, by_row=by_row, dedupe=dedupe == "last", as_dates=times == "datetime"
            )
        problems = {key: error for key, error in lacking.items() if not opened.by_key[key].is_pending}
        if problems and on_error == "raise":
            raise self._unreadable(problems)
        return loaded

    def to_dask(
        self,
        keys: Iterable[str] | None = None,
        *,
        exclude: Collection[str] = (),
        dedupe: Dedupe | None = None,
        times: Times = "seconds",
        recall: bool = False,
        use_columnar: bool = True,
    ) -> xarray.Dataset:
        """Describe data as lazy arrays; a computation reads only the data that it needs.

        Parameters
        ----------
        keys : iterable of str, optional
            The data keys that are wanted, in the order that the columns are to have; by default all, as stored.
        exclude : collection of str
            Data keys to leave out; a name that the stream does not have is ignored.
        dedupe : {"last"}, optional
            Keep only the latest of several events with one ``seq_num``.
        times : {"seconds", "datetime"}
            Whether the coordinate ``time`` is seconds since 1970 or dates in UTC, as in `read`.
        recall : bool
            Whether offline files are fetched: at once if the shape of a column must be looked up in one, and when the
            arrays are computed.
        use_columnar : bool
            Whether columnar copies of the events are read, where there are any that are believed.

        Returns
        -------
        xarray.Dataset
            dask arrays of shape ``(time, ...)``, with the coordinate ``time`` in seconds since 1970. Objects of events,
            such as texts with None among them, are NumPy arrays: they were read to know what they are. A column that
            cannot be read raises when it is computed; one whose shape cannot be known is left out, with a warning, and
            named, with the reason, in ``ds.attrs["unreadable"]``, in JSON.

        Raises
        ------
        ColumnNotFound
            A data key that the stream does not have.
        """
        from ..arrays import lazy_dataset

        _require("dedupe", dedupe, (None, "last"))
        source = self._source_for(recall=recall, use_columnar=use_columnar)
        opened = self._open_lazily(source, self._select(keys, exclude), times)
        return lazy_dataset(opened, source, dedupe=dedupe == "last", as_dates=times == "datetime")

    def to_indexed(
        self, keys: Iterable[str] | None = None, *, exclude: Collection[str] = (), times: Times = "seconds"
    ) -> xarray.Dataset:
        """Describe data as arrays that xarray reads when they are looked at, without dask.

        This is what ``xarray.open_dataset(uri, engine="databroker_mongo", run=..., stream=...)`` opens.

        Parameters
        ----------
        keys : iterable of str, optional
            The data keys that are wanted; by default all, as stored.
        exclude : collection of str
            Data keys to leave out; a name that the stream does not have is ignored.
        times : {"seconds", "datetime"}
            Whether the coordinate ``time`` is seconds since 1970 or dates in UTC, as in `read`.

        Returns
        -------
        xarray.Dataset
            Arrays of shape ``(time, ...)``. What cannot be read is dealt with as in `to_dask`. Values that were read
            are kept in memory if xarray was told to keep them, as its ``open_dataset`` does.

        Raises
        ------
        ColumnNotFound
            A data key that the stream does not have.
        """
        from ..arrays import indexed_dataset

        opened = self._open_lazily(self.source, self._select(keys, exclude), times)
        return indexed_dataset(opened, self.source, as_dates=times == "datetime")

    def to_table(
        self,
        keys: Iterable[str] | None = None,
        *,
        exclude: Collection[str] = (),
        on_error: OnError = "raise",
        times: Times = "datetime",
    ) -> pandas.DataFrame:
        """Read the columns of one value an event into a table, a row for each event.

        Parameters
        ----------
        keys : iterable of str, optional
            The data keys that are wanted; by default all.
        exclude : collection of str
            Data keys to leave out.
        on_error : {"raise", "skip", "rows"}
            What to do about columns that cannot be read, as in `read`.
        times : {"seconds", "datetime"}
            Whether the index ``time`` is dates in UTC or seconds since 1970.

        Returns
        -------
        pandas.DataFrame
            A column for each data key.

        Raises
        ------
        ColumnNotFound
            A data key that the stream does not have.
        UnreadableColumns
            At least one column cannot be read.

        Warns
        -----
        CatalogWarning
            Some columns have more axes and are left out. ``to_dataframe()`` of a dataset does not: it repeats all other
            columns for each pixel.
        """
        wanted = self._select(keys, exclude)
        opened = self.open_columns(wanted, eager=False)
        wide = {key: column.shape for key, column in opened.columns.items() if column.ndim > 1}
        if wide:
            listed = ", ".join(f"{key!r} {shape}" for key, shape in wide.items())
            warnings.warn(
                f"{self.source.where}: {listed} are no single values and are left out of the table; exclude="
                f"{list(wide)!r} says so. stream.read() has them, and stream[NAME] is one of them.",
                CatalogWarning,
                stacklevel=stacklevel_of_caller(),
            )
        return self.read([key for key in wanted if key not in wide], on_error=on_error, times=times).to_dataframe()

    def columns(self, keys: Iterable[str] | None = None, *, recall: bool = False) -> StreamColumns:
        """Open columns together; nothing is read that shapes and dtypes do not need.

        ``stream["I0"]`` opens one when it is first looked at. For many, this asks as many questions as for one, and all
        are of one length, also while the run goes on.

        Parameters
        ----------
        keys : iterable of str, optional
            The data keys that are wanted; by default all, as stored.
        recall : bool
            Whether offline files are fetched.

        Returns
        -------
        StreamColumns
            By data key: ``shape``, ``dtype``, ``dims``, ``chunks``, ``attrs``, ``problem``, why it cannot be read, and
            ``note``, what its documents got wrong, of which nobody is warned here. ``read_rows(slice(0, 100))`` reads
            some rows of all.

        Raises
        ------
        ColumnNotFound
            A data key that the stream does not have.
        """
        source, wanted = self._source_for(recall=recall), self._select(keys, ())
        return StreamColumns(source, open_columns(source, wanted, eager=False), wanted)

    def follow(self, *, seconds: float = 1.0) -> Iterator[Row]:
        """Yield the events of the stream, stored and future ones, until the run has stopped.

        A replica set reports when events are stored; any other server is polled. Each event is yielded once, in the
        order of arrival. Data in stream resources have no events and are not yielded.

        Parameters
        ----------
        seconds : float
            The interval for polling such a server.

        Yields
        ------
        Row
            Time, data and timestamps of an event; for external data, the identifier of the datum.
        """
        return live.follow(self.source.rows.store, self._start["uid"], self._is_own, seconds=seconds)

    def open_columns(
        self, keys: Sequence[str], *, eager: bool, recall: bool = False, by_row: bool = False
    ) -> OpenedColumns:
        """Open columns for whoever reads them, and warn of what their documents got wrong, each time of what is new.

        Parameters
        ----------
        keys : sequence of str
            Their data keys, which the stream has.
        eager : bool
            Whether all their values are wanted, or perhaps some.
        recall : bool
            Whether offline files are fetched.
        by_row : bool
            Whether a column of which only some rows can be read is wanted.
        """
        return self._open(self._source_for(recall=recall), keys, eager=eager, by_row=by_row)

    def _source_for(self, *, recall: bool, use_columnar: bool = True) -> StreamSource:
        source = self.source
        if recall:
            source = dataclasses.replace(source, assets=source.assets.recalling())
        return source if use_columnar else dataclasses.replace(source, rows=source.rows.of_events())

    def _open_lazily(self, source: StreamSource, keys: Sequence[str], times: Times) -> OpenedColumns:
        """Open columns that are to be described, and warn of those that have no shape."""
        _require("times", times, ("seconds", "datetime"))
        opened = self._open(source, keys, eager=False)
        problems = opened.absences
        if problems:
            warnings.warn(
                f"{self.source.where}: {', '.join(problems)} cannot be read and were left out; the attribute "
                f"'unreadable' has the reasons: {next(iter(problems.values())).message}",
                UnreadableWarning,
                stacklevel=stacklevel_of_caller(),
            )
        self._tell_of_odd_dates(opened, times)
        return opened

    def _open(self, source: StreamSource, keys: Sequence[str], *, eager: bool, by_row: bool = False) -> OpenedColumns:
        opened = open_columns(source, keys, eager=eager, by_row=by_row)
        if "time" in opened.columns:
            name = column_name("time", self.source.data_keys)
            opened.add_note("time", f"this is the name of the time axis; the column is called {name!r} here")
        self._tell(opened.notes)
        if told := self._news(opened.quirks):
            _logger.info("%s", told)
        return opened

    def __call__(self, **selection: Any) -> Self:
        """Return the stream itself, as in databroker 1; choose columns with the arguments of ``read``.

        Raises
        ------
        TypeError
            With ``include=`` or ``exclude=``, as in databroker 1; the error says what to type instead.
        """
        if not selection:
            return self
        wanted = [repr(list(selection["include"]))] if "include" in selection else []
        wanted += [f"{name}={value!r}" for name, value in selection.items() if name != "include"]
        raise TypeError(f"columns are chosen where they are read: run[{self.name!r}].read({', '.join(wanted)})")

    def __getattr__(self, name: str) -> NoReturn:
        # A copy that is being made has no attributes yet.
        if name in ("name", "source") or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        raise AttributeError(
            f"the stream {self.name!r} has no attribute {name!r}; {for_an_attribute(name, self.source.data_keys)}"
        )

    def _is_own(self, descriptor: Document) -> bool:
        return stream_of(descriptor) == self.name

    def _select(self, keys: Iterable[str] | None, exclude: Collection[str]) -> list[str]:
        known = self.source.data_keys
        if keys is None:
            wanted = list(known)
        else:
            wanted = list(keys) if isinstance(keys, Iterable) and not isinstance(keys, str) else [keys]
        left_out = {exclude} if isinstance(exclude, str) else set(exclude)
        for key in wanted:
            if key not in known:
                raise ColumnNotFound(
                    f"the stream has no data key {key!r}. It has: {', '.join(known)}.",
                    **self.source.facts,
                    data_key=key,
                )
        return [key for key in dict.fromkeys(wanted) if key not in left_out]

    def _tell_of_odd_dates(self, opened: OpenedColumns, times: Times) -> None:
        if times == "seconds" or opened.time is None:
            return
        odd = opened.time[as_moments(opened.time).isna() & ~np.isnan(opened.time)]
        if len(odd):
            self._tell({TIME: f"{len(odd)} events have a time that is no date ({odd[0]:g}), and is NaT here"})

    def _tell(self, notes: Mapping[str, str]) -> None:
        """Warn of what has not been told yet."""
        if told := self._news(notes):
            warnings.warn(told, DocumentWarning, stacklevel=stacklevel_of_caller())

    def _news(self, notes: Mapping[str, str]) -> str:
        """Return what has not been told yet, in one sentence; nothing if there is no news."""
        news = [told for key, note in notes.items() if (told := f"{key!r}: {note}") not in self._reported]
        self._reported.update(news)
        return f"{self.source.where}: {'; '.join(news)}" if news else ""

    def _unreadable(self, problems: dict[str, CatalogError]) -> UnreadableColumns:
        works = f"exclude={sorted(problems)!r}"
        listed = "\n".join(f"- {key}: {error}" for key, error in problems.items())
        return UnreadableColumns(
            f"{len(problems)} of the columns cannot be read; read({works}) gives the others, read(on_error='skip') "
            f"too, and read(on_error='rows') those rows that can be read of all.\n{listed}",
            **self.source.facts,
            reasons=problems,
            exclude=sorted(problems),
        )


@completable
class StreamData(Mapping[str, StreamColumn]):
    """The columns of a stream by name, with the times of its events: ``stream["data"]``, as in databroker 2.

    Parameters
    ----------
    stream : Stream
        The stream.
    open_columns : callable
        Opens columns by their data keys; ``eager=True`` where all values are wanted.
    """

    def __init__(self, stream: Stream, open_columns: Open):
        self._stream = stream
        self._open_columns = open_columns

    def __getitem__(self, name: str) -> StreamColumn:
        source = self._stream.source
        if name in source.data_keys:
            return DataColumn(source, name, self._open_columns)
        if name == TIME:
            return HeldColumn(source, name, self._times, attrs=TIME_ATTRIBUTES)
        raise ColumnNotFound(
            f"the stream has no data key {name!r}. It has: {', '.join(map(repr, source.data_keys)) or 'none'}.",
            **source.facts,
            data_key=name,
        )

    def _times(self) -> np.ndarray[Any, Any]:
        return self._stream.source.rows.index.time

    def __contains__(self, name: object) -> bool:
        return name == TIME or name in self._stream.source.data_keys

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([TIME, *self._stream.source.data_keys]))

    def __len__(self) -> int:
        return len({TIME, *self._stream.source.data_keys})

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def read(self, variables: Iterable[str] | None = None, **options: Any) -> xarray.Dataset:
        """Read columns into memory: ``stream.read()``.

        Parameters
        ----------
        variables : iterable of str, optional
            The names of the columns to read; all by default. The times are always included.
        **options : object
            The other arguments of :meth:`Stream.read`.
        """
        return self._stream.read(self._without_time(variables), **options)

    def to_dask(self, variables: Iterable[str] | None = None, **options: Any) -> xarray.Dataset:
        """Describe columns as lazy arrays: ``stream.to_dask()``; the arguments are those of :meth:`read`."""
        return self._stream.to_dask(self._without_time(variables), **options)

    def _without_time(self, variables: Iterable[str] | None) -> list[str] | None:
        if variables is None:
            return None
        wanted = [variables] if isinstance(variables, str) else list(variables)
        return [name for name in wanted if name != TIME or name in self._stream.source.data_keys]

    def __repr__(self) -> str:
        return display.data_text(self._stream.source.facts, self)


def _require(name: str, value: Any, choices: Collection[Any]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; it is one of {', '.join(map(repr, choices))}")
