"""The files of external data: how large they are, and copies of them.

What does not belong here: where files are on this machine (``assets.roots``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..assets.resource import Resource
from ..errors import AssetUnreadable

if TYPE_CHECKING:
    from ..assets.roots import Roots
    from ..run import Run

Pairs = list[tuple[str, str]]


def size_bytes(runs: Iterable[Run]) -> int:
    """Return how large the files of runs are together.

    Raises
    ------
    AssetUnreadable
        One is missing.
    """
    total = 0
    for run in runs:
        files = run.files()
        for path, reason in files.loc[~files["exists"].astype(bool), ["path", "reason"]].to_numpy():
            raise AssetUnreadable(_missing(path, reason), path=path, run_uid=run.start["uid"])
        total += int(files["size_bytes"].sum())
    return total


def copy_files(run: Run, resource: Mapping[str, Any], new_root: Path, roots: Roots, *, hook: Any) -> Pairs:
    """Copy the files of a resource of a run below another root.

    Raises
    ------
    AssetUnreadable
        One is missing, or lies outside the root of the resource.
    """
    located = roots.locate(Resource.from_document(resource))
    old_root = _root_of(located, resource)
    files = run.files()
    paths = [Path(path) for path in files["path"][files["resource_uid"] == resource["uid"]]]
    pairs: Pairs = []
    for number, old in enumerate(paths):
        if not old.is_relative_to(old_root):
            raise AssetUnreadable(f"the file {old} is not below the root {old_root} of its resource", path=str(old))
        new = new_root / old.relative_to(old_root)
        if hook is not None:
            with contextlib.suppress(Exception):
                hook(number, len(paths), str(old), str(new))
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(old, new)
        except FileNotFoundError as error:
            absence = roots.absence(Resource.from_document(resource))
            remedy = "" if absence is None else absence.remedy
            raise AssetUnreadable(_missing(str(old), remedy), path=str(old)) from error
        pairs.append((str(old), str(new)))
    return pairs


def _missing(path: str, reason: str) -> str:
    return f"the file {path} is missing" + (f". {reason}" if reason else "")


def _root_of(located: Path, resource: Mapping[str, Any]) -> Path:
    """Return what stands for the root of a resource on this machine: its path without what is below the root."""
    if not resource.get("root"):
        return Path(located.anchor or os.sep)
    below = Path(resource["resource_path"].replace("\\", "/").strip("/")).parts
    return Path(*located.parts[: len(located.parts) - len(below)])
