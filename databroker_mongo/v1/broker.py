"""Broker: what scripts of databroker 1 call ``db``.

How it is opened, and what it stores; it inherits how runs are found (``finding``) and read (``reading``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import OldNameWarning
from . import opening
from .finding import Finding
from .registry import Registry

if TYPE_CHECKING:
    from ..runs import Catalog

Insert = Callable[[str, Mapping[str, Any]], Any]


class Broker(Finding):
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
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        serializer: Insert | None = None,
        external_fetchers: Mapping[str, Callable[[Any, Any], Any]] | None = None,
    ):
        super().__init__(catalog, external_fetchers=external_fetchers)
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
        return opening.interface_of(catalog, config)

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
        return opening.interface_of(opening.open_config(config, auto_register=auto_register, name=name), config)

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
        warnings.warn("db.fs is an old name of db.reg", OldNameWarning, stacklevel=2)
        return self.reg

    def __repr__(self) -> str:
        return f"<Broker on {self._catalog!r}>"

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
