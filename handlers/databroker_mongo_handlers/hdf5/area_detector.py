"""Frames that areaDetector's HDF5 plugin, and writers like it, put in one dataset of one file, one row a frame.

Only where the frames are, how the file is opened and what a datum is called is said here. It is what the handlers of
area-detector-handlers 0.0.10 (``AD_HDF5``, ``AD_HDF5_SWMR``, ``TPX_HDF5``) and of hxntools 0.6.5 (``DEX_HDF5``,
``MERLIN_FLY_STREAM_V2``) make of them. For ``EIGER2_STREAM`` no handler was published; its dataset is known from the
scripts by which the beamline HXN takes old runs over into Tiled, and its keywords are taken to be those of the Merlin.
"""

from __future__ import annotations

from typing import Any

from ..rows import IndexHandler, PointHandler, SwitchHandler
from .rows import HDF5Rows

NEXUS_DATA = "/entry/data/data"
DETECTOR_DATA = "/entry/instrument/detector/data"
DETECTOR_ATTRIBUTES = "/entry/instrument/detector/NDAttributes"
INSTRUMENT_ATTRIBUTES = "/entry/instrument/NDAttributes"


class _Points(PointHandler):
    """Datum ``point_number`` is ``frame_per_point`` frames, shape ``(frames, *frame)``.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Frames of one datum.
    row_axes : int, optional
        How many axes a frame has, by default all of the dataset but the first. A dataset that has no more is one frame;
        further axes before those of a frame are those of a grid, whose frames are counted in C order.
    """

    _dataset = NEXUS_DATA
    _swmr = False

    def __init__(self, path: str, *, frame_per_point: int = 1, row_axes: int | None = None):
        rows = HDF5Rows(path, self._dataset, swmr=self._swmr, row_axes=row_axes)
        super().__init__(rows, frame_per_point=frame_per_point)


class AreaDetectorHDF5(_Points):
    """Specs ``AD_HDF5`` and ``HDF5``: frames in ``/entry/data/data`` of a finished file."""


class AreaDetectorHDF5SWMR(_Points):
    """Specs ``AD_HDF5_SWMR`` and ``EIGER2_STREAM``: the same, perhaps while the file is written in SWMR mode."""

    _swmr = True


class TimepixHDF5(_Points):
    """Spec ``TPX_HDF5``: frames in ``/entry/instrument/detector/data``."""

    _dataset = DETECTOR_DATA


class MerlinStream(_Points):
    """Spec ``MERLIN_FLY_STREAM_V2``: the same, perhaps while the file is written in SWMR mode."""

    _dataset = DETECTOR_DATA
    _swmr = True


class DexelaFrames(IndexHandler):
    """Spec ``DEX_HDF5``: datum ``frame`` is one frame of ``/entry/instrument/detector/data``.

    Parameters
    ----------
    path : str
        The file.
    row_axes : int, optional
        As of ``AD_HDF5``.
    """

    def __init__(self, path: str, *, row_axes: int | None = None):
        super().__init__(HDF5Rows(path, DETECTOR_DATA, swmr=True, row_axes=row_axes), keyword="frame")


class GermaniumFrames(IndexHandler):
    """Spec ``AD_HDF5_GERM``: datum ``frame`` is one frame of ``/entry/data/data``.

    Parameters
    ----------
    path : str
        The file.
    row_axes : int, optional
        As of ``AD_HDF5``.
    """

    def __init__(self, path: str, *, row_axes: int | None = None):
        super().__init__(HDF5Rows(path, NEXUS_DATA, row_axes=row_axes), keyword="frame")


class AreaDetectorHDF5Stream(SwitchHandler):
    """Specs ``AD_HDF5_SWMR_STREAM`` and ``AD_HDF5_SWMR_SLICE``, of streams before they named MIME types.

    Datum ``index`` is one row; where the spec was used with events, ``point_number`` is ``frame_per_point`` rows.

    Parameters
    ----------
    file_path : str
        The file.
    dataset, path : str, optional
        Name of the dataset, by its new and its old keyword.
    frame_per_point : int, optional
        Rows of one point.
    swmr : bool, optional
        Follow a writer in SWMR mode.
    row_axes : int, optional
        As of ``AD_HDF5``.
    chunk_shape, multiplier, timestamps, join_method : optional
        Not needed to find the rows.
    """

    def __init__(
        self,
        file_path: str,
        /,
        *,
        dataset: str | None = None,
        path: str | None = None,
        frame_per_point: int = 1,
        swmr: bool = True,
        row_axes: int | None = None,
        chunk_shape: object = None,
        multiplier: object = None,
        timestamps: object = None,
        join_method: object = None,
    ):
        rows = HDF5Rows(file_path, dataset or path or NEXUS_DATA, swmr=swmr, row_axes=row_axes)

        def make(kind: str) -> PointHandler | IndexHandler:
            return IndexHandler(rows) if kind == "index" else PointHandler(rows, frame_per_point=frame_per_point)

        super().__init__(_by_kind, make=make, datum_names=("point_number",))


def _by_kind(**datum: Any) -> tuple[str, dict[str, Any]]:
    return ("index" if "index" in datum else "point_number"), datum
