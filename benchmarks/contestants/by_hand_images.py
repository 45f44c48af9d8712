"""Frames read with h5py and tifffile by a program that knows where they are, and that all files are alike."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 (lets h5py decode what it does not by itself)
import numpy as np
import tifffile
from numpy.typing import NDArray

from ..facts import Facts, ImageRun
from ..frames import HDF5_DATASET, tiff_path
from .by_hand_events import read_columns

Array = NDArray[Any]
_FRAMES_AT_ONCE = 8
_WINDOW = slice(100, 110)


class Images:
    """The tasks about images."""

    _facts: Facts
    _data: Any
    _descriptor: Callable[[str], str]
    _batches: Callable[..., Iterable[bytes]]

    def open_images(self, name: str) -> dict[str, int]:
        """Read the time: that is the part that no program can do without."""
        image = self._facts.images[name]
        times = read_columns(self._batches(self._descriptor(image.uid), {"time": 1}), ())
        return {"time": len(times["time"]), "dim_0": 1, "dim_1": image.ny, "dim_2": image.nx}

    def one_frame(self, name: str, number: int) -> Array:
        return _files(self._facts.images[name]).frame(number)

    def small_window(self, name: str) -> Array:
        return _files(self._facts.images[name]).window()

    def mean_frame(self, name: str) -> Array:
        return _files(self._facts.images[name]).mean()

    def read_images(self, name: str) -> Array:
        image = self._facts.images[name]
        return _files(image).read().reshape(image.n, 1, image.ny, image.nx)


def _files(image: ImageRun) -> _HDF5 | _PlainTIFF | _CompressedTIFF:
    path = Path(image.root) / image.path
    if image.spec == "AD_HDF5":
        return _HDF5(path, image)
    return _PlainTIFF(path, image) if path.name == "plain" else _CompressedTIFF(path, image)


class _HDF5:
    def __init__(self, path: Path, image: ImageRun):
        self._path = path
        self._shape = (image.n, image.ny, image.nx)

    def frame(self, number: int) -> Array:
        with h5py.File(self._path) as file:
            found: Array = file[HDF5_DATASET][number]
        return found

    def window(self) -> Array:
        with h5py.File(self._path) as file:
            found: Array = file[HDF5_DATASET][:, _WINDOW, _WINDOW]
        return found

    def mean(self) -> Array:
        n, ny, nx = self._shape
        total, buffer = np.zeros((ny, nx), np.uint64), np.empty((_FRAMES_AT_ONCE, ny, nx), np.uint16)
        with h5py.File(self._path) as file:
            dataset = file[HDF5_DATASET]
            for first in range(0, n, _FRAMES_AT_ONCE):
                part = buffer[: min(_FRAMES_AT_ONCE, n - first)]
                dataset.read_direct(part, np.s_[first : first + len(part)])
                total += part.sum(axis=0, dtype=np.uint32)
        return total / n

    def read(self) -> Array:
        with h5py.File(self._path) as file:
            found: Array = file[HDF5_DATASET][()]
        return found


class _TIFF(ABC):
    def __init__(self, folder: Path, image: ImageRun):
        self._paths = [tiff_path(folder, number) for number in range(image.n)]
        self._shape = (image.n, image.ny, image.nx)

    @abstractmethod
    def _read_into(self, out: Array, first: int) -> None: ...

    def frame(self, number: int) -> Array:
        return tifffile.imread(self._paths[number])

    def mean(self) -> Array:
        n, ny, nx = self._shape
        total, buffer = np.zeros((ny, nx), np.uint64), np.empty((_FRAMES_AT_ONCE, ny, nx), np.uint16)
        for first in range(0, n, _FRAMES_AT_ONCE):
            part = buffer[: min(_FRAMES_AT_ONCE, n - first)]
            self._read_into(part, first)
            total += part.sum(axis=0, dtype=np.uint32)
        return total / n

    def read(self) -> Array:
        out = np.empty(self._shape, np.uint16)
        self._read_into(out, 0)
        return out


class _PlainTIFF(_TIFF):
    """The bytes are read from where they are in the first file; of the others, the size is looked at."""

    def __init__(self, folder: Path, image: ImageRun):
        super().__init__(folder, image)
        with tifffile.TiffFile(self._paths[0]) as file:
            self._start = file.pages[0].dataoffsets[0]
        self._size = Path(self._paths[0]).stat().st_size

    def _read_into(self, out: Array, first: int) -> None:
        for number, frame in enumerate(out, first):
            self._read(number, frame.reshape(-1).view(np.uint8).data, self._start)

    def window(self) -> Array:
        n, _, nx = self._shape
        out = np.empty((n, 10, 10), np.uint16)
        lines = np.empty((10, nx), np.uint16)
        for number in range(n):
            self._read(number, lines.reshape(-1).view(np.uint8).data, self._start + _WINDOW.start * nx * 2)
            out[number] = lines[:, _WINDOW]
        return out

    def _read(self, number: int, buffer: memoryview, start: int) -> None:
        file = os.open(self._paths[number], os.O_RDONLY)
        try:
            if os.fstat(file).st_size != self._size or os.preadv(file, [buffer], start) != len(buffer):
                raise OSError(f"{self._paths[number]} is unlike the first file")
        finally:
            os.close(file)


class _CompressedTIFF(_TIFF):
    """Two files are decoded at once."""

    def _read_into(self, out: Array, first: int) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda pair: tifffile.imread(self._paths[pair[0]], out=pair[1]), enumerate(out, first)))

    def window(self) -> Array:
        with ThreadPoolExecutor(2) as pool:
            return np.stack(list(pool.map(lambda path: tifffile.imread(path)[_WINDOW, _WINDOW], self._paths)))
