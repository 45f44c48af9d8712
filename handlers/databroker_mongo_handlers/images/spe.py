"""SPE files of Princeton Instruments cameras: a header of fixed places, then the frames as they would lie in memory.

The places are those of the WinView/WinSpec manual (appendix "Data Structure"); SPE 3 keeps them.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from ..decoding import n_threads
from ..rows import Array, ArrayHeader, FileRows, Payload, RowsHandler, paths_of_frames, whole_number

_HEADER_BYTES = 4100
_WIDTH, _KIND, _HEIGHT, _N_FRAMES = 42, 108, 656, 1446  # xdim, datatype, ydim, NumFrames
_DTYPES = {0: "<f4", 1: "<i4", 2: "<i2", 3: "<u2", 5: "<f8", 6: "u1", 8: "<u4"}


class PrincetonSPE(RowsHandler):
    """Spec ``AD_SPE``: point ``n`` is the file ``template % (path, filename, n)``, without axes of length 1.

    Parameters
    ----------
    path : str
        The folder of the files.
    template : str
        In C's ``printf`` style, for folder, file name and number.
    filename : str
        The part of the name that all files have.
    frame_per_point : int, optional
        Frames that each file must hold.
    """

    def __init__(self, path: str, *, template: str, filename: str, frame_per_point: int = 1):
        path_of = paths_of_frames(template, str(path), filename)

        def first_row(point_number: int) -> int:
            return whole_number(point_number, "point_number")

        file_format = SPEFormat(whole_number(frame_per_point, "frame_per_point", minimum=1))
        rows = FileRows(file_format, path_of, n_threads=n_threads)
        super().__init__(rows, first_row=first_row, rows_per_datum=None)


class SPEFormat:
    """Reads one SPE file.

    Parameters
    ----------
    n_frames : int
        Frames that it must hold.
    """

    def __init__(self, n_frames: int):
        self._n_frames = n_frames

    def describe(self, path: str) -> ArrayHeader:
        """Return shape, without axes of length 1, and dtype, having made sure that the file is whole.

        Raises
        ------
        OSError
            When the file is missing, short, no SPE file, or holds another number of frames.
        """
        payload = self._payload(path)
        payload.require_whole()
        return ArrayHeader(payload.shape, payload.dtype)

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, short, no SPE file, or holds another number of frames.
        ValueError
            When the frames are not as expected.
        """
        payload = self._payload(path)
        expected.require(ArrayHeader(payload.shape, payload.dtype), path)
        payload.read(out, region)

    def _payload(self, path: str) -> Payload:
        with Path(path).open("rb") as file:
            header = file.read(_HEADER_BYTES)
        if len(header) < _HEADER_BYTES:
            raise OSError(f"{path} is short: an SPE file begins with {_HEADER_BYTES} bytes, but it has {len(header)}")
        (width,), (kind,) = struct.unpack_from("<H", header, _WIDTH), struct.unpack_from("<h", header, _KIND)
        (height,), (n_frames,) = struct.unpack_from("<H", header, _HEIGHT), struct.unpack_from("<i", header, _N_FRAMES)
        if kind not in _DTYPES or not width or not height or n_frames < 1:
            raise OSError(f"{path} is not an SPE file: {n_frames} frames of {height} x {width}, kind of number {kind}")
        if n_frames != self._n_frames:
            raise OSError(f"{path} holds {n_frames} frames, but {self._n_frames} were requested")
        shape = tuple(length for length in (n_frames, height, width) if length != 1)
        return Payload(path, _HEADER_BYTES, shape, np.dtype(_DTYPES[kind]))
