"""From the files of intake and databroker to our own form. The old files are read and left alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigurationError
from .own_form import plain, to_yaml
from .settings import CatalogSettings
from .uris import HIDDEN, Uri

_NONE: Final = ", because it has no meaning here"
_MEANING: Final = {
    "timezone": ": times are typed and shown in the local zone; TimeRange(..., timezone=) and --timezone take another",
    "api_version": ": Broker.named gives version 1 of the interface, and its attribute v2 gives version 2",
    "metadata": ", because nothing here reads it",
    "find_kwargs": ": the server decides how to run a search",
}


@dataclass(frozen=True)
class Migrated:
    """A file in our form, still to be written.

    Attributes
    ----------
    text : str
        The YAML text. Passwords are in it only if they were to be kept.
    variables : mapping of str to str
        The variables of the environment that stand for the passwords, each with the name of its catalog.
    notes : tuple of str
        What the new file does not say, or says with less effect than the old one: a sentence each.
    """

    text: str
    variables: Mapping[str, str]
    notes: tuple[str, ...] = ()


def migrate(catalogs: Iterable[CatalogSettings], *, keep_secrets: bool = False) -> Migrated:
    """Write catalogs in our form, each with what its old file says.

    Parameters
    ----------
    catalogs : iterable of CatalogSettings
    keep_secrets : bool, optional
        Whether passwords are written as they are. By default a ``${NAME_PASSWORD}`` is written in the place of each.

    Returns
    -------
    Migrated
    """
    variables: dict[str, str] = {}
    written, sources, notes = {}, [], []
    for settings in catalogs:
        values = plain(settings)
        if not keep_secrets:
            values |= _without_secrets(settings, variables)
        written[settings.name] = values
        sources.append(f"#   {settings.name}: {settings.file}\n")
        notes += _notes(settings)
    lost = "".join(f"# {note}\n" for note in notes)
    return Migrated(f"# Migrated from\n{''.join(sources)}{lost}{to_yaml(written)}", variables, tuple(notes))


def _notes(settings: CatalogSettings) -> list[str]:
    """Return what of a catalog's old file is lost in the new one."""
    notes = [
        f"{settings.name!r}: {key!r} is left out{_MEANING.get(key.rpartition('.')[2], _NONE)}"
        for key in settings.left_out
    ]
    named = {**settings.handlers, **(settings.handler_registry or {}), **settings.transforms}
    modules = sorted({target.partition(":")[0] for target in named.values() if ":" in target})
    if modules and settings.is_trusted:
        notes.append(
            f"{settings.name!r} imports {', '.join(modules)}: a file of your own may do so only if the site's "
            "allowed_modules list them"
        )
    return notes


def _without_secrets(settings: CatalogSettings, variables: dict[str, str]) -> dict[str, Any]:
    """Return the URIs with variables in the place of secrets; the same secret has the same variable."""
    known: dict[str, str] = {}

    def variable_of(secret: str, kind: str) -> str:
        if secret not in known:
            known[secret] = _free_name(settings.name, kind, taken=variables)
            variables[known[secret]] = settings.name
        return f"${{{known[secret]}}}"

    uris = {"uri": settings.uri, "asset_uri": settings.asset_uri}
    return {key: _hidden_behind(uri, variable_of) for key, uri in uris.items() if uri is not None}


def _hidden_behind(uri: Uri, variable_of: Callable[[str, str], str]) -> str:
    if uri.is_opaque:
        return variable_of(uri.written(), "URI")
    text, *rest = str(uri).split(HIDDEN)
    for secret, after in zip(uri.secrets(), rest, strict=True):
        text += variable_of(secret, "PASSWORD") + after
    return text


def _free_name(catalog: str, kind: str, *, taken: Mapping[str, str]) -> str:
    stem = re.sub(r"[^A-Z0-9]+", "_", catalog.upper()).strip("_")
    base = f"{stem}_{kind}" if re.match("[A-Z]", stem) else f"CATALOG_{stem}_{kind}"
    return next(
        name for name in (base if number == 1 else f"{base}_{number}" for number in count(1)) if name not in taken
    )


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, readable by the user alone.

    Raises
    ------
    ConfigurationError
        It is there already, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError("the file exists already: name another, or remove it first", file=path) from None
    except OSError as error:
        raise ConfigurationError(f"the file cannot be written: {error.strerror or error}", file=path) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
