"""Tables of findings and of files; printed, rows that tell the same stand together, those with a fault first."""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar

import pandas

from ..printable import printable

Row = Mapping[Any, Any]

_MOST_GROUPS = 30
_MOST_ROWS = 60
_WORST_FIRST = {"unreadable": 0, "offline": 1}
_INDENT = "      "
_OF_THE_ROW = ("run_uid", "scan_id", "stream", "data_key", "missing_directory")
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


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

    def _rows(self) -> Sequence[Row] | None:
        """Return the rows with all that is printed of them, in the index too; None where something is missing."""
        in_index = self._needed.intersection(self.index.names) - set(self.columns)
        if not self.columns.is_unique or not self._needed - in_index <= set(self.columns):
            return None
        return pandas.DataFrame(self).reset_index(level=[*in_index]).to_dict("records")

    def _lines(self, rows: Sequence[Row], width: int) -> list[str]:
        raise NotImplementedError

    def _page(self, rows: Sequence[Row]) -> tuple[str, pandas.DataFrame]:
        raise NotImplementedError


class HealthTable(_Report):
    """A row for each column and each finding. Printed, those with a fault come first, together where it is the same."""

    _needed = frozenset(("stream", "data_key", "status", "reason", "facts"))

    def _lines(self, rows: Sequence[Row], width: int) -> list[str]:
        return _lines_of_columns(rows, width=width)

    def _page(self, rows: Sequence[Row]) -> tuple[str, pandas.DataFrame]:
        cells = [
            {
                "status": group.status,
                "columns": "; ".join(f"{stream}: {keys}" if keys else stream for stream, keys in group.places),
                "reason": group.reason,
            }
            for group in _columns_of(rows)
        ]
        return _summary_of_columns(rows), pandas.DataFrame(cells)


class FilesTable(_Report):
    """A row for each file. Printed, a line for each folder, those that lack files first."""

    _needed = frozenset(("path", "exists", "size_bytes", "spec", "reason"))

    def _lines(self, rows: Sequence[Row], width: int) -> list[str]:
        return _lines_of_files(rows, width=width)

    def _page(self, rows: Sequence[Row]) -> tuple[str, pandas.DataFrame]:
        folders = _folders_of(rows)
        cells = [
            {
                "files": folder.n_files,
                "exist": folder.is_there,
                "offline": folder.is_offline,
                "size": _size_text(folder.n_bytes),
                "spec": folder.spec,
                "path": folder.path,
                "reason": folder.reason,
            }
            for folder in folders
        ]
        return _summary_of_files(folders), pandas.DataFrame(cells)


@dataclass
class _Columns:
    """_Columns that the same is wrong with, or what is told of a run as a whole.

    Attributes
    ----------
    status : str
        ``unreadable``, ``offline`` or ``note``.
    reason : str
        What, of the first of them.
    facts : dict
        What all of them have in common.
    keys : dict of str to list of str
        The data keys of each stream; the stream ``""`` is the run, the data key ``""`` the stream as a whole.
    """

    status: str
    reason: str
    facts: dict[str, Any]
    keys: dict[str, list[str]] = field(default_factory=dict)

    @property
    def places(self) -> list[tuple[str, str]]:
        """Where they are: names of streams, and of their data keys."""
        return [
            (stream or "the run", ", ".join(filter(None, keys)) or ("" if not stream else "the stream"))
            for stream, keys in self.keys.items()
        ]


@dataclass
class _Folder:
    """Files of one folder that are there or not, for the same reason.

    Attributes
    ----------
    path : str
        The folder; of a single file its own path.
    is_there : bool
        Whether they are.
    is_offline : bool
        Whether they are, but on tape for example.
    spec : str
        What they are read as.
    reason : str
        What is wrong.
    directory : str or None
        The directory whose absence is the reason.
    n_files, n_bytes : int
        How many they are, and how large.
    """

    path: str
    is_there: bool
    is_offline: bool
    spec: str
    reason: str
    directory: str | None
    n_files: int
    n_bytes: int


def _columns_of(rows: Iterable[Row]) -> list[_Columns]:
    """Return the rows of a table of columns that are not ok, those that tell the same together, faults first."""
    groups: dict[Any, _Columns] = {}
    for row in rows:
        if row["status"] == "ok":
            continue
        facts = row["facts"] if isinstance(row["facts"], dict) else {}
        found = {kind: value for kind, value in facts.items() if isinstance(value, dict)}
        told = repr(found) if row["status"] != "note" else ""
        key = row["status"], _missing_directory(facts) or row["reason"], told
        group = groups.setdefault(key, _Columns(row["status"], str(row["reason"]), dict(facts)))
        group.facts = {name: value for name, value in group.facts.items() if facts.get(name) == value}
        group.keys.setdefault(str(row["stream"]), []).append(str(row["data_key"]))
    return sorted(groups.values(), key=lambda group: _WORST_FIRST.get(group.status, len(_WORST_FIRST)))


def _summary_of_columns(rows: Sequence[Row]) -> str:
    """Return in a line how many columns can be read."""
    columns = [row for row in rows if row["data_key"]]
    counts = Counter(row["status"] for row in columns)
    n_streams = len({row["stream"] for row in columns})
    words = {"unreadable": "unreadable", "offline": "offline", "note": "with a note", "ok": "ok"}
    told = ", ".join(f"{counts[status]} {word}" for status, word in words.items() if counts[status])
    told = "all ok" if columns and counts["ok"] == len(columns) else told
    line = f"{_counted(len(columns), 'column')} in {_counted(n_streams, 'stream')}" + (f": {told}" if told else "")
    n_others = len(rows) - len(columns)
    return f"{line}; {_counted(n_others, 'note')} on the run or a stream" if n_others else line


def _lines_of_columns(rows: Sequence[Row], *, width: int) -> list[str]:
    """Return the lines of a table of columns: a summary, what is wrong with which, and how many are ok."""
    groups = _columns_of(rows)
    lines = _wrapped(_summary_of_columns(rows), width, indent="", further="  ")
    told: set[str] = set()
    for number, group in enumerate(groups[:_MOST_GROUPS]):
        if number == 0 or groups[number - 1].status != group.status:
            lines.append(group.status)
        lines += [*_lines_of_places(group, width), *_wrapped(_untold(group.reason, group.facts, told), width)]
        lines += _lines_of_facts(group)
    if len(groups) > _MOST_GROUPS:
        lines.append(f"and {len(groups) - _MOST_GROUPS} more")
    n_ok = Counter(str(row["stream"]) for row in rows if row["status"] == "ok")
    if groups and n_ok:
        counts = ", ".join(f"{n} of {stream}" for stream, n in n_ok.items())
        lines += _wrapped(f"ok: {counts}", width, indent="", further="    ")
    return lines


def _folders_of(rows: Iterable[Row]) -> list[_Folder]:
    """Return a table of files folder by folder, those that something is wrong with first."""
    folders: dict[Any, _Folder] = {}
    for row in rows:
        path, name = os.path.split(str(row["path"]))
        facts = row.get("facts")
        directory = _missing_directory(facts) if isinstance(facts, dict) else None
        is_there, is_offline, size = bool(row["exists"]), bool(row.get("offline")), row["size_bytes"]
        n_bytes = int(size) if isinstance(size, int) else 0
        key = path, is_there, is_offline, row["spec"], directory or row["reason"]
        if key in folders:
            folders[key].n_files += 1
            folders[key].n_bytes += n_bytes
        else:
            whole = os.path.join(path, name)  # noqa: PTH118 it may be a path of another system
            spec, reason = str(row["spec"]), str(row["reason"])
            folders[key] = _Folder(whole, is_there, is_offline, spec, reason, directory, 1, n_bytes)
    for (path, *_), folder in folders.items():
        folder.path = folder.path if folder.n_files == 1 else path
    return sorted(folders.values(), key=lambda folder: (folder.is_there, not folder.reason, not folder.is_offline))


def _summary_of_files(folders: Sequence[_Folder]) -> str:
    """Return in a line how many files are there."""
    n_files = sum(folder.n_files for folder in folders)
    n_missing = sum(folder.n_files for folder in folders if not folder.is_there)
    size = _size_text(sum(folder.n_bytes for folder in folders))
    if not n_files:
        return "no files"
    if n_missing == n_files:
        return f"{_counted(n_files, 'file')}: none is there"
    n_offline = sum(folder.n_files for folder in folders if folder.is_offline)
    away = [f"{n} {word}" for n, word in ((n_missing, "missing"), (n_offline, "offline")) if n]
    there = ", ".join(away) or "all there"
    return f"{_counted(n_files, 'file')}, {size}: {there}"


def _lines_of_files(rows: Iterable[Row], *, width: int) -> list[str]:
    """Return the lines of a table of files: a summary, and a line for each folder, with what is wrong below it."""
    folders = _folders_of(rows)
    lines = [_summary_of_files(folders)]
    told: set[str] = set()
    shown = folders[:_MOST_GROUPS]
    cells = [(_away(each), f"{each.n_files}", _size(each), each.spec) for each in shown]
    widths = [max(map(len, column), default=0) for column in zip(*cells, strict=True)]
    for folder, row in zip(shown, cells, strict=True):
        padded = [
            cell.rjust(size) if place in (1, 2) else cell.ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(["", *(cell for cell in padded if cell), folder.path]))
        lines += _wrapped(_untold(folder.reason, {"missing_directory": folder.directory}, told), width)
    return lines if len(folders) <= _MOST_GROUPS else [*lines, f"and {len(folders) - _MOST_GROUPS} more folders"]


def _away(folder: _Folder) -> str:
    return "missing" if not folder.is_there else "offline" if folder.is_offline else ""


def _size_text(n_bytes: int) -> str:
    """Return a size in the unit that suits it."""
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if n_bytes >= factor), (1, "bytes"))
    return f"{n_bytes} bytes" if factor == 1 else f"{n_bytes / factor:.3g} {unit}"


def _size(folder: _Folder) -> str:
    return _size_text(folder.n_bytes) if folder.n_bytes else ""


def _missing_directory(facts: Mapping[str, Any]) -> str | None:
    """Return the directory whose absence explains a row, or what a finding in it tells of."""
    inner = [each.get("missing_directory") for each in facts.values() if isinstance(each, dict)]
    return next((directory for directory in [facts.get("missing_directory"), *inner] if directory), None)


def _untold(reason: str, facts: Mapping[str, Any], told: set[str]) -> str:
    """Return a reason without what to do about an absent directory, where that was told already."""
    directory = _missing_directory(facts)
    if directory is None:
        return reason
    if directory in told:
        return re.sub(rf"\W*On \S+ {re.escape(directory)} is .*", "", reason, flags=re.DOTALL)
    told.add(directory)
    return reason


def _lines_of_places(group: _Columns, width: int) -> list[str]:
    size = max(len(stream) for stream, _ in group.places)
    return [
        line
        for stream, keys in group.places
        for line in _wrapped(f"{stream.ljust(size)}  {keys}".rstrip(), width, indent="  ", further=" " * (size + 4))
    ]


def _lines_of_facts(group: _Columns) -> list[str]:
    facts = {name: value for name, value in group.facts.items() if name not in _OF_THE_ROW}
    if facts.get("document_path") == facts.get("path"):
        facts.pop("document_path", None)
    if group.status == "note":
        facts = {name: value for name, value in facts.items() if not isinstance(value, dict)}
    return [f"{_INDENT}  {name.replace('_', ' ')}: {_fact(value)}" for name, value in facts.items()]


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_fact(each)}" for name, each in value.items())
    if isinstance(value, list | tuple) and len(value) > 3:
        return f"{', '.join(map(str, value[:3]))}, ..."
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _wrapped(text: str, width: int, *, indent: str = _INDENT, further: str | None = None) -> list[str]:
    below = indent if further is None else further
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
