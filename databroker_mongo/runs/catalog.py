"""Catalog: the runs of a database, or those of them that answer to questions. What a person types on a catalog is here.

What does not belong here: what stands between the brackets (``run_mapping``), what many runs tell at once
(``run_overviews``), how questions are answered (``store``), and which catalogs there are (``named``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..arrays import Transform
from ..assets import AssetReader, Rule, open_reader
from ..config import CATALOG_KEYS, CatalogSettings, Directory
from ..errors import CatalogWarning, ConfigurationError, QueryError
from ..printable import shown
from ..queries import (
    NEWEST_FIRST,
    All,
    Query,
    Sorting,
    Window,
    conjunction,
    from_keywords,
    query_of,
    scope_of,
    sort_of,
)
from ..store import ConnectionOptions, Explanation, NormalizedStore, Store, open_store
from . import keys as run_keys
from .catalog_hints import CatalogHints
from .field_hints import Step
from .overviews import RunOverviews
from .run import Run
from .transforms import given_transforms, transforms_of

if TYPE_CHECKING:
    from ..v1 import Broker, Header
    from ..writing import Changes

MANY_DOCUMENTS = 100_000


class Catalog(CatalogHints, RunOverviews):
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
        handler_registry: Mapping[str, Any] | None = None,
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
            Of the connection: ``timeout_seconds``, ``pool_size``, ``app_name``, ``read_preference``,
            ``max_staleness_seconds``, ``collection_prefix``.

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
        return cls(store, assets, query=query, transforms=given_transforms(transforms))

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
        scope = scope_of(settings.scope) if settings.scope else None
        return cls(
            store,
            open_reader(settings),
            query=scope,
            name=settings.name,
            transforms=transforms_of(settings),
        )

    @classmethod
    def in_memory(cls, **options: Any) -> Catalog:
        """Open an empty catalog that is gone with the process; ``options`` as for :meth:`from_uri`."""
        return cls.from_uri("memory://", **options)

    @property
    def v1(self) -> Broker:
        """The interface of databroker 1: the same object as long as the catalog exists."""
        if not self._broker:
            from ..v1 import Broker

            # Of two threads, both get the same one.
            self._broker.setdefault("v1", Broker(self))
        return self._broker["v1"]

    def _header(self, run: Run) -> Header:
        from ..v1 import Header

        return Header(run, self.v1)

    @property
    def v2(self) -> Catalog:
        """The catalog itself, for scripts that also use :attr:`v1`."""
        return self

    def search(
        self,
        *questions: Query | Mapping[str, Any],
        sort: Sorting | None = None,
        skip: int = 0,
        limit: int | None = None,
        **keywords: Any,
    ) -> Catalog:
        """Return the catalog of the runs in this one that match all queries.

        Parameters
        ----------
        *questions : Query or mapping
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
        wanted = conjunction([*map(query_of, questions), from_keywords(**keywords)])
        asked = conjunction([self.query, wanted])
        sorting = self._view.sort if sort is None else sort_of(sort)
        n_skipped, n_most = (run_keys.n_runs(number, name) for number, name in ((skip, "skip"), (limit, "limit")))
        steps = self._steps if wanted == All() else (*self._steps, (self.query, wanted))
        return self._with(Window(asked, sorting, n_skipped, n_most), steps)

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
        scope = scope_of({**({} if fields is None else fields), **more})
        return self._with(Window(conjunction([self.query, scope]), self._view.sort))

    def explain(self, *questions: Query | Mapping[str, Any], **keywords: Any) -> Explanation:
        """Explain how the runs that match the queries are found: by which index, examining how many documents.

        Parameters
        ----------
        *questions, **keywords
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
        found = self._store.explain(self.search(*questions, **keywords).query)
        for step in found.steps:
            if step.is_scan and step.n_examined > MANY_DOCUMENTS:
                warnings.warn(
                    f"{step.n_examined} documents of {step.collection!r} are examined without an index",
                    CatalogWarning,
                    stacklevel=2,
                )
        return found

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
        from ..store import writable
        from ..writing import update_run

        if not isinstance(self._store, NormalizedStore):
            raise ConfigurationError(f"{self._store.address} is open for reading only: nothing can be corrected there")
        found = self[run.start["uid"] if isinstance(run, Run) else run]
        update_run(writable(self._store), found.start["uid"], start=start, stop=stop, descriptors=descriptors)

    def register_handler(self, spec: str, handler: Any, overwrite: bool = False) -> None:
        """Use this class for a spec or MIME type, in this catalog and in searches of it.

        Raises
        ------
        ConfigurationError
            Another class is registered by hand, and `overwrite` is False.
        """
        self._assets.registry.register(spec, handler, overwrite)

    def deregister_handler(self, spec: str) -> None:
        """Remove the handler that was registered by hand.

        Raises
        ------
        UnknownSpec
            None was registered.
        """
        self._assets.registry.deregister(spec)

    def _with(self, view: Window, steps: tuple[Step, ...] = ()) -> Catalog:
        found = Catalog(self._store, self._assets, name=self._name, transforms=self._transforms)
        found._view = view
        found._steps = steps
        return found


def _require_known(options: Iterable[str]) -> None:
    known = sorted({*CATALOG_KEYS} - {"description", "metadata_indexes"})
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its arguments are {', '.join(known)}."
            raise TypeError(f"from_uri() has no argument {name!r}; {hint}")
