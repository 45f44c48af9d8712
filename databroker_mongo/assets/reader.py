"""Read rows of datums into a buffer, whatever the level of the handler; say what is wrong when it cannot be done.

The only place that tells a classic handler from a capable one, and the only one that compares what a handler gives
with what was promised. A catalog is opened with its reader, so that NumPy is imported late, when something is read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AssetError, AssetOffline, AssetUnreadable, ShapeMismatch
from .handler import DatumStructure, DescribesDatum, Layout, ReadsRegions, TellsLayout, TellsWay
from .loading import HandlerClass, class_path, keywords_of
from .offline import Rule, offline_among, require_online
from .pool import linked_files, process_pool
from .registry import HandlerRegistry
from .resource import Resource
from .roots import Located, Roots, facts_of_place, require_ends

if TYPE_CHECKING:
    import numpy as np

    from ..documents import DatumKwargs

Region = tuple[slice, ...]


class AssetReader:
    """Turns resources and datums into numbers, by the handlers and roots of the machine it runs on.

    Parameters
    ----------
    registry : HandlerRegistry
        Which handler serves which spec or MIME type.
    roots : Roots
        Where the files are on this machine, and under which directories they may be.
    offline : callable, optional
        Tells of a path on this machine whether its file is offline; without it, none is.
    recall : bool
        Whether offline files are read all the same.
    """

    def __init__(self, registry: HandlerRegistry, roots: Roots, *, offline: Rule | None = None, recall: bool = False):
        self.registry = registry
        self.roots = roots
        self.offline = offline
        self.recall = recall
        self._start: Mapping[str, Any] | None = None

    def recalling(self, recall: bool = True) -> AssetReader:
        """Return the same reader, but for whether it reads offline files all the same."""
        return self if recall == self.recall else self._changed(recall=recall)

    def of_run(self, start: Mapping[str, Any]) -> AssetReader:
        """Return the same reader for the files of a run, by whose start document they are allowed (`Roots.of_run`)."""
        return self._changed(roots=self.roots.of_run(start), _start=start)

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Let files stay open from one reading of this thread to the next, and be located once for all of them.

        So a file is found, judged and opened once for all that is wanted of it: its shape, then its values.
        """
        with process_pool().keep_open(), self.roots.remember():
            yield

    def structure(self, resource: Resource, datum: DatumKwargs, *, datum_id: str | None = None) -> DatumStructure:
        """Return shape, dtype and file chunks of one datum: from headers where its handler can, else by reading it.

        Parameters
        ----------
        resource : Resource
            Its resource.
        datum : mapping
            Its keyword arguments.
        datum_id : str, optional
            Its identifier, for errors.

        Raises
        ------
        AssetError
            The file, its handler or its path is at fault.
        """
        with self._opened(resource, [datum], ids=_known(datum_id)) as handler:
            return _structure_of(handler, datum)

    def check(
        self,
        resource: Resource,
        datum: DatumKwargs,
        promised: DatumStructure,
        *,
        datum_id: str | None = None,
    ) -> None:
        """Insist that a datum is there, and what was promised.

        Parameters
        ----------
        resource, datum, datum_id
            As of `structure`.
        promised : DatumStructure
            What it must be.

        Raises
        ------
        ShapeMismatch
            Its shape or dtype differs.
        AssetError
            The file, its handler or its path is at fault.
        """
        with self._opened(resource, [datum], ids=_known(datum_id)) as handler:
            _require(_structure_of(handler, datum), promised, resource, datum, handler=handler)

    def look(
        self, resource: Resource, datum: DatumKwargs, *, datum_id: str | None = None
    ) -> tuple[Layout | None, DatumStructure | None]:
        """Return how one datum lies in the array that its file holds, and its structure, by one look at its files.

        Either is None where headers alone do not tell it; so is the structure of a datum that is not there in full, of
        which `structure` says why.

        Parameters
        ----------
        resource, datum, datum_id
            As of `structure`.

        Raises
        ------
        AssetError
            The file, its handler or its path is at fault.
        """
        with self._opened(resource, [datum], ids=_known(datum_id)) as handler:
            layout = _layout_of(handler, datum)
            if layout is not None and isinstance(handler, DescribesDatum):
                with contextlib.suppress(Exception):  # whoever asks for it is told
                    return layout, _structure_of(handler, datum)
            return layout, None

    def way(self, resource: Resource, datum: DatumKwargs, *, datum_id: str | None = None) -> str:
        """Return in words how the values of one datum are read; empty where its handler does not tell.

        Parameters
        ----------
        resource, datum, datum_id
            As of `structure`.

        Raises
        ------
        AssetError
            The file, its handler or its path is at fault.
        """
        with self._opened(resource, [datum], ids=_known(datum_id)) as handler:
            return handler.way(**datum) if isinstance(handler, TellsWay) else ""

    def keywords(self, resource: Resource) -> frozenset[str]:
        """Return the names of the keywords that the handler of a resource takes, as far as there is one."""
        try:
            return keywords_of(self.registry[resource.spec])
        except AssetError:
            return frozenset()

    def identity(self, resource: Resource) -> tuple[str, ...]:
        """Return what a resource is read by and from, as far as it is known without looking."""
        try:
            served = class_path(self.registry[resource.spec])
        except AssetError:
            served = resource.spec
        how = f"recall={self.recall}, row_axes={resource.kwargs.get('row_axes')}"
        return (resource.uid, served, repr(self.roots), how)

    def read_rows(
        self,
        out: np.ndarray[Any, Any],
        resource: Resource,
        datums: Sequence[DatumKwargs],
        region: Region,
        *,
        promised: DatumStructure,
        ids: Sequence[str] = (),
        finds_fault: bool = True,
    ) -> None:
        """Fill ``out`` with the same region of each datum.

        Datums that cannot be read together are read once more, one by one, so that the error names the one at fault.

        Parameters
        ----------
        out : numpy.ndarray
            Shape ``(len(datums), *region_shape)``, of the promised dtype.
        resource : Resource
            The resource of all these datums.
        datums : sequence of mapping
            The keyword arguments of each.
        region : tuple of slice
            One unit-step slice for each axis of a datum, inside its bounds.
        promised : DatumStructure
            What every datum must be.
        ids : sequence of str, optional
            The identifiers of the datums, for errors.
        finds_fault : bool
            Whether they are read once more; without that, an error is about all of them.

        Raises
        ------
        ShapeMismatch
            A datum has another shape or dtype than promised.
        AssetError
            The file, its handler or its path is at fault.
        """
        if not datums:
            return
        try:
            self._read_together(out, resource, datums, region, promised=promised, ids=ids)
        except AssetError as error:
            if len(datums) == 1 or not finds_fault or isinstance(error, AssetOffline):
                raise  # what is offline is named by its path
            for number, datum in enumerate(datums):
                row, own = slice(number, number + 1), ids[number : number + 1]
                self._read_together(out[row], resource, [datum], region, promised=promised, ids=own)

    def files(self, resource: Resource, datums: Sequence[DatumKwargs]) -> list[Path]:
        """Return the files that these datums are in, as paths on this machine, offline ones as well.

        Raises
        ------
        AssetError
            The place, or the handler that knows its files, is at fault.
        """
        path = self.roots.locate(resource).path
        if offline_among([path], self.offline):
            return [path]
        with self._opened(resource, datums, follows_links=False) as handler:
            return [Path(each) for each in _files_of(handler, datums)] or [path]

    def offline_files(
        self, resource: Resource, files: Sequence[str | os.PathLike[str]], datums: Sequence[DatumKwargs]
    ) -> list[str]:
        """Return which files are offline that these datums need, opening none of these.

        Parameters
        ----------
        resource : Resource
            The resource of all these datums.
        files : sequence of str or path-like
            The files that these datums are in. Only if all of them are online is it found out which others they refer
            to; of several of those that are offline, one is returned.
        datums : sequence of mapping
            The keyword arguments of each datum.

        Raises
        ------
        AssetError
            The place, the handler that knows its files, one that they refer to, or the rule that tells is at fault.
        """
        found = offline_among(files, self.offline)
        if not found and datums:
            try:
                with self.recalling(False)._opened(resource, datums):
                    pass
            except AssetOffline as error:
                found = [error.path]
        return found

    def linked_files(self, resource: Resource, datums: Sequence[DatumKwargs]) -> list[Path]:
        """Return the files that the files of these datums refer to, as paths on this machine.

        Raises
        ------
        AssetError
            The place, or a file, is at fault.
        """
        with self._opened(resource, datums) as handler:
            return [Path(path) for path in linked_files(handler, datums, before_opening=None)]

    def look_through(self, resource: Resource, datums: Sequence[DatumKwargs]) -> list[Path]:
        """Return all files that these datums are read from, and keep none of them open.

        Raises
        ------
        PathNotAllowed
            One of them leaves the roots.
        Exception
            Whatever else its handler raises.
        """
        located = self.roots.locate(resource)
        path = located.path
        require_ends(path)
        with contextlib.ExitStack() as stack:
            handler = self.registry[resource.spec](str(path), **resource.kwargs)
            stack.callback(getattr(handler, "close", lambda: None))
            linked = linked_files(handler, datums, before_opening=lambda each: self._check_paths([each], located))
            files = [*_files_of(handler, datums), *linked]
        self.roots.check_files(files, located)
        return [Path(each) for each in files] or [path]

    def ends_of_files(self, resource: Resource, datums: Sequence[DatumKwargs]) -> list[int]:
        """Return the positions of the datums at which a file begins or ends, so that each file is at one of them.

        Raises
        ------
        AssetError
            The place, or the handler that knows its files, is at fault.
        """
        with self._opened(resource, datums, follows_links=False) as handler:
            files = [_files_of(handler, [datum]) for datum in datums]
        last = len(files) - 1
        return [n for n in range(last + 1) if n in (0, last) or files[n - 1] != files[n] or files[n] != files[n + 1]]

    def facts(self, resource: Resource) -> dict[str, Any]:
        """Return what an error says of a resource: uid, spec, path in the document and on this machine, host, mount."""
        try:
            return facts_of_place(resource, self.roots.locate(resource).path)
        except AssetError as error:
            return error.facts

    def require_online(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Insist that files are online, unless offline ones are read all the same.

        Raises
        ------
        AssetOffline
            One is not.
        AssetUnreadable
            The rule that tells fails.
        """
        if self.offline is not None and not self.recall:
            require_online(paths, self.offline)

    def _changed(self, **attributes: object) -> AssetReader:
        # Not by `copy.copy`, for which a reader of a catalog would be made anew from the settings (its ``__reduce__``).
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__, **attributes)
        return found

    def _read_together(
        self,
        out: np.ndarray[Any, Any],
        resource: Resource,
        datums: Sequence[DatumKwargs],
        region: Region,
        *,
        promised: DatumStructure,
        ids: Sequence[str],
    ) -> None:
        with self._opened(resource, datums, ids=ids) as handler:
            if isinstance(handler, ReadsRegions) and isinstance(handler, DescribesDatum):
                _require(_structure_of(handler, datums[0]), promised, resource, datums[0], handler=handler)
                handler.read_into(out, datums, region)
                return
            for row, datum in zip(out, datums, strict=True):
                values = _lazy_or_array(handler(**datum))
                _require(DatumStructure(values.shape, values.dtype), promised, resource, datum, handler=handler)
                row[...] = _computed(values[region])

    @contextmanager
    def _opened(
        self,
        resource: Resource,
        datums: Sequence[DatumKwargs],
        *,
        ids: Sequence[str] = (),
        follows_links: bool = True,
    ) -> Iterator[Any]:
        """Give the open handler of a resource; whatever goes wrong inside becomes an error with all its facts.

        Where its files are only to be listed, those that it lists are not opened and may be offline.
        """
        located = handler_class = None
        try:
            located = self.roots.locate(resource)
            handler_class = self.registry[resource.spec]
            self.require_online([located.path])
            require_ends(located.path)
            with self._lent(handler_class, located, datums, follows_links=follows_links) as handler:
                yield handler
        except Exception as error:
            path = None if located is None else located.path
            facts = {**facts_of_place(resource, path), **_facts_of_use(handler_class, datums, ids)}
            if isinstance(error, AssetError):
                error.add_facts(**facts)
                raise
            absence = self.roots.absence(resource)
            reason = _reason(error)
            if absence is not None:
                facts["missing_directory"] = str(absence.directory)
                reason = f"{reason}. {absence.remedy}"
            raise AssetUnreadable(f"the data of resource {resource.uid!r} cannot be read: {reason}", **facts) from error

    @contextmanager
    def _lent(
        self, handler_class: HandlerClass, located: Located, datums: Sequence[DatumKwargs], *, follows_links: bool
    ) -> Iterator[Any]:
        """Lend a handler from the pool once all files that it is going to read from have been found to be in order."""

        def check(linked: str) -> None:
            self._check_paths([linked], located)

        kwargs = located.resource.kwargs
        with process_pool().open(handler_class, located.path, kwargs, before_opening=check) as handler:
            files = _files_of(handler, datums)
            self.roots.check_files(files, located)
            if follows_links:
                self.require_online(files)
                self._check_paths(linked_files(handler, datums, before_opening=check), located)
            yield handler

    def _check_paths(self, paths: Sequence[str], located: Located) -> None:
        """Insist that files may be opened, and are online unless offline ones are read all the same."""
        self.roots.check_files(paths, located)
        self.require_online(paths)


def _structure_of(handler: Any, datum: DatumKwargs) -> DatumStructure:
    import numpy as np

    if isinstance(handler, DescribesDatum):
        shape, dtype, chunks = handler.structure(**datum)
        return DatumStructure(tuple(shape), np.dtype(dtype), None if chunks is None else tuple(chunks))
    values = _lazy_or_array(handler(**datum))
    return DatumStructure(tuple(values.shape), values.dtype)


def _layout_of(handler: Any, datum: DatumKwargs) -> Layout | None:
    return Layout(*handler.layout(**datum)) if isinstance(handler, TellsLayout) else None


def _require(
    found: DatumStructure, promised: DatumStructure, resource: Resource, datum: DatumKwargs, *, handler: Any
) -> None:
    """Insist that a datum is what was promised."""
    import numpy as np

    if tuple(found.shape) == tuple(promised.shape) and np.dtype(found.dtype) == promised.dtype:
        return
    layout = _layout_of(handler, datum)
    of_what = "" if layout is None else f" The file holds an array of shape {layout.shape}."
    raise ShapeMismatch(
        f"a datum of resource {resource.uid!r} is {found.dtype} of shape {tuple(found.shape)}, while "
        f"{promised.dtype} of shape {promised.shape} was expected.{of_what} Nothing is padded, cropped or cast.",
        found_shape=tuple(found.shape),
        found_dtype=str(found.dtype),
        expected_shape=promised.shape,
        expected_dtype=str(promised.dtype),
        stored_shape=None if layout is None else layout.shape,
        datum=str(dict(datum)),
    )


def _files_of(handler: Any, datums: Sequence[DatumKwargs]) -> list[str]:
    return list(handler.get_file_list(iter(datums))) if hasattr(handler, "get_file_list") else []


def _known(datum_id: str | None) -> Sequence[str]:
    return () if datum_id is None else (datum_id,)


def _facts_of_use(
    handler_class: HandlerClass | None, datums: Sequence[DatumKwargs], ids: Sequence[str]
) -> dict[str, Any]:
    served = None if handler_class is None else class_path(handler_class)
    shown = [str(dict(datum)) for datum in (datums[0], datums[-1])]
    return {"handler": served, "datum": _span(shown), "datum_id": _span([ids[0], ids[-1]]) if ids else None}


def _span(ends: Sequence[str]) -> str:
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the file is missing ({error})"
    return f"{type(error).__name__}: {error}"


def _lazy_or_array(values: Any) -> Any:
    """Return what a classic handler gave as something with shape and dtype that can be sliced."""
    import numpy as np

    if hasattr(values, "__dask_graph__"):
        return values
    if values is None:
        raise TypeError("the handler returned None")
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise TypeError("the handler returned a masked array, whose mask an array cannot hold")
    return np.asarray(values)


def _computed(values: Any) -> np.ndarray[Any, Any]:
    """Compute a dask array where it is: a nested pool would wait for the thread that it runs in."""
    import numpy as np

    if hasattr(values, "__dask_graph__"):
        return np.asarray(values.compute(scheduler="synchronous"))
    return np.asarray(values)
