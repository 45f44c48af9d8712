"""An array that lies in a file as it would in memory, read in part: the payload of TIFF, NumPy and SPE files.

Finding out where the payload starts is each format's business and does not belong here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .rows import Array


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
        found = Path(self.path).stat().st_size
        if found < needed:
            raise OSError(f"{self.path} is short: {self.shape} of {self.dtype} need {needed} bytes, and it has {found}")

    def read(self, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region, reading the bytes between its first and its last line.

        Raises
        ------
        OSError
            When the file is missing or short.
        """
        if out.size == 0:
            return
        if not self.shape:
            Payload(self.path, self.offset, (1,), self.dtype).read(out[np.newaxis], (slice(0, 1),))
            return
        lines, *inner = region
        is_all_of_each_line = all(part == slice(0, n) for part, n in zip(inner, self.shape[1:], strict=True))
        in_place = is_all_of_each_line and out.flags.c_contiguous and out.dtype == self.dtype
        buffer = out if in_place else np.empty((lines.stop - lines.start, *self.shape[1:]), self.dtype)
        bytes_per_line = math.prod(self.shape[1:]) * self.dtype.itemsize
        self._fill(buffer, self.offset + lines.start * bytes_per_line)
        if not in_place:
            out[...] = buffer[(slice(None), *inner)]

    def _fill(self, buffer: Array, start: int) -> None:
        view = buffer.reshape(-1).view(np.uint8).data
        with Path(self.path).open("rb", buffering=0) as file:
            file.seek(start)
            n_read = 0
            while n_read < len(view):
                n_more = file.readinto(view[n_read:])
                if not n_more:
                    found = f"{n_read} are there"
                    raise OSError(f"{self.path} is short: {len(view)} bytes from {start} on were asked for, {found}")
                n_read += n_more
