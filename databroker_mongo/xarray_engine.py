"""The engine of ``xarray.open_dataset(uri, engine="databroker_mongo", run=..., stream=...)``.

xarray imports this file with those of all engines whenever it opens anything, so what opens catalogs is imported late.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import xarray
from xarray.backends import BackendEntrypoint

if TYPE_CHECKING:
    from .config import Directory
    from .runs import Run, Stream

_SCHEMES = ("mongodb://", "mongodb+srv://", "local://", "memory://")
Times = Literal["seconds", "datetime"]


class DatabrokerMongoEngine(BackendEntrypoint):
    """What xarray asks to open a stream of a run as a dataset, or a run as a tree.

    The name ``"databroker_mongo"`` of the engine is always to be given: other engines may take a URI for theirs, and
    show its password in their errors.
    """

    description = "Streams of Bluesky runs in MongoDB, by URI or by configured name"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether it is the URI of a database of runs."""
        return isinstance(filename_or_obj, str) and filename_or_obj.startswith(_SCHEMES)

    def open_dataset(  # type: ignore[override]  # xarray finds the options of an engine in its signature
        self,
        filename_or_obj: str,
        *,
        run: str | int | None = None,
        stream: str | None = None,
        times: Times = "seconds",
        root_map: Mapping[str, Directory] | None = None,
        allowed_roots: Directory | Iterable[Directory] | None = None,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        concat_characters: bool | None = None,
        decode_coords: bool | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: bool | None = None,
    ) -> xarray.Dataset:
        """Open a stream; values are read when they are looked at, or as dask arrays with ``chunks={}``.

        Parameters
        ----------
        filename_or_obj : str
            The URI of a catalog, or the name under which one is configured.
        run : str or int
            The run, as between the brackets of a catalog: its uid, the beginning of it, a scan id, or ``-1``.
        stream : str, optional
            The name of its stream; ``primary`` by default.
        times : {"seconds", "datetime"}
            Whether the coordinate ``time`` is seconds since 1970 or dates in UTC.
        root_map, allowed_roots
            As for :meth:`Catalog.from_uri`; for a URI only.
        drop_variables : str or iterable of str, optional
            Data keys to leave out.
        mask_and_scale, decode_times, concat_characters, decode_coords, use_cftime, decode_timedelta
            What xarray asks of all engines; here nothing is encoded.

        Raises
        ------
        TypeError
            No run is named, or a name of a catalog is given with ``root_map`` or ``allowed_roots``.
        RunNotFound, StreamNotFound
            There is none.
        """
        from .documents import NAMELESS_STREAM

        found = _find_run(filename_or_obj, run, root_map=root_map, allowed_roots=allowed_roots)
        name = NAMELESS_STREAM if stream is None else stream
        return _open(found[name], filename_or_obj, drop_variables, times)

    def open_groups_as_dict(  # type: ignore[override]
        self,
        filename_or_obj: str,
        *,
        run: str | int | None = None,
        times: Times = "seconds",
        root_map: Mapping[str, Directory] | None = None,
        allowed_roots: Directory | Iterable[Directory] | None = None,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        concat_characters: bool | None = None,
        decode_coords: bool | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: bool | None = None,
    ) -> dict[str, xarray.Dataset]:
        """Open all streams of a run, by name; the arguments are those of `open_dataset`."""
        tree = self.open_datatree(
            filename_or_obj,
            run=run,
            times=times,
            root_map=root_map,
            allowed_roots=allowed_roots,
            drop_variables=drop_variables,
        )
        return {node.path: node.to_dataset() for node in tree.subtree}

    def open_datatree(  # type: ignore[override]
        self,
        filename_or_obj: str,
        *,
        run: str | int | None = None,
        times: Times = "seconds",
        root_map: Mapping[str, Directory] | None = None,
        allowed_roots: Directory | Iterable[Directory] | None = None,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | None = None,
        decode_times: bool | None = None,
        concat_characters: bool | None = None,
        decode_coords: bool | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: bool | None = None,
    ) -> xarray.DataTree:
        """Open a run as a tree of its streams; the arguments are those of `open_dataset`."""
        from .arrays import tree_of_streams

        found = _find_run(filename_or_obj, run, root_map=root_map, allowed_roots=allowed_roots)
        datasets = {name: _open(each, filename_or_obj, drop_variables, times) for name, each in found.items()}
        tree = tree_of_streams(datasets, found.start, found.stop)
        tree.encoding = {"source": _shown(filename_or_obj)}
        return tree


def _find_run(place: Any, key: str | int | None, **options: Any) -> Run:
    from .config import is_uri
    from .named import catalog
    from .runs import Catalog

    if key is None:
        raise TypeError(
            "which run is to be opened? run=-1 is the newest; a uid, the beginning of one or a scan id is another"
        )
    name = os.fspath(place)
    given = {option: value for option, value in options.items() if value is not None}
    if is_uri(name):
        return Catalog.from_uri(name, **given)[key]
    if given:
        raise TypeError(
            f"{', '.join(given)} of a configured catalog stand in its configuration; give its URI to set them"
        )
    return catalog[name][key]


def _open(stream: Stream, place: Any, drop_variables: str | Iterable[str] | None, times: Times) -> xarray.Dataset:
    dropped: Collection[str] = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
    dataset = stream.to_indexed(exclude=dropped, times=times)
    # xarray would put the URI there, and show its password to whoever asks.
    dataset.encoding["source"] = _shown(place)
    return dataset


def _shown(place: Any) -> str:
    from .config import is_uri, redact_uri

    return redact_uri(os.fspath(place)) if is_uri(place) else os.fspath(place)
