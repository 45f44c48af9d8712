"""IMM files of X-ray photon correlation: frames one after the other, each with a header of 1024 bytes.

Frames may be sparse, as positions and values of the pixels that were hit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..rows import Array, BeforeOpening, Block, EndsEarly, RowsHandler, RowStructure, require_dtype, whole_number

_HEADER_BYTES = 1024
_COMPRESSION, _SIZES, _N_VALUES = 4, 108, 152  # where they are in it; sizes: rows, columns, bytes of a value
_SPARSE = 6
_LONGEST_SIDE = 2**16


class SparseIMM(RowsHandler):
    """Spec ``IMM``: datum ``index`` is ``frames_per_point`` frames, ``(frames, rows, columns)`` of uint32.

    Parameters
    ----------
    path : str
        The file.
    frames_per_point : int
        Frames of one datum.
    """

    def __init__(self, path: str, *, frames_per_point: int):
        n_frames = whole_number(frames_per_point, "frames_per_point", minimum=1)

        def first_row(index: int) -> int:
            return whole_number(index, "index") * n_frames

        super().__init__(_IMMRows(path), first_row=first_row, rows_per_datum=n_frames)


@dataclass(frozen=True)
class _Frame:
    """One frame in the file: where its values begin, how many there are, and the image they make."""

    start: int
    n_values: int
    shape: tuple[int, int]
    is_sparse: bool
    bytes_per_value: int

    @property
    def stop(self) -> int:
        return self.start + self.n_values * (self.bytes_per_value + (4 if self.is_sparse else 0))


class _IMMRows:
    """Frames of one file, found by walking from header to header; the walk goes on when the file has grown."""

    def __init__(self, path: str):
        self._path = path
        self._frames: list[_Frame] = []

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of these frames, from their headers."""
        frames = self._with_frames(first + count)[first : first + count]
        self._require_same_shape(frames)
        shape = frames[0].shape if frames else self._with_frames(1)[0].shape
        return RowStructure(shape, np.dtype("uint32"), (1, *shape))

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``."""
        frames = self._with_frames(block.stop)
        require_dtype(out, np.dtype("uint32"), self._path)
        self._require_same_shape(frames)
        with Path(self._path).open("rb") as file:
            for group in range(block.count):
                for number in range(block.size):
                    frame = frames[block.first + group * block.step + number]
                    out[group, number] = self._read_frame(file, frame)[tuple(inner)]

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return nothing: the file refers to no other."""
        return []

    def close(self) -> None:
        """Forget where the frames are."""
        self._frames = []

    def _with_frames(self, stop: int) -> list[_Frame]:
        if stop > len(self._frames):
            self._walk()
        if stop > len(self._frames):
            raise EndsEarly(f"{self._path}: frames up to {stop} were requested, but it has {len(self._frames)}")
        return self._frames

    def _walk(self) -> None:
        size = Path(self._path).stat().st_size
        with Path(self._path).open("rb") as file:
            position = self._frames[-1].stop if self._frames else 0
            while position + _HEADER_BYTES <= size:
                file.seek(position)
                frame = self._frame(file.read(_HEADER_BYTES), start=position + _HEADER_BYTES)
                if frame.stop > size:
                    return
                self._frames.append(frame)
                position = frame.stop

    def _frame(self, header: bytes, *, start: int) -> _Frame:
        (compression,) = struct.unpack_from("<i", header, _COMPRESSION)
        n_rows, n_columns, n_bytes = struct.unpack_from("<iii", header, _SIZES)
        (n_values,) = struct.unpack_from("<I", header, _N_VALUES)
        is_sparse = compression == _SPARSE
        sides_make_sense = 0 < n_rows <= _LONGEST_SIDE and 0 < n_columns <= _LONGEST_SIDE
        n_pixels = n_rows * n_columns
        if (
            not sides_make_sense
            or n_bytes not in (2, 4)
            or not (n_values <= n_pixels if is_sparse else n_values == n_pixels)
        ):
            raise OSError(f"{self._path} is not an IMM file: no frame begins at byte {start - _HEADER_BYTES}")
        # Sparse values have two bytes, as in `_read_frame`, whatever the header says of those of an image.
        return _Frame(start, n_values, (n_rows, n_columns), is_sparse, 2 if is_sparse else n_bytes)

    def _require_same_shape(self, frames: Sequence[_Frame]) -> None:
        shapes = {frame.shape for frame in frames}
        if len(shapes) > 1:
            raise ValueError(f"{self._path} holds frames of different shapes: {sorted(shapes)}")

    def _read_frame(self, file: BinaryIO, frame: _Frame) -> Array:
        file.seek(frame.start)
        if not frame.is_sparse:
            values = np.frombuffer(file.read(frame.stop - frame.start), f"<u{frame.bytes_per_value}")
            return values.astype("uint32").reshape(frame.shape)
        positions = np.frombuffer(file.read(4 * frame.n_values), "<u4")
        values = np.frombuffer(file.read(2 * frame.n_values), "<u2")
        image = np.zeros(frame.shape[0] * frame.shape[1], "uint32")
        if len(values) and positions.max() >= len(image):
            raise OSError(f"{self._path} is damaged: the frame at byte {frame.start} has pixels outside {frame.shape}")
        image[positions] = values
        return image.reshape(frame.shape)
