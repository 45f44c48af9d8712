"""From the values of events to arrays: exact or refused, never padded, cropped or rounded."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeMismatch
from ..store import MISSING, Values

if TYPE_CHECKING:
    import pandas

Array = NDArray[Any]
_LAST_SECOND = 2**63 / 1e9
_MOMENT = np.dtype("datetime64[us]")
_LARGEST_EXACT = 2**53  # larger integers are not all equal to some float64


def as_array(values: Values, *, declared: np.dtype[Any] | None = None) -> Array:
    """Return one column as an array ``(n_rows, ...)`` of the dtype its values have.

    Integers stay integers, floats floats, text text; integers among floats become floats as long as none is rounded.
    Dates are ``datetime64[us]``, with NaT for None. A key that an event lacks is NaN among numbers, NaT among dates and
    None among others. What has no common type or shape (text among numbers, lists of several lengths, None) is an
    object array of the values as they are.

    Parameters
    ----------
    values : numpy.ndarray or list
        The values of all rows, as the store gives them.
    declared : numpy.dtype, optional
        What the descriptor says of the dtype; taken where it holds every value exactly, unused otherwise.
    """
    if declared is not None and declared.names:
        return _structured(values, declared)
    found = values if isinstance(values, np.ndarray) else _from_list(values)
    if declared is None or declared.kind not in "biuf" or declared == found.dtype:
        return found
    return found.astype(declared) if found.dtype.kind in "biuf" and is_exact_as(found, declared) else found


def cast_exactly(values: Array, dtype: np.dtype[Any], row_shape: tuple[int, ...]) -> Array:
    """Return values as the dtype and shape that were promised for their column.

    Raises
    ------
    ShapeMismatch
        Some value would not stay what it is.
    """
    if values.dtype == dtype and values.shape[1:] == row_shape:
        return values
    if dtype.hasobject:
        return _objects(list(values))
    if dtype == _MOMENT and values.dtype == object and row_shape == () and all(value is None for value in values):
        return values.astype(_MOMENT)
    if len(values) == 0:
        return np.empty((0, *row_shape), dtype)
    if values.shape[1:] == row_shape and values.dtype.kind == dtype.kind == "U" and np.can_cast(values.dtype, dtype):
        return values.astype(dtype)
    if values.shape[1:] == row_shape and values.dtype.kind in "biuf" and is_exact_as(values, dtype):
        return values.astype(dtype)
    raise ShapeMismatch(
        f"events hold {values.dtype} of shape {values.shape[1:]} where {dtype} of shape {row_shape} was found before",
        found_dtype=str(values.dtype),
        found_shape=values.shape[1:],
        expected_dtype=str(dtype),
        expected_shape=row_shape,
    )


def missing_value(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Any]:
    """Return the dtype that can also say "missing", and how it says so.

    Integers become float64, small ones too: sums of 8-bit images as float16 would be rounded, or infinite. All of up to
    4 bytes fit; whether those of 8 do is for the caller to find out.
    """
    if dtype.kind in "fc":
        return dtype, np.nan
    if dtype.kind in "iu":
        return np.dtype(np.float64), np.nan
    if dtype.kind == "M":
        return dtype, np.datetime64("NaT")
    return np.dtype(object), None


def _from_list(values: Sequence[Any]) -> Array:
    present = [value for value in values if value is not MISSING]
    array = _without_gaps(present)
    if len(present) == len(values):
        return array
    dtype, gap = missing_value(array.dtype)
    if array.dtype == object or (dtype != array.dtype and not is_exact_as(array, dtype)):
        return _objects([None if value is MISSING else value for value in values])
    filled = np.full((len(values), *array.shape[1:]), gap, dtype)
    filled[[value is not MISSING for value in values]] = array
    return filled


def _without_gaps(values: Sequence[Any]) -> Array:
    array = _of_one_kind(values)
    return _objects([_row(value) for value in values]) if array is None else array


def _of_one_kind(values: Sequence[Any]) -> Array | None:
    """Return values of one shape and one kind as an array that holds exactly them, None where there is none."""
    kinds = {kind_of(leaf) for value in values for leaf in _leaves(value)}
    shapes = {_shape(value) for value in values}
    if len(shapes) > 1 or None in shapes:
        return None
    if kinds <= {int, float} and kinds:
        return _numbers(values, kinds)
    if kinds == {bool}:
        return np.array(values, dtype=bool)
    # NumPy takes zeros at the end of a text for padding, and would give the text back without them.
    if kinds == {str} and not any(leaf.endswith("\0") for value in values for leaf in _leaves(value)):
        return np.array(values, dtype=str)
    if datetime.datetime in kinds and kinds <= {datetime.datetime, type(None)}:
        return _moments(values)
    if not kinds and values:  # lists, all of them empty
        return np.array(values, dtype=np.float64)
    return None


def _moments(values: Sequence[Any]) -> Array | None:
    # datetime64 has no time zone: NumPy would turn one into UTC, with a warning.
    are_naive = all(leaf is None or leaf.tzinfo is None for value in values for leaf in _leaves(value))
    return np.array(values, dtype=_MOMENT) if are_naive else None


def _numbers(values: Sequence[Any], kinds: set[type]) -> Array | None:
    if float not in kinds:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            return None
    if any(kind_of(leaf) is int and abs(leaf) > _LARGEST_EXACT for value in values for leaf in _leaves(value)):
        return None
    return np.array(values, dtype=np.float64)


def as_moments(seconds: NDArray[np.float64]) -> pandas.DatetimeIndex:
    """Return seconds since 1970 as moments in UTC, ``datetime64[ns]``; NaT for what is none."""
    import pandas  # most read numbers

    is_moment = np.abs(seconds) < _LAST_SECOND
    # pandas 3 counts whole seconds in another unit.
    return pandas.to_datetime(np.where(is_moment, seconds, np.nan), unit="s").as_unit("ns")


def has_integers_beyond_floats(values: Iterable[object]) -> bool:
    """Tell whether some are integers that a float64 might round."""
    return any(isinstance(value, int) and abs(value) > _LARGEST_EXACT for value in values)


def kind_of(value: object) -> type:
    """Return the type of a value; BSON's 64-bit integers are integers."""
    return int if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _leaves(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        return (value,)
    if value and isinstance(value[0], list):
        return [leaf for part in value for leaf in _leaves(part)]
    return value


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the shape of nested lists, None when they are ragged."""
    if not isinstance(value, list):
        return ()
    inner = {_shape(part) for part in value}
    if len(inner) > 1 or None in inner:
        return None
    return (len(value), *(inner.pop() or ())) if inner else (0,)


def _row(value: Any) -> Any:
    """Return a row of an object column: a list of numbers as an array, anything else as it is."""
    if not isinstance(value, list) or _shape(value) is None:
        return value
    array = _of_one_kind([value])
    return value if array is None else array[0]


def _objects(values: Sequence[Any]) -> Array:
    # One by one: of lists of one length, ``np.array(values, dtype=object)`` makes an array of more axes.
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _structured(values: Values, dtype: np.dtype[Any]) -> Array:
    """Return records, or the lists that they are stored as where these are no such records exactly."""
    rows = values.tolist() if isinstance(values, np.ndarray) else values
    if MISSING not in rows:
        records = [_records(value) for value in rows]
        try:
            array = np.array(records, dtype=dtype)
        except (TypeError, ValueError, OverflowError):
            array = None
        if array is not None and _are_records(array.tolist(), records):
            return array
    return _objects([None if value is MISSING else value for value in rows])


def _are_records(found: Any, sent: Any) -> bool:
    """Tell whether records, or their parts, are those that were sent: NumPy would round, crop and repeat them."""
    if isinstance(found, list | tuple | np.ndarray):
        return isinstance(sent, list | tuple) and len(found) == len(sent) and all(map(_are_records, found, sent))
    return bool(found == sent) or (isinstance(sent, float) and math.isnan(sent) and bool(found != found))


def _records(value: Any) -> Any:
    """Return nested lists with the innermost as tuples, the way NumPy writes records."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return [_records(part) for part in value]
    return tuple(value) if isinstance(value, list) else value


def is_exact_as(values: Array, dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers stay what they are as another dtype."""
    with np.errstate(all="ignore"):
        cast = values.astype(dtype)
        is_same = cast.astype(values.dtype) == values
    if values.dtype.kind == "f":
        is_same |= np.isnan(values) & np.isnan(cast.astype(values.dtype)) if dtype.kind == "f" else False
    return bool(np.all(is_same)) and (values.dtype.kind != "i" or dtype.kind != "u" or bool(np.all(values >= 0)))
