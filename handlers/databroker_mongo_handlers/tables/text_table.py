"""Tables of text, one row a line: from characters to an array."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..rows import Array

_EXACT_IN_FLOAT64 = 2**53


class TableFormat:
    """How a table is written.

    Parameters
    ----------
    delimiter : str, optional
        What stands between the fields; a space stands for any white space.
    header : int, None or "infer", optional
        The line that names the columns, None for none. ``"infer"``: the first, when none of its fields is a number.
    names : sequence of str, optional
        Names of the columns.
    usecols : sequence of int or str, optional
        Which columns, by position or name.
    dtype : optional
        The dtype of all columns, or of each as NumPy describes structured types.
    comment : str, optional
        Lines are cut where this begins.
    skiprows : int, optional
        Lines to leave out at the beginning.
    encoding : str, optional
        Of the file.
    """

    OPTIONS: ClassVar[frozenset[str]] = frozenset(
        {"header", "names", "usecols", "dtype", "comment", "skiprows", "encoding"}
    )

    def __init__(
        self,
        *,
        delimiter: str = ",",
        header: int | str | None = "infer",
        names: Sequence[str] = (),
        usecols: Sequence[int | str] = (),
        dtype: Any = None,
        comment: str | None = None,
        skiprows: int = 0,
        encoding: str = "utf-8",
    ):
        self._delimiter = delimiter
        self._header = header
        self._names = list(names)
        self._usecols = list(usecols)
        self._dtype = dtype
        self._comment = comment
        self._skiprows = skiprows
        self._encoding = encoding

    def read(self, path: str) -> Array:
        """Return the table: shape ``(lines, columns)`` where all are numbers, else ``(lines,)`` of a structured dtype.

        A last line that does not end, and lacks fields or the text of the last one, is still being written, and is
        left out.

        Raises
        ------
        OSError
            When the file is missing or no such table.
        """
        try:
            text = Path(path).read_text(self._encoding)
            names, lines = self._split_header(self._lines(text))
            if lines and not text.endswith(("\n", "\r")) and not (len(lines[-1]) >= len(names) and lines[-1][-1]):
                del lines[-1]
            names, lines = self._choose_columns(names, lines)
            return self._to_array(names, lines)
        except (ValueError, csv.Error) as error:
            raise OSError(f"{path} cannot be read as a table: {error}") from error

    def _lines(self, text: str) -> list[list[str]]:
        lines = text.splitlines()[self._skiprows :]
        if self._comment:
            lines = [line.split(self._comment, 1)[0] for line in lines]
        lines = [line for line in lines if line.strip()]
        if not self._delimiter.strip(" "):
            return [line.split() for line in lines]
        return [[field.strip() for field in fields] for fields in csv.reader(lines, delimiter=self._delimiter)]

    def _split_header(self, lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
        header = self._header
        if header == "infer":
            header = 0 if lines and not any(_is_number(field) for field in lines[0]) else None
        if header is None:
            n_columns = len(lines[0]) if lines else len(self._names)
            return self._names or [f"column_{number}" for number in range(n_columns)], lines
        return self._names or lines[int(header)], lines[int(header) + 1 :]

    def _choose_columns(self, names: list[str], lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
        for number, fields in enumerate(lines):
            if len(fields) != len(names):
                raise ValueError(f"line {number} has {len(fields)} fields, but there are {len(names)} columns")
        if not self._usecols:
            return names, lines
        chosen = [column if isinstance(column, int) else names.index(column) for column in self._usecols]
        return [names[column] for column in chosen], [[fields[column] for column in chosen] for fields in lines]

    def _to_array(self, names: list[str], lines: list[list[str]]) -> Array:
        if isinstance(self._dtype, list):
            return np.array([tuple(fields) for fields in lines], dtype=[tuple(field) for field in self._dtype])
        columns = [_column([fields[number] for fields in lines], self._dtype) for number in range(len(names))]
        if len({column.dtype for column in columns}) == 1 and columns[0].dtype.kind != "U":
            return np.column_stack(columns)
        if all(_is_exact_as_float64(column) for column in columns):
            return np.column_stack([column.astype("float64") for column in columns])
        table = np.empty(len(lines), [(name, column.dtype) for name, column in zip(names, columns, strict=True)])
        for name, column in zip(names, columns, strict=True):
            table[name] = column
        return table


def _column(fields: list[str], dtype: Any) -> Array:
    if dtype is not None:
        return np.array(fields, dtype=dtype)
    for kind in ("int64", "float64"):
        try:
            # An empty field is missing, which integers cannot say: "nan" sends such a column on to floats.
            return np.array([field or "nan" for field in fields], dtype=kind)
        except (ValueError, OverflowError):
            continue
    return np.array(fields)


def _is_exact_as_float64(column: Array) -> bool:
    if column.dtype.kind == "f":
        return True
    return column.dtype.kind == "i" and bool((np.abs(column) <= _EXACT_IN_FLOAT64).all())


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
