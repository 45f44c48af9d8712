"""The asset reader of a catalog, by the settings of the machine it is opened on: handlers, root map, allowed roots.

A reader that travels is made anew where it arrives, from that machine's settings for the catalog's name; only what
was given in code travels with it. What does not belong here: reading files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import CatalogSettings, Directory, find_entries, site_settings, whole_root_map
from .reader import AssetReader
from .registry import HandlerRegistry
from .roots import Roots


def open_reader(
    settings: CatalogSettings | None = None,
    *,
    handlers: Mapping[str, Any] | None = None,
    root_map: Mapping[str, Directory] | None = None,
) -> AssetReader:
    """Return what reads the external data of a catalog on this machine.

    Parameters
    ----------
    settings : CatalogSettings, optional
        What is configured for the catalog.
    handlers : mapping of str to class or str, optional
        Handlers given in code; they come before any others.
    root_map : mapping of str to str, optional
        Roots given in code; they come before those of the settings.

    Raises
    ------
    ConfigurationError
        A setting of this machine cannot be used, or a place given in code is relative.
    """
    site = site_settings()
    trusted = settings is not None and settings.is_trusted
    replacing = None if settings is None else settings.handler_registry
    registry = HandlerRegistry(
        handlers,
        pins={**site.handlers, **(settings.handlers if settings else {})} if replacing is None else replacing,
        allowed_modules=None if trusted else site.allowed_modules,
        discover=replacing is None,
    )
    given = whole_root_map(root_map or {})
    merged = {**site.root_map, **(settings.root_map if settings else {}), **given}
    roots = Roots(merged, _allowed_roots(site.allowed_roots, settings))
    return _TravellingReader(registry, roots, settings, given)


def _allowed_roots(site: tuple[str, ...] | None, settings: CatalogSettings | None) -> tuple[str, ...] | None:
    """Add the roots of a catalog to those of the site; a user's own file cannot widen what the site allows."""
    own = None if settings is None else settings.allowed_roots
    if site is None or own is None:
        return site if own is None else own
    return (*site, *own) if settings is not None and settings.is_trusted else site


class _TravellingReader(AssetReader):
    def __init__(
        self, registry: HandlerRegistry, roots: Roots, settings: CatalogSettings | None, root_map: dict[str, str]
    ):
        super().__init__(registry, roots)
        self._settings = settings
        self._root_map = root_map

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (self._settings, self.registry.registered, self._root_map)


def _arrive(settings: CatalogSettings | None, handlers: dict[str, Any], root_map: dict[str, str]) -> AssetReader:
    here = find_entries() if settings is not None else {}
    own = here[settings.name] if settings is not None and settings.name in here else settings
    return open_reader(own, handlers=handlers, root_map=root_map)
