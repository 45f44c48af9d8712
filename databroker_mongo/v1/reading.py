"""Reading runs, one or many: documents, events, tables, images, and all of it into another broker.

What does not belong here: how each of these is made (the rooms beside), how runs are found (``finding``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ColumnNotFound, OldNameWarning
from . import files, tables
from .header import Header, StreamName
from .images import Images
from .plain import plain_document
from .registry import Registry
from .replaying import ALL, Named, replayed
from .values import open_external

if TYPE_CHECKING:
    import pandas

    from ..runs import Catalog

Headers = Header | Iterable[Header]
Fetch = Callable[[Any, Any], Any]


class Reading:
    """The part of a broker that reads the runs of headers.

    Parameters
    ----------
    catalog : Catalog
        The runs.
    external_fetchers : mapping of str to callable, optional
        Maps a name in ``header.ext`` to the function that makes its value from the start and the stop document.

    Attributes
    ----------
    prepare_hook : callable
        Turns ``(name, document)`` into the document that is returned.
    reg : Registry
        The handlers and roots of the catalog.
    """

    def __init__(self, catalog: Catalog, *, external_fetchers: Mapping[str, Fetch] | None = None):
        self._catalog = catalog
        self.reg = Registry(catalog)
        self.external_fetchers = dict(external_fetchers or {})
        self.prepare_hook: Callable[[str, dict[str, Any]], Any] = plain_document

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
            tables.table_of(header.v2, stream_name, fields=fields, fill=bool(fill), convert_times=converts)
            for header in _listed(headers)
        ]
        return each[0] if len(each) == 1 else tables.joined(each)

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
            stacklevel=2,
        )
        streams = [header.v2[stream_name] for header in _listed(headers)]
        if not streams:
            raise ColumnNotFound(f"there is no run to take images of {name!r} from", data_key=name)
        return Images([open_external(stream.source, [name]).columns[name] for stream in streams])

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
        if not new_root:
            for header in _listed(headers):
                for name, document in replayed(header.v2, stream_name=ALL, fields=None, fill=False):
                    db.insert(name, document)
            return []
        copies = self.reg.copies(new_root, **{"run_start_uid": None, **(copy_kwargs or {})})
        for header in _listed(headers):
            documents = replayed(header.v2, stream_name=ALL, fields=None, fill=False)
            for name, document in copies.exported(files.RunFiles(header.v2, self._catalog), documents):
                db.insert(name, document)
        return copies.pairs

    def export_size(self, headers: Headers) -> float:
        """Return the total size of the files of runs, in gigabytes (10^9 bytes); each file counts once.

        Raises
        ------
        AssetError
            A file is missing, or the files of a resource are unknown.
        """
        return files.size_bytes(files.RunFiles(header.v2, self._catalog) for header in _listed(headers)) * 1e-9


def _listed(headers: Headers) -> Iterable[Header]:
    return [headers] if isinstance(headers, Header) else headers


def _refuse_handlers(handler_registry: Any) -> None:
    if handler_registry is not None:
        raise NotImplementedError("handler_registry= is not available; register with db.reg.register_handler(...)")
