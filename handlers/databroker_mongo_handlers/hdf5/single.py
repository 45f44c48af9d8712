"""HDF5 files with one datum's frame each, as areaDetector's HDF5 plugin writes them in single mode.

Also the reader of one such file, for stream resources of several HDF5 files.
"""

from __future__ import annotations

import numpy as np

from ..rows import Array, ArrayHeader, BeforeOpening, Block, FileRows, PointHandler, keep_open, paths_of_frames
from .area_detector import NEXUS_DATA
from .rows import HDF5Rows


class AreaDetectorHDF5Single(PointHandler):
    """Specs ``AD_HDF5_SINGLE``, ``AD_HDF5_lambda`` and ``AD_HDF5_Lambda250k_APSPolar``: a file for each frame.

    Frame ``n`` is ``/entry/data/data`` of the file ``template % (path, filename, n)``.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number: ``"%s%s_%6.6d.h5"``.
    filename : str
        The part of the name that all files have.
    frame_per_point : int, optional
        Frames of one datum.
    key : str, optional
        Name of the dataset in each file.
    """

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1, key: str = NEXUS_DATA):
        path_of = paths_of_frames(template, str(path), filename)
        super().__init__(FileRows(HDF5Format(key), path_of), frame_per_point=frame_per_point)


class HDF5Format:
    """Reads one dataset of each file.

    Parameters
    ----------
    dataset : str
        Name of the dataset in each file.
    swmr : bool, optional
        Follow a writer in SWMR mode.
    """

    def __init__(self, dataset: str, *, swmr: bool = False):
        self._dataset = dataset
        self._swmr = swmr

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or holds no such dataset.
        """
        with keep_open():
            rows = HDF5Rows(path, self._dataset, swmr=self._swmr)
            rows.require_sources()
            n_rows = rows.n_rows()
            row = rows.describe(0, n_rows)
        return ArrayHeader((n_rows, *row.shape), row.dtype)

    def linked_files(self, path: str, *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files that a file refers to.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        return HDF5Rows(path, self._dataset, swmr=self._swmr).linked_files(before_opening=before_opening)

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or holds no such dataset.
        ValueError
            When the array is not as expected.
        """
        lines, *inner = region
        with keep_open():
            rows = HDF5Rows(path, self._dataset, swmr=self._swmr)
            rows.require_sources()
            n_rows = rows.n_rows()
            row = rows.describe(0, n_rows)
            expected.require(ArrayHeader((n_rows, *row.shape), row.dtype), path)
            n_lines = lines.stop - lines.start
            rows.read(out[np.newaxis], Block(lines.start, n_lines, n_lines, 1), inner)
