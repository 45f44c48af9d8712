"""Which catalog, which database and which of its runs a command means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, QueryError

if TYPE_CHECKING:
    from ..runs import Catalog
    from ..store import NormalizedStore


def open_catalog(name: str | None) -> Catalog:
    """Open a catalog by its configured name or its URI; without either, the only one that is configured."""
    from ..config import find_entries, is_uri
    from ..runs import Catalog

    if name is not None and is_uri(name):
        return Catalog.from_uri(name)
    entries = find_entries()
    if name is None:
        names = list(entries)
        if len(names) != 1:
            listed = f"the configured catalogs are: {', '.join(names)}" if names else "no catalog is configured"
            raise ConfigurationError(f"name a catalog or a URI with --catalog; {listed}")
        name = names[0]
    return Catalog.from_settings(entries[name])


def open_database(name: str) -> NormalizedStore:
    """Open the database of a configured catalog, without its handlers and its scope, or that of a URI."""
    from ..config import find_entries, is_uri
    from ..store import ConnectionOptions, open_store

    if is_uri(name):
        return open_store(name)
    settings = find_entries()[name]
    return open_store(settings.uri, asset_uri=settings.asset_uri, options=ConnectionOptions.of(settings))


def databases_in(file: Path | None) -> list[str]:
    """Return the names and URIs in a text file, one a line; what follows a # is a comment.

    Raises
    ------
    ConfigurationError
        The file cannot be read.
    """
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the list of databases cannot be read: {error}", path=file) from error
    # In a URI, "#" would have to be escaped.
    words = (line.partition("#")[0].strip() for line in lines)
    return [word for word in words if word]


def values_by_field(words: Sequence[str]) -> dict[str, list[str | int]]:
    """Return which values were typed as FIELD=VALUE, by field.

    Raises
    ------
    QueryError
        A word is something else.
    """
    found: dict[str, list[str | int]] = {}
    for word in words:
        field, _, value = word.partition("=")
        if not value:
            raise QueryError("write FIELD=VALUE, or several values of one field")
        # The number of a proposal may be stored as a number.
        found.setdefault(field, []).extend([value, int(value)] if value.isdecimal() else [value])
    return found


def indexed_fields(name: str | None) -> Sequence[str]:
    """Return the fields that are to have indexes by the settings of a catalog; none for a URI."""
    from ..config import find_entries

    entries = find_entries()
    return entries[name].metadata_indexes if name is not None and name in entries else ()
