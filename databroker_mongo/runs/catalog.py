"""Catalog: the runs of a database, or those of them that match a query. What a person types on a catalog is here.

What a look-up by a key or a search does not take is imported late: tables, many runs at once, hints.

What does not belong here: what a key means (``keys``), how queries are answered (``store``), and which catalogs there
are (``named``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeVar, overload

from ..assets import AssetReader, open_reader
from ..completion import completable
from ..config import CATALOG_KEYS, URI_OPTIONS, CatalogSettings, Directory
from ..documents import NAMELESS_STREAM
from ..errors import CatalogWarning, ConfigurationError, QueryError, RunIndexError, RunNotFound, stacklevel_of_caller
from ..printable import shown
from ..queries import (
    NEWEST_FIRST,
    All,
    Exists,
    Query,
    Sorting,
    Window,
    conjunction,
    from_keywords,
    plain_path,
    query_of,
    scope_of,
    sort_of,
)
from ..store import ConnectionOptions, Document, Store, open_store, writable
from . import keys as run_keys
from .configured import limits_of, settings_of_others
from .context import Context, JointContext
from .remedies import OF_CATALOG
from .run import Run
from .selection import Selection
from .transforms import import_transforms, transforms_of
from .views import Runs, RunsByUid, Uids

if TYPE_CHECKING:
    import pandas
    import xarray

    from ..arrays import Transform
    from ..assets import HandlerClass, Rule
    from ..store import Explanation
    from ..v1 import Broker, Header
    from ..writing import Changes
    from . import many
    from .field_hints import Step
    from .live import Change

_Found = TypeVar("_Found")

MANY_DOCUMENTS = 100_000
_MOST_LISTED = 10
_SPARSE = 100
"""How many runs may be fetched for each of several that are asked for by their positions."""


@completable
class Catalog(Mapping[str, Run]):
    """The runs of a database: a mapping from their uids to the runs, the newest first.

    Get one with ``runs = databroker_mongo.catalog["name"]`` or :meth:`from_uri`. A search returns another catalog, and
    everything done with it stays within its runs.

    ===================  ==========================================================
    ``runs[-1]``         the most recent run, ``runs[-2]`` the one before
    ``runs[23463]``      the most recent run of that scan id
    ``runs["777b44a"]``  the run whose uid is that, or begins with it
    ``runs[-5:]``        a list of the five most recent runs, the newest first
    ``runs[[5, "7a"]]``  a list of the runs of these keys
    ===================  ==========================================================

    Parameters
    ----------
    store : Store
        Where the documents are.
    assets : AssetReader
        The reader of the external data of the runs.
    query : Query, optional
        The query that the runs must match; nothing in the catalog goes beyond it.
    sort : sequence of (str, int), optional
        The order of iteration, of ``[-N]`` and of slices; the newest first by default.
    name : str, optional
        The name under which it is configured.
    transforms : mapping, optional
        Callables by kind of document, applied to each document that is read.
    """

    container = "catalog"
    """What intake calls the kind of a source; clients tell a catalog by it."""

    def __init__(
        self,
        store: Store,
        assets: AssetReader,
        *,
        query: Query | None = None,
        sort: Sorting = NEWEST_FIRST,
        name: str | None = None,
        transforms: Mapping[str, Transform] | None = None,
    ):
        self._context = Context(store, assets, dict(transforms or {}))
        self._selection = Selection(Window(All() if query is None else query, sort_of(sort)))
        self._name = name
        self._has_hinted = False
        self._broker: dict[str, Broker] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_broker": {}}

    @classmethod
    def from_uri(
        cls,
        uri: str,
        *,
        asset_uri: str | None = None,
        handlers: Mapping[str, HandlerClass | str] | None = None,
        handler_registry: Mapping[str, HandlerClass | str] | None = None,
        root_map: Mapping[str, Directory] | None = None,
        allowed_roots: Directory | Iterable[Directory] | None = None,
        offline: str | Rule | None = None,
        recall: bool = False,
        transforms: Mapping[str, Transform | str] | None = None,
        scope: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Catalog:
        """Open the catalog of a database; no query is sent yet.

        Its arguments are the keys of a catalog in a YAML file, except ``description`` and ``metadata_indexes``, which
        are for its administrators.

        Parameters
        ----------
        uri : str
            ``mongodb://HOST/DATABASE``, ``local:///path/to/data?database=NAME`` or ``memory://NAME``.
        asset_uri : str, optional
            The database of resources and datums, if it is a different one.
        handlers : mapping of str to class or str, optional
            Handler classes, ``"module:Class"`` or the names of installed distributions, by spec or MIME type; they take
            precedence over other installed handlers.
        handler_registry : mapping of str to class or str, optional
            The same, but instead of all installed handlers.
        root_map : mapping of str to str or path, optional
            Replacements for roots in the documents: absolute paths, which mean the same in every process.
        allowed_roots : str, path or iterable of these, optional
            The directories that files may be under, after links are followed. If the site sets some, files must be
            under those as well.
        offline : str or callable, optional
            The rule that decides which files are offline, for example on tape, instead of the site's: ``"no-blocks"``,
            ``"module:function"`` or a function that takes a path.
        recall : bool
            Whether offline files are fetched and read; by default reading them is an error.
        transforms : mapping of str to callable or str, optional
            By kind of document (``start``, ``stop``, ``descriptor``, ``resource``, ``stream_resource``, ``datum``), the
            function that corrects it when it is read: a callable or ``"module:function"``.
        scope : mapping of str to object, optional
            Only runs with these values are in the catalog, as with :meth:`scoped`.
        **options : object
            Of the connection: ``timeout_seconds``, ``collection_prefix``; of columnar copies of events:
            ``use_columnar`` and ``columnar``.

        Raises
        ------
        ConfigurationError
            The URI has an unknown scheme, names no database, or cannot be parsed; a directory is relative; or a value
            makes no sense.
        QueryError
            The scope is not valid.
        TypeError
            An option is unknown.
        """
        _require_known(options)
        store = open_store(uri, asset_uri=asset_uri, options=ConnectionOptions.given(**options))
        assets = open_reader(
            handlers=handlers,
            handler_registry=handler_registry,
            root_map=root_map,
            allowed_roots=allowed_roots,
            offline=offline,
            recall=recall,
        )
        query = None if scope is None else scope_of(scope)
        return cls(store, assets, query=query, transforms=import_transforms(transforms))

    @classmethod
    def from_settings(cls, settings: CatalogSettings) -> Catalog:
        """Open a catalog as it is configured; no query is sent yet.

        Raises
        ------
        ConfigurationError
            The settings name something that cannot be used.
        CredentialsUnavailable
            An environment variable that its URI needs is not set.
        """
        store = open_store(settings.uri, asset_uri=settings.asset_uri, options=ConnectionOptions.of(settings))
        own = cls(
            store,
            open_reader(settings),
            query=conjunction(limits_of(settings)),
            name=settings.name,
            transforms=transforms_of(settings),
        )
        others = [cls.from_settings(each) for each in settings_of_others(settings)]
        return cls.union([own, *others], partial=settings.partial) if others else own

    @classmethod
    def union(cls, catalogs: Iterable[Catalog], *, partial: bool = False) -> Catalog:
        """Return one catalog of the runs of several, in the order of time: whatever is asked of it is asked of all.

        A run that several have is in it once, as the first of them has it. Each run is read by the handlers, from the
        places and with the corrections of the catalog that has it.

        Parameters
        ----------
        catalogs : iterable of Catalog
            The catalogs, or searches of them. Where one is searched for the runs since a time, and no other has any
            since then, most questions cost less.
        partial : bool, optional
            Whether a database that does not answer is left out, with a `CatalogWarning` at each question; then
            :attr:`absent` names it. By default, that it does not answer is an error.

        Raises
        ------
        ConfigurationError
            There is none.
        """
        members = list(catalogs)
        if not members:
            raise ConfigurationError("a union is made of one catalog or more; none was given")
        context = JointContext.of([(each.context, each.query) for each in members], is_partial=partial)
        joint = cls(context.store, context.assets, name=members[0].name)
        joint._context = context
        return joint

    @classmethod
    def in_memory(cls, **options: Any) -> Catalog:
        """Open an empty catalog that is gone with the process; ``options`` as for :meth:`from_uri`."""
        return cls.from_uri("memory://", **options)

    @property
    def v1(self) -> Broker:
        """The interface of databroker 1: the same object as long as the catalog exists."""
        if not self._broker:
            from ..v1 import Broker  # it stands on this module: the one circle of the package

            # Of two threads, both get the same one.
            self._broker.setdefault("v1", Broker(self))
        return self._broker["v1"]

    @property
    def v2(self) -> Catalog:
        """The catalog itself, for scripts that also use :attr:`v1`."""
        return self

    @property
    def name(self) -> str | None:
        """The name under which the catalog is configured."""
        return self._name

    @property
    def context(self) -> Context:
        """What the catalog hands on to its runs: :attr:`store`, :attr:`assets`, and what corrects documents."""
        return self._context

    @property
    def store(self) -> Store:
        """The store that holds the runs."""
        return self._context.store

    @property
    def assets(self) -> AssetReader:
        """The reader of the external data of the runs."""
        return self._context.assets

    @property
    def absent(self) -> tuple[str, ...]:
        """The addresses of databases that did not answer when asked last, and were left out; see :meth:`union`."""
        return self.store.absent

    @property
    def query(self) -> Query:
        """The query that the runs of the catalog match."""
        return self._selection.query

    @overload
    def __getitem__(self, key: slice | list[str | int]) -> list[Run]: ...

    @overload
    def __getitem__(self, key: str | int) -> Run: ...

    def __getitem__(self, key: Any) -> Run | list[Run]:
        """Return the run, or the list of runs, of a key.

        Raises
        ------
        RunNotFound
            No run matches the key; `RunIndexError` for a position before the first run, `AmbiguousKey` if more than one
            matches. All are a KeyError.
        QueryError
            A slice that does not count from the latest run.
        """
        if isinstance(key, slice):
            return self._runs(self._starts_of_slice(key))
        if isinstance(key, list):
            return self._runs(self._starts_of_keys(run_keys.list_keys(key)))
        return self._runs([self._start_of(key)])[0]

    def __contains__(self, key: object) -> bool:
        try:
            self._start_of(key)
        except RunNotFound:
            return False
        return True

    def __len__(self) -> int:
        n_runs = self._selection.count(self.store)
        if not n_runs:
            self._hint()
        return n_runs

    def __bool__(self) -> bool:
        return next(self._starts(limit=1, fields=("uid",)), None) is not None

    def __iter__(self) -> Iterator[str]:
        for start in self._starts(fields=("uid",)):
            yield start["uid"]

    def keys(self) -> KeysView[str]:
        """Return the uids, in order."""
        return Uids(self)

    def values(self) -> ValuesView[Run]:
        """Return the runs, in order; they are fetched page by page."""
        return Runs(self, self._pages)

    def items(self) -> ItemsView[str, Run]:
        """Return pairs of uid and run, in order; they are fetched page by page."""
        return RunsByUid(self, self._pages)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and (self.store, self._selection) == (other.store, other._selection)

    def __hash__(self) -> int:
        return hash(self.store)

    def __repr__(self) -> str:
        from .. import display

        return display.catalog_text(self._name, self.store.address, repr(self.query))

    def _repr_html_(self) -> str:
        from .. import display

        runs = [(run.start, run.stop) for run in self._runs(list(self._starts(limit=_MOST_LISTED + 1)))]
        shown, has_more = runs[:_MOST_LISTED], len(runs) > _MOST_LISTED
        return display.catalog_html(self._name, self.store.address, repr(self.query), shown, has_more=has_more)

    def _ipython_key_completions_(self) -> list[str]:
        return [start["uid"] for start in self._starts(limit=100, fields=("uid",))]

    def search(
        self,
        *queries: Query | Mapping[str, Any],
        sort: Sorting | None = None,
        skip: int = 0,
        limit: int | None = None,
        **keywords: Any,
    ) -> Catalog:
        """Return the catalog of the runs in this one that match all queries.

        Parameters
        ----------
        *queries : Query or mapping
            Queries, or MongoDB filters on the start document.
        sort : str, (str, int) or a sequence of these, optional
            Fields of the start document: ``"scan_id"``, ``"-time"`` or ``("time", -1)``. The newest first by default.
            A field that no run has sorts nothing, and is no error; ``distinct(field)`` tells of it.
        skip, limit : int, optional
            How many runs to skip at the beginning, and how many to take after them.
        **keywords : object
            ``stop={...}`` and ``descriptor={...}`` are filters on those documents; ``in_progress=True``;
            ``stream="baseline"``, ``data_key="I0"``, ``device="eiger"``; ``duration_gt=60``, ``_ge``, ``_lt``, ``_le``.

        Raises
        ------
        QueryError
            A query that is not allowed, or not possible.
        TypeError
            Another keyword.
        """
        wanted = conjunction([*map(query_of, queries), from_keywords(**keywords)])
        sorting = None if sort is None else sort_of(sort)
        n_skipped, n_most = (run_keys.n_runs(number, name) for number, name in ((skip, "skip"), (limit, "limit")))
        return self._with(self._selection.narrowed(wanted, sort=sorting, skip=n_skipped, limit=n_most))

    def scoped(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Catalog:
        """Return the catalog of the runs that have, in each of these fields, one of these values.

        No look-up, ``in``, ``len``, slice, search, raw filter, stream or pickle of it leaves the scope. It is a
        guard-rail and not a lock: anybody with the credentials can open the database without it. For security, use the
        roles and views of MongoDB.

        Parameters
        ----------
        fields : mapping, optional
            Dotted names of fields of the start document, each with a value or a list of values.
        **more : object
            The same, for names without dots: ``data_session=["pass-123456"]``.

        Raises
        ------
        QueryError
            No field is given, or None is given as a value, which runs without the field would match.
        """
        if fields is not None and not isinstance(fields, Mapping):
            raise QueryError(f"A scope is a mapping from fields to their values, not {shown(fields)}.")
        return self._with(self._selection.scoped(scope_of({**({} if fields is None else fields), **more})))

    def explain(self, *queries: Query | Mapping[str, Any], **keywords: Any) -> Explanation:
        """Explain how the runs that match the queries are found: by which index, examining how many documents.

        Parameters
        ----------
        *queries, **keywords
            As for :meth:`search`; without any, the catalog itself is explained.

        Returns
        -------
        Explanation
            With a readable repr.

        Warns
        -----
        CatalogWarning
            More than 100,000 documents are examined without an index.
        """
        found = self.store.explain(self.search(*queries, **keywords).query)
        for step in found.steps:
            if step.is_scan and step.n_examined > MANY_DOCUMENTS:
                warnings.warn(
                    f"{step.n_examined} documents of {step.collection!r} are examined without an index",
                    CatalogWarning,
                    stacklevel=stacklevel_of_caller(),
                )
        return found

    def page(self, skip: int = 0, limit: int = 100) -> list[Run]:
        """Return the runs at some places, in order, with the names of their streams: three queries for all of them.

        Parameters
        ----------
        skip : int, optional
            How many runs come before them.
        limit : int, optional
            The maximum number of runs.

        Raises
        ------
        QueryError
            One of them is no number of runs.
        """
        n_skipped, n_most = (run_keys.n_runs(number, name) for number, name in ((skip, "skip"), (limit, "limit")))
        if not n_most:
            return []
        starts = list(self._selection.starts(self.store, skip=n_skipped, limit=n_most))
        # Corrected documents may be of other runs and streams than those stored.
        if not starts or not self._context.transforms.keys().isdisjoint(("start", "descriptor")):
            return self._runs(starts)
        streams = self.store.streams([start["uid"] for start in starts])
        return self._runs(starts, names={uid: list(names) for uid, names in streams.items()})

    def page_of_uids(self, skip: int = 0, limit: int = 100) -> list[str]:
        """Return the uids of the runs that :meth:`page` gives, in one query."""
        n_skipped, n_most = (run_keys.n_runs(number, name) for number, name in ((skip, "skip"), (limit, "limit")))
        starts = self._selection.starts(self.store, skip=n_skipped, limit=n_most, fields=("uid",)) if n_most else ()
        return [start["uid"] for start in starts]

    def estimate_len(self) -> int:
        """Return about how many runs there are, where ``len`` would have each of a million counted.

        Of all runs of a database the server keeps count; a crash may leave that wrong. The runs of a search or a scope
        are counted.
        """
        return self._selection.estimate(self.store)

    def find(self, text: str | int, *, limit: int = 20) -> list[Run]:
        """Return all runs that a key or some words may mean, the likeliest first.

        Parameters
        ----------
        text : str or int
            A uid, a scan id, the beginning of a uid, or words that the metadata hold.
        limit : int, optional
            The maximum number of runs of each kind: there may be more than these.

        Raises
        ------
        QueryError
            The text can only be words, and the database has no text index.
        """
        return self._runs(run_keys.find_all(text, self.store, self.query, limit=run_keys.n_runs(limit, "limit")))

    def table(
        self, columns: str | Iterable[str] | None = None, *, timezone: str | None = None, limit: int | None = None
    ) -> pandas.DataFrame:
        """Return a table of the runs, one row each, in order.

        Parameters
        ----------
        columns : str or iterable of str, optional
            Dotted fields of the start document, or of the stop document after ``stop.``; ``time`` and ``stop.time``
            as times of day; ``duration`` in seconds; ``streams``, their names; ``n_events``, as the stop document
            counts them, or counted if it does not. Of the data of each run ``first(KEY)``, ``last(KEY)``,
            ``min(KEY)``, ``max(KEY)`` and ``mean(KEY)`` of the primary stream, or of another one as in
            ``baseline.first(temperature)``: of values that are not missing, and None where there is none.
        timezone : str, optional
            The zone of the times; the local one by default.
        limit : int, optional
            The maximum number of rows.

        Returns
        -------
        pandas.DataFrame
            Indexed by uid.

        Raises
        ------
        QueryError
            A column is no field; or it tells of data that are in files, of rows that are arrays, or of the least, the
            greatest or the mean of what is no number.
        """
        from . import tables

        wanted = tables.list_columns(tables.DEFAULT_COLUMNS if columns is None else columns)
        table = tables.make_table(self.rows(wanted, limit=limit), wanted, timezone=timezone)
        for name in tables.find_empty_columns(table) if columns is not None else ():
            self._hint((self.query, Exists(name)), near_only=True)
        return table

    def rows(self, columns: Sequence[str], *, limit: int | None = None) -> Iterator[tuple[str, list[Any]]]:
        """Yield the uid of each run with the cells of a :meth:`table`, page after page; times are in seconds."""
        from . import tables

        wanted = tables.list_columns(columns)
        n_most = run_keys.n_runs(limit, "limit")
        needs_whole = "start" in self._context.transforms and tables.list_data_columns(wanted)
        starts = self._starts(limit=n_most, fields=() if needs_whole else tables.list_needed_fields(wanted))
        return tables.find_rows(self.store, starts, wanted, self._runs_with_streams)

    @overload
    def read(
        self,
        keys: str | Iterable[str],
        stream: str = NAMELESS_STREAM,
        pages: None = None,
        *,
        use_columnar: bool = True,
    ) -> xarray.Dataset: ...

    @overload
    def read(
        self, keys: str | Iterable[str], stream: str = NAMELESS_STREAM, *, pages: int, use_columnar: bool = True
    ) -> Iterator[xarray.Dataset]: ...

    def read(
        self,
        keys: str | Iterable[str],
        stream: str = NAMELESS_STREAM,
        pages: int | None = None,
        *,
        use_columnar: bool = True,
    ) -> xarray.Dataset | Iterator[xarray.Dataset]:
        """Read numbers and texts of all runs into memory, one run below the other.

        Parameters
        ----------
        keys : str or iterable of str
            Data keys whose values are in the events. What is in files, :meth:`map` gives to a function run by run.
        stream : str
            The name of their stream.
        pages : int, optional
            How many runs a dataset has. More than 10,000 runs are read only with it, or from a search with ``limit=``.
        use_columnar : bool
            Whether columnar copies of the events are read, where there are any that are believed.

        Returns
        -------
        xarray.Dataset, or iterator of xarray.Dataset with ``pages``
            Axis ``time``: the rows of all runs, in the order of the catalog; ``run_number`` is the position of the run
            of each. Axis ``run``: ``uid``, ``scan_id``, ``n_rows`` and ``start_time`` of each run. Each run has the
            values that ``run[stream].read(keys)`` gives. What a run lacks is a missing value, and ``ds.attrs`` tell
            which runs: ``lacking``, by data key, and ``without_stream``; ``dtypes`` tells where some have integers
            among floats, or texts among numbers, which are objects then.

        Raises
        ------
        QueryError
            There are more than 10,000 runs; or the values of a data key are in files, or of several units.
        ShapeMismatch
            The rows of a data key have another shape in some runs.
        StreamNotFound, ColumnNotFound
            No run has the stream, or the data key; with ``pages`` after the last of them.
        """
        from . import many

        wanted = many.list_data_keys(keys)
        if pages is not None and not (n_runs := run_keys.n_runs(pages, "pages")):
            raise QueryError("pages is how many runs a dataset has, 1 or more, not 0.")
        store = self.store if use_columnar else self.store.reading_events()
        has_starts_corrected = "start" in self._context.transforms
        starts = self._starts(fields=() if has_starts_corrected else ("scan_id", "time", "uid"))
        if pages is not None:
            return many.read_pages(store, starts, self._runs_with_streams, wanted, stream, n_runs=n_runs)
        is_limited = bool(self._selection.window.limit)
        return many.read_runs(store, starts, self._runs_with_streams, wanted, stream, is_limited=is_limited)

    def map(
        self,
        function: Callable[[Any], Any],
        *,
        keys: str | Iterable[str] | None = None,
        stream: str = NAMELESS_STREAM,
        threads: int | None = None,
        on_error: many.OnError = "raise",
    ) -> pandas.DataFrame:
        """Call a function for each run, in several threads, and return a table of what it returns.

        Parameters
        ----------
        function : callable
            It is given the `Run`; with ``keys``, what ``run[stream].read(keys)`` gives. The documents of 1000 runs are
            fetched together.
        keys : str or iterable of str, optional
            Data keys, images too.
        stream : str
            The name of their stream.
        threads : int, optional
            How many threads call the function and read files: by default as many as there are processors, at most 8.
            A function that is given runs asks the server in each of them.
        on_error : {"raise", "collect"}
            Whether the first error of a run is raised, or the errors stand in the rows of their runs.

        Returns
        -------
        pandas.DataFrame
            A row for each run, in the order of the catalog, indexed by uid: ``scan_id``, ``result`` and ``error``,
            which is None where there is none.
        """
        from . import many

        return many.map_runs(
            self.store,
            self._starts(),
            self._runs_with_streams,
            function,
            keys=None if keys is None else many.list_data_keys(keys),
            stream=stream,
            threads=threads,
            on_error=on_error,
            count=self.__len__,
        )

    @overload
    def distinct(self, field: str, *, counts: Literal[False] = False) -> list[Any]: ...

    @overload
    def distinct(self, field: str, *, counts: Literal[True]) -> dict[Any, int]: ...

    def distinct(self, field: str, *, counts: bool = False) -> list[Any] | dict[Any, int]:
        """Return the values that a field has in these runs.

        Parameters
        ----------
        field : str
            A dotted field of the start document, or of another document after ``stop.`` or ``descriptor.``. Each
            element of a list counts; missing values and null do not.
        counts : bool, optional
            Whether to count the runs with each value.

        Returns
        -------
        list, or dict of int by value
            A list is in MongoDB's order: numbers, texts, mappings, bytes, bools, dates, each by size; 1 and 1.0 are one
            value, True is another. Counts are in the order of their size, the largest first, equal ones as in a list.
            What cannot be a key of a dict is given as text where it is counted: mappings and lists as JSON, a
            ``Decimal128`` or a ``Regex`` as its repr. So is a value that is equal to another as a key: where there are
            1 and True, these are the keys 1 and ``"true"``.
        """
        from . import tables

        found = self.store.distinct(self.query, plain_path(field), counts=counts)
        if not found:
            self._hint((self.query, Exists(field)))
        return tables.count_by_value(found) if counts else [value for value, _ in found]

    def facets(self, fields: str | Iterable[str]) -> dict[str, dict[Any, int]]:
        """Return, for each field, how many of these runs have each value."""
        from . import tables

        return {field: self.distinct(field, counts=True) for field in tables.list_fields(fields)}

    def watch(self, *, seconds: float = 1.0) -> Iterator[Change[Run]]:
        """Yield the runs that start and stop from now on, until you stop iterating.

        A replica set reports when runs are stored. Any other server is polled; then a run is missed if its clock is
        more than a quarter of an hour behind that of the latest run. Of the runs that are in progress already, the
        newest hundred are watched for their stop.

        Parameters
        ----------
        seconds : float
            The interval for polling such a server.

        Yields
        ------
        Change
            ``kind``, ``"start"`` or ``"stop"``, and ``run``, as it is then.
        """
        from . import live

        return live.watch(self.store, self.query, self._runs, seconds=seconds)

    def update(
        self,
        run: Run | str | int,
        *,
        start: Changes | None = None,
        stop: Changes | None = None,
        descriptors: Mapping[str, Changes] | None = None,
    ) -> None:
        """Correct fields of a run's start, stop or descriptors; the earlier documents are kept as revisions.

        A run that was read before stays as it is; its ``refresh()`` returns the corrected one, and its ``revisions()``
        the earlier documents.

        Parameters
        ----------
        run : Run, str or int
            A run of this catalog, or its key as in ``catalog[key]``.
        start, stop : mapping, optional
            New values of fields, by name; fields that are not named stay as they are. A tuple of names is the path of a
            nested field: ``{("sample", "name"): "A2"}``. `databroker_mongo.REMOVE` as the value removes the field; one
            that the document has never had is an error.
        descriptors : mapping of str to mapping, optional
            The same for the descriptors of streams, by the name of the stream (all its descriptors) or the uid of one:
            ``{"primary": {("data_keys", "I0", "units"): "nA"}}``.

        Raises
        ------
        RunNotFound
            No run of this catalog matches the key, or it has no stop document to correct.
        StreamNotFound
            The run has no such stream or descriptor.
        InvalidDocument
            The corrected document breaks its schema, or a field that identifies it would be changed.
        NotAuthorized
            The account may not write.
        ConfigurationError
            The catalog cannot be written to.
        """
        from ..writing import update_run  # what only reads does not load what writes

        uid = self[run.start["uid"] if isinstance(run, Run) else run].start["uid"]
        store = writable(self._context.of_run(uid).store)
        update_run(store, uid, start=start, stop=stop, descriptors=descriptors)

    def register_handler(self, spec: str, handler: HandlerClass | str, overwrite: bool = False) -> None:
        """Use this class for a spec or MIME type, in this catalog and in searches of it.

        Raises
        ------
        ConfigurationError
            Another class is registered by hand, and `overwrite` is False.
        """
        self.assets.registry.register(spec, handler, overwrite)

    def deregister_handler(self, spec: str) -> None:
        """Remove the handler that was registered by hand.

        Raises
        ------
        UnknownSpec
            None was registered.
        """
        self.assets.registry.deregister(spec)

    @property
    def metadata(self) -> dict[str, Any]:
        """What intake and Tiled hold about a catalog as a whole: here nothing is stored about it."""
        return {}

    def __call__(self) -> Self:
        """Return the catalog itself, as databroker did."""
        return self

    def reload(self) -> None:
        """Do nothing: each query to a catalog is asked anew."""

    force_reload = reload

    def __getattr__(self, name: str) -> NoReturn:
        remedy = f": {OF_CATALOG[name]}" if name in OF_CATALOG else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{remedy}")

    def _with(self, selection: Selection) -> Catalog:
        found = Catalog(self.store, self.assets, name=self._name)
        found._context = self._context
        found._selection = selection
        return found

    def _starts(self, *, skip: int = 0, limit: int = 0, fields: Sequence[str] = ()) -> Iterator[Document]:
        """Yield start documents in the order of the catalog, or tell why there is none; ``limit=0`` means all."""
        found = self._selection.starts(self.store, skip=skip, limit=limit, fields=fields)
        # Where runs are skipped, that none follows does not say that the search found none.
        return found if skip else self._with_hint(found)

    def _with_hint(self, found: Iterator[_Found]) -> Iterator[_Found]:
        first = next(found, None)
        if first is None:
            if not self._selection.window.skip:
                self._hint()
            return
        yield first
        yield from found

    def _hint(self, *more: Step, near_only: bool = False) -> None:
        """Warn of what was searched for and no run has, now that nothing was found; once for a search."""
        if not more and (self._has_hinted or not self._selection.searches):
            return
        from .field_hints import missing_names

        text = missing_names(self.store, (*self._selection.searches, *more), near_only=near_only)
        self._has_hinted = self._has_hinted or not more
        if text:
            warnings.warn(text, CatalogWarning, stacklevel=stacklevel_of_caller())

    def _runs(
        self,
        starts: Sequence[Document],
        descriptors: Mapping[str, Sequence[Document]] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Run]:
        """Make runs of start documents, with what is at hand of their streams: one query for all stop documents."""
        stops = self.store.stops([start["uid"] for start in starts]) if starts else {}
        described, named = descriptors or {}, names or {}
        return [
            Run(
                self._context.of_run(uid),
                start,
                stops.get(uid),
                as_header=self._header,
                descriptors=described.get(uid),
                names=named.get(uid),
            )
            for start in starts
            for uid in (start["uid"],)
        ]

    def _runs_with_streams(self, starts: Sequence[Document]) -> list[Run]:
        """Make runs of start documents, with all their descriptors: one query more."""
        has_starts_corrected = "start" in self._context.transforms  # whose uids may be others than those stored
        return self._runs(starts, {} if has_starts_corrected else self.store.descriptors([s["uid"] for s in starts]))

    def _header(self, run: Run) -> Header:
        from ..v1 import Header  # it stands on this module: the one circle of the package

        return Header(run, self.v1)

    def _pages(self) -> Iterator[list[Run]]:
        for starts in self._with_hint(self._selection.kept_pages(self.store)):
            stops = self.store.kept_stops([start.uid for start in starts])
            yield [
                Run(self._context.of_run(start.uid), start, stops.get(start.uid), as_header=self._header)
                for start in starts
            ]

    def _start_of(self, key: object) -> Document:
        return run_keys.find(key, self.store, self._selection.query, find_position=self._start_of_position)

    def _start_of_position(self, number: int) -> Document:
        """Return the start document at a position, which is negative and counts from the latest run."""
        is_countable = -number <= run_keys.FARTHEST_PLACE
        start = next(self._starts(skip=-number - 1, limit=1), None) if is_countable else None
        if start is None:
            raise RunIndexError(f"the catalog has no run {shown(number)}: it holds {len(self)} runs", key=number)
        return start

    def _starts_of_slice(self, key: slice) -> list[Document]:
        skip, n_runs = run_keys.part_of_slice(key)
        return list(self._starts(skip=skip, limit=n_runs)) if n_runs > 0 else []

    def _starts_of_keys(self, keys: Sequence[object]) -> list[Document]:
        """Return the start document of each key: one query for all uids, one for scan ids, one for positions."""
        numbers = [number for number in map(run_keys.integer_key, keys) if number is not None]
        places = [-number for number in numbers if 0 < -number <= run_keys.FARTHEST_PLACE]
        known = run_keys.find_several(keys, self.store, self.query) | self._starts_of_places(places)
        # True and 1.0 are equal to 1 as keys of a mapping, and are no keys of a run.
        lookups = [str.__str__(key) if isinstance(key, str) else run_keys.integer_key(key) for key in keys]
        return [known[each] if each in known else self._start_of(key) for key, each in zip(keys, lookups, strict=True)]

    def _starts_of_places(self, places: Sequence[int]) -> dict[object, Document]:
        """Return the start documents at places counted from 1, by negative position."""
        first, last = min(places, default=0), max(places, default=0)
        if not places or last - first > _SPARSE * len(places):
            return {}  # each is asked for by itself: there may be many runs between them
        starts = self._starts(skip=first - 1, limit=last - first + 1)
        return {-place: start for place, start in enumerate(starts, first)}


def _require_known(options: Iterable[str]) -> None:
    known = sorted(key for key, setting in CATALOG_KEYS.items() if setting.is_for_code)
    for name in options:
        if name in URI_OPTIONS:
            raise TypeError(f"from_uri() has no argument {name!r}: write {URI_OPTIONS[name]}=... into the URI")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its arguments are {', '.join(known)}."
            raise TypeError(f"from_uri() has no argument {name!r}; {hint}")
