"""JPEG images, decoded by Pillow: families with one image a file, as areaDetector and beamline cameras write them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ..rows import Array, ArrayHeader, FileRows, PointHandler, RowsHandler, paths_of_frames, whole_number

_CHANNELS = {"L": 0, "RGB": 3, "CMYK": 4}  # by Pillow's modes of JPEG files; 0 for no axis of channels


class AreaDetectorJPEG(PointHandler):
    """Spec ``AD_JPEG``: frame ``n`` of the resource is the file that ``template % (path, filename, n)`` names.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number: ``"%s%s_%6.6d.jpg"``.
    filename : str
        The part of the name that all files have.
    frame_per_point : int, optional
        Frames of one datum.
    """

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1):
        path_of = paths_of_frames(template, str(path), filename)
        super().__init__(FileRows(JPEGFormat(), path_of), frame_per_point=frame_per_point)


class CameraJPEG(RowsHandler):
    """Specs ``BMM_USBCAM``, ``BMM_XAS_WEBCAM``, ``BMM_XRD_WEBCAM`` and ``BMM_ANALOG_CAMERA``.

    Datum ``index``, or ``point_number``, is the image in one file.

    Parameters
    ----------
    path : str
        The files' paths in C's ``printf`` style, for their number: ``"/data/usbcam_%d.jpg"``.
    """

    def __init__(self, path: str):
        def first_row(index: int | None = None, point_number: int | None = None) -> int:
            return whole_number(point_number if index is None else index, "index")

        def path_of(number: int) -> str:
            try:
                return str(path) % number
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path} must take a number, as 'usbcam_%d.jpg' does: {error}") from error

        super().__init__(FileRows(JPEGFormat(), path_of), first_row=first_row, rows_per_datum=None)


class JPEGFormat:
    """Reads one JPEG file: ``(y, x)`` in grey, ``(y, x, channel)`` in colour, uint8."""

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype, from the header.

        Raises
        ------
        OSError
            When the file is missing, empty or no JPEG file.
        ImportError
            When Pillow is not installed.
        """
        with _open(path) as image:
            return _header(image, path)

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, short, damaged or no JPEG file.
        ValueError
            When the image is not as expected.
        ImportError
            When Pillow is not installed.
        """
        with _open(path) as image:
            expected.require(_header(image, path), path)
            try:
                pixels = np.asarray(image)
            except Exception as error:
                raise OSError(f"{path} cannot be decoded: {error}") from error
        out[...] = pixels[region]


def _open(path: str) -> Any:
    try:
        return _pillow().open(path, formats=["JPEG"])
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(f"{path} cannot be opened as JPEG: {error}") from error


def _header(image: Any, path: str) -> ArrayHeader:
    if image.mode not in _CHANNELS:
        raise OSError(f"{path} is a JPEG image of mode {image.mode}, which is not supported")
    width, height = image.size
    channels = _CHANNELS[image.mode]
    return ArrayHeader((height, width, channels) if channels else (height, width), np.dtype("uint8"))


def _pillow() -> ModuleType:
    try:
        return import_module("PIL.Image")
    except ImportError as error:
        raise ImportError("JPEG files need Pillow: pip install databroker-mongo-handlers[pillow]") from error
