"""The asset reader of a catalog, by the settings of the machine it is opened on: handlers, root map, allowed roots.

A reader that travels is made anew where it arrives, from that machine's settings for the catalog's name; only what
was given in code travels with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import (
    CatalogSettings,
    Directory,
    SiteSettings,
    hand_on,
    require_importable_rule,
    site_settings,
    whole_root_map,
    whole_roots,
)
from ..errors import ConfigurationError
from .offline import Rule, rule_of
from .reader import AssetReader
from .registry import HandlerRegistry
from .roots import Roots


def open_reader(
    settings: CatalogSettings | None = None,
    *,
    handlers: Mapping[str, Any] | None = None,
    handler_registry: Mapping[str, Any] | None = None,
    root_map: Mapping[str, Directory] | None = None,
    allowed_roots: Directory | Iterable[Directory] | None = None,
    offline: str | Rule | None = None,
    recall: bool | None = None,
) -> AssetReader:
    """Return what reads the external data of a catalog on this machine.

    Parameters
    ----------
    settings : CatalogSettings, optional
        What is configured for the catalog.
    handlers : mapping of str to class or str, optional
        Handlers given in code; they come before any others. A text without dot or colon is a pin: the name of the
        distribution that serves the spec.
    handler_registry : mapping of str to class or str, optional
        Handlers given in code that replace the discovery of installed ones.
    root_map : mapping of str to str or path, optional
        Roots given in code; they come before those of the settings.
    allowed_roots : str, path or iterable of these, optional
        Directories given in code; where the settings say some, files must be under both.
    offline : str or callable, optional
        What tells which files are offline, in the place of what the settings say.
    recall : bool, optional
        Whether offline files are read all the same; by default what the settings say.

    Raises
    ------
    ConfigurationError
        A setting of this machine cannot be used, or a place given in code is relative.
    """
    site = site_settings()
    hand_on(site)
    by_spec = {**(handler_registry or {}), **(handlers or {})}
    given = _Given(
        pins={spec: handler for spec, handler in by_spec.items() if _is_pin(handler)},
        replaces_installed=handler_registry is not None,
        root_map=whole_root_map(root_map or {}),
        allowed_roots=None if allowed_roots is None else whole_roots(allowed_roots),
        offline=offline,
    )
    registry = _registry(settings, site, given, {spec: by_spec[spec] for spec in by_spec.keys() - given.pins.keys()})
    configured = _allowed_roots(site.allowed_roots, settings)
    merged = {**site.root_map, **(settings.root_map if settings else {}), **given.root_map}
    if given.allowed_roots is None:
        roots = Roots(merged, configured)
    else:
        roots = Roots(merged, given.allowed_roots, also_under=configured)
    recalls = settings is not None and settings.recall if recall is None else recall
    if not isinstance(recalls, bool):
        raise ConfigurationError(f"recall is True or False, not {recalls!r}")
    return _TravellingReader(
        registry, roots, offline=_offline(settings, site, given), recall=recalls, settings=settings, given=given
    )


@dataclass(frozen=True)
class _Given:
    """What was given in code and travels, beside the handlers registered by hand."""

    pins: Mapping[str, str]
    replaces_installed: bool
    root_map: Mapping[str, str]
    allowed_roots: tuple[str, ...] | None
    offline: str | Rule | None


def _is_pin(handler: object) -> bool:
    return isinstance(handler, str) and not set(handler) & set(":.")


def _registry(
    settings: CatalogSettings | None, site: SiteSettings, given: _Given, handlers: Mapping[str, Any]
) -> HandlerRegistry:
    if given.replaces_installed:
        return HandlerRegistry(handlers, pins=given.pins, discover=False)
    trusted = settings is not None and settings.is_trusted
    replacing = None if settings is None else settings.handler_registry
    pins = {**site.handlers, **(settings.handlers if settings else {})} if replacing is None else replacing
    return HandlerRegistry(
        handlers,
        pins={**pins, **given.pins},
        allowed_modules=None if trusted else site.allowed_modules,
        discover=replacing is None,
    )


def _allowed_roots(site: tuple[str, ...] | None, settings: CatalogSettings | None) -> tuple[str, ...] | None:
    """Add the roots of a catalog to those of the site; a user's own file cannot widen what the site allows."""
    own = None if settings is None else settings.allowed_roots
    if site is None or own is None:
        return site if own is None else own
    return (*site, *own) if settings is not None and settings.is_trusted else site


def _offline(settings: CatalogSettings | None, site: SiteSettings, given: _Given) -> Rule | None:
    """Return the rule of this machine: what code says, else what the catalog says, else what the site says."""
    if given.offline is not None:
        return rule_of(given.offline)
    if settings is None or settings.offline is None:
        return rule_of(site.offline)
    where = {"name": settings.name, "file": settings.file, "line": settings.line}
    if not settings.is_trusted:
        require_importable_rule(site, settings.offline, **where)
    return rule_of(settings.offline, **where)


class _TravellingReader(AssetReader):
    def __init__(
        self,
        registry: HandlerRegistry,
        roots: Roots,
        *,
        offline: Rule | None,
        recall: bool,
        settings: CatalogSettings | None,
        given: _Given,
    ):
        super().__init__(registry, roots, offline=offline, recall=recall)
        self._settings = settings
        self._given = given

    def __reduce__(self) -> tuple[object, ...]:
        return _arrive, (self._settings, self.registry.registered, self._given, self.recall, self._start)


def _arrive(
    settings: CatalogSettings | None,
    handlers: dict[str, Any],
    given: _Given,
    recall: bool,
    start: Mapping[str, Any] | None,
) -> AssetReader:
    from ..config import find_entries  # late: most readers stay where they were made

    # What this machine says of the catalog comes before what the machine said that it was pickled on.
    here = find_entries() if settings is not None else {}
    own = here[settings.name] if settings is not None and settings.name in here else settings
    reader = open_reader(
        own,
        handlers={**given.pins, **handlers},
        handler_registry={} if given.replaces_installed else None,
        root_map=given.root_map,
        allowed_roots=given.allowed_roots,
        offline=given.offline,
        recall=recall,
    )
    return reader if start is None else reader.of_run(start)
