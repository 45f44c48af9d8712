"""Images in files of their own: TIFF, JPEG, CBF, SPE, IMM, NumPy. Its handlers are found through entry points."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tiff import open_tiff

__all__ = ["open_tiff"]


def __getattr__(name: str) -> object:
    # Each format has a library of its own, and a handler of one format needs none of the others.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.tiff"), name)
