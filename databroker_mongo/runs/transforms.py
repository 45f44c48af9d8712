"""The corrections of documents that settings name or code gives: from ``"module:function"`` to the function."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..config import TRANSFORMED, CatalogSettings, require_importable, site_settings
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..arrays import Transform


def transforms_of(settings: CatalogSettings) -> dict[str, Transform]:
    """Return the transforms of a catalog, by kind of document.

    Raises
    ------
    ConfigurationError
        One is in a module that the site does not allow, or cannot be imported.
    """
    return {name: _imported(target, settings) for name, target in settings.transforms.items()}


def import_transforms(transforms: Mapping[str, Transform | str] | None) -> dict[str, Transform]:
    """Return transforms given in code, by kind of document: functions, or where they are, ``"module:function"``.

    Raises
    ------
    ConfigurationError
        Documents of that kind are not corrected, or a function cannot be imported.
    """
    found: dict[str, Transform] = {}
    for name, transform in (transforms or {}).items():
        if name not in TRANSFORMED:
            raise ConfigurationError(
                f"there is no transform of {name!r}: the documents that can be corrected are {', '.join(TRANSFORMED)}"
            )
        if not callable(transform) and not isinstance(transform, str):
            raise ConfigurationError(
                f"the transform of {name!r} must be a function or 'module:function', not {transform!r}"
            )
        found[name] = transform if callable(transform) else _import(transform)
    return found


def _imported(target: str, settings: CatalogSettings) -> Transform:
    where = {"name": settings.name, "file": settings.file, "line": settings.line}
    if not settings.is_trusted:
        require_importable(site_settings(), target, "the transform", **where)
    return _import(target, **where)


def _import(target: str, **where: Any) -> Transform:
    module, _, attribute = target.partition(":") if ":" in target else target.rpartition(".")
    try:
        transform: Transform = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"the transform {target!r} cannot be imported: {error}", **where) from error
    return transform
