"""HDF5 files with several datasets, of which the keywords of a datum name one: scalers, encoders, regions of interest.

Also files of which the only datum is a whole dataset. Frames by number do not belong here. It is what the handlers of
area-detector-handlers 0.0.10 (flyscans), of hxntools 0.6.5 (``PANDA``, ``ROI_HDF5_FLY``, ``MERLIN_HDF5_BULK`` and the
streams) and of the beamlines SRX (``SIS_HDF51``, ``ZEBRA_HDF51``) and ISS (``PIL100k_HDF5``) make of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..rows import PointHandler, SwitchHandler, WholeHandler
from .area_detector import DETECTOR_ATTRIBUTES, DETECTOR_DATA, INSTRUMENT_ATTRIBUTES, NEXUS_DATA
from .rows import HDF5Rows


class _Datasets(SwitchHandler):
    """Whole datasets of one file; subclasses say how a datum names one."""

    def __init__(self, path: str, choose: Callable[..., tuple[str, dict[str, Any]]], *, swmr: bool):
        super().__init__(choose, make=lambda name: WholeHandler(HDF5Rows(path, name, swmr=swmr)))


class FlyscanTargets(_Datasets):
    """Specs ``XSP3_FLY``, ``XPS3_FLY``, ``DEXELA_FLY_V1``, ``MERLIN_FLY``, ``MERLIN_FLY_STREAM_V1``.

    Datum ``target`` is a dataset of ``/entry/instrument/detector``: ``"data"``, which it is without keywords, or the
    name of one of its ``NDAttributes``.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        def choose(target: str = "data") -> tuple[str, dict[str, Any]]:
            return DETECTOR_DATA if target == "data" else f"{DETECTOR_ATTRIBUTES}/{target}", {}

        super().__init__(path, choose, swmr=False)


class BulkFrames(_Datasets):
    """Spec ``MERLIN_HDF5_BULK``: each datum, whatever its ``point_number``, is the same: the whole dataset of frames.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Not needed.
    """

    def __init__(self, path: str, *, frame_per_point: int | None = None):
        super().__init__(path, lambda point_number=None: (DETECTOR_DATA, {}), swmr=True)


class Columns(_Datasets):
    """Specs ``SIS_HDF51`` and ``ZEBRA_HDF51``: datum ``column`` is the dataset of that name.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, lambda *, column: (column, {}), swmr=False)


class RegionsOfInterest(_Datasets):
    """Specs ``ROI_HDF5_FLY`` and ``ROI_HDF51_FLY``: datum ``det_elem`` is the dataset of that name.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, lambda *, det_elem: (det_elem, {}), swmr=True)


class PandaFields(_Datasets):
    """Spec ``PANDA``: datum ``field`` is the dataset of that name.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, lambda *, field: (f"/{field}", {}), swmr=True)


class PilatusTotals(_Datasets):
    """Specs ``PIL100k_HDF5`` and ``PILATUS_HDF5``: all frames, or the totals of one region of interest in all frames.

    Datum ``data_type`` is ``"image"``, which it is without keywords, or ``"roi"`` with ``roi_num`` from 1 on.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        def choose(data_type: str = "image", roi_num: int = 0) -> tuple[str, dict[str, Any]]:
            if data_type == "image":
                return NEXUS_DATA, {}
            if data_type == "roi":
                return f"{INSTRUMENT_ATTRIBUTES}/_ROI{roi_num}Total", {}
            raise ValueError(f"data_type must be 'image' or 'roi', not {data_type!r}")

        super().__init__(path, choose, swmr=False)


class ColumnStream(SwitchHandler):
    """Specs ``SIS_HDF51_FLY_STREAM_V1`` and ``ZEBRA_HDF51_FLY_STREAM_V1``.

    Datum ``column`` and ``point_number`` is ``frame_per_point`` rows of the dataset of that name.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int
        Rows of one datum.
    """

    def __init__(self, path: str, *, frame_per_point: int):
        def choose(*, column: str, point_number: int) -> tuple[str, dict[str, Any]]:
            return column, {"point_number": point_number}

        def make(column: str) -> PointHandler:
            return PointHandler(HDF5Rows(path, column, swmr=True, is_fixed=True), frame_per_point=frame_per_point)

        super().__init__(choose, make=make)
