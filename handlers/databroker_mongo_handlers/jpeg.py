"""JPEG images, decoded by Pillow."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .file_rows import ArrayHeader
from .rows import Array

_CHANNELS = {"L": 0, "RGB": 3, "CMYK": 4}


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
