"""What a column will be before it is read: dims, shape, dtype, chunks, attributes; and what descriptors got wrong.

Pure: documents and what handlers found go in.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from ..assets import DatumStructure
from ..errors import ShapeMismatch
from ..printable import as_json
from .fitting import is_quirk
from .remedies import Remedies, advise

DataKey = Mapping[str, Any]
Chunks = tuple[tuple[int, ...], ...]

# A block costs a task (up to a millisecond, says "Avoid Very Large Graphs" of dask's best practices), and is in memory
# as a whole beside those that dask computes at the same time.
_TARGET_BYTES = 32_000_000
_MOST_BYTES = 64_000_000
_ATTRIBUTES = ("units", "precision", "source", "long_name")
# Not CF's "seconds since": a file is to give the same numbers again, and would give dates.
TIME_ATTRIBUTES = {"units": "s", "long_name": "time since 1970-01-01T00:00:00Z"}
# What a column has once for all of its rows, and no value tells.
_SAID_ONCE = ("external", "units", "dims")


@dataclass(frozen=True)
class ArrayStructure:
    """A column as it will be.

    Attributes
    ----------
    name : str
        Its name in the dataset.
    dims : tuple of str
        Names of the axes, ``time`` first.
    shape : tuple of int
        ``(n_rows, *datum_shape)``.
    dtype : numpy.dtype
        As found in the file or the events.
    chunks : tuple of tuple of int
        Block lengths along each axis.
    attrs : dict
        ``object``, ``units``, ``precision``, ``source`` where known.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: Chunks
    attrs: dict[str, object]


def name_dims(
    data_keys: Mapping[str, DataKey], row_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[str, ...]]:
    """Name the axes of every data key of a stream, the time axis left out.

    A data key's own ``dims`` are taken when there is one for each axis and they go together with the others' in one
    dataset; all others are ``dim_0``, ``dim_1``, ..., counted through the data keys in their stored order, so that a
    name does not depend on what is selected.

    Parameters
    ----------
    data_keys : mapping
        The data keys of the stream, in order.
    row_shapes : mapping
        The shape of a row of those that were looked at; the others count as many axes as they declare.
    """
    counter = itertools.count()
    lengths: dict[str, int] = {}
    named = {}
    for key, data_key in data_keys.items():
        shape = row_shapes.get(key, tuple(data_key.get("shape") or ()))
        own = tuple(str(dim) for dim in data_key.get("dims") or ())
        if shape and _can_be_axes(own, shape, lengths, taken={"time", *data_keys}):
            named[key] = own
        else:
            numbered = [f"dim_{next(counter)}" for _ in shape]
            named[key] = tuple(f"{dim}_" if dim in data_keys else dim for dim in numbered)
        lengths.update(zip(named[key], shape, strict=True))
    return named


def _can_be_axes(own: Sequence[str], shape: Sequence[int], lengths: Mapping[str, int], taken: Collection[str]) -> bool:
    """Tell whether names can be those of axes of these lengths, beside the axes and columns there are."""
    return (
        len(own) == len(shape) == len(set(own))
        and not set(own) & set(taken)
        and all(lengths.get(dim, size) == size for dim, size in zip(own, shape, strict=True))
    )


def contradictions(descriptors: Sequence[Mapping[str, Any]], keys: Collection[str]) -> dict[str, str]:
    """Tell of data keys that the descriptors of a stream declare in several ways, of which a column can have one.

    Parameters
    ----------
    descriptors : sequence of mapping
        The descriptors, in order of time.
    keys : collection of str
        The data keys that are wanted.
    """
    told = {}
    for key in keys if len(descriptors) > 1 else ():
        said = [each["data_keys"][key] for each in descriptors if key in each["data_keys"]]
        differing = [name for name in _SAID_ONCE if any(each.get(name) != said[0].get(name) for each in said)]
        ways = [f"{name} {said[0].get(name)!r}" for name in differing]
        if ways:
            told[key] = f"the descriptors of the stream disagree; the first declares {', '.join(ways)}, which is used"
    return told


def column_name(key: str, taken: Collection[str]) -> str:
    """Return the name of a column: its data key, but ``time`` is the axis, so that key is given the next free name."""
    if key != "time":
        return key
    name = "time_"
    while name in taken:
        name += "_"
    return name


def attributes(data_key: DataKey, device: str | None) -> dict[str, object]:
    """Return the attributes of a column: what is known of its device, units, precision and source."""
    known = {"object": data_key.get("object_name") or device, **{name: data_key.get(name) for name in _ATTRIBUTES}}
    return {name: as_attribute(value) for name, value in known.items() if value is not None}


def as_attribute(value: object) -> object:
    """Return a value that netCDF and Zarr keep as an attribute: a number, a text or a list of texts; others as JSON."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return [as_attribute(each) for each in value]
    if isinstance(value, str):
        return value.replace("\0", r"\x00")
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) else as_json(value)


def declared_dtype(data_key: DataKey) -> np.dtype[Any] | None:
    """Return the dtype that a data key declares (``dtype_descr``, ``dtype_numpy`` or ``dtype_str``), if it is one."""
    records = data_key.get("dtype_descr")
    written = data_key.get("dtype_numpy") or data_key.get("dtype_str")
    try:
        if records:
            return np.dtype([_record(each) for each in records])
        if isinstance(written, list):
            return np.dtype([_record(each) for each in written])
        return np.dtype(written) if written else None
    except (TypeError, ValueError):
        return None


def _record(field: Sequence[Any]) -> tuple[Any, ...]:
    name, kind, *shape = field
    return (name, kind, tuple(shape[0])) if shape else (name, kind)


def declared_structure(data_key: DataKey) -> DatumStructure | None:
    """Return what the descriptor alone says, when it says it in full."""
    dtype = declared_dtype(data_key)
    shape = data_key.get("shape")
    return DatumStructure(tuple(shape), dtype) if dtype is not None and is_whole_shape(shape) else None


def is_whole_shape(shape: object) -> TypeGuard[Sequence[int]]:
    """Tell whether a declared shape says the length of each axis, with no zero, -1 or null for what is not known."""
    return isinstance(shape, list | tuple) and all(isinstance(size, int) and size >= 1 for size in shape)


def reconcile(
    data_key: DataKey, found: DatumStructure, *, frames: int | None = None, remedies: Remedies | None = None
) -> str | None:
    """Compare what a descriptor declares with a datum whose handler tells nothing of the array that it is taken from.

    Of an array whose shape is known ``fitting.fit`` decides.

    Parameters
    ----------
    data_key : mapping
        The declaration.
    found : DatumStructure
        Shape and dtype of a datum.
    frames : int, optional
        The number of frames a datum that the resource document promises.
    remedies : Remedies, optional
        What a reader can type when it is refused.

    Returns
    -------
    str or None
        A sentence about a declaration that is wrong in a known and harmless way; None when nothing is wrong.

    Raises
    ------
    ShapeMismatch
        The two contradict each other.
    """
    declared = data_key.get("shape")
    note = None
    if declared is not None and tuple(declared) != found.shape:
        if not _is_known_slip(tuple(declared), found.shape, frames):
            raise _mismatch(data_key, found, remedies)
        note = f"shape {list(declared)} is declared, {list(found.shape)} was found"
    return "; ".join(filter(None, [note, require_dtype(data_key, found, remedies)])) or None


def require_dtype(data_key: DataKey, found: DatumStructure, remedies: Remedies | None = None) -> str | None:
    """Compare the dtype that a descriptor declares with what was found, as `reconcile` does.

    Raises
    ------
    ShapeMismatch
        The two contradict each other.
    """
    dtype = declared_dtype(data_key)
    if dtype is None or dtype == found.dtype:
        return None
    if not _is_near(found.dtype, dtype):
        raise _mismatch(data_key, found, remedies)
    return f"dtype {dtype} is declared, {found.dtype} was found"


def _is_near(found: np.dtype[Any], declared: np.dtype[Any]) -> bool:
    """Tell whether values of one dtype can be had as another without loss, or differ in the order of bytes alone."""
    return np.can_cast(found, declared, "safe") or declared.newbyteorder("=") == found.newbyteorder("=")


def _is_known_slip(declared: tuple[Any, ...], found: tuple[int, ...], frames: int | None) -> bool:
    """Tell whether a wrong shape is one of those that detectors are known to declare."""
    # Sizes that were not known when it was described, as of a detector that has not been armed: 0, -1 or null.
    if any(not isinstance(size, int) or size < 1 for size in declared) or not declared:
        return True
    # Axes in another order: ophyd's area detectors declare (x, y), and files hold (y, x).
    if sorted(declared) == sorted(found):
        return True
    # One frame, without the axis of the frames of a datum.
    if sorted(declared) == sorted(found[1:]) and len(declared) >= 2:
        return True
    # One frame, though the resource promises several.
    if declared == (1, *found[1:]) and frames is not None and found[:1] == (frames,):
        return True
    return int(np.prod(declared)) == 1 == int(np.prod(found))  # a number, as (), (1,) or (1, 1)


def has_quirk(data_key: DataKey, found: DatumStructure) -> bool:
    """Tell whether nothing is wrong but that frames are declared as ``(x, y, 0)``, as ophyd's area detectors do."""
    dtype = declared_dtype(data_key)
    is_known = is_quirk(tuple(data_key.get("shape") or ()), found.shape)
    return is_known and (dtype is None or dtype == found.dtype)


def _mismatch(data_key: DataKey, found: DatumStructure, remedies: Remedies | None) -> ShapeMismatch:
    declared, dtype = data_key.get("shape"), declared_dtype(data_key)
    wanted = f"{dtype or data_key.get('dtype')} of shape {declared}"
    changes: dict[str, Any] = {} if declared is None else {"shape": list(found.shape)}
    if dtype is not None and not _is_near(found.dtype, dtype):
        changes |= {name: None for name in ("dtype_descr", "dtype_str") if data_key.get(name)}
        changes["dtype_numpy"] = found.dtype.str
    return ShapeMismatch(
        f"the descriptor declares {wanted}, the data is {found.dtype} of shape {list(found.shape)}. "
        + advise([("For what is in the file", remedies.declare(**changes))] if remedies else []),
        declared_shape=declared,
        declared_dtype=str(dtype) if dtype is not None else None,
        found_shape=found.shape,
        found_dtype=str(found.dtype),
    )


def plan_chunks(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    file_chunks: tuple[int, ...] | None = None,
    boundaries: Sequence[int] = (),
) -> Chunks:
    """Cut an array into blocks of 16 to 64 MB, never smaller than a chunk of the file, of one size but the last.

    Zarr stores no blocks of several sizes, so that ``to_zarr`` would refuse an array that is cut where files begin.

    Parameters
    ----------
    shape : tuple of int
        ``(n_rows, *datum_shape)``.
    dtype : numpy.dtype
        Its dtype.
    file_chunks : tuple of int, optional
        The chunk shape of the file, counted in the same axes.
    boundaries : sequence of int
        Rows at which another file begins.
    """
    # Chunks of another rank than the rows, as a handler may tell of what it cuts or joins, say nothing of these axes.
    chunk = file_chunks if file_chunks is not None and len(file_chunks) == len(shape) else (1,) * len(shape)
    inner = _inner_blocks(shape[1:], chunk[1:], dtype.itemsize * chunk[0])
    row_bytes = max(1, dtype.itemsize * int(np.prod([blocks[0] if blocks else 1 for blocks in inner], dtype=np.int64)))
    # Whole chunks of the file, for HDF5 decompresses all of one to give a part of it. What is larger than one block by
    # less than that again stays one, rather than leave a small rest.
    step = max(1, _TARGET_BYTES // (row_bytes * chunk[0])) * chunk[0]
    most = max(step, _MOST_BYTES // row_bytes // chunk[0] * chunk[0])
    n_rows = shape[0]
    block = n_rows if n_rows <= most else _in_step_with_files(_rows_of_files(n_rows, boundaries), chunk[0], step, most)
    return (_even(n_rows, block), *inner)


def _inner_blocks(shape: tuple[int, ...], chunk: tuple[int, ...], unit_bytes: int) -> list[tuple[int, ...]]:
    """Leave the axes of a datum whole unless one datum is larger than a block may be; then cut the first axes."""
    blocks = list(shape)
    for axis in range(len(shape)):
        others = int(np.prod(blocks[:axis] + blocks[axis + 1 :], dtype=np.int64)) * unit_bytes
        if others * blocks[axis] <= _MOST_BYTES:
            break
        fitting = max(1, _TARGET_BYTES // max(1, others))
        blocks[axis] = min(blocks[axis], max(chunk[axis], fitting // chunk[axis] * chunk[axis]))
    return [_even(size, block) for size, block in zip(shape, blocks, strict=True)]


def _even(size: int, block: int) -> tuple[int, ...]:
    """Cut an axis into blocks of one length but the last."""
    if size == 0:
        return (0,)
    whole, rest = divmod(size, block)
    return (block,) * whole + ((rest,) if rest else ())


def _rows_of_files(n_rows: int, boundaries: Sequence[int]) -> int:
    """Return how many rows each file but the last has; 0 where they have different numbers."""
    starts = [0, *(edge for edge in boundaries if 0 < edge < n_rows)]
    lengths = {after - before for before, after in itertools.pairwise(starts)}
    return lengths.pop() if len(lengths) == 1 and n_rows - starts[-1] <= min(lengths) else 0


def _in_step_with_files(n_of_file: int, chunk: int, step: int, most: int) -> int:
    """Return how many rows a block has: whole files or equal parts of one, so that few are shared by two blocks."""
    if n_of_file == 0 or n_of_file % chunk:
        return step
    if n_of_file <= most:
        return max(1, step // n_of_file) * n_of_file
    parts = (n_of_file // n_parts for n_parts in range(2, 2 * n_of_file // step + 1) if n_of_file % n_parts == 0)
    return next((part for part in parts if part <= most and part % chunk == 0), step)
