"""Test suites to inherit, for authors of plugins and for this project; never imported at run time.

`HandlerConformance` and `HandlerCase`
    Subclass the one, give one of the other, inherit the tests that every handler must pass.
`StoreConformance` and `WritableStoreConformance`
    Subclass one, say how a database is filled, inherit the tests that every store must pass.
`build_run`, `Asset` and `StreamAsset`
    The documents of a run of a given shape.

The names are loaded when they are first used, so that one suite does not need what only another imports.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .handlers import HandlerCase, HandlerConformance
    from .runs import Asset, StreamAsset, build_run
    from .stores import StoreConformance, WritableStoreConformance

__all__ = [
    "Asset",
    "HandlerCase",
    "HandlerConformance",
    "StoreConformance",
    "StreamAsset",
    "WritableStoreConformance",
    "build_run",
]

_HOMES = {
    "Asset": "runs",
    "HandlerCase": "handlers",
    "HandlerConformance": "handlers",
    "StoreConformance": "stores",
    "StreamAsset": "runs",
    "WritableStoreConformance": "stores",
    "build_run": "runs",
}

if "pytest" in sys.modules:  # an assertion that fails then shows its values, as in a test of one's own
    sys.modules["pytest"].register_assert_rewrite(
        *(f"{__name__}.{name}" for name in ("handlers", "case_files", "stores"))
    )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
