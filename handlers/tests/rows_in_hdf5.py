"""A dataset of rows in a file of its own, and blocks of it as they are read."""

from __future__ import annotations

import h5py
import numpy as np


def write(path, data, **options):
    """Write ``/data``, and return the path as text."""
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("/data", data=data, **options)
    return str(path)


def read(rows, block, inner, *, order="C"):
    """Return a part of each row of a block, ``(count, size, *inner)``."""
    structure = rows.describe(block.first, 1)
    shape = (block.count, block.size, *(part.stop - part.start for part in inner))
    out = np.empty(shape, structure.dtype, order=order)
    rows.read(out, block, inner)
    return out
