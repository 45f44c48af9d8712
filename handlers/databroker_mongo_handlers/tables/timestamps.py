"""Times that areaDetector stored with its frames, in HDF5 files and in the tags of TIFF files.

Seconds as float64: the driver's clock counts from 1990 (EPICS), the NDArray's from what its driver says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tifffile

from ..hdf5 import INSTRUMENT_ATTRIBUTES, HDF5Rows
from ..images import open_tiff
from ..rows import (
    Array,
    ArrayHeader,
    BeforeOpening,
    Block,
    FileRows,
    PointHandler,
    RowStructure,
    paths_of_frames,
    require_dtype,
)

_DRIVER_CLOCK = (("NDArrayEpicsTSSec", 1.0), ("NDArrayEpicsTSnSec", 1e-9))
_ARRAY_CLOCK = (("NDArrayTimeStamp", 1.0),)
# The page "NDFileTIFF" of areaDetector's manual has them: EPICSTSSec and EPICSTSNsec; below NDTimeStamp.
_DRIVER_TAGS = ((65002, 1.0), (65003, 1e-9))
_ARRAY_TAGS = ((65000, 1.0),)


class _HDF5Times(PointHandler):
    """Datum ``point_number`` is a number for one frame a point, and shape ``(frames,)`` for more.

    Parameters
    ----------
    path : str
        The file.
    frame_per_point : int, optional
        Frames of one datum.
    """

    _datasets: Sequence[tuple[str, float]] = _DRIVER_CLOCK
    _swmr = False

    def __init__(self, path: str, *, frame_per_point: int = 1):
        parts = [
            (HDF5Rows(path, f"{INSTRUMENT_ATTRIBUTES}/{name}", swmr=self._swmr), scale)
            for name, scale in self._datasets
        ]
        super().__init__(_TimeRows(parts), frame_per_point=frame_per_point, has_axis_of_one=False)


class DriverTimes(_HDF5Times):
    """Spec ``AD_HDF5_TS``: seconds since 1990 by the driver, ``NDArrayEpicsTSSec`` and ``NDArrayEpicsTSnSec``."""


class DriverTimesSWMR(_HDF5Times):
    """Spec ``AD_HDF5_SWMR_TS``: the same, perhaps while the file is written in SWMR mode."""

    _swmr = True


class ArrayTimes(_HDF5Times):
    """Specs ``AD_HDF5_ND_TS`` and ``AD_HDF5_DET_TS``: seconds of ``NDArrayTimeStamp``."""

    _datasets = _ARRAY_CLOCK
    _swmr = True


class _TIFFTimes(PointHandler):
    """Datum ``point_number`` has the shape ``(frames,)``.

    Parameters
    ----------
    path, template, filename, frame_per_point
        As of ``AD_TIFF``.
    """

    _tags: Sequence[tuple[int, float]] = _DRIVER_TAGS

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1):
        path_of = paths_of_frames(template, str(path), filename)
        super().__init__(FileRows(_TagFormat(self._tags), path_of), frame_per_point=frame_per_point)


class TIFFDriverTimes(_TIFFTimes):
    """Spec ``AD_TIFF_TS``: seconds since 1990 of the driver's clock."""


class TIFFArrayTimes(_TIFFTimes):
    """Spec ``AD_TIFF_ND_TS``: seconds of the NDArray's time stamp."""

    _tags = _ARRAY_TAGS


class _TimeRows:
    """One number a frame: the sum of some datasets, each by its scale."""

    def __init__(self, parts: Sequence[tuple[HDF5Rows, float]]):
        self._parts = parts

    def describe(self, first: int, count: int) -> RowStructure:
        for rows, _ in self._parts:
            found = rows.describe(first, count)
            if any(length != 1 for length in found.shape):
                raise ValueError(f"{rows.paths(())[0]} holds times of shape {found.shape} a frame, not one number")
        return RowStructure((), np.dtype("float64"), found.chunks and found.chunks[:1])

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        require_dtype(out, np.dtype("float64"), self._parts[0][0].paths(())[0])
        out[...] = 0
        for rows, scale in self._parts:
            shape, dtype, _ = rows.describe(block.first, 1)
            values: Array = np.empty((*out.shape[:2], *shape), dtype)
            rows.read(values, block, [slice(0, 1)] * len(shape))
            out += values.reshape(out.shape) * scale

    def paths(self, numbers: Iterable[int]) -> list[str]:
        return self._parts[0][0].paths(numbers)

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        return list(
            dict.fromkeys(path for rows, _ in self._parts for path in rows.linked_files(before_opening=before_opening))
        )

    def close(self) -> None:
        for rows, _ in self._parts:
            rows.close()


class _TagFormat:
    """Reads one number of a TIFF file: the sum of some tags, each by its scale."""

    def __init__(self, tags: Sequence[tuple[int, float]]):
        self._tags = tags

    def describe(self, path: str) -> ArrayHeader:
        self._value(path)
        return ArrayHeader((), np.dtype("float64"))

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        out[...] = self._value(path)

    def _value(self, path: str) -> float:
        with open_tiff(path) as file:
            return float(sum(_tag(file, code, path=path) * scale for code, scale in self._tags))


def _tag(file: tifffile.TiffFile, code: int, *, path: str) -> Any:
    try:
        return file.pages.first.tags[code].value
    except Exception as error:
        raise OSError(f"{path} has no tag {code}: it holds no time stamp of areaDetector") from error
