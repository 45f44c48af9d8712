"""Catalog: the runs of a database, found by uid, scan id, recency or a question.

What a person types on a catalog is here. What does not belong here: how questions are answered (``store``), what runs
hold (``run``), which catalogs there are (``named``).
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any

from . import display, run_keys, transforms
from .arrays.opening import Transform
from .assets.machine import open_reader
from .assets.reader import AssetReader
from .config import CatalogSettings
from .errors import QueryError, RunNotFound
from .queries import All, In, Query, Raw, Window, conjunction, from_keywords
from .run import Run
from .run_keys import NEWEST_FIRST
from .store.connection import ConnectionOptions
from .store.normalized import open_store
from .store.protocol import Document, Sort, Store

_PAGES = (100, 1000)
_MOST_LISTED = 10


class Catalog(Mapping[str, Run]):
    """The runs of a database: a mapping from their uids to the runs, the newest first.

    ``catalog[key]`` takes a uid or the beginning of one, a scan id, or a negative number (``-1`` is the latest run); a
    list of these, or a slice ``[-5:]``, gives a list. Made by :meth:`from_uri`, :meth:`in_memory`, by name
    (``databroker_mongo.catalog["beamline"]``), and by :meth:`search` from another one.

    Parameters
    ----------
    store : Store
        Where the runs are.
    assets : AssetReader
        What reads their external data.
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
        sort: Sort = NEWEST_FIRST,
        name: str | None = None,
        transforms: Mapping[str, Transform] | None = None,
    ):
        self._store = store
        self._assets = assets
        self._query = All() if query is None else query
        self._sort = tuple(sort)
        self._name = name
        self._transforms = dict(transforms or {})

    @classmethod
    def from_uri(
        cls,
        uri: str,
        *,
        asset_uri: str | None = None,
        handlers: Mapping[str, Any] | None = None,
        root_map: Mapping[str, str] | None = None,
        transforms: Mapping[str, Transform] | None = None,
    ) -> Catalog:
        """Open a catalog; nothing is asked of the database yet.

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

        Raises
        ------
        ConfigurationError
            The URI has an unknown scheme, names no database, or cannot be parsed.
        """
        store = open_store(uri, asset_uri=asset_uri)
        return cls(store, open_reader(handlers=handlers, root_map=root_map), transforms=transforms)

    @classmethod
    def from_settings(cls, settings: CatalogSettings) -> Catalog:
        """Open a catalog as it is configured."""
        store = open_store(settings.uri, asset_uri=settings.asset_uri, options=ConnectionOptions.of(settings))
        opened = cls(store, open_reader(settings), name=settings.name, transforms=transforms.of(settings))
        return opened.scoped(**settings.scope) if settings.scope else opened

    @classmethod
    def in_memory(cls, **options: Any) -> Catalog:
        """Open an empty catalog that is gone with the process; ``options`` as for :meth:`from_uri`."""
        return cls.from_uri("memory://", **options)

    @property
    def name(self) -> str | None:
        """The name under which it is configured."""
        return self._name

    @property
    def store(self) -> Store:
        """Where the runs are."""
        return self._store

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            return self._slice(key)
        if isinstance(key, list):
            return [self[each] for each in key]
        return next(self._runs([self._find(key)]))

    def __contains__(self, key: object) -> bool:
        try:
            self._find(key)
        except RunNotFound:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return (start["uid"] for start in self._starts(self._query))

    def __len__(self) -> int:
        return self._store.count_starts(self._query)

    def __bool__(self) -> bool:
        return next(self._starts(self._query, limit=1), None) is not None

    def values(self) -> ValuesView[Run]:
        """Return the runs, fetched a page at a time."""
        return _Runs(self)

    def items(self) -> ItemsView[str, Run]:
        """Return pairs of uid and run, fetched a page at a time."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity()[:1])

    def _identity(self) -> tuple[Any, ...]:
        return self._store, self._query, self._sort

    def __repr__(self) -> str:
        return display.catalog_text(self._name, self._store.address, repr(self._query))

    def _repr_html_(self) -> str:
        runs = [(run.start, run.stop) for run in itertools.islice(self.values(), _MOST_LISTED)]
        return display.catalog_html(self._name, self._store.address, repr(self._query), runs)

    def search(
        self,
        *questions: Query | Mapping[str, Any],
        sort: Sort | None = None,
        skip: int = 0,
        limit: int = 0,
        **keywords: Any,
    ) -> Catalog:
        """Narrow the catalog to the runs that answer to all that is asked.

        Parameters
        ----------
        *questions : Query or dict
            Questions from ``databroker_mongo.queries``, or filters in MongoDB's language on the start document.
        sort : sequence of (str, int), optional
            The order of what is found: fields of the start document, each with 1 (ascending) or -1 (descending).
        skip, limit : int, optional
            How many runs to leave out in that order, and how many to take after that; ``limit=0`` takes all.
        **keywords : object
            Questions about other documents: ``stop={...}``, ``descriptor={...}``, ``in_progress=True``,
            ``stream="baseline"``, ``data_key="I0"``, ``device="eiger"``, ``duration_gt=60``.

        Returns
        -------
        Catalog
            With all that a catalog can do.

        Raises
        ------
        QueryError
            A question that may not, or cannot, be asked.
        TypeError
            An unknown keyword.
        """
        asked = [_as_query(question) for question in questions]
        query = conjunction([self._query, *asked, from_keywords(**keywords)])
        order = self._sort if sort is None else _checked_sort(sort)
        if skip or limit:
            query = Window(query, order, _checked_count("skip", skip), _checked_count("limit", limit))
        return self._narrowed(query, order)

    def scoped(self, **fields: Any) -> Catalog:
        """Return the runs whose start document has one of some values in a field, and no way beyond them.

        It guards against mistakes, not against malice: whoever can open the database can read all of it.

        Parameters
        ----------
        **fields : object or list
            For a field of the start document the value, or the values of which it has, or holds, one:
            ``data_session=["pass-123"]``.
        """
        if not fields:
            raise QueryError("scoped() needs at least one field: scoped(data_session=['pass-123'])")
        limits = [
            In(field, [values] if isinstance(values, str | int) else list(values)) for field, values in fields.items()
        ]
        return self._narrowed(conjunction([self._query, *limits]), self._sort)

    def register_handler(self, spec: str, handler: Any, overwrite: bool = False) -> None:
        """Let a class serve a spec or MIME type in this catalog, before all that is installed."""
        self._assets.registry.register(spec, handler, overwrite=overwrite)

    def deregister_handler(self, spec: str) -> None:
        """Undo :meth:`register_handler`."""
        self._assets.registry.deregister(spec)

    def _narrowed(self, query: Query, sort: Sort) -> Catalog:
        return Catalog(self._store, self._assets, query=query, sort=sort, name=self._name, transforms=self._transforms)

    def _runs(self, starts: Iterable[Document]) -> Iterator[Run]:
        """Yield runs, with their stop documents fetched a page at a time."""
        starts = iter(starts)
        for size in itertools.chain(_PAGES, itertools.repeat(_PAGES[-1])):
            page = list(itertools.islice(starts, size))
            if not page:
                return
            stops = self._store.stops([start["uid"] for start in page])
            for start in page:
                yield Run(
                    self._store,
                    start,
                    stops.get(start["uid"]),
                    assets=self._assets,
                    catalog_name=self._name,
                    transforms=self._transforms,
                )

    def _starts(self, query: Query, *, skip: int = 0, limit: int = 0) -> Iterator[Document]:
        return self._store.find_starts(query, sort=self._sort, skip=skip, limit=limit)

    def _find(self, key: Any) -> Document:
        return run_keys.find(key, self._store, self._query, self._sort)

    def _slice(self, key: slice) -> list[Run]:
        start, stop = key.start, key.stop
        if key.step is not None or start is None or start >= 0 or (stop is not None and stop >= 0):
            raise QueryError(
                f"a slice of a catalog counts from the latest run, as [-5:] or [-5:-2]; it was"
                f" [{start}:{stop}:{key.step}]"
            )
        skip = 0 if stop is None else -stop
        limit = max(0, -start - skip)
        return list(self._runs(self._starts(self._query, skip=skip, limit=limit))) if limit else []


class _Runs(ValuesView[Run]):
    def __init__(self, catalog: Catalog):
        super().__init__(catalog)
        self._catalog = catalog

    def __iter__(self) -> Iterator[Run]:
        return self._catalog._runs(self._catalog._starts(self._catalog._query))


class _Items(ItemsView[str, Run]):
    def __init__(self, catalog: Catalog):
        super().__init__(catalog)
        self._catalog = catalog

    def __iter__(self) -> Iterator[tuple[str, Run]]:
        return ((run.start["uid"], run) for run in self._catalog.values())


def _as_query(question: Query | Mapping[str, Any]) -> Query:
    if isinstance(question, Query):
        return question
    if isinstance(question, Mapping):
        return Raw(question)
    raise QueryError(
        f"a question is a filter in MongoDB's language or a query of databroker_mongo.queries, not {question!r}"
    )


def _checked_sort(sort: Sort) -> tuple[tuple[str, int], ...]:
    checked = tuple((field, direction) for field, direction in sort)
    if any(not isinstance(field, str) or direction not in (1, -1) for field, direction in checked):
        raise QueryError(f"sort is a list of (field, 1 or -1), such as [('time', -1)]; it was {sort!r}")
    return checked


def _checked_count(name: str, value: int) -> int:
    number = operator.index(value)
    if number < 0:
        raise QueryError(f"{name} is a number of runs, not {value!r}")
    return number
