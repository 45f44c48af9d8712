"""Catalogs by name, and from a configuration in databroker's own form.

The one place of this room that reaches up to the catalog: ``Broker.named`` is called on a class that is given none.
What does not belong here: reading configuration files (``config``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..config import CatalogSettings, find_entries, settings_of_v0, v0_contents
from ..errors import ConfigurationError, ConfigurationWarning
from ..runs import given_transforms, transforms_of

if TYPE_CHECKING:
    from ..runs import Catalog
    from .broker import Broker

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
    from ..runs import Catalog

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
    from ..runs import Catalog

    named = dict(config.get("transforms") or {})
    in_code = given_transforms({kind: named.pop(kind) for kind in list(named) if callable(named[kind])})
    settings = settings_of_v0({**config, "transforms": named}, name or "unnamed")
    opened = Catalog.from_settings(_with_handlers(settings, auto_register))
    if not in_code:
        return opened
    functions = {**transforms_of(settings), **in_code}
    return Catalog(opened.store, opened.assets, name=opened.name, transforms=functions)


def interface_of(catalog: Catalog, config: Mapping[str, Any] | None) -> Broker:
    """Return the interface that a configuration asks for: the broker of the catalog, or the catalog itself.

    Raises
    ------
    ConfigurationError
        It asks for one that there is not.
    """
    version = None if config is None else config.get("api_version")
    if version == 2:
        return catalog  # type: ignore[return-value]  # only a configuration that asks for it gets it
    if version == 0:
        warnings.warn(
            "the configuration requests version 0 of the interface, which does not exist here; version 1 is used "
            "instead",
            ConfigurationWarning,
            stacklevel=3,
        )
    elif version not in (None, 1):
        raise ConfigurationError(f"api_version must be 1 or 2, not {version!r}")
    broker = catalog.v1
    broker._config = None if config is None else dict(config)
    return broker


def _with_handlers(settings: CatalogSettings, auto_register: bool) -> CatalogSettings:
    """Return settings by which only configured handlers count, unless installed ones are to be found as well."""
    if auto_register or settings.handler_registry is not None:
        return settings
    return replace(settings, handler_registry=dict(settings.handlers))
