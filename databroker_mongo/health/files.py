"""What of a run can be read, and from which files: tables for the people who have to put it right."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..arrays import Column, OpenedColumn, OpenedColumns, StreamSource, open_columns, try_to_correct
from ..assets import Absence, AssetReader, Resource
from ..errors import (
    AssetOffline,
    CatalogError,
    HandlerUnavailable,
    InvalidDocument,
    PathNotAllowed,
    StoreError,
    UnknownSpec,
)
from .documents import Finding

if TYPE_CHECKING:
    import pandas


_BLOCK_BYTES = 32_000_000
_HEALTH_COLUMNS = ["stream", "data_key", "status", "shape", "dtype", "way", "reason", "facts"]
_NO_FAULT: dict[str, Any] = {"status": "ok", "way": "", "reason": "", "facts": {}}


def check_files(
    sources: Mapping[str, StreamSource], findings: Iterable[Finding] = (), *, pixels: bool
) -> pandas.DataFrame:
    """Return a row for each stream and data key: whether it can be read, and what is at fault if not.

    What is found about a column is told in its row, other findings have a row each.
    """
    from .tables import HealthTable  # a shell lists runs without pandas, which takes half a second to import

    rows: dict[Any, dict[str, Any]] = {}
    for name, source in _without_recall(sources).items():
        opened = _opened(source)
        for key in source.data_keys:
            rows[name, key] = {"stream": name, "data_key": key, **_verdict(opened.by_key[key], pixels)}
    for number, finding in enumerate(findings):
        place = finding.stream, finding.data_key
        if place in rows:
            _add_finding(rows[place], finding)
        else:
            rows[number] = {"stream": finding.stream or "", "data_key": finding.data_key or "", **_NO_FAULT}
            _add_finding(rows[number], finding)
    return HealthTable(list(rows.values()), columns=_HEALTH_COLUMNS)


def _opened(source: StreamSource) -> OpenedColumns:
    """Open all columns; where the order of the rows is not known, that is wrong with each."""
    try:
        return open_columns(source, list(source.data_keys), eager=False)
    except StoreError as error:
        if "field" not in error.facts:
            raise
        error.facts = {**source.facts, **error.facts}
        return OpenedColumns({key: OpenedColumn(error=error) for key in source.data_keys})


def _add_finding(row: dict[str, Any], finding: Finding) -> None:
    row["facts"] = {**row["facts"], finding.kind: dict(finding.facts)}
    if row["status"] not in ("unreadable", "offline"):
        row["status"] = "note"
        row["reason"] = f"{row['reason']} {finding.message}".strip()


def _verdict(opened: OpenedColumn, pixels: bool) -> dict[str, Any]:
    column, error, status = opened.column, opened.error, "unreadable"
    found = {} if column is None else {"shape": column.shape, "dtype": str(column.dtype)}
    if error is None and column is not None and opened.segments:
        error = column.first_problem() or (_read_through(column) if pixels else None)
    if error is None:
        found = {**found, "way": _way(column)}
        note = opened.note or opened.quirk
        return {**_NO_FAULT, **({} if note is None else {"status": "note", "reason": note}), **found}
    if opened.is_pending:
        status = "note"
    elif isinstance(error, AssetOffline):
        status = "offline"
    return {**_NO_FAULT, "status": status, "reason": error.message, "facts": error.facts, **found}


def _way(column: Column | None) -> str:
    """Return in words how the values of a column are read; empty where there is but one way, or it is not known."""
    try:
        return "" if column is None else column.way()
    except CatalogError:
        return ""  # a file that cannot be read was told of, or has changed since


def _read_through(column: Column) -> CatalogError | None:
    n_rows, *inner = column.shape
    step = max(1, _BLOCK_BYTES // max(1, math.prod(inner) * column.dtype.itemsize))
    try:
        for start in range(0, n_rows, step):
            rows = slice(start, min(start + step, n_rows))
            column.read_region((rows, *(slice(0, size) for size in inner)))
    except CatalogError as error:
        return error
    return None


@dataclass(frozen=True)
class _File:
    """A file that a resource names, and what is wrong with it.

    Attributes
    ----------
    path : str
        Its path here; what the document says where it cannot be here.
    exists, offline : bool
        Whether it is there, and for cheap.
    size_bytes : int or None
        Its size, of a file that is there.
    spec, resource_uid, root : str
        Of its resource; without a root the folder.
    reason, facts : str, dict
        What is wrong with it.
    absence : Absence or None
        The directory whose absence is the reason.
    fault : CatalogError or None
        The error that it is, if it is one.
    """

    path: str
    exists: bool
    offline: bool
    size_bytes: int | None
    spec: str
    resource_uid: str
    root: str
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    absence: Absence | None = None
    fault: CatalogError | None = None

    @property
    def is_forbidden(self) -> bool:
        """Whether it may not be read here."""
        return isinstance(self.fault, PathNotAllowed)

    @property
    def is_unserved(self) -> bool:
        """Whether nothing here reads such files."""
        return isinstance(self.fault, UnknownSpec | HandlerUnavailable)

    def together(self, other: _File) -> _File:
        """Return one row for a file that several resources name: what is wrong with any, the uid of the first."""
        return dataclasses.replace(
            self,
            offline=self.offline or other.offline,
            spec=_joined(", ", self.spec, other.spec),
            reason=_joined("\n", self.reason, other.reason),
            facts={**other.facts, **self.facts},
        )


def list_files(sources: Mapping[str, StreamSource]) -> pandas.DataFrame:
    """Return a row for each file that the run's resources name, once, those that no event refers to as well."""
    from .tables import FilesTable  # as above

    columns = ["path", "exists", "offline", "size_bytes", "spec", "resource_uid", "reason", "facts"]
    by_path: dict[str, _File] = {}
    for file in _files(sources):
        by_path[file.path] = by_path[file.path].together(file) if file.path in by_path else file
    cells = [[getattr(file, column) for column in columns] for file in by_path.values()]
    return FilesTable(cells, columns=columns).astype({"size_bytes": "Int64"})


def _joined(joint: str, first: str, other: str) -> str:
    """Join what is said of one thing, what is said twice once."""
    return joint.join(dict.fromkeys(filter(None, [*first.split(joint), other])))


def find_lost_files(sources: Mapping[str, StreamSource]) -> Iterator[Finding]:
    """Yield, for each root, how many files are lost or offline below it, and each spec that nothing here reads."""
    by_root: dict[str, list[_File]] = {}
    unserved: dict[str, _File] = {}
    run_uid = next((source.run_uid for source in sources.values()), None)
    for file in _files(sources):
        by_root.setdefault(file.root, []).append(file)
        if file.is_unserved:
            unserved.setdefault(file.spec, file)
    for spec, file in unserved.items():
        yield Finding("unreadable-spec", file.reason, run_uid, facts={"spec": spec})
    for root, files in by_root.items():
        yield from _forbidden_files(root, files, run_uid)
        yield from _missing_files(root, files, run_uid)
    yield from _offline_files(by_root, run_uid)


def _missing_files(root: str, files: Sequence[_File], run_uid: str | None) -> Iterator[Finding]:
    lost = sorted({file.path for file in files if not file.exists and not file.is_forbidden})
    if lost:
        absence = next((file.absence for file in files if file.absence is not None), None)
        n_files = len({file.path for file in files})
        text = f"{len(lost)} of {n_files} files below {root!r} are not there, such as {lost[0]!r}."
        facts = {"root": root, "n": len(lost), "paths": lost[:10]}
        if absence is not None:
            text += f" {absence.remedy}."
            facts["missing_directory"] = str(absence.directory)
        yield Finding("missing-files", text, run_uid, facts=facts)


def _forbidden_files(root: str, files: Sequence[_File], run_uid: str | None) -> Iterator[Finding]:
    refused = {file.path: file.reason for file in files if file.is_forbidden}
    if refused:
        first = min(refused)
        text = f"{len(refused)} of {len(files)} files below {root!r} may not be read here, such as {first!r}: "
        facts = {"root": root, "n": len(refused), "paths": sorted(refused)[:10]}
        yield Finding("forbidden-files", text + refused[first], run_uid, facts=facts)


def _offline_files(by_root: Mapping[str, Sequence[_File]], run_uid: str | None) -> Iterator[Finding]:
    for root, files in by_root.items():
        away = sorted({file.path for file in files if file.offline})
        if away:
            n_files = len({file.path for file in files})
            text = (
                f"{len(away)} of {n_files} files below {root!r} are offline, such as {away[0]!r}: reading them takes "
            )
            facts = {"root": root, "n": len(away), "paths": away[:10]}
            yield Finding("offline-files", f"{text}recall=True.", run_uid, facts=facts)


def _without_recall(sources: Mapping[str, StreamSource]) -> dict[str, StreamSource]:
    """Return the streams such that to look at them fetches no file from a tape."""
    return {name: dataclasses.replace(each, assets=each.assets.recalling(False)) for name, each in sources.items()}


def _files(sources: Mapping[str, StreamSource]) -> Iterable[_File]:
    sources = _without_recall(sources)
    found: dict[tuple[str, str], _File] = {}
    for source in sources.values():
        opened = _opened(source)
        for each in opened.by_key.values():
            for segment in each.segments:
                if segment.resource is not None:
                    _add_files(found, source.assets, segment.resource, segment.datums)
    used = {uid for uid, _ in found}
    for source in list(sources.values())[:1]:
        for resource in _resources(source):
            if resource.uid not in used:
                _add_files(found, source.assets, resource, ())
    return found.values()


def _resources(source: StreamSource) -> Iterator[Resource]:
    """Yield the resources that say they belong to the run, as far as their documents are complete."""
    store, uid = source.rows.store, source.run_uid
    readers = ((Resource.from_document, "resource"), (Resource.from_stream_document, "stream_resource"))
    for read, kind in readers:
        for document in store.run_resources(uid, name=kind):
            found = try_to_correct(kind, document, source.transform)
            with contextlib.suppress(InvalidDocument):
                yield read(document if isinstance(found, CatalogError) else found)


def _add_files(
    found: dict[tuple[str, str], _File],
    assets: AssetReader,
    resource: Resource,
    datums: Sequence[Mapping[str, Any]],
) -> None:
    """Add the files of these datums, by resource and path."""
    paths: list[Path] = []
    offline: list[str] = []
    fault: CatalogError | None = None
    try:
        paths = [assets.roots.locate(resource).path]
        listed = assets.files(resource, datums) if datums else paths
        offline = assets.offline_files(resource, listed, datums)
        paths = list(dict.fromkeys([*listed, *map(Path, offline)]))
    except CatalogError as error:
        fault = error
    there = [(str(path), *_on_disk(path)) for path in paths] or [(str(resource.place), False, None)]
    absence = None if all(exists for _, exists, _ in there) else assets.roots.absence(resource)
    reason, facts = ("", {}) if fault is None else (fault.message, fault.facts)
    if absence is not None and not reason:
        reason, facts = absence.remedy, {"missing_directory": str(absence.directory)}
    for path, exists, size in there:
        found[resource.uid, path] = _File(
            path,
            exists,
            path in offline,
            size,
            spec=resource.spec,
            resource_uid=resource.uid,
            root=resource.root or str(PurePosixPath(str(resource.place)).parent),
            reason=reason,
            facts=facts,
            absence=absence,
            fault=fault,
        )


def _on_disk(path: Path) -> tuple[bool, int | None]:
    try:
        return path.exists(), path.stat().st_size if path.is_file() else None
    except OSError:
        return False, None
