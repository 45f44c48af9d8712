"""TIFF files: families with one frame a file, as areaDetector's TIFF plugin writes them.

Pixels that lie in the file as they would in memory are read in place; of what is compressed or tiled, the strips or
tiles of a region are decoded, which needs imagecodecs for most kinds of compression. The unusual is left to tifffile.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ..decoding import n_threads
from ..rows import Array, ArrayHeader, EndsEarly, FileRows, Payload, PointHandler, paths_of_frames
from .tiff_layout import TIFFLayout, layout_of
from .tiff_segments import PagePlaces, SegmentedImage, require_segments, segments_of, undecodable


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
        super().__init__(FileRows(TIFFFormat(), path_of, n_threads=n_threads), frame_per_point=frame_per_point)


@dataclass(frozen=True)
class _InSegments:
    """An image in strips or tiles that are decoded one by one, as `Payload` is one that is not decoded at all."""

    path: str
    image: SegmentedImage
    pages: tuple[PagePlaces, ...]

    def read(self, out: Array, region: tuple[slice, ...], *, file: FileIO) -> None:
        self.image.read(out, region, file=file, path=self.path, pages=self.pages)

    def require_whole(self) -> None:
        require_segments(self.path, self.pages, n_bytes=os.stat(self.path).st_size)  # noqa: PTH116 each frame asks


class TIFFFormat:
    """Reads the first series of pages of a TIFF file; a file laid out like the one before is not parsed again."""

    def __init__(self) -> None:
        self._last: tuple[TIFFLayout, Payload | _InSegments] | None = None

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype, having made sure that the file holds all its pixels.

        Raises
        ------
        OSError
            When the file is missing, short or no TIFF file.
        """
        with FileIO(path) as raw:
            layout = layout_of(raw)
        pixels = self._like_last(layout, path)
        if pixels is not None:
            pixels.require_whole()
            return _header_of(pixels)
        with open_tiff(path) as file:
            series = _series(file, path)
            self._pixels(file, series, layout=layout)
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
            pixels = self._like_last(layout, path)
            if pixels is not None:
                expected.require(_header_of(pixels), path)
                pixels.require_whole()
                pixels.read(out, region, file=raw)
                return
        with open_tiff(path) as file:
            series = _series(file, path)
            expected.require(_header(series), path)
            pixels = self._pixels(file, series, layout=layout)
            if pixels is None:
                out[...] = _decode(series, path)[region]
                return
            # Of the file that was parsed, whatever has taken its name since.
            with FileIO(file.filehandle.fileno(), closefd=False) as raw:
                pixels.read(out, region, file=raw)

    def _like_last(self, layout: TIFFLayout | None, path: str) -> Payload | _InSegments | None:
        """Return where the pixels are in a file that is laid out like the last that was parsed."""
        if self._last is None or layout is None:
            return None
        last, pixels = self._last
        if isinstance(pixels, Payload):
            return replace(pixels, path=path) if layout == last else None
        # tifffile repairs places that cannot be right, and fills segments that were never written.
        if layout.form != last.form or not all(layout.offsets) or not all(layout.byte_counts):
            return None
        page = replace(pixels.pages[0], offsets=layout.offsets, byte_counts=layout.byte_counts)
        return replace(pixels, path=path, pages=(page,))

    def _pixels(
        self, file: tifffile.TiffFile, series: tifffile.TiffPageSeries, *, layout: TIFFLayout | None
    ) -> Payload | _InSegments | None:
        """Return where the pixels are, having made sure that they are there; None for what tifffile must decode.

        It is remembered, if another file may be laid out alike.
        """
        path = str(file.filehandle.path)
        pixels: Payload | _InSegments
        if series.dataoffset is not None:
            header = _header(series)
            pixels = Payload(path, series.dataoffset, header.shape, header.dtype.newbyteorder(file.byteorder))
            is_told_by_layout = layout is not None
        else:
            found = segments_of(series)
            if found is None:
                _require_pages(file, series, path=path)
                return None
            pixels = _InSegments(path, *found)
            places = [(page.offsets, page.byte_counts) for page in pixels.pages]
            is_told_by_layout = layout is not None and places == [(layout.offsets, layout.byte_counts)]
        pixels.require_whole()
        if layout is not None and is_told_by_layout:
            self._last = layout, pixels
        return pixels


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


def _header_of(pixels: Payload | _InSegments) -> ArrayHeader:
    if isinstance(pixels, Payload):
        return ArrayHeader(pixels.shape, pixels.dtype.newbyteorder("="))
    return pixels.image.header


def _require_pages(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, *, path: str) -> None:
    pages = [page for page in series.pages if page is not None]
    places = [PagePlaces(tuple(page.dataoffsets), tuple(page.databytecounts)) for page in pages]
    require_segments(path, places, n_bytes=file.filehandle.size)


def _decode(series: tifffile.TiffPageSeries, path: str) -> np.ndarray[Any, Any]:
    try:
        return series.asarray()
    except Exception as error:
        damage = undecodable(path, error)
    raise damage
