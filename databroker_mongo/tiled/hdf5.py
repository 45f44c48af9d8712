"""Runs, streams and tables as HDF5 files: a group for each container and table, a dataset for each column.

Tiled's own writer puts metadata into attributes, which hold no nested documents. Here they are JSON in a dataset
``_metadata`` of each group, since an attribute has 64 kB at most.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import pandas
from numpy.typing import NDArray

from ..printable import as_json
from .arrays import ArrayAdapter, without_objects
from .nodes import Container
from .tables import TableAdapter

if TYPE_CHECKING:
    import h5py

HDF5: Final = "application/x-hdf5"
_METADATA: Final = "_metadata"
_PIECE = 1_000_000


def write_container(mimetype: str, node: Container, metadata: Mapping[str, Any], access: object) -> Iterator[bytes]:
    """Write all that is in a run or a stream, block by block; called in a thread."""
    return _send(lambda file: _write_group(file, node))


def write_table(mimetype: str, table: pandas.DataFrame, metadata: Mapping[str, Any]) -> Iterator[bytes]:
    """Write a table, or some columns of one."""
    return _send(lambda file: _write_columns(file, table))


def _send(write: Any) -> Iterator[bytes]:
    """Have a file written, and return what yields it piece by piece."""
    import h5py

    kept = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when it has been sent)
    try:
        with h5py.File(kept, "w", track_order=True) as file:
            write(file)
    except BaseException:
        kept.close()
        raise
    kept.seek(0)
    return _pieces(kept)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _write_group(group: h5py.Group, node: Container) -> None:
    if metadata := node.metadata():
        group.create_dataset(_METADATA, data=as_json(metadata))
    for name, child in node.children().items():
        if isinstance(child, ArrayAdapter):
            _write_array(group, name, child)
        elif isinstance(child, TableAdapter):
            _write_columns(group.create_group(name, track_order=True), child.read())
        else:
            _write_group(group.create_group(name, track_order=True), child)


def _write_array(group: h5py.Group, name: str, array: ArrayAdapter) -> None:
    structure = array.structure()
    dataset = _create(group, name, structure.shape, structure.data_type.to_numpy_dtype())
    edges = [[0, *itertools.accumulate(lengths)] for lengths in structure.chunks]
    for block in itertools.product(*(range(len(lengths)) for lengths in structure.chunks)):
        region = tuple(slice(each[n], each[n + 1]) for each, n in zip(edges, block, strict=True))
        dataset[region] = _storable(array.read_block(block))
    for key, value in (array.metadata().get("attrs") or {}).items():
        dataset.attrs[key] = value if isinstance(value, str | int | float) else as_json(value)


def _write_columns(group: h5py.Group, table: pandas.DataFrame) -> None:
    for name in table.columns:
        values = table[name].to_numpy()
        if values.dtype.kind not in "biufM":
            values = without_objects(_with_none(values))
        _create(group, str(name), values.shape, values.dtype)[...] = _storable(values)


def _with_none(values: NDArray[Any]) -> NDArray[Any]:
    """Return values of a data frame with None for what is missing, of which pandas makes NaN."""
    found = np.empty(len(values), object)
    for row, value in enumerate(values):
        is_missing = value is pandas.NA or (isinstance(value, float) and np.isnan(value))
        found[row] = None if is_missing else value
    return found


def _create(group: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> h5py.Dataset:
    """Create a dataset; texts are UTF-8, and dates the number of their unit since 1970."""
    import h5py

    kinds = {"U": h5py.string_dtype(), "M": np.dtype(np.int64), "m": np.dtype(np.int64)}
    dataset = group.create_dataset(name, shape, kinds.get(dtype.kind, dtype))
    if dtype.kind in "mM":
        dataset.attrs["dtype"] = dtype.str
    return dataset


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "mM":
        return values.astype(np.int64)
    return values.astype(object) if values.dtype.kind == "U" else values
