"""Broker: what scripts of databroker 1 call ``db``."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..documents import Named
from ..errors import ColumnNotFound, OldNameWarning, QueryError, stacklevel_of_caller
from ..runs import Catalog, integers_of_slice, list_keys, show_slice
from . import files, opening, tables
from .documents import ALL, plain_document, replay
from .header import Header, Results, StreamName
from .keywords import query_of_keywords
from .registry import Registry
from .values import Images, open_external

if TYPE_CHECKING:
    import pandas

Headers = Header | Iterable[Header]
Fetch = Callable[[Any, Any], Any]
Insert = Callable[[str, Mapping[str, Any]], Any]

_DEEPEST = 50


class Broker:
    """The runs of a catalog, as databroker 1 showed them.

    ``db[key]`` takes a scan id, a uid or the beginning of one, a negative number, a slice ``[-5:]`` or several of them,
    and gives a `Header` or a list of them, nested as the keys are. ``db(plan_name="count", since="2024-03")`` gives all
    headers that match.

    Parameters
    ----------
    catalog : Catalog
        The runs. ``catalog.v1`` is the broker that belongs to it.
    serializer : callable, optional
        The callable that :meth:`insert` calls with documents; a `Writer` for the catalog by default.
    external_fetchers : mapping of str to callable, optional
        Maps a name in ``header.ext`` to the function that makes its value from the start and the stop document.

    Attributes
    ----------
    aliases : dict
        Queries by the name under which :meth:`alias` keeps them.
    filters : dict
        Keywords that are added to each ``db(...)``.
    prepare_hook : callable
        Turns ``(name, document)`` into the document that is returned.
    reg : Registry
        The handlers and roots of the catalog.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        serializer: Insert | None = None,
        external_fetchers: Mapping[str, Fetch] | None = None,
    ):
        self._catalog = catalog
        self.reg = Registry(catalog)
        self.external_fetchers = dict(external_fetchers or {})
        self.prepare_hook: Callable[[str, dict[str, Any]], Any] = plain_document
        self.aliases: dict[str, Any] = {}
        self.filters: dict[str, Any] = {}
        self._serializer = serializer
        self._writer: Insert | None = None
        self._config: dict[str, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_writer": None}  # it belongs to this process; another one makes its own

    @classmethod
    def named(cls, name: str, auto_register: bool = True) -> Broker:
        """Open a catalog by its configured name, in any form of configuration.

        Parameters
        ----------
        name : str
            Its name; ``"temp"`` for an empty catalog in memory.
        auto_register : bool
            Whether installed handlers read external data; those of the configuration always do.

        Raises
        ------
        CatalogNotFound
            No catalog has this name.
        ConfigurationError
            Its entry cannot be used.
        """
        catalog, config = opening.open_named(name, auto_register=auto_register)
        return _interface_of(catalog, config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], auto_register: bool = True, name: str | None = None) -> Broker:
        """Open a catalog as databroker's own form of configuration describes it.

        Parameters
        ----------
        config : mapping
            With ``metadatastore`` and ``assets``, and optionally ``handlers``, ``root_map`` and ``transforms``. If its
            ``api_version`` is 2, the catalog itself is returned, ``db.v2``.
        auto_register : bool
            Whether installed handlers read external data.
        name : str, optional
            The name of the catalog.

        Raises
        ------
        ConfigurationError
            A key is unknown or missing, or a value has a wrong type.
        """
        return _interface_of(opening.open_config(config, auto_register=auto_register, name=name), config)

    def get_config(self) -> dict[str, Any] | None:
        """Return the configuration in databroker's own form from which this was opened; None for any other."""
        return self._config

    @property
    def name(self) -> str | None:
        """The name under which the catalog is configured."""
        return self._catalog.name

    @property
    def v1(self) -> Broker:
        """The broker itself."""
        return self

    @property
    def v2(self) -> Catalog:
        """The newer interface: the catalog."""
        return self._catalog

    @property
    def fs(self) -> Registry:
        """An old name of ``reg``."""
        warnings.warn("db.fs is an old name of db.reg", OldNameWarning, stacklevel=stacklevel_of_caller())
        return self.reg

    def __repr__(self) -> str:
        return f"<Broker on {self._catalog!r}>"

    def __getitem__(self, key: Any) -> Any:
        return self._look_up(key, 0)

    def _look_up(self, key: Any, depth: int) -> Any:
        if isinstance(key, slice):
            return self._look_up_slice(key)
        if _is_several(key):
            return self._look_up_several(list_keys(key), depth)
        return Header(self._catalog[key], self)

    def _look_up_slice(self, key: slice) -> list[Header]:
        begin, end, step = integers_of_slice(key)
        if begin is None or end is None or not step or begin > -1 or end > 0:
            raise QueryError(
                "a slice of db counts back from the latest run and has a beginning, as db[-5:] or db[-5:-2], and its "
                f"step is not 0; it was db{show_slice(key)}"
            )
        positions = range(begin, end, step)
        if not positions:
            return []
        newest_first = positions if step < 0 else reversed(positions)
        latest = max(positions[0], positions[-1])
        found = self._catalog[min(positions[0], positions[-1]) : latest + 1 or None]
        wanted = itertools.takewhile(lambda place: place < len(found), (latest - each for each in newest_first))
        headers = [Header(found[place], self) for place in wanted]
        # As in databroker 1, which reverses the positions whatever the step: a step back gives the oldest first.
        return headers[::-1] if step < 0 else headers

    def _look_up_several(self, keys: Sequence[Any], depth: int) -> list[Any]:
        """Return what each key gives; all plain keys are asked for together."""
        if depth > _DEEPEST:
            raise QueryError(f"Lists of keys may be nested at most {_DEEPEST} levels deep; these are deeper.")
        plain = iter(self._catalog[[key for key in keys if not _is_nested(key)]])
        return [self._look_up(key, depth + 1) if _is_nested(key) else Header(next(plain), self) for key in keys]

    def __call__(self, text_search: str | None = None, **query: Any) -> Results:
        """Find runs.

        Parameters
        ----------
        text_search : str, optional
            Words that occur in the start document; the database needs a text index.
        **query : object
            ``since`` and ``until``, both included: strings of any granularity, datetimes, or seconds since 1970;
            ``data_key``, one that a stream has; all others are fields of the start document, with values or MongoDB
            operators.

        Returns
        -------
        Results
            Headers, the newest first.

        Raises
        ------
        QueryError
            The query is not possible.
        """
        asked = [query_of_keywords(self.filters), query_of_keywords(query, text=text_search)]
        return Results(self, self._catalog.search(*asked))

    def __getattr__(self, name: str) -> Results:
        aliases = self.__dict__.get("aliases", {})
        if name not in aliases:
            raise AttributeError(f"{type(self).__name__} has no attribute and no alias {name!r}")
        query = aliases[name]
        return self(**(query() if callable(query) else query))

    def alias(self, key: str, **query: Any) -> None:
        """Let ``db.key`` stand for ``db(**query)``.

        Raises
        ------
        ValueError
            A broker already has an attribute of this name.
        """
        self._keep_alias(key, query)

    def dynamic_alias(self, key: str, func: Callable[[], Mapping[str, Any]]) -> None:
        """Let ``db.key`` stand for ``db(**func())``, called again each time.

        Raises
        ------
        ValueError
            A broker already has an attribute of this name.
        """
        self._keep_alias(key, func)

    def _keep_alias(self, key: str, query: Any) -> None:
        if key not in self.aliases and (hasattr(type(self), key) or key in self.__dict__):
            raise ValueError(f"{key!r} cannot be an alias: a broker already has an attribute of this name")
        self.aliases[key] = query

    def add_filter(self, **query: Any) -> None:
        """Narrow each later ``db(...)`` by these keywords as well; ``db[...]`` stays as it is."""
        self.filters.update(query)

    def clear_filters(self, **query: Any) -> None:
        """Undo :meth:`add_filter`; keywords have no effect, as in databroker 1."""
        self.filters.clear()

    def fetch_external(self, start: Any, stop: Any) -> dict[str, Any]:
        """Return the value of each of the external fetchers for a run."""
        return {name: fetch(start, stop) for name, fetch in self.external_fetchers.items()}

    def get_documents(
        self,
        headers: Headers,
        stream_name: StreamName = ALL,
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
        handler_registry: None = None,
    ) -> Iterator[Named]:
        """Yield the documents of runs, in the order of time within each.

        Parameters
        ----------
        headers : Header or iterable of Header
            The runs.
        stream_name : str, optional
            Descriptors and events of this stream only; those of all by default.
        fields : iterable of str, optional
            Regular expressions: only matching data keys of events, with matching metadata beside them.
        fill : bool
            Whether events hold external data instead of the identifiers of datums.
        handler_registry : None
            Not available, as it was not in databroker 1: see ``db.reg.register_handler``.

        Yields
        ------
        name : str
            ``start``, ``descriptor``, ``resource``, ``datum``, ``event``, ``stop``, ...
        doc : dict
            The document, as ``prepare_hook`` makes it.
        """
        _refuse_handlers(handler_registry)
        for header in _listed(headers):
            yield from header.documents(stream_name, fields, fill)

    def get_events(
        self,
        headers: Headers,
        stream_name: StreamName = "primary",
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
        handler_registry: None = None,
    ) -> Iterator[Any]:
        """Yield the events of one stream of runs; the arguments are those of :meth:`get_documents`."""
        documents = self.get_documents(headers, stream_name, fields, fill, handler_registry)
        return (document for name, document in documents if name == "event")

    def get_table(
        self,
        headers: Headers,
        stream_name: str = "primary",
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
        handler_registry: None = None,
        convert_times: bool = True,
        timezone: str | None = None,
        localize_times: bool = True,
    ) -> pandas.DataFrame:
        """Read one stream of runs as a table.

        Parameters
        ----------
        headers : Header or iterable of Header
            The runs; their tables are below one another.
        stream_name : str
            The stream.
        fields : iterable of str, optional
            Regular expressions for data keys; metadata that match are columns as well.
        fill : bool
            Whether external data are read: an array in each row.
        handler_registry : None
            Not available, as it was not in databroker 1.
        convert_times, localize_times : bool
            If both are False, times are seconds since 1970.
        timezone : str, optional
            Without effect, as it was in databroker 1.

        Returns
        -------
        pandas.DataFrame
            A row for each event, the index ``seq_num``, the times in the column ``time``: ``datetime64`` in UTC.
            A data key or metadata of this name is in ``time_``. Empty if no run has the stream.

        Raises
        ------
        CatalogError
            External data cannot be read.
        """
        _refuse_handlers(handler_registry)
        tables.warn_of_time_zone(timezone)
        converts = convert_times or localize_times
        each = [
            tables.make_table(header.v2, stream_name, fields=fields, fill=bool(fill), convert_times=converts)
            for header in _listed(headers)
        ]
        return each[0] if len(each) == 1 else tables.join_tables(each)

    def get_images(
        self, headers: Headers, name: str, stream_name: str = "primary", handler_registry: None = None
    ) -> Images:
        """Return the images of one data key as a sequence, one element for each event; use ``header.data(name)``.

        If an event has several frames, its element has them all: ``(frames, y, x)``.

        Parameters
        ----------
        headers : Header or iterable of Header
            The runs, one after the other.
        name : str
            The data key.
        stream_name : str
            The stream.
        handler_registry : None
            Not available, as it was not in databroker 1.

        Raises
        ------
        StreamNotFound, ColumnNotFound
            A run has no such stream, or the stream no such data key; or there is no run.
        """
        _refuse_handlers(handler_registry)
        warnings.warn(
            "get_images is an old name: use header.data(), header.xarray() or header.xarray_dask()",
            OldNameWarning,
            stacklevel=stacklevel_of_caller(),
        )
        streams = [header.v2[stream_name] for header in _listed(headers)]
        if not streams:
            raise ColumnNotFound(f"there is no run to take images of {name!r} from", data_key=name)
        return Images([open_external(stream, [name]).columns[name] for stream in streams])

    @staticmethod
    def get_fields(header: Header, name: str | None = None) -> set[str]:
        """Return the data keys of a run, of one stream or of all."""
        return header.fields(ALL if name is None else name)

    def restream(
        self, headers: Headers, fields: Iterable[str] | None = None, fill: bool | Iterable[str] = False
    ) -> Iterator[Named]:
        """Yield all documents of runs, as the RunEngine emitted them; see :meth:`get_documents`."""
        return self.get_documents(headers, fields=fields, fill=fill)

    stream = restream

    def process(
        self,
        headers: Headers,
        func: Callable[[str, Any], Any],
        fields: Iterable[str] | None = None,
        fill: bool | Iterable[str] = False,
    ) -> None:
        """Call ``func(name, doc)`` with all documents of runs, as the RunEngine would."""
        for name, document in self.restream(headers, fields, fill):
            func(name, document)

    def export(
        self,
        headers: Headers,
        db: Any,
        new_root: str | None = None,
        copy_kwargs: Mapping[str, Any] | None = None,
    ) -> list[tuple[str, str]]:
        """Insert runs into another broker, and copy their files below ``new_root`` if it is given.

        The files of a run are copied before its documents are inserted. The inserted resources name the copies by the
        new root, stream resources by a new URI.

        Parameters
        ----------
        headers : Header or iterable of Header
            The runs.
        db : Broker
            The destination; its ``insert`` is called with each document.
        new_root : str, optional
            The directory that replaces the roots of the resources. A file without a root, such as that of a stream
            resource, keeps its absolute path below it.
        copy_kwargs : mapping, optional
            Other arguments of ``db.reg.copy_files``.

        Returns
        -------
        list of tuple of str
            The old and the new path of each file that was copied, once.

        Raises
        ------
        AssetError
            A file is missing or outside of its root, the files of a resource are unknown, or another file has the path
            of a copy.

        Warns
        -----
        CatalogWarning
            A copy cannot be read without the original, whose absolute path is in a file or in a document.
        """
        copies = self.reg.copies(new_root, **(copy_kwargs or {})) if new_root else None
        for header in _listed(headers):
            documents = replay(header.v2, stream_name=ALL, fields=None, fill=False)
            if copies is not None:
                documents = copies.exported(self._files_of(header), documents)
            for name, document in documents:
                db.insert(name, document)
        return [] if copies is None else copies.pairs

    def export_size(self, headers: Headers) -> float:
        """Return the total size of the files of runs, in gigabytes (10^9 bytes); each file counts once.

        Raises
        ------
        AssetError
            A file is missing, or the files of a resource are unknown.
        """
        return files.size_bytes(map(self._files_of, _listed(headers))) * 1e-9

    def _files_of(self, header: Header) -> files.RunFiles:
        return files.RunFiles(header.v2, self._catalog.context.of_run(header.start["uid"]))

    def insert(self, name: str, doc: Mapping[str, Any]) -> None:
        """Store a document durably: ``RE.subscribe(db.insert)``.

        Parameters
        ----------
        name : str
            The kind of document.
        doc : mapping
            The document.

        Raises
        ------
        InvalidDocument
            The document breaks its schema, or holds a value that cannot be stored.
        DuplicateDocument
            A document with that uid is stored with other contents.
        """
        insert = self._serializer or self._writer
        if insert is None:
            from ..writing import Writer

            insert = self._writer = Writer(self._catalog)
        insert(name, doc)

    def stats(self) -> dict[str, Any]:
        """Return MongoDB's statistics of the size of the database (``dbStats``)."""
        return self._catalog.store.statistics()

    def fill_event(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise an error that says how to get filled events.

        Raises
        ------
        NotImplementedError
            Always, as in databroker 1.2.
        """
        raise NotImplementedError(
            "events are not filled one by one: db.get_events(header, fill=True) yields them filled, and "
            "event_model.Filler(db.reg.handler_reg, root_map=db.reg.root_map) fills documents as they are emitted"
        )

    fill_events = fill_event

    def stream_names_given_header(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise `NotImplementedError`, which says how to get the names of streams, because no header is given."""
        raise NotImplementedError("the names of the streams of a header are header.stream_names")


def _interface_of(catalog: Catalog, config: Mapping[str, Any] | None) -> Broker:
    if opening.is_catalog_wanted(config):
        return catalog  # type: ignore[return-value]  # only a configuration that asks for it gets it
    broker = catalog.v1
    broker._config = None if config is None else dict(config)
    return broker


def _is_several(key: Any) -> bool:
    is_one = isinstance(key, str | bytes | int | Mapping) or getattr(key, "ndim", 1) == 0
    return not is_one and isinstance(key, Iterable)


def _is_nested(key: Any) -> bool:
    return isinstance(key, slice) or _is_several(key)


def _listed(headers: Headers) -> Iterable[Header]:
    return [headers] if isinstance(headers, Header) else headers


def _refuse_handlers(handler_registry: Any) -> None:
    if handler_registry is not None:
        raise NotImplementedError("handler_registry= is not available; register with db.reg.register_handler(...)")
