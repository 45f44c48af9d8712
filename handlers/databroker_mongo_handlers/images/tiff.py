"""TIFF files: families with one frame a file, as areaDetector's TIFF plugin writes them.

Pixels that lie in the file as they would in memory are read in place; what is compressed or tiled is decoded by
tifffile, which needs imagecodecs for most kinds of compression.
"""

from __future__ import annotations

from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ..rows import Array, ArrayHeader, EndsEarly, FileRows, Payload, PointHandler, paths_of_frames
from .tiff_layout import layout_of


class AreaDetectorTIFF(PointHandler):
    """Spec ``AD_TIFF``: frame ``n`` of the resource is the file that ``template % (path, filename, n)`` names.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number: ``"%s%s_%6.6d.tiff"``.
    filename : str
        The part of the name that all files have.
    frame_per_point : int, optional
        Frames of one datum.
    """

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1):
        path_of = paths_of_frames(template, str(path), filename)
        super().__init__(FileRows(TIFFFormat(), path_of, can_read_side_by_side=True), frame_per_point=frame_per_point)


class TIFFFormat:
    """Reads the first series of pages of a TIFF file; a file laid out like the one before is not parsed again."""

    def __init__(self) -> None:
        self._last: tuple[bytes | None, Payload] | None = None

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype, having made sure that the file holds all its pixels.

        Raises
        ------
        OSError
            When the file is missing, short or no TIFF file.
        """
        with FileIO(path) as raw:
            layout = layout_of(raw)
        payload = self._payload_like_last(layout, path)
        if payload is not None:
            payload.require_whole()
            return ArrayHeader(payload.shape, payload.dtype.newbyteorder("="))
        with open_tiff(path) as file:
            series = _series(file, path)
            self._whole_payload(file, series, layout=layout)
            return _header(series)

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, damaged, short or no TIFF file.
        ValueError
            When the array is not as expected.
        """
        with FileIO(path) as raw:
            layout = layout_of(raw)
            payload = self._payload_like_last(layout, path)
            if payload is not None:
                expected.require(ArrayHeader(payload.shape, payload.dtype.newbyteorder("=")), path)
                payload.read(out, region, file=raw)
                return
        with open_tiff(path) as file:
            series = _series(file, path)
            expected.require(_header(series), path)
            payload = self._whole_payload(file, series, layout=layout)
            if payload is not None:
                payload.read(out, region)
            else:
                out[...] = _decode(series, path)[region]

    def _payload_like_last(self, layout: bytes | None, path: str) -> Payload | None:
        last = self._last
        return None if last is None or layout is None or layout != last[0] else replace(last[1], path=path)

    def _whole_payload(
        self, file: tifffile.TiffFile, series: tifffile.TiffPageSeries, *, layout: bytes | None
    ) -> Payload | None:
        """Return where the pixels are, and remember it; None for pixels that must be decoded."""
        path = str(file.filehandle.path)
        if series.dataoffset is None:
            _require_segments(file, series, path=path)
            return None
        header = _header(series)
        payload = Payload(path, series.dataoffset, header.shape, header.dtype.newbyteorder(file.byteorder))
        payload.require_whole()
        self._last = layout, payload
        return payload


def open_tiff(path: str) -> tifffile.TiffFile:
    """Open a file.

    Raises
    ------
    OSError
        When it is missing, empty or no TIFF file.
    """
    try:
        return tifffile.TiffFile(path)
    except OSError:
        raise
    except Exception as error:
        if Path(path).stat().st_size == 0:
            raise EndsEarly(f"{path} is empty (0 bytes)") from error
        raise OSError(f"{path} cannot be opened as TIFF: {error}") from error


def _series(file: tifffile.TiffFile, path: str) -> tifffile.TiffPageSeries:
    try:
        series = file.series[0]
        _ = series.dataoffset  # tifffile finds it when it is first asked for, and fails then
    except Exception as error:
        raise OSError(f"{path} holds no image that can be read: {error}") from error
    return series


def _header(series: tifffile.TiffPageSeries) -> ArrayHeader:
    return ArrayHeader(tuple(series.shape), np.dtype(series.dtype))


def _require_segments(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, *, path: str) -> None:
    size = file.filehandle.size
    for page in series.pages:
        if page is None:
            continue
        end = max((at + n for at, n in zip(page.dataoffsets, page.databytecounts, strict=True)), default=0)
        if end > size:
            raise EndsEarly(f"{path} is short: its image ends at byte {end}, but the file has {size}")


def _decode(series: tifffile.TiffPageSeries, path: str) -> np.ndarray[Any, Any]:
    try:
        return series.asarray()
    except Exception as error:
        hint = "; pip install databroker-mongo-handlers[imagecodecs]" if "imagecodecs" in str(error) else ""
        raise OSError(f"{path} cannot be decoded: {error}{hint}") from error
