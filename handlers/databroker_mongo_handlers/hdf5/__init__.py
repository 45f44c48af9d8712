"""Frames and columns in HDF5. Its handlers are found through entry points; to other rooms it gives what opens files."""

from __future__ import annotations

from .area_detector import INSTRUMENT_ATTRIBUTES, NEXUS_DATA
from .file import opened
from .rows import HDF5Rows

__all__ = ["INSTRUMENT_ATTRIBUTES", "NEXUS_DATA", "HDF5Rows", "opened"]
