"""The plugin author's page: what a handler is, at three levels.

A handler turns one external resource (a file, or a family of files) into numbers. It knows its file format and
nothing of MongoDB, of runs or of dask. It is found through an entry point:

* group ``databroker.handlers``, named after the resource's ``spec``: served with ``resource`` and ``datum`` documents;
* group ``databroker_mongo.mimetypes``, named after the MIME type without its parameters: served with
  ``stream_resource`` and ``stream_datum`` documents. The ``parameters`` of the stream resource are the keywords of
  the class, and a datum is ``{"index": i}``: row ``i`` along the first axis of the stored data, counted from 0.

The levels are recognised by the names of the methods. Nothing has to be imported from here, nothing subclassed.

What does not belong here: anything that finds, opens or calls handlers (``registry``, ``pool``, ``reader``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike


class DatumStructure(NamedTuple):
    """The structure of one datum, known without reading its values.

    A plain tuple ``(shape, dtype, chunks)`` serves as well.

    Attributes
    ----------
    shape : tuple of int
        Shape of one datum, for area detectors ``(frames, y, x)``.
    dtype : numpy.dtype
        The dtype of the file, never a wider one.
    chunks : tuple of int, or None
        The chunk shape of the file, counted in ``(datums, *axes of one datum)``: an HDF5 file with chunks of 10 frames
        of 512 x 512 and one frame of 1024 x 1024 a datum has ``(10, 1, 512, 512)``. None if the file has no chunks.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None = None


class Layout(NamedTuple):
    """How a datum lies in the array that a file holds. A plain tuple serves as well.

    Attributes
    ----------
    shape : tuple of int
        Shape of the whole array in the file that the datum is in.
    dtype : numpy.dtype
        Its dtype.
    row_axes : int
        How many of its last axes make a row; the axes before them count the rows.
    frames : int or None
        How many rows make a datum, and are its first axis; None if a datum is one row, without an axis for it.
    n_rows : int
        How many rows there are now, in all files together.
    is_fixed : bool
        Rows cannot have another number of axes. Where they can, and the class of the handler takes the keyword
        ``row_axes``, an array of so many axes is one row, and further axes before those of a row count rows in C order.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    row_axes: int
    frames: int | None = None
    n_rows: int = 1
    is_fixed: bool = True


class Handler(Protocol):
    """Level 0: today's contract. ``handler_class(path, **resource_kwargs)``, then ``handler(**datum_kwargs)``.

    One thread at a time calls a handler, unless its class sets ``parallel_reads = True``. An optional ``close()`` is
    called once or more; afterwards the handler is not used again. Handlers are never pickled.

    Raises
    ------
    OSError
        When a file is missing, short or damaged. Any other exception is reported too, with the same facts. While a run
        is in progress, callers wait for a file that is missing in its directory (``FileNotFoundError``), or that ends
        early (an ``OSError`` that is an ``EOFError`` too).
    """

    def __call__(self, **datum_kwargs: Any) -> ArrayLike:
        """Return the array of one datum, as a NumPy or dask array."""
        ...


@runtime_checkable
class DescribesDatum(Protocol):
    """Level 1: gives the structure of a datum from the headers alone."""

    def structure(self, **datum_kwargs: Any) -> DatumStructure:
        """Return shape, dtype and file chunks of one datum, without reading its values.

        Raises
        ------
        OSError
            When the file is missing or damaged, or ends before this datum. A datum that an unfinished file does not
            hold in full yet counts as missing.
        """
        ...


@runtime_checkable
class ReadsRegions(Protocol):
    """Level 2: fills a part of many datums at once, in place."""

    def read_into(
        self, out: np.ndarray[Any, Any], datums: Sequence[Mapping[str, Any]], region: tuple[slice, ...]
    ) -> None:
        """Fill ``out`` with the same region of each datum.

        Parameters
        ----------
        out : numpy.ndarray
            Shape ``(len(datums), *region_shape)`` and the structure's dtype; writable, perhaps strided. Fill all of it
            and do not keep it.
        datums : sequence of mapping
            The keyword arguments of each datum, in the caller's order; repeats are allowed, none is too.
        region : tuple of slice
            One slice for each axis of a datum: step 1, ``0 <= start <= stop <= shape[axis]``.

        Raises
        ------
        OSError
            When a file is missing, short or damaged.
        """
        ...


@runtime_checkable
class RefersToFiles(Protocol):
    """Optional at every level: lists the other files to which the resource's own files refer.

    HDF5 files may hold external links, virtual datasets and raw data kept outside; callers check the targets like the
    files themselves. `linked_files` is called before any data are read.
    """

    def linked_files(self, datum_kwargs: Iterable[Mapping[str, Any]] = ()) -> Sequence[str]:
        """Return the absolute paths of the files that would be opened to read these datums, besides the resource's own.

        Headers are read, and links followed, but no data. The files need not exist.

        Parameters
        ----------
        datum_kwargs : iterable of mapping, optional
            The keyword arguments of each datum. Without any, the result has the files that are known without them: a
            handler whose datums name a file or a dataset may then return nothing.

        Notes
        -----
        To find links behind links, other files have to be opened. A handler that does that takes one more keyword,
        ``before_opening=None``: a callable that it calls with the path of each file before it opens the file, so that
        no forbidden file is opened and no file is fetched from tape. Its exceptions are passed on.

        Raises
        ------
        OSError
            When a file of the resource is missing or damaged.
        """
        ...


@runtime_checkable
class TellsLayout(Protocol):
    """Optional at levels 1 and 2: gives the shape of the array that a datum is a part of.

    A datum alone does not show whether an array is a stack of lines or one image, nor whether it is a grid of images.
    The reader of a run knows the declaration of its descriptor, and can distinguish these cases by the shape of the
    array. Without this method, a datum is compared with the declaration as it is.
    """

    def layout(self, **datum_kwargs: Any) -> Layout:
        """Return how one datum lies in the array that its file holds, whether the array ends before it or not.

        Raises
        ------
        OSError
            When the file is missing or damaged.
        """
        ...


@runtime_checkable
class TellsWay(Protocol):
    """Optional at every level: a handler that has more than one way to read values, one of them slower."""

    def way(self, **datum_kwargs: Any) -> str:
        """Return in a few words how the values of one datum are read, for people who wonder why that takes long.

        Raises
        ------
        OSError
            When the file is missing or damaged.
        """
        ...


@runtime_checkable
class KeepsOpen(Protocol):
    """Optional at every level: a handler whose files are open only while one of its methods is called.

    A file that HDF5 has open in a process cannot be opened there in another way, nor be written. So a handler had
    better close it at the end of each method; callers that call several in a row say so, and it is opened once.
    """

    def keep_open(self) -> AbstractContextManager[object]:
        """Return a context in which files may stay open from one call of this thread to the next, but not after it."""
        ...
