"""An array that lies in a file as it would in memory, read in part: the payload of TIFF, NumPy and SPE files.

Finding out where the payload starts is each format's business and does not belong here.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from .rows import Array, EndsEarly


@dataclass(frozen=True)
class Payload:
    """A C-ordered array of ``shape`` and ``dtype`` from byte ``offset`` of a file on."""

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def require_whole(self) -> None:
        """Refuse a file that ends before the array does.

        Raises
        ------
        OSError
            When the file is missing or short.
        """
        needed = self.offset + math.prod(self.shape) * self.dtype.itemsize
        found = os.stat(self.path).st_size  # noqa: PTH116 a Path takes as long again, and each frame asks
        if found < needed:
            raise EndsEarly(
                f"{self.path} is short: {self.shape} of {self.dtype} need {needed} bytes, but it has {found}"
            )

    def read(self, out: Array, region: tuple[slice, ...], *, file: FileIO | None = None) -> None:
        """Fill ``out`` with a region, reading the bytes between its first and its last line.

        Parameters
        ----------
        out : numpy.ndarray
            The buffer.
        region : tuple of slice
            One for each axis.
        file : io.FileIO, optional
            The file, when it is open already.

        Raises
        ------
        OSError
            When the file is missing or short.
        """
        if out.size == 0:
            return
        if file is None:
            with Path(self.path).open("rb", buffering=0) as opened:
                self.read(out, region, file=opened)
        elif not self.shape:
            self._read_lines(file, out[np.newaxis], slice(0, 1), within=())
        else:
            self._read_lines(file, out, region[0], within=region[1:])

    def _read_lines(self, file: FileIO, out: Array, lines: slice, *, within: tuple[slice, ...]) -> None:
        line_shape = self.shape[1:]
        is_all_of_each_line = all(part == slice(0, n) for part, n in zip(within, line_shape, strict=True))
        in_place = is_all_of_each_line and out.flags.c_contiguous and out.dtype == self.dtype
        buffer = out if in_place else np.empty((lines.stop - lines.start, *line_shape), self.dtype)
        file.seek(self.offset + lines.start * math.prod(line_shape) * self.dtype.itemsize)
        self._fill(buffer, file)
        if not in_place:
            out[...] = buffer[(slice(None), *within)]

    def _fill(self, buffer: Array, file: FileIO) -> None:
        view = buffer.reshape(-1).view(np.uint8).data
        n_read = 0
        while n_read < len(view):
            n_more = file.readinto(view[n_read:])
            if not n_more:
                raise EndsEarly(f"{self.path} is short: {len(view)} more bytes were requested, but {n_read} are there")
            n_read += n_more
