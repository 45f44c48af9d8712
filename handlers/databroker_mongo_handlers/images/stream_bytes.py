"""MIME type ``application/octet-stream``: files of which nothing is known, as the bytes they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..rows import (
    Array,
    ArrayHeader,
    FileRows,
    IndexHandler,
    Payload,
    Rows,
    SingleFileRows,
    TemplatedPaths,
    refuse_unknown,
)


class BytesFormat:
    """Reads a file as ``(bytes,)`` of uint8."""

    def describe(self, path: str) -> ArrayHeader:
        """Return how long the file is.

        Raises
        ------
        OSError
            When it is missing.
        """
        return ArrayHeader((Path(path).stat().st_size,), np.dtype("uint8"))

    def read(self, path: str, expected: ArrayHeader, *, out: Array, region: tuple[slice, ...]) -> None:
        """Fill ``out`` with a region.

        Raises
        ------
        OSError
            When the file is missing or short.
        ValueError
            When its length is not as expected.
        """
        expected.require(self.describe(path), path)
        Payload(path, 0, *expected).read(out, region)


class OpaqueFiles(IndexHandler):
    """Each file is a row; files of different lengths are never put into one array.

    Parameters
    ----------
    path : str
        The folder of the files, or what their names begin with; or the one file.
    template, filename : str, optional
        For several files: see `TemplatedPaths`.
    chunk_shape : sequence of int, optional
        Not needed: how long a file is, it tells itself.

    Raises
    ------
    ValueError
        When the template cannot be used.
    """

    def __init__(
        self,
        path: str,
        /,
        *,
        template: str = "",
        filename: str = "",
        chunk_shape: Sequence[int] = (),
        **of_the_reader: object,
    ):
        refuse_unknown(of_the_reader, type(self).__name__)
        rows: Rows = SingleFileRows(BytesFormat(), path, fewest_row_axes=1, is_fixed=True)
        if template:
            rows = FileRows(BytesFormat(), TemplatedPaths(path, template=template, filename=filename))
        super().__init__(rows)
