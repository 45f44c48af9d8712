"""MIME type ``application/x-hdf5``: the rows of one HDF5 dataset, in one file or in many.

Served to stream resources: the parameters are the keywords here, and a datum is ``{"index": i}``. How many rows make an
event is the reader's business, so parameters about that are taken and not used.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..rows import CountedRows, FileRows, IndexHandler, Rows, RowView, TemplatedPaths, parse_slice, refuse_unknown
from .rolling import rolling_rows
from .single import HDF5Format


class StreamedHDF5(IndexHandler):
    """Rows along the first axis of a dataset, numbered through all its files.

    Parameters
    ----------
    file_path : str
        The file; or the folder of the files, or what their names begin with, with a ``template``; or
        ``NAME_000001.h5`` or ``NAME.h5``, for files that roll over.
    dataset : str
        Name of the dataset; ``path`` in older documents.
    swmr : bool, optional
        Follow a writer in SWMR mode.
    slice : str or sequence of str, optional
        The part of the data that is meant, in NumPy's notation; all rows.
    squeeze : bool, optional
        Leave out axes of length 1, but that of the rows.
    template, filename : str, optional
        For files with ``chunk_shape[0]`` rows each: see `TemplatedPaths`.
    chunk_shape : sequence of int, optional
        Used with a template only; else the file itself tells its chunks.
    row_axes : int, optional
        How many axes a row has, by default all of the dataset but the first. A dataset that has no more is one row;
        further axes before those of a row are those of a grid, whose rows are counted in C order.

    Raises
    ------
    ValueError
        When no dataset is named, or a slice or template cannot be used.
    """

    def __init__(
        self,
        file_path: str,
        /,
        *,
        dataset: str = "",
        path: str = "",
        swmr: bool | None = True,
        slice: str | Sequence[str] = "",
        squeeze: bool = False,
        template: str = "",
        filename: str = "",
        chunk_shape: Sequence[int] = (),
        row_axes: int | None = None,
        **of_the_reader: object,
    ):
        refuse_unknown(of_the_reader, type(self).__name__)
        name = dataset or path
        if not name:
            raise ValueError("a stream resource of application/x-hdf5 must name its dataset")
        if row_axes is not None and (template or slice):
            raise ValueError("row_axes cannot be used together with a template or a slice")
        if template:
            if slice or squeeze:
                raise ValueError("slice and squeeze cannot be used together with a template")
            paths = TemplatedPaths(file_path, template=template, filename=filename)
            super().__init__(FileRows(HDF5Format(name, swmr=bool(swmr)), paths, chunk_shape=chunk_shape))
            return
        rows: CountedRows = rolling_rows(file_path, name, swmr=bool(swmr), row_axes=row_axes)
        super().__init__(_cut(rows, slice, squeeze=squeeze))


def _cut(rows: CountedRows, text: str | Sequence[str], *, squeeze: bool) -> Rows:
    if not text and not squeeze:
        return rows
    return RowView(rows, selectors=parse_slice(text) if text else (), squeeze=squeeze)
