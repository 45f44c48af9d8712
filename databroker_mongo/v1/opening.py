"""Catalogs by name, and from a configuration in databroker's own form; files of these are read in ``config``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import CatalogSettings, find_entries, settings_of_v0, v0_contents
from ..errors import ConfigurationError, ConfigurationWarning, stacklevel_of_caller
from ..runs import Catalog, import_transforms, transforms_of

TEMPORARY = "temp"


def open_named(name: str, *, auto_register: bool) -> tuple[Catalog, dict[str, Any] | None]:
    """Open a catalog of its own by name, and return it with its configuration if that is in databroker's own form.

    Raises
    ------
    CatalogNotFound
        No catalog has this name.
    ConfigurationError
        Its entry cannot be used.
    """
    if name == TEMPORARY:
        return Catalog.in_memory(), None
    settings = find_entries()[name]
    return Catalog.from_settings(_with_handlers(settings, auto_register)), v0_contents(settings)


def open_config(config: Mapping[str, Any], *, auto_register: bool, name: str | None) -> Catalog:
    """Open a catalog from a configuration in databroker's own form.

    Raises
    ------
    ConfigurationError
        A key is unknown or missing, or a value of another type.
    """
    named = dict(config.get("transforms") or {})
    in_code = import_transforms({kind: named.pop(kind) for kind in list(named) if callable(named[kind])})
    settings = settings_of_v0({**config, "transforms": named}, name or "unnamed")
    opened = Catalog.from_settings(_with_handlers(settings, auto_register))
    if not in_code:
        return opened
    functions = {**transforms_of(settings), **in_code}
    return Catalog(opened.store, opened.assets, name=opened.name, transforms=functions)


def is_catalog_wanted(config: Mapping[str, Any] | None) -> bool:
    """Tell whether a configuration asks for the newer interface, the catalog itself.

    Raises
    ------
    ConfigurationError
        It asks for an interface that does not exist.
    """
    version = None if config is None else config.get("api_version")
    if version == 0:
        warnings.warn(
            "the configuration requests version 0 of the interface, which does not exist here; version 1 is used "
            "instead",
            ConfigurationWarning,
            stacklevel=stacklevel_of_caller(),
        )
    elif version not in (None, 1, 2):
        raise ConfigurationError(f"api_version must be 1 or 2, not {version!r}")
    return bool(version == 2)


def _with_handlers(settings: CatalogSettings, auto_register: bool) -> CatalogSettings:
    """Return settings by which only configured handlers count, unless installed ones are to be found as well."""
    if auto_register or settings.handler_registry is not None:
        return settings
    return replace(settings, handler_registry=dict(settings.handlers))
