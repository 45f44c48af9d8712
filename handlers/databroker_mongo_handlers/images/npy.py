"""NumPy's own files: the sequences that ophyd's simulated detectors write.

Files that hold pickled objects are refused: reading them could run anything.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from ..decoding import n_threads
from ..rows import Array, ArrayHeader, FileRows, IndexHandler, Payload

# NumPy has no public reader for version 3.0, which it writes only for names of fields that are not Latin-1.
_HEADER_READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


class NumpySequence(IndexHandler):
    """Spec ``NPY_SEQ``: datum ``index`` is the array in ``PATH_INDEX.npy``.

    Parameters
    ----------
    path : str
        The beginning of the files' paths.
    root : str, optional
        A folder that ``path`` is relative to.
    """

    def __init__(self, path: str, *, root: str = ""):
        beginning = str(Path(root) / path)
        super().__init__(FileRows(NPYFormat(), lambda index: f"{beginning}_{index}.npy", n_threads=n_threads))


class NPYFormat:
    """Reads one array of an ``.npy`` file."""

    def describe(self, path: str) -> ArrayHeader:
        """Return shape and dtype, having made sure that the file is whole.

        Raises
        ------
        OSError
            When the file is missing, short, no NumPy file or holds pickled objects.
        """
        payload, _ = _payload(path)
        payload.require_whole()
        return ArrayHeader(payload.shape, payload.dtype)

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing, short, no NumPy file or holds pickled objects.
        ValueError
            When the array is not as expected.
        """
        payload, in_columns = _payload(path)
        expected.require(ArrayHeader(payload.shape, payload.dtype), path)
        if in_columns:
            payload.require_whole()
            out[...] = np.load(path, allow_pickle=False)[region]
        else:
            payload.read(out, region)


def _payload(path: str) -> tuple[Payload, bool]:
    """Return where the array is and whether it lies in Fortran's order."""
    with Path(path).open("rb") as file:
        try:
            version = npy_format.read_magic(file)
            shape, in_columns, dtype = _HEADER_READERS[version](file)
        except (ValueError, KeyError) as error:
            raise OSError(f"{path} cannot be read as a NumPy file: {error}") from error
        if dtype.hasobject:
            raise OSError(f"{path} holds pickled objects; they are never loaded")
        return Payload(path, file.tell(), tuple(shape), dtype), in_columns
