"""CBF files of Pilatus and Eiger detectors, one frame a file, compressed by byte offsets.

The header is read here, and checked against the file before anything is decoded; fabio decodes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from ..decoding import n_threads
from ..rows import Array, ArrayHeader, FileRows, PointHandler, paths_of_frames, whole_number

_BINARY_STARTS = b"\x0c\x1a\x04\xd5"  # of the CBF/imgCIF format: a form feed, then what a text cannot hold
_LONGEST_HEADER_BYTES = 2**20
_FIELD = re.compile(rb"^([\w-]+):\s*\"?([^\r\n\"]*)", re.MULTILINE)
_CONVERSION = re.compile(rb"conversions=\"?([\w-]+)")
_ELEMENT = re.compile(r"(un)?signed (\d+)-bit integer")


class PilatusCBF(PointHandler):
    """Spec ``AD_CBF``: frame ``n`` is the file ``template % (path, filename, n)``, counted from ``initial_number``.

    Datum ``point_number`` is ``frame_per_point`` frames: ``(y, x)`` for one, ``(frames, y, x)`` for more.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number.
    filename : str
        The part of the name that all files have.
    frame_per_point : int, optional
        Frames of one datum.
    initial_number : int, optional
        Number of the first file.
    """

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1, initial_number: int = 1):
        path_of = paths_of_frames(template, str(path), filename, first=whole_number(initial_number, "initial_number"))

        rows = FileRows(CBFFormat(), path_of, n_threads=n_threads)
        super().__init__(rows, frame_per_point=frame_per_point, has_axis_of_one=False)


@dataclass(frozen=True)
class _Binary:
    """Where the compressed pixels are, and what they must be."""

    start: int
    n_bytes: int
    digest: bytes
    header: ArrayHeader


class CBFFormat:
    """Reads one CBF file."""

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype, having made sure that the file holds all its bytes.

        Raises
        ------
        OSError
            When the file is missing, short or no such file.
        """
        return _binary(path).header

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, short, damaged or no such file.
        ValueError
            When the frame is not as expected.
        ImportError
            When fabio is not installed.
        """
        binary = _binary(path)
        expected.require(binary.header, path)
        with Path(path).open("rb") as file:
            file.seek(binary.start)
            compressed = file.read(binary.n_bytes)
        if binary.digest and hashlib.md5(compressed, usedforsecurity=False).digest() != binary.digest:
            raise OSError(f"{path} is damaged: its pixels do not match their checksum")
        n_pixels = int(np.prod(expected.shape))
        # As int64, whatever the dtype: a sum of differences that it cannot hold would else come out as another number.
        values = np.asarray(_fabio_compression().decByteOffset(compressed, n_pixels, "int64"))
        pixels = values.astype(expected.dtype)
        if len(values) != n_pixels or not np.array_equal(pixels, values):
            raise OSError(f"{path} is damaged: its pixels are not {n_pixels} values of {expected.dtype}")
        out[...] = pixels.reshape(expected.shape)[region]


def _binary(path: str) -> _Binary:
    with Path(path).open("rb") as file:
        text, mark, _ = file.read(_LONGEST_HEADER_BYTES).partition(_BINARY_STARTS)
    if not mark:
        raise OSError(f"{path} holds no binary section: it is not a CBF file, or it is short")
    fields = {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, value in _FIELD.findall(text)}
    conversion = _CONVERSION.search(text)
    if conversion is None or conversion[1].lower() != b"x-cbf_byte_offset":
        raise OSError(f"{path} is not compressed by byte offsets, the only compression of CBF that is supported")
    try:
        shape = int(fields["x-binary-size-second-dimension"]), int(fields["x-binary-size-fastest-dimension"])
        n_bytes = int(fields["x-binary-size"])
        dtype = _dtype(fields.get("x-binary-element-type", "signed 32-bit integer"))
        digest = base64.b64decode(fields.get("content-md5", ""))
    except (KeyError, ValueError) as error:
        raise OSError(f"{path} does not say what its pixels are: {error!r}") from error
    start = len(text) + len(mark)
    found = Path(path).stat().st_size - start
    if found < n_bytes:
        raise OSError(f"{path} is short: its pixels take {n_bytes} bytes, but {found} are there")
    return _Binary(start, n_bytes, digest, ArrayHeader(shape, dtype))


def _dtype(element: str) -> np.dtype[np.generic]:
    match = _ELEMENT.fullmatch(element.strip())
    if match is None:
        raise ValueError(f"elements of type {element!r}")
    return np.dtype(f"{'u' if match[1] else ''}int{match[2]}")


def _fabio_compression() -> ModuleType:
    try:
        return import_module("fabio.compression")
    except ImportError as error:
        raise ImportError("CBF files need fabio: pip install databroker-mongo-handlers[fabio]") from error
