"""Tables of findings and of runs that a terminal shows whole. What they say does not belong here."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

import pandas

from .printable import printable

_MOST_ROWS = 60
_BELOW = ("path", "reason", "facts")
_INDENT = "      "
_OF_UID = 8
_WIDEST = 30


class ReportTable(pandas.DataFrame):
    """A data frame that prints ``path``, ``reason`` and ``facts`` below each row, where others would hide columns."""

    @property
    def _constructor(self) -> type[ReportTable]:
        return ReportTable

    def __repr__(self) -> str:
        shown = self.head(_MOST_ROWS)
        short = shown.drop(columns=[name for name in _BELOW if name in self])
        if short.empty or "reason" not in self:
            return super().__repr__()
        lines = short.to_string(na_rep="").splitlines()
        printed = lines[: -len(shown)]
        for line, (_, row) in zip(lines[-len(shown) :], shown.iterrows(), strict=True):
            printed += [line, *_below(row.to_dict())]
        if len(self) > len(shown):
            printed.append(f"and {len(self) - len(shown)} more rows")
        return "\n".join(printed)

    def _repr_html_(self) -> str:
        with pandas.option_context("display.max_colwidth", None):
            return self.to_html(max_rows=_MOST_ROWS, notebook=True)


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
            shown[name] = shown[name].map(_cell_text)
        printed = shown.to_string(line_width=shutil.get_terminal_size().columns, max_colwidth=_WIDEST)
        n_more = len(self) - len(shown)
        return printable(f"{printed}\nand {n_more} more rows" if n_more else printed, keep="\n")


def _cell_text(cell: Any) -> str:
    return ", ".join(map(str, cell)) if isinstance(cell, list) else str(cell)


def _below(row: dict[Any, Any]) -> list[str]:
    lines = [f"{_INDENT}{row['path']}"] if row.get("path") else []
    lines += textwrap.wrap(
        row["reason"],
        shutil.get_terminal_size().columns,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    facts = {name: value for name, value in (row.get("facts") or {}).items() if name not in row}
    return lines + [f"{_INDENT}  {name.replace('_', ' ')}: {value}" for name, value in facts.items()]
