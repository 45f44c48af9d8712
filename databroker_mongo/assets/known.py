"""What this package knows of other distributions that serve specs: which ones are superseded, and who provides what.

Data only. How it is used belongs to ``discovery`` and ``registry``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OWN_DISTRIBUTION: Final = "databroker-mongo-handlers"

SUPERSEDED: Final[Mapping[str, str]] = {
    "area-detector-handlers": (
        "version 0.0.10 fails on every datum of AD_HDF5_SWMR but the first, repeats and drops Eiger frames, overlaps "
        "the windows of AD_CBF and returns a short last datum of AD_HDF5 without a word"
    ),
}
"""Distributions whose handlers come after ours, each with the reason."""

_OURS: Final = (
    "AD_HDF5",
    "AD_HDF5_SWMR",
    "AD_HDF5_SWMR_STREAM",
    "AD_TIFF",
    "NPY_SEQ",
    "TPX_HDF5",
)
_ELSEWHERE: Final = (
    "AD_CBF",
    "AD_EIGER",
    "AD_EIGER2",
    "AD_EIGER_SLICE",
    "AD_HDF5_SINGLE",
    "AD_HDF5_SWMR_TS",
    "AD_HDF5_TS",
    "AD_SPE",
    "DEXELA_FLY_V1",
    "IMM",
    "MERLIN_FLY",
    "MERLIN_FLY_STREAM_V1",
    "SPECS_HDF5_SINGLE_DATAFRAME",
    "XPS3_FLY",
    "XSP3",
    "XSP3_FLY",
)

PROVIDERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_ELSEWHERE, "area-detector-handlers"),
    **dict.fromkeys(_OURS, OWN_DISTRIBUTION),
}
"""The distribution to install for a spec, or for the entry-point name of a MIME type."""
