"""Runs to be read many at once: of some hundred events each, and with a file of a few frames each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from . import frames, large_runs
from .documents import Batch
from .facts import ImageRun

N_FRAMES, SIDE = 5, 256
_KWARGS = {"frame_per_point": 1}
_FIRST = 1001


def image_runs(n_runs: int, folder: Path) -> Iterator[Batch]:
    """Yield runs of a few frames each, whose files are written on the way."""
    folder.mkdir(exist_ok=True)
    for scan_id in range(_FIRST, _FIRST + n_runs):
        name = f"run_{scan_id:06d}.h5"
        frames.write_hdf5(folder / name, N_FRAMES, SIDE, SIDE, first=scan_id)
        image = ImageRun("", N_FRAMES, SIDE, SIDE, "AD_HDF5", str(folder), name)
        yield joined(large_runs.images(scan_id, image, _KWARGS))


def joined(batches: Iterator[Batch]) -> Batch:
    """Return all documents of a run at once."""
    whole: Batch = {}
    for name, documents in itertools.chain.from_iterable(batch.items() for batch in batches):
        whole.setdefault(name, []).extend(documents)
    return whole
