"""Mapping buffers of XIA's xMAP electronics: counts of regions of interest, or spectra, of one pixel after the other.

Layout of a buffer of 16-bit words, as XIA's manual of the mapping modes has it: 256 words of header, then blocks of
equal length, one a pixel, each with a header of its own. An HDF5 file of areaDetector holds a buffer of each module, of
four channels, for each of its arrays: ``(arrays, modules, words)``. Spectra that are not packed like this do not belong
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..rows import Array, BeforeOpening, Closes, WholeHandler, whole_number
from .area_detector import NEXUS_DATA
from .rows import HDF5Rows

_BUFFER_TAGS, _PIXEL_TAGS = [0x55AA, 0xAA55], [0x33CC, 0xCC33]
_BUFFER_HEADER_WORDS, _MODE, _N_PIXELS = 256, 3, 8
# In the header of a pixel: its own length; that of the block, its low word first; those of the data of each channel.
_HEADER_WORDS, _BLOCK_WORDS, _SIZES = 2, slice(6, 8), slice(8, 12)
_SPECTRA, _REGIONS = 1, 2
_CHANNELS_PER_MODULE = 4
_DATA_TYPES = {_SPECTRA: "spectrum", _REGIONS: "roi"}


class XmapMapping(Closes):
    """Spec ``XIA_XMAP_HDF5``: datum ``data_type``, ``channel`` (from 1) and ``roi_num`` (from 0).

    With ``data_type`` ``"roi"`` it is the counts of one region of interest in one channel, with ``"spectrum"`` the
    spectra of one channel, in all pixels; which of both a file holds was chosen when it was taken.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        self._path = path
        self._file = WholeHandler(HDF5Rows(path, NEXUS_DATA))
        self._buffers: Array | None = None

    def __call__(self, data_type: str, channel: int, roi_num: int | None = None) -> Array:
        """Return one number a pixel, shape ``(pixels,)``, uint32; or one spectrum, ``(pixels, bins)``, uint16.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or was taken in another mode.
        ValueError
            When there is no such channel or region.
        """
        module, place = divmod(whole_number(channel, "channel", minimum=1) - 1, _CHANNELS_PER_MODULE)
        buffers = self._read()
        if module >= buffers.shape[1]:
            raise ValueError(f"{self._path}: channel {channel} was requested, of {buffers.shape[1]} modules of 4")
        filled = (words for words in buffers[:, module] if words[_N_PIXELS])
        blocks = [_Blocks(words, name=f"{self._path}, module {module}") for words in filled]
        if not blocks:
            raise OSError(f"{self._path} holds no pixels")
        for each in blocks:
            each.require_mode(data_type)
        if data_type == _DATA_TYPES[_SPECTRA]:
            return np.concatenate([each.spectra(place) for each in blocks])
        region = whole_number(roi_num, "roi_num")
        return np.concatenate([each.counts(place, region) for each in blocks])

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(
        self, datum_kwargs: Iterable[Mapping[str, Any]] = (), *, before_opening: BeforeOpening | None = None
    ) -> list[str]:
        """Return the absolute paths of the files that the file refers to, from headers alone."""
        return self._file.linked_files(before_opening=before_opening)

    def close(self) -> None:
        """Forget what was read."""
        self._buffers = None
        self._file.close()

    def _read(self) -> Array:
        if self._buffers is None:
            found = self._file()
            # One array, or one module, may be stored without an axis for it.
            self._buffers = found.reshape((1,) * (3 - found.ndim) + found.shape).astype("uint16", copy=False)
        return self._buffers


class _Blocks:
    """The pixels in one buffer of one module; there is at least one.

    Parameters
    ----------
    words : numpy.ndarray
        ``(words,)`` uint16.
    name : str
        What an error message calls it.
    """

    def __init__(self, words: Array, *, name: str):
        self._name = name
        if words[:2].tolist() != _BUFFER_TAGS:
            raise OSError(f"{name} is not a buffer of an xMAP in mapping mode: it begins with {words[:2].tolist()}")
        self._mode, n_pixels = int(words[_MODE]), int(words[_N_PIXELS])
        first = words[_BUFFER_HEADER_WORDS:]
        low, high = first[_BLOCK_WORDS].tolist()
        length = low + 0x10000 * high
        if n_pixels * length > len(first):
            raise OSError(f"{name} is short: {n_pixels} pixels of {length} words, but it has {len(first)}")
        self._pixels = first[: n_pixels * length].reshape(n_pixels, length)
        if (self._pixels[:, :2] != _PIXEL_TAGS).any():
            raise OSError(f"{name} is damaged: a pixel does not begin where the one before it ends")
        self._header_words = int(first[_HEADER_WORDS])
        self._sizes = first[_SIZES].astype(int).tolist()

    def require_mode(self, data_type: str) -> None:
        """Refuse data of another mode than was asked for."""
        found = _DATA_TYPES.get(self._mode, f"mapping mode {self._mode}")
        if data_type != found:
            raise OSError(f"{self._name} was taken as {found!r}, but data_type {data_type!r} was requested")

    def spectra(self, place: int) -> Array:
        """Return the spectra of a channel of the module, ``(pixels, bins)``."""
        return self._part(place, words_each=1)

    def counts(self, place: int, region: int) -> Array:
        """Return the counts of a region of a channel of the module, ``(pixels,)``."""
        if region >= self._sizes[place]:
            raise ValueError(f"{self._name}: region {region} was requested, of {self._sizes[place]}")
        low, high = self._part(place, words_each=2)[:, 2 * region : 2 * region + 2].T.astype("uint32")
        counts: Array = low + (high << 16)
        return counts

    def _part(self, place: int, *, words_each: int) -> Array:
        start = self._header_words + words_each * sum(self._sizes[:place])
        return self._pixels[:, start : start + words_each * self._sizes[place]]
