"""Test suites to inherit, for authors of plugins and for this project; never imported at run time.

`HandlerConformance` and `HandlerCase`
    Subclass the one, give one of the other, inherit the tests that every handler must pass.

The names are loaded when they are first used, so that one suite does not need what only another imports.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .handlers import HandlerCase, HandlerConformance

__all__ = ["HandlerCase", "HandlerConformance"]

_HOMES = {"HandlerCase": "handlers", "HandlerConformance": "handlers"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
