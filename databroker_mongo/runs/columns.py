"""The columns of a stream as objects: shape and dtype without reading, and values of what is asked for alone.

How columns are found, opened and read belongs to ``arrays``; a stream as a whole to ``stream``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np

from .. import display
from ..arrays import Column, KnownColumn, OpenedColumn, OpenedColumns, StreamSource, attributes, name_dims

if TYPE_CHECKING:
    import dask.array

_BLOCK_BYTES = 32_000_000
TIME = "time"


class Open(Protocol):
    """Opens columns of a stream by their data keys."""

    def __call__(self, keys: Sequence[str], *, eager: bool) -> OpenedColumns:
        """Return the columns; ``eager=True`` where all values are wanted."""
        ...


class StreamColumn:
    """One column of a stream, ``(n_rows, ...)``: an array-like that reads only the rows and pixels selected.

    Not made by hand: ``stream["image"]`` gives it. To make one asks nothing; shape and dtype are looked up when they
    are first asked for, and stay as they were then. ``column[100, 0]`` reads one frame, into NumPy. A column has no
    arithmetic and no comparisons of its own: what is read has, ``column[column.read() > 5]``.

    Attributes
    ----------
    name : str
        Its data key.
    """

    def __init__(self, source: StreamSource, name: str):
        self.name = name
        self._source = source

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes, ``time`` first, as in the dataset that ``stream.read([name])`` gives."""
        raise NotImplementedError

    @property
    def attrs(self) -> dict[str, Any]:
        """What is known of its device (``object``), ``units``, ``precision`` and ``source``."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of rows, and the shape of one."""
        return self._column.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values, as found in the file or the events."""
        return self._column.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._column.ndim

    @property
    def size(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """How many bytes the values are in memory."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of the blocks in which :meth:`to_dask` reads, along each axis."""
        from ..arrays import chunks_of

        return chunks_of(self._column)

    def __getitem__(self, key: Any) -> Any:
        """Read a part: an integer, slice, ``...``, index array or mask, or a tuple of these, as NumPy takes them.

        Raises
        ------
        IndexError
            The key is out of bounds, or is a single bool, which is no mask.
        CatalogError
            The values cannot be read; the error has the facts of run, stream and data key.
        """
        return _scalar_or_array(self._column[key])

    def read(self, key: Any = ...) -> Any:
        """Read all values, or the part that a key between brackets would give.

        Returns
        -------
        numpy.ndarray
            ``(n_rows, ...)``; the values of ``stream.read([name])[name]``.

        Raises
        ------
        CatalogError
            The values cannot be read.
        """
        is_open = "_column" in self.__dict__
        return _scalar_or_array((self._column if is_open or key is not ... else self._found(eager=True))[key])

    def compute(self) -> Any:
        """Read all values, under the name that clients of databroker 2 call on lazy columns."""
        return self.read()

    def to_dask(self) -> dask.array.Array:
        """Describe the values as a dask array; nothing is read. ``stream.to_dask()[name]`` names the axes as well."""
        from ..arrays import lazy_array

        return lazy_array(self._column, self.name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError(f"the column {self.name!r} is not an array in memory: making one reads its values")
        return np.asarray(self.read(), dtype=dtype)

    def __len__(self) -> int:
        return len(self._column)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> NoReturn:
        self._refuse_comparison("==")

    def __ne__(self, other: object) -> NoReturn:
        self._refuse_comparison("!=")

    def __lt__(self, other: object) -> NoReturn:
        self._refuse_comparison("<")

    def __le__(self, other: object) -> NoReturn:
        self._refuse_comparison("<=")

    def __gt__(self, other: object) -> NoReturn:
        self._refuse_comparison(">")

    def __ge__(self, other: object) -> NoReturn:
        self._refuse_comparison(">=")

    __hash__ = object.__hash__

    def _refuse_comparison(self, sign: str) -> NoReturn:
        """Refuse what Python would answer for objects, and what is meant for values."""
        raise TypeError(
            f"the column {self.name!r} does not compare, its values do: column.read() {sign} value is a mask; whether "
            "two are one object, `is` tells"
        )

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows, few in memory at once."""
        return self._column.rows(_BLOCK_BYTES)

    def __getattr__(self, name: str) -> NoReturn:
        # A copy that is being made has no attributes yet.
        if name.startswith("_") or name in ("name", "source"):
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        raise AttributeError(
            f"the column {self.name!r} has no {name!r}: column.read() is a NumPy array, "
            f"stream.read([{self.name!r}])[{self.name!r}] has names of axes and times as well"
        )

    def __repr__(self) -> str:
        found = f"{self.dtype} {self.shape}" if "_column" in self.__dict__ else None
        return display.column_text(self.name, self._source.facts, self._source.data_keys.get(self.name, {}), found)

    @cached_property
    def _column(self) -> Column:
        return self._found(eager=False)

    def _found(self, *, eager: bool) -> Column:
        raise NotImplementedError


class DataColumn(StreamColumn):
    """A column of the data of events, or of the files that they name.

    Parameters
    ----------
    source : StreamSource
        The stream.
    name : str
        Its data key.
    open_columns : callable
        Opens columns by their data keys; ``eager=True`` where all values are wanted.
    """

    def __init__(self, source: StreamSource, name: str, open_columns: Open):
        super().__init__(source, name)
        self._open_columns = open_columns

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes, ``time`` first, as in the dataset that ``stream.read([name])`` gives."""
        return (TIME, *name_dims(self._source.data_keys, {self.name: self.shape[1:]})[self.name])

    @property
    def attrs(self) -> dict[str, Any]:
        """What is known of its device (``object``), ``units``, ``precision`` and ``source``."""
        return attributes(self._source.data_keys[self.name], self._source.devices.get(self.name))

    @cached_property
    def _opened(self) -> OpenedColumn:
        return self._open(eager=False)

    def _found(self, *, eager: bool) -> Column:
        opened = self._open(eager=True) if eager else self._opened
        if opened.absence is not None:
            raise copy.copy(opened.absence)
        assert opened.column is not None
        return opened.column

    def _open(self, *, eager: bool) -> OpenedColumn:
        return self._open_columns([self.name], eager=eager).by_key[self.name]


class HeldColumn(StreamColumn):
    """A column outside of the data of events: their times, ``(n_rows,)``, or a value of the configuration.

    Parameters
    ----------
    source : StreamSource
        The stream.
    name : str
        Its name.
    values : callable
        Returns them, ``(n_rows, ...)``.
    row_dims : tuple of str
        The names of the axes after ``time``.
    attrs : mapping
        Its attributes.
    """

    def __init__(
        self,
        source: StreamSource,
        name: str,
        values: Callable[[], np.ndarray[Any, Any]],
        *,
        row_dims: tuple[str, ...] = (),
        attrs: Mapping[str, Any] | None = None,
    ):
        super().__init__(source, name)
        self._values = values
        self._row_dims = row_dims
        self._attrs = dict(attrs or {})

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the axes, ``time`` first."""
        return (TIME, *self._row_dims)

    @property
    def attrs(self) -> dict[str, Any]:
        """What is known of it."""
        return dict(self._attrs)

    def _found(self, *, eager: bool) -> Column:
        return KnownColumn(self._values(), facts={**self._source.facts, "data_key": self.name})


def _scalar_or_array(found: np.ndarray[Any, Any]) -> Any:
    """Return the value of an array without axes, as NumPy does for an element of an array."""
    return found[()] if found.ndim == 0 else found
