"""Frames and columns in HDF5. Its handlers are found through entry points; to other rooms it gives what opens files."""

from __future__ import annotations

from .file import acquire, release
from .rows import HDF5Rows

__all__ = ["HDF5Rows", "acquire", "release"]
