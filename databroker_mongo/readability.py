"""What of a run can be read, and from which files: tables for the people who have to put it right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arrays.columns import AssetColumn
from .arrays.opening import OpenedColumns, StreamSource, open_columns
from .assets.datums import Segment
from .assets.reader import AssetReader
from .errors import CatalogError

if TYPE_CHECKING:
    import pandas


def health(sources: Mapping[str, StreamSource]) -> pandas.DataFrame:
    """Return a row for each stream and data key: whether it can be read, and what is at fault if not."""
    import pandas

    rows = []
    for name, source in sources.items():
        opened = open_columns(source, list(source.data_keys), eager=False)
        rows += [{"stream": name, "data_key": key, **_verdict(opened, key)} for key in source.data_keys]
    return pandas.DataFrame(rows, columns=["stream", "data_key", "status", "shape", "dtype", "reason"])


def _verdict(opened: OpenedColumns, key: str) -> dict[str, Any]:
    column = opened.columns.get(key)
    found = {"shape": column.shape, "dtype": str(column.dtype)} if column is not None else {}
    problem = opened.problems.get(key)
    if problem is None and isinstance(column, AssetColumn):
        problem = column.first_problem()
    if problem is not None:
        return {"status": "unreadable", "reason": str(problem), **found}
    note = opened.notes.get(key)
    return {"status": "ok" if note is None else "note", "reason": note or "", **found}


def files(sources: Mapping[str, StreamSource]) -> pandas.DataFrame:
    """Return a row for each file that the streams' resources name."""
    import pandas

    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for source in sources.values():
        opened = open_columns(source, list(source.data_keys), eager=False)
        for column in opened.columns.values():
            for segment in column.segments if isinstance(column, AssetColumn) else ():
                for row in _files_of(source.assets, segment):
                    rows[row["resource_uid"], row["path"]] = row
    columns = ["path", "exists", "size_bytes", "spec", "resource_uid", "reason"]
    return pandas.DataFrame(list(rows.values()), columns=columns)


def _files_of(assets: AssetReader, segment: Segment) -> Iterator[dict[str, Any]]:
    resource = segment.resource
    if resource is None:
        return
    named = {"spec": resource.spec, "resource_uid": resource.uid}
    try:
        paths = assets.files(resource, segment.datums)
    except CatalogError as error:
        yield {**named, "path": resource.path, "exists": False, "size_bytes": None, "reason": str(error)}
        return
    for path in map(Path, paths):
        exists = path.exists()
        yield {
            **named,
            "path": str(path),
            "exists": exists,
            "size_bytes": path.stat().st_size if exists else None,
            "reason": "",
        }
