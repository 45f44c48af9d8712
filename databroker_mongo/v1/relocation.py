"""Documents of external data that lie below another root: what they say then. Pure: no file is looked at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..assets import Place, Resource
from ..errors import AssetUnreadable

_SEMANTICS: Final = "windows" if os.name == "nt" else "posix"


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
    return inside(new_root.joinpath(*below), new_root, resource)


def inside(path: Path, new_root: Path, resource: Resource) -> Path:
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


def relocated(document: Mapping[str, Any], place: Path, new_root: Path) -> dict[str, Any]:
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
