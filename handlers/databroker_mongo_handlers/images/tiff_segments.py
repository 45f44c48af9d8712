"""Strips and tiles of TIFF files, read and decoded one without the others: only those of a region, several at once.

How one of them is decoded (compression, predictor, bits) is tifffile's business: it makes a function for all pages that
are alike, which needs no open file, and imagecodecs lets go of Python's lock while it decodes.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from typing import Any

import numpy as np
import tifffile

from ..decoding import n_threads
from ..rows import Array, ArrayHeader, EndsEarly, read_side_by_side


@dataclass(frozen=True)
class PagePlaces:
    """Where the segments (strips or tiles) of a page are in its file.

    Attributes
    ----------
    offsets, byte_counts : tuple of int
        Of each segment; 0 for one that was never written.
    jpeg_tables : bytes, optional
        What its JPEG segments have in common.
    """

    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]
    jpeg_tables: bytes | None = None


def require_segments(path: str, pages: Sequence[PagePlaces], *, n_bytes: int) -> None:
    """Refuse a file that ends before its last segment does.

    Raises
    ------
    OSError
        With how long the file is, and should be.
    """
    ends = (at + n for page in pages for at, n in zip(page.offsets, page.byte_counts, strict=False))
    end = max(ends, default=0)
    if end > n_bytes:
        raise EndsEarly(f"{path} is short: its image ends at byte {end}, but the file has {n_bytes}")


@dataclass(frozen=True)
class SegmentedImage:
    """How the pages of a file are cut, and what decodes a segment; the same for all files that are laid out alike.

    Attributes
    ----------
    header : ArrayHeader
        Of the image: of its one page, or of pages along a first axis.
    has_axis_of_pages : bool
        Which of the two.
    has_axis_of_samples : bool
        A page has an axis of samples before its lines and columns, for each sample has segments of its own.
    segment_shape : tuple of int
        With as many axes as a page.
    n_segments : tuple of int
        Along each axis of a page.
    decode : callable
        See ``tifffile.TiffPage.decode``.
    nodata : float
        Stands for a segment that was never written.
    """

    header: ArrayHeader
    has_axis_of_pages: bool
    has_axis_of_samples: bool
    segment_shape: tuple[int, ...]
    n_segments: tuple[int, ...]
    decode: Callable[..., Any]
    nodata: float

    def read(
        self, out: Array, region: tuple[slice, ...], *, file: FileIO, path: str, pages: Sequence[PagePlaces]
    ) -> None:
        """Fill ``out`` with a region of the image.

        Parameters
        ----------
        out : numpy.ndarray
            Of the shape of the region.
        region : tuple of slice
            One for each axis of the image, within it.
        file : io.FileIO
            Open for reading, unbuffered; it is left anywhere.
        path : str
            Its path, for errors.
        pages : sequence of PagePlaces
            All pages.

        Raises
        ------
        OSError
            When the file is short, or a segment that the region needs is damaged.
        """
        if not self.has_axis_of_pages:
            out, region = out[np.newaxis], (slice(0, 1), *region)
        if out.size == 0:
            return
        asked, within = pages[region[0]], region[1:]

        def read_one(part: tuple[int, tuple[int, ...]]) -> None:
            page, segment = part
            self._read_segment(out[page], within, segment, file=file, path=path, page=asked[page])

        touched = itertools.product(
            *(range(p.start // n, -(-p.stop // n)) for p, n in zip(within, self.segment_shape, strict=True))
        )
        parts = list(itertools.product(range(len(asked)), touched))
        n_bytes = len(parts) * math.prod(self.segment_shape) * self.header.dtype.itemsize
        # Without pread, threads would move the position of the file under each other's feet.
        read_side_by_side(read_one, parts, n_bytes=n_bytes, n_threads=n_threads() if hasattr(os, "pread") else 1)

    def _read_segment(
        self,
        out: Array,
        within: tuple[slice, ...],
        segment: tuple[int, ...],
        *,
        file: FileIO,
        path: str,
        page: PagePlaces,
    ) -> None:
        """Fill what a segment holds of a region of a page."""
        page_shape = self.header.shape[self.has_axis_of_pages :]
        box = [
            slice(number * n, min((number + 1) * n, length))
            for number, n, length in zip(segment, self.segment_shape, page_shape, strict=True)
        ]
        common = [
            slice(max(each.start, part.start), min(each.stop, part.stop))
            for each, part in zip(box, within, strict=True)
        ]
        target = tuple(_shifted(each, part.start) for each, part in zip(common, within, strict=True))
        index = self._index(segment)
        if not (page.offsets[index] and page.byte_counts[index]):
            out[target] = self.nodata
            return
        content = _read_at(file, path, page.offsets[index], page.byte_counts[index])
        n_lines, n_columns = (each.stop - each.start for each in box[self.has_axis_of_samples :][:2])
        try:
            decoded, *_ = self.decode(content, index, jpegtables=page.jpeg_tables)
            # Tiles at the edges reach beyond the image.
            values = decoded[0, :n_lines, :n_columns].reshape([each.stop - each.start for each in box])
        except Exception as error:
            damage = undecodable(path, error)
        else:
            out[target] = values[tuple(_shifted(each, of.start) for each, of in zip(common, box, strict=True))]
            return
        raise damage

    def _index(self, segment: tuple[int, ...]) -> int:
        """Return the place of a segment among all of a page; numpy.ravel_multi_index takes as long as a short strip."""
        index = 0
        for number, n in zip(segment, self.n_segments, strict=True):
            index = index * n + number
        return index


def segments_of(series: tifffile.TiffPageSeries) -> tuple[SegmentedImage, tuple[PagePlaces, ...]] | None:
    """Return how the pages of a series are cut, and where their segments are.

    Returns
    -------
    tuple or None
        None for what only tifffile can put together: volumes, pages that are missing, images of another shape than
        their pages have, a JPEG image in many tiles.
    """
    pages = list(series.pages)
    if not pages or any(page is None for page in pages):
        return None
    page = series.keyframe
    shape, page_shape = tuple(series.shape), tuple(page.shape)
    has_axis_of_pages = shape == (len(pages), *page_shape)
    if not (has_axis_of_pages or (shape == page_shape and len(pages) == 1)) or page.dtype != series.dtype:
        return None
    n_segments = tuple(page.chunked)
    has_axis_of_samples = len(page.chunked) == len(page.chunks) + 1
    segment_shape = (1, *page.chunks) if has_axis_of_samples else tuple(page.chunks)
    is_cut = [-(-n // size) for n, size in zip(page_shape, segment_shape, strict=False)] == list(n_segments)
    if not is_cut or len(page_shape) != len(segment_shape) or page.imagedepth > 1 or page.jpegheader is not None:
        return None
    places = tuple(
        PagePlaces(tuple(each.dataoffsets), tuple(each.databytecounts), each.jpegtables)
        for each in pages
        if each is not None
    )
    if any(not len(each.offsets) == len(each.byte_counts) == math.prod(n_segments) for each in places):
        return None
    header = ArrayHeader(shape, np.dtype(series.dtype))
    image = SegmentedImage(
        header, has_axis_of_pages, has_axis_of_samples, segment_shape, n_segments, page.decode, page.nodata
    )
    return image, places


def undecodable(path: str, error: Exception) -> OSError:
    """Return the error for pixels that cannot be decoded, with what to install where that is the reason.

    It is raised by itself: dask's workers send all that an error came from, and some of imagecodecs' cannot be read
    again.
    """
    hint = "; pip install databroker-mongo-handlers[imagecodecs]" if "imagecodecs" in str(error) else ""
    return OSError(f"{path} cannot be decoded: {error}{hint}")


def _shifted(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)


def _read_at(file: FileIO, path: str, start: int, n_bytes: int) -> bytes:
    if hasattr(os, "pread"):
        content = os.pread(file.fileno(), n_bytes, start)
    else:
        file.seek(start)
        content = file.read(n_bytes)
    if len(content) < n_bytes:
        raise EndsEarly(f"{path} is short: a part of its image ends at byte {start + n_bytes}, beyond its end")
    return content
