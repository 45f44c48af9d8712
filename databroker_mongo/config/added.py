"""Catalogs added and removed by a command: one file each, in the user's directory. Other files are not touched."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..errors import CatalogNotFound, ConfigurationError, ConfigurationWarning, stacklevel_of_caller
from .directories import user_directory
from .entries import find_entries
from .own_form import plain_values, read_catalog, to_yaml
from .parsing import parse_yaml
from .settings import CatalogSettings
from .uris import Uri
from .whole_paths import require_whole
from .yaml_files import read_text

_MARK: Final = "# Written by databroker_mongo when this catalog was added; removing the catalog removes this file.\n"


def write_entry(name: str, uri: str | Uri, *, replace: bool = False, **settings: Any) -> Path:
    """Configure a catalog for this user, in a file of its own.

    The file appears whole or not at all, and is readable by the user alone.

    Parameters
    ----------
    name : str
    uri : str or Uri
        ``${NAME}`` in it stands for a variable of the environment, read when the catalog is opened.
    replace : bool, optional
        Whether an entry that was added before may be replaced by a different one. Entries in files that were written
        otherwise are never replaced.
    **settings : object
        The other keys of a catalog, as in a YAML file: ``asset_uri``, ``root_map``, ``handlers``, ...

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ConfigurationError
        The name is configured already, with other settings; a setting is unknown or of another type; or a place in
        ``root_map`` or ``allowed_roots`` is relative.
    """
    path = _file_of(name)
    require_whole(settings)
    text = _MARK + to_yaml({name: plain_values({"uri": uri, **settings})})
    wanted = read_catalog(parse_yaml(text, path), name)
    if _is_written(wanted, replace=replace):
        return path
    has_secret = wanted.uri.has_secret or (wanted.asset_uri is not None and wanted.asset_uri.has_secret)
    try:
        _write(path, text)
    except OSError as error:
        raise ConfigurationError(
            f"catalog {name!r} cannot be stored: {error.strerror or error}", name=name, file=path
        ) from error
    if has_secret:
        warnings.warn(
            f"the password of catalog {name!r} stands in plain text in {path}. Better write ${{NAME}} in its place "
            "and set the variable NAME",
            ConfigurationWarning,
            stacklevel=stacklevel_of_caller(),
        )
    return path


def remove_entry(name: str) -> Path:
    """Remove a catalog that `write_entry` configured; its database is not touched.

    Returns
    -------
    pathlib.Path
        The file that was removed.

    Raises
    ------
    CatalogNotFound
        No catalog has that name.
    ConfigurationError
        The catalog is configured in a file that was not written by `write_entry`.
    """
    path = _file_of(name)
    if _is_added(path):
        path.unlink()
        return path
    settings = find_entries()[name]
    raise ConfigurationError(
        f"catalog {name!r} was not added with catalog.add, so it cannot be removed here: edit its file",
        name=name,
        file=settings.file,
        line=settings.line,
    )


def _is_written(wanted: CatalogSettings, *, replace: bool) -> bool:
    """Return whether just this is configured already; refuse when something else is that may not be replaced."""
    try:
        present = find_entries()[wanted.name]
    except CatalogNotFound:
        return False
    except ConfigurationError as error:
        # A source of intake for another driver, which cannot be opened here, gives way to an entry of ours.
        if "driver" in error.facts:
            return False
        raise
    if present == wanted:
        return True
    if present.file is not None and _is_added(present.file):
        if replace:
            return False
        advice = "remove it first, or replace it"
    else:
        advice = "choose another name, or edit that file"
    raise ConfigurationError(
        f"a catalog named {wanted.name!r} is configured already, with other settings: {advice}",
        name=wanted.name,
        file=present.file,
        line=present.line,
    )


def _file_of(name: str) -> Path:
    if not name or not isinstance(name, str):
        raise ConfigurationError(f"the name of a catalog must be a string that is not empty, not {name!r}")
    return user_directory() / f"{quote(name, safe=' ').replace('.', '%2E')}.yml"


def _is_added(path: Path) -> bool:
    return path.parent == user_directory() and path.is_file() and read_text(path).startswith(_MARK)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
