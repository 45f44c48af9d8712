"""Frames that areaDetector's HDF5 plugin writes: one dataset a file, one row a frame.

Only where the frames are and how the file is opened is said here; ``hdf5_rows`` reads them.
"""

from __future__ import annotations

from .datums import PointHandler
from .hdf5_rows import HDF5Rows

_NEXUS_DATA = "/entry/data/data"
_DETECTOR_DATA = "/entry/instrument/detector/data"


class AreaDetectorHDF5(PointHandler):
    """Specs ``AD_HDF5`` and ``HDF5``: frames in ``/entry/data/data`` of a finished file.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Frames of one datum.
    """

    def __init__(self, path: str, *, frame_per_point: int = 1):
        super().__init__(HDF5Rows(path, _NEXUS_DATA), frame_per_point=frame_per_point)


class AreaDetectorHDF5SWMR(PointHandler):
    """Specs ``AD_HDF5_SWMR`` and ``AD_HDF5_SWMR_STREAM``: the same, perhaps while the file is written in SWMR mode.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Frames of one datum.
    """

    def __init__(self, path: str, *, frame_per_point: int = 1):
        super().__init__(HDF5Rows(path, _NEXUS_DATA, swmr=True), frame_per_point=frame_per_point)


class TimepixHDF5(PointHandler):
    """Spec ``TPX_HDF5``: frames in ``/entry/instrument/detector/data``.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Frames of one datum.
    """

    def __init__(self, path: str, *, frame_per_point: int = 1):
        super().__init__(HDF5Rows(path, _DETECTOR_DATA), frame_per_point=frame_per_point)
