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
    "AD_CBF",
    "AD_EIGER",
    "AD_EIGER2",
    "AD_EIGER_APSPolar",
    "AD_EIGER_SLICE",
    "AD_HDF5",
    "AD_HDF5_DET_TS",
    "AD_HDF5_GERM",
    "AD_HDF5_Lambda250k_APSPolar",
    "AD_HDF5_lambda",
    "AD_HDF5_ND_TS",
    "AD_HDF5_SINGLE",
    "AD_HDF5_SWMR",
    "AD_HDF5_SWMR_SLICE",
    "AD_HDF5_SWMR_STREAM",
    "AD_HDF5_SWMR_TS",
    "AD_HDF5_TS",
    "AD_JPEG",
    "AD_SPE",
    "AD_TIFF",
    "AD_TIFF_ND_TS",
    "AD_TIFF_TS",
    "APB",
    "APB_TRIGGER",
    "BMM_ANALOG_CAMERA",
    "BMM_USBCAM",
    "BMM_XAS_WEBCAM",
    "BMM_XRD_WEBCAM",
    "DAT",
    "DEXELA_FLY_V1",
    "DEX_HDF5",
    "EIGER2_STREAM",
    "HDF5",
    "IMM",
    "MAPS_PLANE",
    "MAPS_SPECTRUM",
    "MERLIN_FLY",
    "MERLIN_FLY_STREAM_V1",
    "MERLIN_FLY_STREAM_V2",
    "MERLIN_HDF5_BULK",
    "NPY_SEQ",
    "PANDA",
    "PIL100k_HDF5",
    "PILATUS_HDF5",
    "PIZZABOX_ENC_FILE_TXT_PD",
    "ROI_HDF51_FLY",
    "ROI_HDF5_FLY",
    "SINGLE_TIFF",
    "SIREPO_FLYER",
    "SIS_HDF51",
    "SIS_HDF51_FLY_STREAM_V1",
    "SPECS_HDF5_SINGLE_DATAFRAME",
    "TPX_HDF5",
    "XIA_XMAP_HDF5",
    "XPS3",
    "XPS3_FLY",
    "XSP",
    "XSP3",
    "XSP3X",
    "XSP3_BULK",
    "XSP3_FLY",
    "XSP3_STEP",
    "ZEBRA_HDF51",
    "ZEBRA_HDF51_FLY_STREAM_V1",
    "application/octet-stream",
    "application/x-hdf5",
    "application/x-npy",
    "image/jpeg",
    "image/tiff",
    "multipart/related+application/x-npy",
    "multipart/related+image/jpeg",
    "multipart/related+image/tiff",
    "npy",
    "npy_FRAMEWISE",
    "srw",
    "text/csv",
    "text/csv+absent",
    "text/csv+present",
)

UNREGISTERED: Final[Mapping[str, str]] = {
    "madx": "sirepo_bluesky.madx_handler:MADXFileHandler",
    "shadow": "sirepo_bluesky.shadow_handler:ShadowFileHandler",
}
"""The class for a spec whose distribution has one, and does not register it."""

PROVIDERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_OURS, OWN_DISTRIBUTION),
    **dict.fromkeys(UNREGISTERED, "sirepo-bluesky"),
}
"""The distribution to install for a spec, or for the entry-point name of a MIME type."""
