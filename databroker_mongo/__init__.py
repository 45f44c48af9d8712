"""A MongoDB-backed catalog of Bluesky runs whose images arrive lazily, in chunks, through handlers anyone can plug in.

The public names are loaded when they are first used, so that importing the package stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .doors import open_late

if TYPE_CHECKING:
    from . import errors, queries, tutorial_utils
    from .assets import close_files
    from .named import catalog
    from .queries import FullText, TimeRange
    from .runs import Catalog, Run, Stream
    from .server import local_server
    from .v1 import Broker
    from .writing import REMOVE, Writer

__all__ = [
    "Broker",
    "Catalog",
    "FullText",
    "REMOVE",
    "Run",
    "Stream",
    "TimeRange",
    "Writer",
    "catalog",
    "close_files",
    "errors",
    "local_server",
    "queries",
    "tutorial_utils",
]

_SUBMODULES = ("errors", "queries", "tutorial_utils")
_load = open_late(
    __name__,
    {
        "assets.pool": ("close_files",),
        "named": ("catalog",),
        "queries": ("FullText", "TimeRange"),
        "runs": ("Catalog", "Run", "Stream"),
        "server": ("local_server",),
        "v1": ("Broker",),
        "writing": ("REMOVE", "Writer"),
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    return _load(name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("databroker-mongo")
    except PackageNotFoundError:
        raise AttributeError("databroker-mongo is not installed, so it has no version") from None


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", *(name for name in globals() if name.startswith("__"))})
