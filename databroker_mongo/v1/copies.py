"""Copies of the files of external data below another root, and documents that name the copies.

What does not belong here: which files there are (``files``).
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..assets import AssetReader, Place, Resource, Roots, require_ends
from ..config import literal_root
from ..documents import Document, Named
from ..errors import AssetUnreadable, CatalogWarning, stacklevel_of_caller
from .files import Family, RunFiles, resource_of

Hook = Callable[[int, int, str, str], Any]

_SEMANTICS: Final = "windows" if os.name == "nt" else "posix"
_KINDS: Final = ("resource", "stream_resource")


class Copies:
    """Files below a new root, each copied once.

    Parameters
    ----------
    new_root : str or path
        The directory that takes the place of the roots.
    assets : AssetReader
        What reads the originals; its handlers tell whether the copies are all that they read.
    hook : callable, optional
        Called with ``(number, total, old, new)`` before a file is copied; what it raises is left aside.

    Attributes
    ----------
    pairs : list of tuple of str
        The old and the new path of each file.
    """

    def __init__(self, new_root: str | Path, assets: AssetReader, *, hook: Hook | None = None):
        self.pairs: list[tuple[str, str]] = []
        self._new_root = Path(new_root).absolute()
        self._assets = assets
        self._reader = AssetReader(assets.registry, Roots(None, [literal_root(str(self._new_root))]))
        self._hook = hook
        self._original_of: dict[Path, Path] = {}
        self._done: set[str] = set()  # as text, since another program may have stored a list

    def exported(self, run: RunFiles, documents: Iterable[Named]) -> Iterator[Named]:
        """Copy all files of a run, then yield its documents, in which resources name the copies.

        Raises
        ------
        AssetError
            As for :meth:`copy`; or which files there are cannot be told, or one is missing.
        """
        for kind, document, family in run.families():
            self.copy(kind, document, family)
        for name, document in documents:
            if name not in _KINDS:
                yield name, document
                continue
            if repr(document.get("uid")) not in self._done:
                self.copy(name, document, run.family(name, document))
            place = place_below(resource_of(name, document), self._new_root)
            yield name, relocate(document, place, self._new_root)

    def copy(self, kind: str, document: Document, family: Family) -> None:
        """Copy the files of a resource that were not copied before.

        Raises
        ------
        AssetUnreadable
            One lies outside the root of the resource, or is a pipe or a device, or another file is where its copy would
            be.
        AssetOffline
            One, or one that they refer to, is on tape, and the catalog was not opened to recall it.

        Warns
        -----
        CatalogWarning
            The copy cannot be read without the original.
        """
        place = place_below(family.resource, self._new_root)
        planned = dict(self._planned(family, place))
        self._assets.require_online(planned)
        if family.offline is not None:
            raise family.offline
        for number, (old, new) in enumerate(planned.items()):
            if self._original_of.get(new) == old:
                continue
            require_ends(old, resource_uid=family.resource.uid)
            self._require_free(old, new, family.resource)
            self._original_of[new] = old
            self._copy(number, len(planned), old, new)
            self.pairs.append((str(old), str(new)))
        self._done.add(repr(document.get("uid")))
        if family.datums:
            self._check(family, resource_of(kind, relocate(document, place, self._new_root)))

    def _check(self, family: Family, copied: Resource) -> None:
        """Warn if what is read of the copy is not all below the new root: a keyword or a link may be a whole path."""
        if family.fault:
            self._warn(
                family, f"is not complete if it refers to other files, which cannot be determined: {family.fault}"
            )
            return
        try:
            lost = [path for path in self._reader.look_through(copied, family.datums) if not path.exists()]
            reason = f"the file {lost[0]} is not there" if lost else ""
        except Exception as error:
            reason = str(getattr(error, "message", error))
        if reason:
            told = f"cannot be read without the original, whose absolute path is in a keyword or in a file: {reason}"
            self._warn(family, told)

    @staticmethod
    def _warn(family: Family, told: str) -> None:
        warnings.warn(
            f"the copy of {family.resource.place} (resource {family.resource.uid!r}) {told}",
            CatalogWarning,
            stacklevel=stacklevel_of_caller(),
        )

    def _planned(self, family: Family, place: Path) -> Iterator[tuple[Path, Path]]:
        """Yield the path of each file and of its copy, which is to the new place as the file is to the old one."""
        for path in family.own:
            yield path, require_inside(place / os.path.relpath(path, family.located), self._new_root, family.resource)
        real = os.path.realpath(family.located)
        for path in family.linked:
            for base in (family.located, real):
                # A link that leads elsewhere is told by `_check`.
                with contextlib.suppress(AssetUnreadable):
                    new = require_inside(place / os.path.relpath(path, base), self._new_root, family.resource)
                    if path.exists():
                        yield path, new
                        break

    def _require_free(self, old: Path, new: Path, resource: Resource) -> None:
        other = self._original_of.get(new)
        if other is None and (not new.exists() or filecmp.cmp(old, new, shallow=False)):
            return
        if other is not None and old.samefile(other):
            return
        there = f"the copy of {other}" if other else "another file"
        raise AssetUnreadable(
            f"{old} would be copied to {new}, where there is {there}. Copy it below another root",
            resource_uid=resource.uid,
            path=str(old),
        )

    def _copy(self, number: int, total: int, old: Path, new: Path) -> None:
        if self._hook is not None:
            with contextlib.suppress(Exception):
                self._hook(number, total, str(old), str(new))
        new.parent.mkdir(parents=True, exist_ok=True)
        # Under its own name there is never half a file.
        with tempfile.TemporaryDirectory(prefix=".copying-", dir=new.parent) as directory:
            part = Path(directory, new.name)
            shutil.copy2(old, part)
            part.replace(new)


def place_below(resource: Resource, new_root: Path) -> Path:
    """Return where a resource is once a new root has taken the place of its own, or of the top of its file system.

    Parameters
    ----------
    resource : Resource
        The resource. One without a root, as stream resources are, keeps its whole path, that of another host or drive
        below the name of these.
    new_root : pathlib.Path
        The new root.

    Raises
    ------
    AssetUnreadable
        The path of the document leads out of its root.
    """
    place = resource.place
    below = None
    if resource.root and not resource.uri:
        below = place.below(Place.join("", resource.root, resource.path_semantics))
    if below is None:
        drive = [part.strip(":") for part in place.drive.split("/") if part]
        below = (*drive, *(part for part in place.parts if part != "/"))
    return require_inside(new_root.joinpath(*below), new_root, resource)


def require_inside(path: Path, new_root: Path, resource: Resource) -> Path:
    """Return a path without ``..``, if it is below the new root.

    Raises
    ------
    AssetUnreadable
        It is not.
    """
    plain = Path(os.path.normpath(path))
    if not plain.is_relative_to(new_root):
        raise AssetUnreadable(
            f"a file of resource {resource.uid!r} is not below the root of the resource: its copy would be {plain}, "
            f"which is not below {new_root}",
            resource_uid=resource.uid,
            path=str(plain),
            root=resource.root or None,
        )
    return plain


def relocate(document: Mapping[str, Any], place: Path, new_root: Path) -> dict[str, Any]:
    """Return a ``resource`` or ``stream_resource`` document that names another place.

    Parameters
    ----------
    document : mapping
        The document.
    place, new_root : pathlib.Path
        The place, below the new root.
    """
    if "uri" in document or "mimetype" in document:
        return {**document, "uri": file_uri(place, is_folder=str(document.get("uri", "")).endswith("/"))}
    moved = {**document, "root": str(new_root)}
    below = place.relative_to(new_root).as_posix()
    if below != document.get("resource_path"):
        moved.update(resource_path=below, path_semantics=_SEMANTICS)
    return moved


def file_uri(path: Path, *, is_folder: bool = False) -> str:
    """Return the URI of a file on this machine, as ophyd-async writes it."""
    return f"file://localhost/{quote(path.as_posix().lstrip('/'), safe='/:')}{'/' if is_folder else ''}"
