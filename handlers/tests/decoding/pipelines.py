"""Pipelines of filters as h5py and hdf5plugin make them, and what HDF5 gives for a chunk, to compare decoders with."""

from __future__ import annotations

import h5py
import hdf5plugin
import numpy as np

PIPELINES = {
    "gzip": {"compression": "gzip"},
    "shuffle+gzip": {"compression": "gzip", "shuffle": True},
    "zstd": {**hdf5plugin.Zstd()},
    "shuffle+zstd": {**hdf5plugin.Zstd(), "shuffle": True},
    "lz4": {**hdf5plugin.LZ4()},
    "lz4 in blocks": {**hdf5plugin.LZ4(nbytes=600)},
    "shuffle+lz4": {**hdf5plugin.LZ4(), "shuffle": True},
    "bitshuffle": {**hdf5plugin.Bitshuffle(cname="none")},
    "bitshuffle in blocks": {**hdf5plugin.Bitshuffle(nelems=64, cname="none")},
    "bitshuffle/lz4": {**hdf5plugin.Bitshuffle()},
    "bitshuffle/lz4 in blocks": {**hdf5plugin.Bitshuffle(nelems=64)},
    "bitshuffle/zstd": {**hdf5plugin.Bitshuffle(cname="zstd")},
    "bitshuffle/zstd in blocks": {**hdf5plugin.Bitshuffle(nelems=64, cname="zstd")},
    "blosc": {**hdf5plugin.Blosc()},
    "blosc/lz4": {**hdf5plugin.Blosc("lz4", shuffle=hdf5plugin.Blosc.BITSHUFFLE)},
    "blosc/zlib": {**hdf5plugin.Blosc("zlib")},
    "blosc/zstd": {**hdf5plugin.Blosc("zstd", shuffle=hdf5plugin.Blosc.NOSHUFFLE)},
}


class Chunks:
    """A dataset of one chunk in a file in memory, into which any bytes can be put for that chunk."""

    def __init__(self, values: np.ndarray, options: dict):
        self._file = h5py.File(f"chunks-{id(self)}", "w", driver="core", backing_store=False)
        self._dataset = self._file.create_dataset("data", data=values, chunks=values.shape, **options)
        self._at = (0,) * values.ndim
        self.n_bytes = values.nbytes
        self.itemsize = values.dtype.itemsize

    def __enter__(self) -> Chunks:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def filters(self) -> list[tuple[int, tuple[int, ...]]]:
        created = self._dataset.id.get_create_plist()
        return [(number, values) for number, _, values, _ in map(created.get_filter, range(created.get_nfilters()))]

    @property
    def stored(self) -> bytes:
        return self._dataset.id.read_direct_chunk(self._at)[1]

    @property
    def filter_mask(self) -> int:
        """Which filters were not applied to the chunk, a bit each."""
        return self._dataset.id.read_direct_chunk(self._at)[0]

    def by_hdf5(self, chunk: bytes) -> bytes | None:
        """Return what HDF5 gives for a chunk; None for an error. Some chunks that no decoder takes make it crash."""
        self._dataset.id.write_direct_chunk(self._at, chunk)
        try:
            return self._dataset[...].tobytes()
        except (OSError, RuntimeError):
            return None
