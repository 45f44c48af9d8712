"""MIME types of image files: families that a stream resource numbers, and single files.

``multipart/related+image/tiff``, ``multipart/related+image/jpeg``, ``multipart/related+application/x-npy`` number their
files by a template; ``image/tiff``, ``image/jpeg`` and ``application/x-npy`` are one file, unless there is a template.
The parameters are the keywords here, and a datum is ``{"index": i}``: row ``i`` of all files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..decoding import n_threads
from ..rows import ArrayFormat, FileRows, IndexHandler, Rows, SingleFileRows, TemplatedPaths, refuse_unknown
from .jpeg import JPEGFormat
from .npy import NPYFormat
from .tiff import TIFFFormat


class _Images(IndexHandler):
    """Rows of files named by a template, ``chunk_shape[0]`` rows a file; or of one file, for a type of one.

    Parameters
    ----------
    path : str
        The folder of the files, or what their names begin with; or the one file.
    template, filename : str, optional
        See `TemplatedPaths`.
    chunk_shape : sequence of int, optional
        The number of rows of a file, then the shape of a row. Without it each file is one row.
    row_axes : int, optional
        For a type of one file, how many axes a row has.

    Raises
    ------
    ValueError
        When the template is missing or cannot be used.
    """

    file_format: ClassVar[type[ArrayFormat]]
    fewest_row_axes: ClassVar[int] = 0
    default_template: ClassVar[str] = ""
    is_multipart: ClassVar[bool] = True

    def __init__(
        self,
        path: str,
        /,
        *,
        template: str = "",
        filename: str = "",
        chunk_shape: Sequence[int] = (),
        row_axes: int | None = None,
        **of_the_reader: object,
    ):
        refuse_unknown(of_the_reader, type(self).__name__)
        template = template or self.default_template
        if row_axes is not None and (template or self.is_multipart):
            raise ValueError("row_axes can be given for a single file alone")
        rows: Rows
        if template:
            paths = TemplatedPaths(path, template=template, filename=filename)
            rows = FileRows(self.file_format(), paths, chunk_shape=chunk_shape, n_threads=n_threads)
        elif self.is_multipart:
            raise ValueError("a stream resource of several files must name them by a template")
        else:
            rows = SingleFileRows(self.file_format(), path, row_axes=row_axes, fewest_row_axes=self.fewest_row_axes)
        super().__init__(rows)


class NumberedTIFF(_Images):
    """MIME type ``multipart/related;type=image/tiff``."""

    file_format = TIFFFormat


class NumberedJPEG(_Images):
    """MIME type ``multipart/related;type=image/jpeg``."""

    file_format = JPEGFormat


class NumberedNPY(_Images):
    """MIME type ``multipart/related;type=application/x-npy``; by default files ``PATH_0.npy``, ``PATH_1.npy``, ..."""

    file_format = NPYFormat
    default_template = "_{:d}.npy"


class StackTIFF(_Images):
    """MIME type ``image/tiff``: each page is a row, and so is a file of one page."""

    file_format = TIFFFormat
    is_multipart = False
    fewest_row_axes = 2


class SingleJPEG(_Images):
    """MIME type ``image/jpeg``: the image is the only row."""

    file_format = JPEGFormat
    is_multipart = False
    fewest_row_axes = 3


class StackNPY(_Images):
    """MIME type ``application/x-npy``: rows along the first axis."""

    file_format = NPYFormat
    is_multipart = False
