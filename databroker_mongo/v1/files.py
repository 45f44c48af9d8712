"""The files of the external data of runs: which they are, and how large they are together.

What does not belong here: where files are on this machine (``assets.roots``), and copies of them (``copies``).
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arrays import AssetColumn, OpenedColumn, OpenedColumns, correct, open_columns
from ..assets import DatumTable, Resource
from ..documents import indices_of
from ..errors import AssetError, AssetOffline, AssetUnreadable, PathNotAllowed
from ..store import Document

if TYPE_CHECKING:
    from ..runs import Context, Run


@dataclass(frozen=True)
class Family:
    """The files of one resource.

    Attributes
    ----------
    resource : Resource
        The resource.
    datums : sequence of mapping
        The arguments of all its datums.
    located : pathlib.Path
        Its place on this machine, which need not be a file.
    own : tuple of pathlib.Path
        The files that its datums are in.
    linked : tuple of pathlib.Path
        The files that these refer to.
    fault : str
        Why it is not known what these refer to; empty where it is.
    offline : AssetOffline or None
        The same, where that is because a file is offline.
    """

    resource: Resource
    datums: Sequence[Mapping[str, Any]]
    located: Path
    own: tuple[Path, ...]
    linked: tuple[Path, ...] = ()
    fault: str = ""
    offline: AssetOffline | None = None


class RunFiles:
    """The files that the resources and stream resources of a run name.

    Parameters
    ----------
    run : Run
        The run.
    context : Context
        That of the catalog where it was found.
    """

    def __init__(self, run: Run, context: Context):
        self._store = context.store
        self._assets = context.assets.of_run(run.start)
        self._transform = context.transform
        self._run_uid = run.start["uid"]
        self._sources = [stream.source for stream in run.values()]

    def families(self) -> Iterator[tuple[str, Document, Family]]:
        """Yield the kind, document and files of each resource, and stream resource, of the run.

        Raises
        ------
        AssetError
            Which files a resource has cannot be told, or one is missing.
        InvalidDocument
            The document of a resource says too little.
        """
        for kind, stored in self._stored():
            document = correct(kind, stored, self._transform)
            yield kind, document, self.family(kind, document)

    def family(self, kind: str, document: Document) -> Family:
        """Return the files of a resource.

        Parameters
        ----------
        kind : {"resource", "stream_resource"}
            The kind of its document.
        document : mapping
            The document.

        Raises
        ------
        AssetError
            Which files it has cannot be told, or one is missing.
        InvalidDocument
            The document says too little.
        """
        resource = resource_of(kind, document)
        located = self._assets.roots.locate(resource).path
        datums = self._datums_of_stream(document, located) if resource.is_stream else self._datums(resource.uid)
        if not datums:
            # Nothing was recorded: no file need be there, and of a folder none need be of this run.
            return Family(resource, (), located, (located,) if located.is_file() else ())
        named = self._assets.files(resource, datums)
        for path in named:
            if not path.exists():
                raise self._missing(path, resource)
        own = tuple(each for path in named for each in _all_below(path))
        return Family(resource, datums, located, own, *self._linked(resource, datums))

    def _missing(self, path: Path, resource: Resource) -> AssetUnreadable:
        absence = self._assets.roots.absence(resource)
        advice = "" if absence is None else f". {absence.remedy}"
        facts = {"path": str(path), "resource_uid": resource.uid, "run_uid": self._run_uid}
        facts |= {} if absence is None else {"missing_directory": str(absence.directory)}
        return AssetUnreadable(f"the file {path} is missing{advice}", **facts)

    def _linked(
        self, resource: Resource, datums: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Path, ...], str, AssetOffline | None]:
        """Return the files that those of a resource refer to, or why these cannot be asked."""
        try:
            return tuple(self._assets.linked_files(resource, datums)), "", None
        except PathNotAllowed:
            raise
        except AssetError as error:
            return (), error.message, error if isinstance(error, AssetOffline) else None

    def kind_of(self, document: Document) -> str:
        """Return which kind of document this is: of old ones only the database can tell."""
        is_stream = "uri" in document or self._store.stream_resources([str(document.get("uid"))])
        return "stream_resource" if is_stream else "resource"

    def _stored(self) -> Iterator[tuple[str, Document]]:
        """Yield the resources of the run, with those that events lead to and that do not say it is theirs."""
        seen = set()
        for kind in ("resource", "stream_resource"):
            for document in self._store.run_resources(self._run_uid, name=kind):
                if isinstance(uid := document.get("uid"), Hashable):
                    seen.add(uid)
                yield kind, document
        columns = (column for opened in self._opened.values() for column in opened.by_key.values())
        segments = (segment for column in columns for segment in column.segments)
        in_use = {each.resource.uid: each.resource.is_stream for each in segments if each.resource is not None}
        classic, streamed = (
            [uid for uid in in_use if uid not in seen and in_use[uid] is kind] for kind in (False, True)
        )
        for documents in (self._store.resources(classic) if classic else {}).values():
            yield from (("resource", document) for document in documents)
        for document in self._store.stream_resources(streamed) if streamed else ():
            yield "stream_resource", document

    def _datums(self, uid: str) -> list[Document]:
        stored = self._store.resource_datums([uid])
        return [correct("datum", datum, self._transform).get("datum_kwargs") or {} for datum in stored]

    def _datums_of_stream(self, document: Document, located: Path) -> Sequence[Mapping[str, Any]]:
        tables = []
        for descriptor_uid, start, stop in self._spans.get(str(document["uid"]), ()):
            n_rows = self._rows_in_event(self._opened[descriptor_uid], document, located)
            tables.append(DatumTable.of_indices(start * n_rows, stop * n_rows))
        # A single range, which most have, is not written out.
        return tables[0] if len(tables) == 1 else [datum for table in tables for datum in table]

    @staticmethod
    def _rows_in_event(opened: OpenedColumns, document: Document, located: Path) -> int:
        """Return how many rows of the stored data an event has; streams may have data keys of one name."""
        key = str(document.get("data_key") or "")
        found = opened.by_key.get(key, OpenedColumn())
        if isinstance(found.column, AssetColumn):
            return max((each.datums_per_row for each in found.column.segments), default=1)
        if found.problem is not None and located.is_dir():
            # How many files a row has is then unknown.
            raise found.problem
        return 1

    @cached_property
    def _spans(self) -> dict[str, list[tuple[str, int, int]]]:
        """The rows of each stream resource, as the stream datums count them, each with its descriptor."""
        spans: dict[str, list[tuple[str, int, int]]] = {}
        for datum in self._store.stream_datums(list(self._opened)):
            spans.setdefault(str(datum.get("stream_resource")), []).append((datum["descriptor"], *indices_of(datum)))
        return spans

    @cached_property
    def _opened(self) -> dict[str, OpenedColumns]:
        """The columns of the stream that a descriptor belongs to."""
        each = [(source, open_columns(source, list(source.data_keys), eager=False)) for source in self._sources]
        return {descriptor["uid"]: opened for source, opened in each for descriptor in source.descriptors}


def resource_of(kind: str, document: Document) -> Resource:
    """Return what a document of this kind, ``resource`` or ``stream_resource``, says.

    Raises
    ------
    InvalidDocument
        It says too little.
    """
    return Resource.from_stream_document(document) if kind == "stream_resource" else Resource.from_document(document)


def size_bytes(runs: Iterable[RunFiles]) -> int:
    """Return how large the files of runs are together; each counts once, however many resources and runs name it.

    Raises
    ------
    AssetError
        One is missing, or which files a resource has cannot be told.
    """
    families = (family for run in runs for _, _, family in run.families())
    paths = {path for family in families for path in _existing((*family.own, *family.linked))}
    return sum(Path(path).stat().st_size for path in paths)


def _existing(paths: Iterable[Path]) -> Iterator[str]:
    return (os.path.realpath(path) for path in paths if path.exists())


def _all_below(path: Path) -> Iterator[Path]:
    """Yield a file, or all files of a folder; nothing where there is nothing."""
    if path.is_dir():
        for folder, _, names in sorted(os.walk(path)):
            yield from (Path(folder, name) for name in sorted(names))
    elif path.exists():
        yield path
