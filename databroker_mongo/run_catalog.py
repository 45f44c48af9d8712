"""Catalog: the runs of a database, or those of them that answer to questions. What a person types on a catalog is here.

What does not belong here: what stands between the brackets (``run_mapping``), tables of runs (``run_table``), how
questions are answered (``store``), and which catalogs there are (``named``).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import display, live, run_keys, run_table, transforms
from .arrays.opening import Transform
from .assets.machine import open_reader
from .assets.reader import AssetReader
from .config import CatalogSettings
from .errors import CatalogWarning, QueryError
from .live import Change
from .queries import NEWEST_FIRST, All, Query, Raw, Sorting, Window, conjunction, from_keywords, scope_of, sort_of
from .run import Run
from .run_mapping import RunMapping
from .store.connection import ConnectionOptions
from .store.normalized import open_store
from .store.protocol import Store
from .store.reports import Explanation

if TYPE_CHECKING:
    import pandas

    from .v1 import Broker

MANY_DOCUMENTS = 100_000
_MOST_LISTED = 10


class Catalog(RunMapping):
    """The runs of a database: a mapping from their uids to the runs, the newest first.

    Not made by hand: ``databroker_mongo.catalog["name"]`` or :meth:`from_uri` gives it. To search gives a catalog
    again, which nothing leaves that is asked of it.

    ======================  ==========================================================
    ``catalog[-1]``         the most recent run, ``catalog[-2]`` the one before
    ``catalog[23463]``      the most recent run of that scan id
    ``catalog["777b44a"]``  the run whose uid is that, or begins with it
    ``catalog[-5:]``        a list of the five most recent runs, the newest first
    ``catalog[[5, "7a"]]``  a list of the runs of these keys
    ======================  ==========================================================

    Parameters
    ----------
    store : Store
        Where the documents are.
    assets : AssetReader
        What reads the external data of the runs.
    query : Query, optional
        What the runs must answer to; nothing that is asked of the catalog goes beyond it.
    sort : sequence of (str, int), optional
        The order of iteration, of ``[-N]`` and of slices; the newest first by default.
    name : str, optional
        The name under which it is configured.
    transforms : mapping, optional
        Callables by kind of document, applied to what is read.
    """

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
        view = Window(All() if query is None else query, sort_of(sort))
        super().__init__(store, assets, view=view, name=name, transforms=transforms)
        self._broker: dict[str, Broker] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_broker": {}}

    @classmethod
    def from_uri(
        cls,
        uri: str,
        *,
        asset_uri: str | None = None,
        handlers: Mapping[str, Any] | None = None,
        root_map: Mapping[str, str] | None = None,
        transforms: Mapping[str, Transform] | None = None,
        **options: Any,
    ) -> Catalog:
        """Open the catalog of a database; nothing is asked of it yet.

        Parameters
        ----------
        uri : str
            ``mongodb://HOST/DATABASE``, ``local:///path/to/data?database=NAME`` or ``memory://NAME``.
        asset_uri : str, optional
            The database of resources and datums, where that is another one.
        handlers : mapping of str to class or str, optional
            Handler classes by spec or MIME type; they come before installed ones.
        root_map : mapping of str to str, optional
            What to put in the place of a root in the documents.
        transforms : mapping of str to callable, optional
            By kind of document (``start``, ``stop``, ``descriptor``, ``resource``, ``stream_resource``, ``datum``),
            what corrects it when it is read.
        **options : object
            Of the connection: ``timeout_seconds``, ``server_selection_seconds``, ``pool_size``, ``app_name``,
            ``read_preference``, ``max_staleness_seconds``.

        Raises
        ------
        ConfigurationError
            The URI has an unknown scheme, names no database, or cannot be parsed.
        TypeError
            An option is unknown.
        """
        store = open_store(uri, asset_uri=asset_uri, options=ConnectionOptions(**options))
        return cls(store, open_reader(handlers=handlers, root_map=root_map), transforms=transforms)

    @classmethod
    def from_settings(cls, settings: CatalogSettings) -> Catalog:
        """Open a catalog as it is configured; nothing is asked of the database yet.

        Raises
        ------
        ConfigurationError
            The settings name something that cannot be used.
        CredentialsUnavailable
            A variable of the environment that its URI needs is not set.
        """
        store = open_store(settings.uri, asset_uri=settings.asset_uri, options=ConnectionOptions.of(settings))
        scope = scope_of(settings.scope) if settings.scope else None
        return cls(store, open_reader(settings), query=scope, name=settings.name, transforms=transforms.of(settings))

    @classmethod
    def in_memory(cls, **options: Any) -> Catalog:
        """Open an empty catalog that is gone with the process; ``options`` as for :meth:`from_uri`."""
        return cls.from_uri("memory://", **options)

    @property
    def v1(self) -> Broker:
        """The interface of databroker 1: always the same object, as long as there is the catalog."""
        if not self._broker:
            from .v1 import Broker

            # Of two threads, both get the same one.
            self._broker.setdefault("v1", Broker(self))
        return self._broker["v1"]

    @property
    def v2(self) -> Catalog:
        """The catalog itself, as scripts call it that also use :attr:`v1`."""
        return self

    def search(
        self,
        *questions: Query | Mapping[str, Any],
        sort: Sorting | None = None,
        skip: int = 0,
        limit: int | None = None,
        **keywords: Any,
    ) -> Catalog:
        """Return the catalog of those runs that answer to all questions, and are in this one.

        Parameters
        ----------
        *questions : Query or mapping
            Queries, or filters in the language of MongoDB on the start document.
        sort : str, (str, int) or a sequence of these, optional
            Fields of the start document: ``"scan_id"``, ``"-time"`` or ``("time", -1)``. The newest first by default.
        skip, limit : int, optional
            How many runs to leave out at the beginning, and how many to take after them.
        **keywords : object
            ``stop={...}`` and ``descriptor={...}`` are filters on those documents; ``in_progress=True``;
            ``stream="baseline"``, ``data_key="I0"``, ``device="eiger"``; ``duration_gt=60``, ``_ge``, ``_lt``, ``_le``.

        Raises
        ------
        QueryError
            A question that may not be asked, or cannot be.
        TypeError
            Another keyword.
        """
        asked = conjunction([self.query, *map(_query, questions), from_keywords(**keywords)])
        sorting = self._view.sort if sort is None else sort_of(sort)
        return self._with(Window(asked, sorting, _count(skip, "skip"), _count(limit or 0, "limit")))

    def scoped(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> Catalog:
        """Return the catalog of those runs that have, in each of these fields, one of these values.

        No look-up, ``in``, ``len``, slice, search, raw filter, stream or pickle of it leaves the scope. It is a
        guard-rail and not a lock: whoever holds the credentials can open the database without it. For security, give
        accounts the roles and views of MongoDB.

        Parameters
        ----------
        fields : mapping, optional
            Dotted names of fields of the start document, each with a value or a list of values.
        **more : object
            The same, for names without dots: ``data_session=["pass-123456"]``.

        Raises
        ------
        QueryError
            No field is given, or None as a value, which runs without the field would have.
        """
        return self._with(Window(conjunction([self.query, scope_of({**(fields or {}), **more})]), self._view.sort))

    def find(self, text: str | int, *, limit: int = 20) -> list[Run]:
        """Return all runs that a text may mean, the likeliest first.

        Parameters
        ----------
        text : str or int
            A uid, a scan id, the beginning of a uid, or words that the metadata hold.
        limit : int, optional
            The most runs of each kind.

        Raises
        ------
        QueryError
            Nothing but the words may be meant, and the database has no text index.
        """
        return self._runs(run_keys.find_all(str(text), self._store, self.query, limit=limit))

    def table(
        self, columns: str | Iterable[str] | None = None, *, timezone: str | None = None, limit: int | None = None
    ) -> pandas.DataFrame:
        """Return a table of the runs, a row each, in order.

        Parameters
        ----------
        columns : str or iterable of str, optional
            Dotted fields of the start document, or of the stop document after ``stop.``; ``time`` and ``stop.time``
            as times of day; ``duration`` in seconds; ``streams``, their names; ``n_events``, as the stop document
            counts them, or counted where that does not.
        timezone : str, optional
            The zone of the times; the local one by default.
        limit : int, optional
            The most rows.

        Returns
        -------
        pandas.DataFrame
            Indexed by uid.
        """
        wanted = _names(run_table.DEFAULT_COLUMNS if columns is None else columns)
        return run_table.table(self.rows(wanted, limit=limit), wanted, timezone=timezone)

    def rows(self, columns: Sequence[str], *, limit: int | None = None) -> Iterator[tuple[str, list[Any]]]:
        """Yield the uid of each run with the cells of a :meth:`table`, a page after the other; times are in seconds."""
        starts = self._starts(limit=limit or 0, fields=run_table.needed_fields(columns))
        return run_table.rows(self._store, starts, columns)

    def distinct(self, field: str, *, counts: bool = False) -> Any:
        """Return the values that a field has in these runs, the most frequent first.

        Parameters
        ----------
        field : str
            A dotted field of the start document, or after ``stop.`` or ``descriptor.`` of another. Of a list, each
            element counts; a missing value and null do not.
        counts : bool, optional
            Whether to count the runs with each value.

        Returns
        -------
        list, or dict of int by value
            Mappings and lists, which cannot be keys, are given as JSON text where they are counted.
        """
        found = self._store.distinct(self.query, field, counts=counts)
        return {_as_key(value): n_runs for value, n_runs in found} if counts else [value for value, _ in found]

    def facets(self, fields: str | Iterable[str]) -> dict[str, dict[Any, int]]:
        """Return, for each field, how many of these runs have each value."""
        return {field: self.distinct(field, counts=True) for field in _names(fields)}

    def explain(self, *questions: Query | Mapping[str, Any], **keywords: Any) -> Explanation:
        """Tell how the runs that answer to the questions are found: by which index, looking at how many documents.

        Parameters
        ----------
        *questions, **keywords
            As for :meth:`search`; none explains the catalog itself.

        Returns
        -------
        Explanation
            With a readable repr.

        Warns
        -----
        CatalogWarning
            More than 100,000 documents are looked at without an index.
        """
        found = self._store.explain(self.search(*questions, **keywords).query)
        for step in found.steps:
            if step.is_scan and step.n_examined > MANY_DOCUMENTS:
                warnings.warn(
                    f"{step.n_examined} documents of {step.collection!r} are looked at without an index",
                    CatalogWarning,
                    stacklevel=2,
                )
        return found

    def watch(self, *, seconds: float = 1.0) -> Iterator[Change[Run]]:
        """Yield the runs that start and stop from now on, for as long as it is asked.

        A server that is a replica set tells when runs are stored; another is asked now and then, and then a run is
        missed whose clock is behind that of the latest run before it.

        Parameters
        ----------
        seconds : float
            How often to ask such a server.

        Yields
        ------
        Change
            ``kind``, ``"start"`` or ``"stop"``, and ``run``, as it is then.
        """
        return live.watch(self._store, self.query, self._runs, seconds=seconds)

    def register_handler(self, spec: str, handler: Any, overwrite: bool = False) -> None:
        """Serve a spec or MIME type by this class, in this catalog and those searched from it.

        Raises
        ------
        ConfigurationError
            Another class is registered by hand, and `overwrite` is False.
        """
        self._assets.registry.register(spec, handler, overwrite)

    def deregister_handler(self, spec: str) -> None:
        """Take back what was registered by hand.

        Raises
        ------
        UnknownSpec
            Nothing was.
        """
        self._assets.registry.deregister(spec)

    def __repr__(self) -> str:
        return display.catalog_text(self._name, self._store.address, repr(self.query))

    def _repr_html_(self) -> str:
        runs = [(run.start, run.stop) for run in self._runs(list(self._starts(limit=_MOST_LISTED)))]
        return display.catalog_html(self._name, self._store.address, repr(self.query), runs)

    def _ipython_key_completions_(self) -> list[str]:
        return [start["uid"] for start in self._starts(limit=100, fields=("uid",))]

    def _with(self, view: Window) -> Catalog:
        found = Catalog(self._store, self._assets, name=self._name, transforms=self._transforms)
        found._view = view
        return found


def _names(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _query(question: Query | Mapping[str, Any]) -> Query:
    return question if isinstance(question, Query) else Raw(question)


def _as_key(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _count(value: Any, name: str) -> int:
    number = run_keys.integer(value)
    if number is None or number < 0:
        raise QueryError(f"{name} is a number of runs, 0 or more, not {value!r}.")
    return number
