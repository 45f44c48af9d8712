"""Frames like a detector's, in files: HDF5 and TIFF, plain and compressed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import tifffile
from numpy.typing import NDArray

HDF5_DATASET = "/entry/data/data"
TIFF_TEMPLATE = "%s%s_%6.6d.tiff"
TIFF_NAME = "frame"
CODECS = {
    "gzip": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
    "gzip alone": {"compression": "gzip", "compression_opts": 1},
    "bitshuffle LZ4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
    "zstd": {"shuffle": True, **hdf5plugin.Zstd()},
    "LZ4": {"shuffle": True, **hdf5plugin.LZ4()},
    "blosc": dict(hdf5plugin.Blosc()),
}
"""How a dataset is compressed, as h5py is told."""


def frames(n: int, ny: int, nx: int, *, first: int = 0) -> Iterator[NDArray[np.uint16]]:
    """Yield frames of Poisson noise on a smooth background; the first pixel holds the number of the frame."""
    rng = np.random.default_rng(5)
    profile = 200 + 100 * np.exp(-((np.arange(ny) - ny / 2) ** 2) / (2 * (ny / 8) ** 2))
    noise = [rng.poisson(profile[:, np.newaxis], (ny, nx)).astype("<u2") for _ in range(8)]
    for number in range(first, first + n):
        frame = np.roll(noise[number % len(noise)], number, axis=1)
        frame[0, 0] = number % 2**16
        yield frame


def write_hdf5(path: Path, n: int, ny: int, nx: int, *, codec: str = "", first: int = 0) -> None:
    """Write all frames to one file, each a chunk."""
    options = CODECS[codec] if codec else {}
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            HDF5_DATASET, (n, ny, nx), "<u2", maxshape=(None, ny, nx), chunks=(1, ny, nx), **options
        )
        for number, frame in enumerate(frames(n, ny, nx, first=first)):
            dataset[number] = frame


def write_tiff(folder: Path, n: int, ny: int, nx: int, *, compression: str | None = None) -> None:
    """Write each frame to a file of its own."""
    folder.mkdir()
    for number, frame in enumerate(frames(n, ny, nx)):
        tifffile.imwrite(tiff_path(folder, number), frame, compression=compression)


def tiff_path(folder: Path | str, number: int) -> str:
    """Return the file of a frame."""
    return str(Path(folder) / f"{TIFF_NAME}_{number:06d}.tiff")
