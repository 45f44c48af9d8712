"""The table of runs as pandas has it: a module of its own, since a class of pandas cannot wait for its import."""

from __future__ import annotations

import shutil

import pandas

from ..printable import in_words, printable

_MOST_ROWS = 60
_OF_UID = 8
_WIDEST = 30


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
