"""MIME type ``text/csv``, with its parameter ``header`` or without: a table whose rows are its lines.

The parameters are the keywords here, and a datum is ``{"index": i}``: line ``i``, a header not counted. A table of
numbers has rows of shape ``(columns,)``; a table with text has structured rows, one field a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..rows import Array, BeforeOpening, Block, EndsEarly, IndexHandler, RowStructure, refuse_unknown, require_dtype
from .text_table import TableFormat


class StreamedCSV(IndexHandler):
    """MIME type ``text/csv``: lines of a table of text.

    Parameters
    ----------
    path : str
        The file.
    header : int, None or "infer", optional
        The line that names the columns, None for none. By default the first line does when none of its fields is a
        number.
    sep, delimiter : str, optional
        What stands between the fields, a comma by default; a space stands for any white space.
    names : sequence of str, optional
        Names of the columns.
    usecols : sequence of int or str, optional
        Which columns, by position or name.
    dtype : str or list, optional
        The dtype of all columns, or of each as NumPy describes structured types.
    comment : str, optional
        Lines are cut where this begins.
    skiprows : int, optional
        Lines to leave out at the beginning.
    encoding : str, optional
        UTF-8 by default.
    assume_missing, chunk_shape : optional
        Not used.
    """

    def __init__(
        self,
        path: str,
        /,
        *,
        sep: str = "",
        delimiter: str = "",
        assume_missing: object = None,
        chunk_shape: object = None,
        **parameters: Any,
    ):
        options = {name: parameters.pop(name) for name in TableFormat.OPTIONS & set(parameters)}
        refuse_unknown(parameters, type(self).__name__)
        super().__init__(_TableRows(path, TableFormat(delimiter=sep or delimiter or ",", **options)))


class CSVWithoutHeader(StreamedCSV):
    """MIME type ``text/csv;header=absent``: the first line is a row, even where none of its fields is a number."""

    def __init__(self, path: str, /, **parameters: Any):
        super().__init__(path, **{"header": None, **parameters})


class CSVWithHeader(StreamedCSV):
    """MIME type ``text/csv;header=present``: the first line names the columns, even where they are numbers."""

    def __init__(self, path: str, /, **parameters: Any):
        super().__init__(path, **{"header": 0, **parameters})


class _TableRows:
    """Lines of one file, which is read whole when it is first needed and when it has grown."""

    def __init__(self, path: str, table_format: TableFormat):
        self._path = path
        self._format = table_format
        self._table: Array | None = None
        self._size = 0

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of lines ``first`` to ``first + count``.

        Raises
        ------
        OSError
            When the file is missing, no such table, or ends before the last of these lines.
        """
        table = self._with_rows(first + count)
        return RowStructure(table.shape[1:], table.dtype, None)

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``.

        Raises
        ------
        OSError
            When the file is missing, no such table, or short.
        ValueError
            When ``out`` has not the dtype of the table.
        """
        table = self._with_rows(block.stop)
        require_dtype(out, table.dtype, self._path)
        for group in range(block.count):
            start = block.first + group * block.step
            out[group] = table[(slice(start, start + block.size), *inner)]

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return nothing: a table refers to no other file."""
        return []

    def close(self) -> None:
        """Forget the table."""
        self._table = None

    def _with_rows(self, stop: int) -> Array:
        table = self._table
        if table is None or stop > len(table):
            size = Path(self._path).stat().st_size
            if table is None or size != self._size:
                table = self._table = self._format.read(self._path)
                self._size = size
        if stop > len(table):
            raise EndsEarly(f"{self._path}: line {stop - 1} was requested, but it has {len(table)} lines")
        return table
