"""Read rows of datums into a buffer, whatever the level of the handler; say what is wrong when it cannot be done.

The only place that tells a classic handler from a capable one, and the only one that compares what a handler gives
with what was promised. What does not belong here: dims, chunks, rows of a stream.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AssetError, AssetUnreadable, ShapeMismatch
from .handler import DatumStructure, DescribesDatum, ReadsRegions
from .pool import process_pool
from .registry import HandlerRegistry
from .resource import Resource
from .roots import Roots

Region = tuple[slice, ...]


class AssetReader:
    """Turns resources and datums into numbers, by the handlers and roots of the machine it runs on.

    Parameters
    ----------
    registry : HandlerRegistry
        Which handler serves which spec or MIME type.
    roots : Roots
        Where the files are on this machine, and under which directories they may be.
    """

    def __init__(self, registry: HandlerRegistry, roots: Roots):
        self.registry = registry
        self.roots = roots

    def structure(self, resource: Resource, datum: Mapping[str, Any]) -> DatumStructure:
        """Return shape, dtype and file chunks of one datum: from headers where its handler can, else by reading it.

        Raises
        ------
        AssetError
            The file, its handler or its path is at fault.
        """
        with self._opened(resource, [datum]) as handler:
            if isinstance(handler, DescribesDatum):
                shape, dtype, chunks = handler.structure(**datum)
                return DatumStructure(tuple(shape), np.dtype(dtype), None if chunks is None else tuple(chunks))
            values = _lazy_or_array(handler(**datum))
            return DatumStructure(tuple(values.shape), values.dtype)

    def describes_datums(self, resource: Resource) -> bool:
        """Tell whether the structure of this resource's datums is known from headers alone."""
        return hasattr(self.registry[resource.spec], "structure")

    def identity(self, resource: Resource) -> tuple[str, ...]:
        """Return what a resource is read by and from, as far as it is known without looking."""
        try:
            handler_class = self.registry[resource.spec]
        except AssetError:
            return (resource.uid, resource.spec, repr(self.roots))
        return (resource.uid, f"{handler_class.__module__}.{handler_class.__qualname__}", repr(self.roots))

    def read_rows(
        self,
        out: np.ndarray[Any, Any],
        resource: Resource,
        datums: Sequence[Mapping[str, Any]],
        region: Region,
        *,
        promised: DatumStructure,
    ) -> None:
        """Fill ``out`` with the same region of each datum.

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

        Raises
        ------
        ShapeMismatch
            A datum has another shape or dtype than promised.
        AssetError
            The file, its handler or its path is at fault.
        """
        if not datums:
            return
        with self._opened(resource, datums) as handler:
            if isinstance(handler, ReadsRegions) and isinstance(handler, DescribesDatum):
                self.compare(DatumStructure(*handler.structure(**datums[0])), promised, resource, datums[0])
                handler.read_into(out, datums, region)
                return
            for row, datum in zip(out, datums, strict=True):
                values = _lazy_or_array(handler(**datum))
                self.compare(DatumStructure(values.shape, values.dtype), promised, resource, datum)
                row[...] = _computed(values[region])

    @staticmethod
    def compare(found: DatumStructure, promised: DatumStructure, resource: Resource, datum: Mapping[str, Any]) -> None:
        """Insist that a datum is what was promised.

        Raises
        ------
        ShapeMismatch
            Its shape or dtype differs.
        """
        if tuple(found.shape) == tuple(promised.shape) and np.dtype(found.dtype) == promised.dtype:
            return
        raise ShapeMismatch(
            f"a datum of resource {resource.uid!r} is {found.dtype} of shape {tuple(found.shape)}, while "
            f"{promised.dtype} of shape {promised.shape} was expected. Nothing is padded, cropped or cast.",
            found_shape=tuple(found.shape),
            found_dtype=str(found.dtype),
            expected_shape=promised.shape,
            expected_dtype=str(promised.dtype),
            datum=dict(datum),
        )

    def files(self, resource: Resource, datums: Sequence[Mapping[str, Any]]) -> list[Path]:
        """Return the files that these datums are in, as paths on this machine; none is opened where that can be."""
        path = self.roots.locate(resource)
        handler_class = self.registry[resource.spec]
        if not hasattr(handler_class, "get_file_list"):
            return [path]
        with process_pool().open(handler_class, path, resource.kwargs) as handler:
            return [Path(each) for each in handler.get_file_list(iter(datums))]

    @contextmanager
    def _opened(self, resource: Resource, datums: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
        """Give the open handler of a resource; whatever goes wrong inside becomes an error with all its facts."""
        facts: dict[str, Any] = {"resource_uid": resource.uid, "spec": resource.spec, "document_path": resource.path}
        try:
            handler_class = self.registry[resource.spec]
            facts["handler"] = f"{handler_class.__module__}.{handler_class.__qualname__}"
            path = self.roots.locate(resource)
            facts["path"] = str(path)
            with process_pool().open(handler_class, path, resource.kwargs) as handler:
                self._check_files(handler, resource, datums)
                yield handler
        except AssetError as error:
            error.add_facts(**facts, datum=_shown(datums))
            raise
        except Exception as error:
            raise AssetUnreadable(
                f"the data of resource {resource.uid!r} cannot be read: {_reason(error)}",
                **facts,
                datum=_shown(datums),
                host=socket.gethostname(),
            ) from error

    def _check_files(self, handler: Any, resource: Resource, datums: Sequence[Mapping[str, Any]]) -> None:
        if hasattr(handler, "get_file_list"):
            for path in handler.get_file_list(iter(datums)):
                self.roots.check_file(path, resource)
        if hasattr(handler, "linked_files"):
            for path in handler.linked_files():
                self.roots.check_file(path, resource)


def _shown(datums: Sequence[Mapping[str, Any]]) -> str:
    first = dict(datums[0])
    return str(first) if len(datums) == 1 else f"{first} to {dict(datums[-1])}"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the file is missing ({error})"
    return f"{type(error).__name__}: {error}"


def _lazy_or_array(values: Any) -> Any:
    """Return what a classic handler gave as something with shape and dtype that can be sliced."""
    if hasattr(values, "__dask_graph__"):
        return values
    if values is None:
        raise TypeError("the handler returned None")
    return np.asarray(values)


def _computed(values: Any) -> np.ndarray[Any, Any]:
    """Compute a dask array where it is: a nested pool would wait for the thread that it runs in."""
    if hasattr(values, "__dask_graph__"):
        return np.asarray(values.compute(scheduler="synchronous"))
    return np.asarray(values)
