"""Run: the documents of one run, and its streams by name. What a person types on a run is here.

Whoever looks up a run for its start and stop does not wait for what reads streams and files: that is imported late.
"""

from __future__ import annotations

import functools
import operator
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, overload

from ..completion import completable
from ..documents import stream_of
from ..errors import OldNameWarning, RunNotFound, StreamNotFound, stacklevel_of_caller
from ..printable import shown
from ..queries import NEWEST_FIRST, Eq
from ..store import Document, Kept
from .context import Context
from .remedies import OF_RUN, for_reading_a_run

if TYPE_CHECKING:
    import pandas
    import xarray

    from ..arrays import StreamSource
    from ..documents import Named
    from ..health import Finding
    from ..store import Revision
    from ..v1 import Header
    from .stream import Stream


@completable
class Run(Mapping[str, "Stream"]):
    """One run: a mapping from the names of its streams, in the order they began, to the streams.

    Get one with ``catalog[23463]``. Streams are attributes as well: ``run.primary``.

    Parameters
    ----------
    context : Context
        Where its documents are, who reads its external data, and what corrects what is read.
    start : dict or Kept
        Its start document.
    stop : dict, Kept or None
        Its stop document; None while it is in progress, and if it crashed.
    as_header : callable, optional
        Makes a databroker 1 header of the run; the catalog in which it was found provides this.
    descriptors : sequence of dict, optional
        Its descriptors in the order of their time, if they have been read already.
    names : sequence of str, optional
        The names of its streams, if these alone are known: who lists them asks nothing.
    """

    def __init__(
        self,
        context: Context,
        start: Document | Kept,
        stop: Document | Kept | None,
        *,
        as_header: Callable[[Run], Header] | None = None,
        descriptors: Sequence[Document] | None = None,
        names: Sequence[str] | None = None,
    ):
        self._context = context
        self._as_header = as_header
        self._descriptors = descriptors
        self._names = names
        self._start = self._kept("start", start)
        self._stop = None if stop is None else self._kept("stop", stop)
        self._streams: dict[str, Stream] | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_streams": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of the documents ``start`` and ``stop`` (None if there is no stop document yet)."""
        return {"start": self.start, "stop": self.stop}

    @property
    def start(self) -> Document:
        """A copy of the start document."""
        return self._start.give()

    @property
    def stop(self) -> Document | None:
        """A copy of the stop document; None if there is none yet."""
        return None if self._stop is None else self._stop.give()

    @property
    def descriptors(self) -> list[Document]:
        """The descriptors of all streams, in order of time."""
        each = [descriptor for stream in self._by_name().values() for descriptor in stream.descriptors]
        return sorted(each, key=lambda descriptor: descriptor["time"])

    @property
    def v1(self) -> Header:
        """The same run in the interface of databroker 1."""
        if self._as_header is None:
            raise AttributeError("the run has no v1: it was not found in a catalog")
        return self._as_header(self)

    @property
    def v2(self) -> Run:
        """The run itself, for scripts that also use :attr:`v1`."""
        return self

    @overload
    def __getitem__(self, name: str) -> Stream: ...

    @overload
    def __getitem__(self, name: tuple[str, ...]) -> Any: ...

    def __getitem__(self, name: Any) -> Any:
        """Return a stream; ``run["primary", "data", "I0"]`` is ``run["primary"]["data"]["I0"]``, as in databroker 2.

        Raises
        ------
        StreamNotFound
            The run has no such stream. It is a KeyError.
        """
        if isinstance(name, tuple) and name:
            return functools.reduce(operator.getitem, name[1:], self[name[0]])
        if name in self:
            return self._by_name()[str.__str__(name)]
        raise StreamNotFound(
            f"the run has no stream {shown(name)}. It has: {', '.join(map(str, self)) or 'none'}.",
            run_uid=self._start.uid,
            scan_id=self._start.look().get("scan_id"),
            stream=name,
        )

    def get(self, key: str | None = None, default: Any = None) -> Any:
        """Return a stream, or the default if there is none; without a name the run itself, as in databroker 1."""
        return self if key is None else super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed())

    def __len__(self) -> int:
        return len(self._listed())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and str.__str__(name) in self._listed()

    def __getattr__(self, name: str) -> Stream:
        if name.startswith("_"):
            raise AttributeError(f"a {type(self).__name__} has no {name!r}")
        stream = self._by_name().get(name)
        if stream is None:
            streams = ", ".join(map(str, self)) or "none"
            remedy = f" Here {OF_RUN[name]}." if name in OF_RUN else ""
            raise AttributeError(
                f"run {self._start.uid} has no stream or attribute {name!r}. It has: {streams}.{remedy}"
            )
        return stream

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in self if name.isidentifier())})

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Run)
            and self._start.uid == other._start.uid
            and self._context.store == other._context.store
        )

    def __hash__(self) -> int:
        return hash(self._start.uid)

    def __repr__(self) -> str:
        from .. import display

        return display.run_text(*self._documents(), list(self))

    def _repr_html_(self) -> str:
        from .. import display

        return display.run_html(*self._documents(), {name: stream.source.data_keys for name, stream in self.items()})

    def to_datatree(
        self,
        streams: Collection[str] | None = None,
        *,
        exclude: Collection[str] = (),
        times: Literal["seconds", "datetime"] = "seconds",
    ) -> xarray.DataTree:
        """Describe the run as a tree of lazy datasets, one of each stream: ``tree["primary"]["I0"]``; nothing is read.

        Parameters
        ----------
        streams : collection of str, optional
            The names of the streams that are wanted; by default all.
        exclude : collection of str
            Data keys to leave out of all streams.
        times : {"seconds", "datetime"}
            Whether the coordinates ``time`` are seconds since 1970 or dates in UTC.

        Returns
        -------
        xarray.DataTree
            What ``stream.to_dask()`` gives, under the name of each stream. The attributes ``start`` and ``stop`` of the
            root are the documents of the run, in JSON.

        Raises
        ------
        StreamNotFound
            The run has no stream of one of these names.
        """
        from ..arrays import tree_of_streams

        names = list(self) if streams is None else [streams] if isinstance(streams, str) else list(streams)
        datasets = {name: self[name].to_dask(exclude=exclude, times=times) for name in names}
        return tree_of_streams(datasets, self.start, self.stop)

    def documents(
        self, *, fill: str | bool = "no", page_size: int = 1000, streams: Collection[str] | None = None
    ) -> Iterator[Named]:
        """Yield the documents of the run in the order of time, each before those that need it.

        Parameters
        ----------
        fill : {"no", "yes", "delayed"} or bool
            Whether events hold the data of datums: not, as NumPy arrays, or as dask arrays.
        page_size : int
            The maximum number of rows of an ``event_page`` or ``datum_page``; no more rows are in memory at once.
        streams : collection of str, optional
            The streams whose descriptors and events are wanted, with the documents that these refer to; by default all
            of the run.

        Yields
        ------
        name : str
            ``start``, ``descriptor``, ``resource``, ``datum_page``, ``stream_resource``, ``stream_datum``,
            ``event_page`` or ``stop``.
        doc : dict
            The document.

        Raises
        ------
        ValueError
            ``fill`` has another value, or ``page_size`` is not a positive integer.
        StreamNotFound
            The run has no stream of one of these names.
        """
        from . import replay

        names = [streams] if isinstance(streams, str) else streams
        wanted = set(self if names is None else (self[name].name for name in names))
        return iter(
            replay.Replay(
                self._context,
                self.start,
                self.stop,
                sources=[stream.source for name, stream in self.items() if name in wanted],
                fill=replay.fill_of(fill),
                page_size=replay.page_size_of(page_size),
                is_whole=streams is None,
            )
        )

    def refresh(self) -> Run:
        """Return the run as it is now, with the events, streams and stop document that have arrived since."""
        stored = self._context.store.find_starts(Eq("uid", self._start.uid), sort=NEWEST_FIRST, limit=1)
        start = next(stored, None)
        if start is None:
            raise RunNotFound(f"the run {self._start.uid!r} is no longer stored", run_uid=self._start.uid)
        stop = self._context.store.stops([self._start.uid]).get(self._start.uid)
        return Run(self._context, start, stop, as_header=self._as_header)

    def revisions(self) -> list[Revision]:
        """List the documents of the run as they were before each correction.

        Returns
        -------
        list of Revision
            Those of the start, of the stop and of the descriptors, the oldest first: each with the kind and uid of its
            document, the earlier contents as they were stored (``document``), and the fields that were ``changed``.
        """
        return self._context.store.examination.run_revisions(self._start.uid)

    def health(self, *, pixels: bool = False) -> pandas.DataFrame:
        """Report for each column whether it can be read, the fault if not, and what is wrong with the documents.

        The headers of every file are checked if its handler can describe data without reading them.

        Parameters
        ----------
        pixels : bool
            Whether all data are read as well, block by block. This finds damage inside files and takes as long as
            reading the run.

        Returns
        -------
        pandas.DataFrame
            A row for each stream and data key: ``stream``, ``data_key``, ``status`` (``ok``, ``note``,
            ``offline`` or ``unreadable``), ``shape``, ``dtype``, ``way`` (how its values are read, where a handler
            has several ways: HDF5 datasets past HDF5, or by HDF5 and why), ``reason`` and ``facts`` by name
            (``path``, ``resource_uid``, ...).
            After these, a row for each of the :meth:`findings` that does not concern a single column, such as a second
            stop document; the facts of findings are under their kind. When printed, faults come first, and columns that
            are ok are counted.
        """
        from ..health import check_files

        return check_files(self._sources(), self.findings(), pixels=pixels)

    def findings(self, *, files: bool = True) -> list[Finding]:
        """List what is wrong with the documents of the run, and with its files.

        Parameters
        ----------
        files : bool
            Whether to check that its files exist and that a handler reads them.
        """
        from ..health import check_run, find_lost_files

        found = check_run(self._context.store, self._start.uid)
        return [*found, *find_lost_files(self._sources())] if files else found

    def files(self) -> pandas.DataFrame:
        """List every file that the run's documents name.

        Returns
        -------
        pandas.DataFrame
            A row for each file: ``path`` on this machine, ``exists``, ``offline`` (for example on tape: it is not
            opened, and reading it needs ``recall=True``), ``size_bytes`` (missing for folders and missing files),
            ``spec``, ``resource_uid``, and ``reason`` and ``facts``, which say why a file is missing or why the files
            of a resource are unknown; ``path`` is then that of the resource. A file that several resources
            name has one row, with all their specs and the uid of the first. When printed, each folder has one line.
        """
        from ..health import list_files

        return list_files(self._sources())

    def __call__(self) -> Self:
        """Return the run itself, as databroker 1 did."""
        return self

    def configure_new(self) -> Self:
        """Return the run itself, as databroker 1 did."""
        return self

    def read(self) -> NoReturn:
        """Say which streams can be read.

        Raises
        ------
        NotImplementedError
            Always, as in databroker 1: each stream of a run has its own rows.
        """
        raise NotImplementedError(for_reading_a_run(self, "read"))

    def to_dask(self) -> NoReturn:
        """Say which streams can be read; raises `NotImplementedError` as `read` does."""
        raise NotImplementedError(for_reading_a_run(self, "to_dask"))

    def canonical(self, *, fill: str | bool) -> Iterator[Named]:
        """Yield the documents of the run; an old name of :meth:`documents`."""
        warnings.warn(
            "Run.canonical is an old name of Run.documents", OldNameWarning, stacklevel=stacklevel_of_caller()
        )
        return self.documents(fill=fill)

    def read_canonical(self) -> Iterator[Named]:
        """Yield the documents of the run, filled; an old name of ``documents(fill="yes")``."""
        warnings.warn(
            'Run.read_canonical is an old name of Run.documents(fill="yes")',
            OldNameWarning,
            stacklevel=stacklevel_of_caller(),
        )
        return self.documents(fill="yes")

    def _sources(self) -> dict[str, StreamSource]:
        return {name: stream.source for name, stream in self.items()}

    def _documents(self) -> tuple[Document, Document | None]:
        """Return the start and the stop, to be read only."""
        return self._start.look(), None if self._stop is None else self._stop.look()

    def _kept(self, name: str, document: Document | Kept) -> Kept:
        kept = document if isinstance(document, Kept) else Kept(document)
        transform = self._context.transforms.get(name)
        return kept if transform is None else Kept(transform(kept.give()))

    def _listed(self) -> Collection[str]:
        return self._by_name() if self._names is None else self._names

    def _by_name(self) -> dict[str, Stream]:
        # Of several threads one looks for the streams, so that all are given the same, whose length is fixed once.
        with self._lock:
            if self._streams is None:
                self._streams = self._find_streams()
            return self._streams

    def _find_streams(self) -> dict[str, Stream]:
        from .stream import Stream

        uid = self._start.uid
        by_name: dict[str, list[Document]] = {}
        found = self._context.store.descriptors([uid])[uid] if self._descriptors is None else self._descriptors
        for stored in found:
            descriptor = self._kept("descriptor", stored).look()
            by_name.setdefault(stream_of(descriptor), []).append(descriptor)
        start, stop = self._documents()
        return {
            name: Stream(name, self._context, start=start, stop=stop, descriptors=descriptors)
            for name, descriptors in by_name.items()
        }
