"""Single files that are one array: TIFF, NumPy and text; and NumPy files taken entry by entry."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..rows import (
    Array,
    ArrayFormat,
    CallsReadInto,
    Closes,
    IndexHandler,
    Layout,
    SingleFileRows,
    Structure,
    require_dtype,
    whole_layout,
)
from .npy import NPYFormat
from .tiff import TIFFFormat


class _WholeFile(CallsReadInto):
    """A datum without keywords is the array in the file."""

    def __init__(self, path: str, file_format: ArrayFormat):
        self._path = path
        self._format = file_format

    def structure(self) -> Structure:
        """Return shape and dtype, from the header.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        shape, dtype = self._format.describe(self._path)
        return Structure(shape, dtype, None)

    def layout(self) -> Layout:
        """Return shape and dtype as the layout of the only datum.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        return whole_layout(*self._format.describe(self._path))

    def read_into(self, out: Array, datums: Sequence[Mapping[str, Any]], region: tuple[slice, ...]) -> None:
        """Fill ``out``, of shape ``(len(datums), *region_shape)``, as often as asked.

        Raises
        ------
        OSError
            When the file is missing, damaged or short.
        """
        header = self._format.describe(self._path)
        require_dtype(out, header.dtype, self._path)
        for number, datum in enumerate(datums):
            if datum:
                raise TypeError(f"a datum of this spec has no keywords, not {sorted(datum)}")
            self._format.read(self._path, header, out=out[number, ...], region=region)

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """Return the one file."""
        return [self._path]


class SingleTIFF(_WholeFile):
    """Spec ``SINGLE_TIFF``: the image, or images, of one TIFF file.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        super().__init__(path, TIFFFormat())


class NumpyFile(_WholeFile):
    """Spec ``npy``: the array of one NumPy file.

    Parameters
    ----------
    path : str
        The file.
    mmap_mode : str, optional
        Not needed: parts are read in place.
    """

    def __init__(self, path: str, *, mmap_mode: str | None = None):
        super().__init__(path, NPYFormat())


class NumpyFrames(IndexHandler):
    """Spec ``npy_FRAMEWISE``: datum ``frame_no`` is one entry along the first axis of a NumPy file.

    Parameters
    ----------
    path : str
        The file.
    mmap_mode : str, optional
        Not needed: parts are read in place.
    row_axes : int, optional
        How many axes an entry has, by default all of the array but the first.
    """

    def __init__(self, path: str, *, mmap_mode: str | None = None, row_axes: int | None = None):
        super().__init__(SingleFileRows(NPYFormat(), path, row_axes=row_axes), keyword="frame_no")


class TextNumbers(Closes):
    """Spec ``DAT``: numbers in a text file, as `numpy.loadtxt` reads them.

    Parameters
    ----------
    path : str
        The file.
    **loadtxt_kwargs
        Keywords of `numpy.loadtxt`.
    """

    def __init__(self, path: str, **loadtxt_kwargs: Any):
        inspect.signature(np.loadtxt).bind(path, **loadtxt_kwargs)
        self._path = path
        self._kwargs = loadtxt_kwargs

    def __call__(self) -> Array:
        """Return all numbers, shape ``(lines, columns)``, float64 unless ``dtype`` says otherwise.

        Raises
        ------
        OSError
            When the file is missing, empty or no such table.
        """
        if Path(self._path).stat().st_size == 0:
            raise OSError(f"{self._path} is empty (0 bytes)")
        try:
            return np.loadtxt(self._path, **self._kwargs)
        except ValueError as error:
            raise OSError(f"{self._path} cannot be read as numbers: {error}") from error

    def get_file_list(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> list[str]:
        """Return the one file."""
        return [self._path]
