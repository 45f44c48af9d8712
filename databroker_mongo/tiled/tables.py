"""Columns of numbers and texts as one table of Tiled, in partitions of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
import pyarrow
from numpy.typing import NDArray
from tiled.server.core import NoEntry
from tiled.structures.core import Spec, StructureFamily
from tiled.structures.table import TableStructure

from .answers import DISCREET, Answers
from .arrays import ArrayAdapter, as_text

Array = NDArray[Any]
Read = Callable[[slice, Sequence[str]], Mapping[str, Array]]
"""Reads some rows of some columns, by name."""

TABLE_SPEC = Spec("DatabrokerMongoTable", version="1")

_PARTITION_BYTES = 8_000_000
_PARTITION_ROWS = 100_000
_OF_A_TEXT = 20


@dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes
    ----------
    type : pyarrow.DataType
        What Arrow calls it.
    array : callable
        Makes the array that the column is by itself.
    """

    type: pyarrow.DataType
    array: Callable[[], ArrayAdapter]


class TableAdapter:
    """The columns of a stream that have one value a row.

    Parameters
    ----------
    columns : mapping of str to TableColumn
        By name, in order.
    read_rows : callable
        Reads some rows of some of them.
    n_rows : int
        How many rows they have.
    metadata : mapping
        What is told of it.
    """

    structure_family = StructureFamily.table

    def __init__(
        self, columns: Mapping[str, TableColumn], read_rows: Read, *, n_rows: int, metadata: Mapping[str, Any]
    ):
        self.specs = [TABLE_SPEC]
        self.access_tags: frozenset[str] = frozenset()  # those of the stream, once it hands the table on
        self.answers: Answers = DISCREET
        self.n_rows = n_rows
        self._columns = columns
        self._read_rows = read_rows
        self._metadata = metadata
        # Of a run in progress the partitions that were full stay what they are: all but the last.
        self._step = _rows_of_a_partition([column.type for column in columns.values()])
        schema = pyarrow.schema([(name, column.type) for name, column in columns.items()])
        self._structure = TableStructure.from_schema(schema, npartitions=max(1, -(-n_rows // self._step)))

    def metadata(self) -> Mapping[str, Any]:
        """Return what is told of it."""
        return self._metadata

    def structure(self) -> TableStructure:
        """Return the names and types of the columns, and how many partitions there are."""
        return self._structure

    async def lookup_adapter(self, segments: Sequence[str]) -> ArrayAdapter:
        """Return a column as an array.

        Raises
        ------
        NoEntry
            There is no such column.
        """
        name, *deeper = segments
        if name not in self._columns or deeper:
            raise NoEntry(name)
        array = await self.answers.ask(self._columns[name].array)
        array.access_tags, array.answers = self.access_tags, self.answers
        return array

    def read(self, fields: Collection[str] | None = None) -> pandas.DataFrame:
        """Read all rows of some columns, or of all; Tiled calls this in a thread.

        Raises
        ------
        KeyError
            A column that the table does not have.
        HTTPException
            It cannot be read.
        """
        return self._read(slice(0, self.n_rows), fields)

    def read_partition(self, partition: int, fields: Collection[str] | None = None) -> pandas.DataFrame:
        """Read the rows of a partition.

        Raises
        ------
        IndexError
            There is no such partition.
        """
        if not 0 <= partition < self._structure.npartitions:
            raise IndexError(partition)
        begin = partition * self._step
        return self._read(slice(begin, min(begin + self._step, self.n_rows)), fields)

    def _read(self, rows: slice, fields: Collection[str] | None) -> pandas.DataFrame:
        wanted = list(self._columns if fields is None else fields)
        types = {name: self._columns[name].type for name in wanted}
        with self.answers.translate_errors():
            found = self._read_rows(rows, wanted)
        columns = {name: _as_typed(found[name], types[name]) for name in wanted}
        return pandas.DataFrame(columns, index=pandas.RangeIndex(rows.start, rows.stop))


def arrow_type(dtype: np.dtype[Any], values: Callable[[], Array] | None = None) -> pyarrow.DataType | None:
    """Return what Arrow calls the values of a column; None where a table cannot hold them.

    Parameters
    ----------
    dtype : numpy.dtype
        Their dtype.
    values : callable, optional
        Returns them; asked where the dtype tells nothing.
    """
    if dtype.kind == "U":
        return pyarrow.string()
    if dtype.kind in "biufM":
        return pyarrow.from_numpy_dtype(dtype.newbyteorder("="))
    return _type_of_objects(values()) if dtype.kind == "O" and values is not None else None


def _type_of_objects(values: Array) -> pyarrow.DataType:
    try:
        found = pyarrow.array(values.tolist(), from_pandas=True).type
    except (pyarrow.ArrowException, TypeError, OverflowError):
        return pyarrow.string()
    is_told = pyarrow.types.is_primitive(found) or pyarrow.types.is_list(found)
    return found if is_told and not pyarrow.types.is_nested(getattr(found, "value_type", found)) else pyarrow.string()


def _as_typed(values: Array, type: pyarrow.DataType) -> Any:
    """Return values as a column of a data frame."""
    if values.dtype != object:
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    if pyarrow.types.is_string(type):
        return pandas.Series(list(map(as_text, values)), dtype=object).to_numpy()
    return values


def _rows_of_a_partition(types: Sequence[pyarrow.DataType]) -> int:
    n_bytes = sum(each.bit_width // 8 or 1 if pyarrow.types.is_primitive(each) else _OF_A_TEXT for each in types)
    return max(1, min(_PARTITION_ROWS, _PARTITION_BYTES // max(1, n_bytes)))
