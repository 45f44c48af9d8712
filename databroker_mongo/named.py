"""``catalog``: the catalogs that are configured on this machine, by name.

Where the settings come from belongs to ``config``; what a catalog of runs can do belongs to ``runs``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import display
from .completion import completable
from .config import CatalogSettings, Uri, find_entries, is_uri, redact_uri, remove_entry, write_entry
from .errors import (
    CatalogNotFound,
    ConfigurationError,
    ConfigurationWarning,
    CredentialsUnavailable,
    stacklevel_of_caller,
)
from .queries import is_uid_beginning

if TYPE_CHECKING:
    from .runs import Catalog


@completable
class ConfiguredCatalogs(Mapping[str, "Catalog"]):
    """A mapping from configured names to catalogs of runs.

    The files are read at each look-up, so a catalog that is configured later is found; no file is read before the first
    look-up. Listing the names opens no catalog. A catalog whose name is a Python name is an attribute too.

    Listing shows the catalogs that can be used, with a `ConfigurationWarning` about the others. Looking up a catalog
    that cannot be used raises its error.

    Examples
    --------
    >>> from databroker_mongo import catalog
    >>> "a name that nobody configured" in catalog
    False
    """

    def __init__(self) -> None:
        self._opened: dict[str, tuple[CatalogSettings, Catalog]] = {}

    def __getitem__(self, name: str) -> Catalog:
        """Open a catalog; it is the same object as before as long as its settings are unchanged.

        Raises
        ------
        CatalogNotFound
            No catalog is configured under the name.
        ConfigurationError
            Its entry cannot be used; the error names file and line.
        CredentialsUnavailable
            An environment variable that its URI needs is not set.
        """
        settings = _settings_of(name)
        known = self._opened.get(name)
        if known is not None and known[0] == settings:
            return known[1]
        from .runs import Catalog

        made = (settings, Catalog.from_settings(settings))
        if known is None:
            # Another thread may have opened it meanwhile: all get the same one.
            known = self._opened.setdefault(name, made)
            if known[0] == settings:
                return known[1]
        self._opened[name] = made
        return made[1]

    def __iter__(self) -> Iterator[str]:
        entries = find_entries()
        if entries.problems:
            listed = "\n".join(str(problem) for problem in entries.problems)
            warnings.warn(
                f"these catalogs or files cannot be used:\n{listed}",
                ConfigurationWarning,
                stacklevel=stacklevel_of_caller(),
            )
        return iter(entries)

    def __len__(self) -> int:
        return len(find_entries())

    def __contains__(self, name: object) -> bool:
        return name in find_entries()

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Catalog:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except CatalogNotFound as error:
            from .runs import Catalog

            if not hasattr(Catalog, name):
                raise AttributeError(str(error)) from error
            one = f"catalog[{_only_name(find_entries())!r}].{name}"
            raise AttributeError(f"this is a method of one catalog: {one}. {_listed(find_entries())}") from error

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in find_entries() if name.isidentifier())})

    def __reduce__(self) -> str:
        return "catalog"

    def add(self, name: str, uri: str, *, replace: bool = False, **settings: Any) -> Path:
        """Configure a catalog for this user.

        Parameters
        ----------
        name : str
        uri : str
            The database of its runs. ``${NAME}`` in it stands for an environment variable, which is better than a
            password.
        replace : bool, optional
            Whether a catalog that was added under this name before may be replaced.
        **settings : object
            The other keys of a catalog in a YAML file: ``asset_uri``, ``root_map``, ``handlers``, ``scope``, ...
            Directories are given as absolute paths.

        Returns
        -------
        pathlib.Path
            The YAML file that was written.

        Raises
        ------
        ConfigurationError
            The name is configured already, with other settings, or is a URI; the URI cannot be used; a setting is
            unknown or of a wrong type; or a directory is relative.
        """
        if is_uri(name):
            raise ConfigurationError(
                f"{redact_uri(name)!r} is not a name for a catalog: give a name first, then the URI"
            )
        _require_usable(uri, settings.get("asset_uri"))
        return write_entry(name, uri, replace=replace, **settings)

    def remove(self, name: str) -> Path:
        """Remove a catalog that was added; its database stays as it is.

        Returns
        -------
        pathlib.Path
            The YAML file that was removed.

        Raises
        ------
        CatalogNotFound
            No catalog has that name.
        ConfigurationError
            It is configured in another file; edit that file.
        """
        return remove_entry(name)

    def __repr__(self) -> str:
        entries = find_entries()
        return display.catalogs_text(_rows(entries), n_unusable=len(entries.problems))

    def _repr_html_(self) -> str:
        entries = find_entries()
        return display.catalogs_html(_rows(entries), n_unusable=len(entries.problems))

    def _ipython_key_completions_(self) -> list[str]:
        return list(find_entries())


def _settings_of(name: object) -> CatalogSettings:
    """Return what is configured under a name; who gives the key of a run is told where runs are."""
    entries = find_entries()
    run = f"A run is found in one catalog: catalog[{_only_name(entries)!r}][{_as_typed(name)}]."
    if not isinstance(name, str):
        raise CatalogNotFound(f"the names of catalogs are strings, not {name!r}. {run} {_listed(entries)}", name=name)
    try:
        return entries[name]
    except CatalogNotFound as error:
        if not is_uid_beginning(name):
            raise
        raise CatalogNotFound(f"{error.message}\n  {run}", name=name) from None


def _as_typed(key: object) -> str:
    """Return what stood between the brackets."""
    if not isinstance(key, slice):
        return repr(key)
    parts = [key.start, key.stop, *([] if key.step is None else [key.step])]
    return ":".join("" if part is None else repr(part) for part in parts)


def _only_name(entries: Mapping[str, CatalogSettings]) -> str:
    """Return the name that a user means who knows no other; a word for one where there are several."""
    return next(iter(entries)) if len(entries) == 1 else "NAME"


def _listed(entries: Mapping[str, CatalogSettings]) -> str:
    return f"The configured catalogs are: {', '.join(map(repr, entries)) or 'none'}."


def _require_usable(uri: str, asset_uri: str | None) -> None:
    """Refuse URIs that can never be opened, unless they hold variables that are set only where they are opened."""
    from .store import locate

    with suppress(CredentialsUnavailable):
        # memory:// gives each catalog that is opened in code a database of its own; a configured one names it.
        locate(Uri(uri) if uri == "memory://" else uri, asset_uri=asset_uri)


def _rows(entries: Mapping[str, CatalogSettings]) -> list[tuple[str, str]]:
    return [(name, str(settings.uri)) for name, settings in entries.items()]


catalog = ConfiguredCatalogs()
"""The catalogs that are configured on this machine."""
