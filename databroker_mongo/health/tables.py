"""Tables of findings, of files and of runs, which print what matters first."""

from __future__ import annotations

import shutil
from html import escape
from typing import Any, ClassVar

import pandas

from ..printable import in_words, printable
from . import lines as report_lines

Row = dict[Any, Any]

_MOST_ROWS = 60
_OF_UID = 8
_WIDEST = 30


class _Report(pandas.DataFrame):
    """A data frame that prints a summary of its rows; without columns that it needs, what others print."""

    _needed: ClassVar[frozenset[str]] = frozenset()

    @property
    def _constructor(self) -> type[_Report]:
        return type(self)

    def __repr__(self) -> str:
        rows = self._rows()
        if rows is None:
            return super().__repr__()
        return "\n".join(map(printable, self._lines(rows, shutil.get_terminal_size().columns)))

    def _repr_html_(self) -> str:
        with pandas.option_context("display.max_colwidth", None):
            rows = self._rows()
            if rows is None:
                return self.to_html(max_rows=_MOST_ROWS, notebook=True)
            summary, table = self._page(rows)
            shown = table.map(lambda cell: printable(str(cell))) if len(table) else table
            page = shown.to_html(max_rows=_MOST_ROWS, notebook=True, index=False) if len(table) else ""
        return f"<p>{escape(printable(summary))}</p>{page}"

    def _rows(self) -> list[Row] | None:
        """Return the rows with all that is printed of them, in the index too; None where something is missing."""
        in_index = self._needed.intersection(self.index.names) - set(self.columns)
        if not self.columns.is_unique or not self._needed - in_index <= set(self.columns):
            return None
        return pandas.DataFrame(self).reset_index(level=[*in_index]).to_dict("records")

    def _lines(self, rows: list[Row], width: int) -> list[str]:
        raise NotImplementedError

    def _page(self, rows: list[Row]) -> tuple[str, pandas.DataFrame]:
        raise NotImplementedError


class HealthTable(_Report):
    """A row for each column and each finding. Printed, those with a fault come first, together where it is the same."""

    _needed = frozenset(("stream", "data_key", "status", "reason", "facts"))

    def _lines(self, rows: list[Row], width: int) -> list[str]:
        return report_lines.lines_of_columns(rows, width=width)

    def _page(self, rows: list[Row]) -> tuple[str, pandas.DataFrame]:
        cells = [
            {
                "status": group.status,
                "columns": "; ".join(f"{stream}: {keys}" if keys else stream for stream, keys in group.places),
                "reason": group.reason,
            }
            for group in report_lines.columns_of(rows)
        ]
        return report_lines.summary_of_columns(rows), pandas.DataFrame(cells)


class FilesTable(_Report):
    """A row for each file. Printed, a line for each folder, those that lack files first."""

    _needed = frozenset(("path", "exists", "size_bytes", "spec", "reason"))

    def _lines(self, rows: list[Row], width: int) -> list[str]:
        return report_lines.lines_of_files(rows, width=width)

    def _page(self, rows: list[Row]) -> tuple[str, pandas.DataFrame]:
        folders = report_lines.folders_of(rows)
        cells = [
            {
                "files": folder.n_files,
                "exist": folder.is_there,
                "offline": folder.is_offline,
                "size": report_lines.size_text(folder.n_bytes),
                "spec": folder.spec,
                "path": folder.path,
                "reason": folder.reason,
            }
            for folder in folders
        ]
        return report_lines.summary_of_files(folders), pandas.DataFrame(cells)


class RunTable(pandas.DataFrame):
    """A data frame of runs that prints the beginnings of uids and times to the minute, and hides no column."""

    @property
    def _constructor(self) -> type[RunTable]:
        return RunTable

    def __repr__(self) -> str:
        if self.index.name != "uid" or self.empty or not self.columns.is_unique:
            return super().__repr__()
        shown = pandas.DataFrame(self.head(_MOST_ROWS)).rename(lambda uid: str(uid)[:_OF_UID])
        for name in shown.select_dtypes("datetimetz"):
            shown[name] = shown[name].dt.strftime("%Y-%m-%d %H:%M%z")
        for name in shown.columns[shown.dtypes.map(str) == "object"]:
            shown[name] = shown[name].map(in_words)
        printed = shown.to_string(line_width=shutil.get_terminal_size().columns, max_colwidth=_WIDEST)
        n_more = len(self) - len(shown)
        return printable(f"{printed}\nand {n_more} more rows" if n_more else printed, keep="\n")
