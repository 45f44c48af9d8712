"""The corrections that a catalog's settings name: from ``"module:function"`` to the function, where that is allowed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .config import CatalogSettings, site_settings
from .errors import ConfigurationError

Transform = Callable[[dict[str, Any]], dict[str, Any]]


def of(settings: CatalogSettings) -> dict[str, Transform]:
    """Return the transforms of a catalog, by kind of document.

    Raises
    ------
    ConfigurationError
        One is in a module that the site does not allow, or cannot be imported.
    """
    return {name: _imported(target, settings) for name, target in settings.transforms.items()}


def _imported(target: str, settings: CatalogSettings) -> Transform:
    where = {"name": settings.name, "file": settings.file, "line": settings.line}
    if not settings.is_trusted and not site_settings().allows_import(target):
        raise ConfigurationError(
            f"the transform {target!r} may not be imported: a user's own settings may name modules only that the "
            "site's allowed_modules list.",
            **where,
        )
    module, _, attribute = target.partition(":")
    try:
        transform: Transform = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"the transform {target!r} cannot be imported: {error}", **where) from error
    return transform
