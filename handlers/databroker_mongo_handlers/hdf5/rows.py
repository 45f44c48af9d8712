"""Rows along the first axis of one HDF5 dataset, or along its first axes, read by hyperslabs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import h5py
import numpy as np

from ..rows import (
    Array,
    BeforeOpening,
    Block,
    EndsEarly,
    Layout,
    RowStructure,
    axes_of_rows,
    close_later,
    lines_of,
    require_dtype,
    whole_number,
)
from .chunks import DamagedChunk
from .file import OpenFile, opened, reason_of
from .growth import whole_rows
from .known import KnownDataset
from .links import Behind, look_behind, missing_behind
from .written import can_tell, is_written, spans, written_rows

_SCRATCH_BYTES = 8 * 2**20  # of what is read aside and then copied


class HDF5Rows:
    """Rows of a dataset of one file, which is open only while it is read.

    Parameters
    ----------
    path : str
        The file.
    dataset : str
        Name of the dataset in the file.
    swmr : bool
        Follow a writer in SWMR mode: when rows beyond the known end are asked for, look again.
    row_axes : int, optional
        How many axes a row has, by default all but the first. A dataset that has no more is one row; the axes that it
        has before those of a row count rows in C order, as the axes of a grid do.
    fewest_row_axes : int, optional
        How many axes a row has at least, where ``row_axes`` is not given.
    is_fixed : bool, optional
        A row has as many axes as is said here, whatever a descriptor declares: for handlers that take no ``row_axes``.

    Raises
    ------
    ValueError
        When ``row_axes`` is no number of axes.
    """

    def __init__(
        self,
        path: str,
        dataset: str,
        *,
        swmr: bool = False,
        row_axes: int | None = None,
        fewest_row_axes: int = 0,
        is_fixed: bool = False,
    ):
        self._path = str(path)
        self._name = dataset
        self._swmr = swmr
        self._row_axes = None if row_axes is None else whole_number(row_axes, "row_axes")
        self._fewest = fewest_row_axes
        self._is_fixed = is_fixed
        self._dataset: h5py.Dataset | None = None
        self._opened_ns = 0
        self._known: KnownDataset | None = None
        self._is_checked = False
        self._behind: tuple[int, Behind] | None = None

    def describe(self, first: int, count: int) -> RowStructure:
        """Return the structure of rows ``first`` to ``first + count``, from the header alone.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing, or ends before the last of these rows.
        """
        known = self._known_with(Block(first, count, count, 1))
        n_axes = self._axes_of_rows(known)
        return RowStructure(known.shape[n_axes:], known.dtype, _chunks_by_row(known, n_axes))

    def layout(self, number: int = 0) -> Layout:
        """Return the shape of the whole dataset, and how many rows it makes.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        known = self._known_now()
        row_axes = len(known.shape) - self._axes_of_rows(known)
        return Layout(known.shape, known.dtype, row_axes, n_rows=known.extent.n_rows, is_fixed=self._is_fixed)

    def way(self, number: int = 0) -> str:
        """Return how rows are read, in words: past HDF5, or by HDF5 and why.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        return self._known_now().way

    def read(self, out: Array, block: Block, inner: Sequence[slice]) -> None:
        """Fill ``out``, of shape ``(count, size, *inner)``, by one hyperslab.

        Raises
        ------
        OSError
            When the file is missing, damaged, short or open for writing.
        ValueError
            When ``out`` has not the dtype of the dataset.
        """
        known = self._still_known()
        if known is not None and known.past is not None and known.has(block):
            require_dtype(out, known.dtype, self._path)
            with self._explained(block):
                if known.past.read(out, block, inner):
                    return
        with self._opened() as file:
            known = self._find(file, block)
            require_dtype(out, known.dtype, self._path)
            with self._explained(block):
                self._read(file, known, out, block, inner)

    def n_rows(self) -> int:
        """Return how many whole rows there are now.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        return self._known_now().extent.n_rows

    def require_sources(self) -> None:
        """Refuse to take for all rows those of a virtual dataset that come before the first missing file.

        Raises
        ------
        OSError
            When such a file is missing.
        """
        extent = self._known_now().extent
        if extent.is_short:
            raise EndsEarly(f"{self._path}: {self._name} has {extent.n_rows} rows; {extent.reason}")

    def paths(self, numbers: Iterable[int]) -> list[str]:
        """Return the one file."""
        return [self._path]

    def linked_files(self, numbers: Iterable[int] = (), *, before_opening: BeforeOpening | None = None) -> list[str]:
        """Return the files behind external links, virtual datasets and raw data kept outside, as absolute paths.

        Raises
        ------
        OSError
            When the file is missing, damaged or open for writing.
        """
        known = self._still_known()
        if known is not None:
            return list(known.linked or ())
        if before_opening is not None:
            before_opening(self._path)
        with self._opened() as file:
            return self._look_behind(file, before_opening).files

    def close(self) -> None:
        """Forget what is known of the file, which is open only while it is read."""
        self._leave()
        self._known = self._behind = None
        self._is_checked = False

    @contextmanager
    def _opened(self) -> Iterator[OpenFile]:
        with opened(self._path, swmr=self._swmr, on_leaving=self._leave) as file, file.lock:
            yield file
            self._remember(file)

    def _leave(self) -> None:
        """Close the dataset: of a file behind a link nothing else is open, and HDF5 keeps that open for it."""
        if self._dataset:
            self._dataset.id.close()
        self._dataset = None

    def _remember(self, file: OpenFile) -> None:
        """Take down what the files are, so that what is known of them outlives their being open."""
        known = self._known
        if known is None or known.identities is not None or not self._dataset or not file.was_settled:
            return
        try:
            known.linked = self._look_behind(file).files
            files = [self._path, *known.linked]
            known.remember(self._own_file(file), files=files, opened_ns=file.opened_ns)
        except (OSError, RuntimeError):
            return  # it is raised again, where it can be explained, when it is in the way

    def _still_known(self) -> KnownDataset | None:
        """Return what is known of the dataset if that is still so, without opening its file.

        Of calls that belong together, the first looks: as if it had opened the file for all of them.
        """
        if not self._is_checked:
            if self._known is None or not self._known.is_current():
                return None
            self._is_checked = True
            close_later(self._check_again)
        return self._known

    def _check_again(self) -> None:
        self._is_checked = False

    def _known_now(self) -> KnownDataset:
        """Return what is known of the dataset, with as many rows as it has now."""
        known = self._still_known()
        if known is None:
            with self._opened() as file:
                known = self._look_again(file)
        return known

    def _known_with(self, block: Block) -> KnownDataset:
        """Return what is known of the dataset, which holds these rows in full."""
        known = self._still_known()
        if known is None or not known.has(block):
            with self._opened() as file:
                known = self._find(file, block)
        return known

    def _read(self, file: OpenFile, known: KnownDataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
        dataset, _ = self._attach(file)
        if known.past is not None:
            known.past.locate(dataset, block, opened_ns=file.opened_ns)
            if known.past.read(out, block, inner):
                return
            known.past.count_opening(block)
            if known.past.read_through(dataset, out, block, inner):
                return
        n_axes = self._axes_of_rows(known)
        if n_axes == 1:
            _read_hyperslab(dataset, out, block, inner)
            return
        is_text = h5py.check_string_dtype(dataset.dtype)
        for part, place in lines_of(out, block, dataset.shape[:n_axes]):
            found = dataset[(*place, *inner)].reshape(part.shape)
            part[...] = _as_text(found) if is_text else found

    @contextmanager
    def _explained(self, block: Block) -> Iterator[None]:
        try:
            yield
        except DamagedChunk:
            raise
        except (OSError, RuntimeError) as error:
            asked = f"rows {block.first} to {block.stop} of {self._name}"
            raise OSError(f"{self._path}: {asked} cannot be read: {reason_of(error)}") from error

    def _axes_of_rows(self, dataset: KnownDataset | h5py.Dataset) -> int:
        """Return how many of the first axes count rows."""
        where = f"{self._path}: {self._name}"
        return axes_of_rows(dataset.shape, self._row_axes, fewest=self._fewest, where=where)

    def _attach(self, file: OpenFile) -> tuple[h5py.Dataset, KnownDataset]:
        """Return the dataset of a file as it was opened last, by whomever, and what is known of it."""
        if not self._dataset or self._opened_ns != file.opened_ns or self._known is None:
            self._leave()
            self._dataset = self._find_dataset(file)
            self._opened_ns = file.opened_ns  # finding it may open the file again
            if self._dataset.ndim == 0:
                raise OSError(f"{self._path}: {self._name} is a single value and has no rows")
            if self._known is None or not self._known.is_current():
                self._is_checked = False
                own = self._own_file(file)
                self._known = KnownDataset.of(self._dataset, own, axes_of_rows=self._axes_of_rows(self._dataset))
        return self._dataset, self._known

    def _own_file(self, file: OpenFile) -> h5py.File:
        """Return the file that the attached dataset is in, which a link may lead to."""
        is_here = self._look_behind(file).dataset is not None
        return file.file if is_here or self._dataset is None else self._dataset.file

    def _find_dataset(self, file: OpenFile) -> h5py.Dataset:
        try:
            return file.dataset(self._name, self._look_behind(file).dataset)
        except OSError as error:
            lost = missing_behind(file.file, self._name, swmr=self._swmr)
            if not lost:
                raise
            raise OSError(f"{error}; {lost[-1]} is missing") from error

    def _look_behind(self, file: OpenFile, before_opening: BeforeOpening | None = None) -> Behind:
        """Return the dataset, and the files behind it, looked for once each time that the file is opened."""
        if self._behind is None or self._behind[0] != file.opened_ns:
            found = look_behind(file.file, self._name, swmr=self._swmr, before_opening=before_opening)
            self._behind = file.opened_ns, found
        return self._behind[1]

    def _look_again(self, file: OpenFile) -> KnownDataset:
        """Count the rows that there are now."""
        try:
            dataset, known = self._attach(file)
            # A file that is not followed was whole when it was opened, or `open_hdf5` would have refused it.
            if not file.is_fresh and (dataset.is_virtual or self._own_file(file).swmr_mode):
                file.look_again()
                dataset, known = self._attach(file)
            file.is_fresh = False
            n_axes = self._axes_of_rows(known)
            known.extent = whole_rows(dataset, swmr=self._own_file(file).swmr_mode, axes_of_rows=n_axes)
        except RuntimeError as error:
            raise OSError(f"{self._path}: the length of {self._name} cannot be read: {reason_of(error)}") from error
        return known

    def _find(self, file: OpenFile, block: Block) -> KnownDataset:
        """Return what is known of the dataset; refuse rows that it does not have, or not in full.

        HDF5 would give the fill value for rows that were never written, as if it had been measured.
        """
        known = self._with_rows(file, block)
        if not len(self._not_stored(file, block)):
            return known
        if self._own_file(file).swmr_mode:
            known = self._look_again(file)
        lost = self._not_stored(file, block)
        if len(lost):
            raise EndsEarly(
                f"{self._path}: rows {spans(lost)} of {self._name} were never written; HDF5 would give its fill value "
                f"{self._attach(file)[0].fillvalue} for them"
            )
        return known

    def _with_rows(self, file: OpenFile, block: Block) -> KnownDataset:
        _, known = self._attach(file)
        if block.stop > known.extent.n_rows:
            known = self._look_again(file)
        if block.stop > known.extent.n_rows:
            asked = f"{self._path}: rows {block.first} to {block.stop} of {self._name} were requested"
            reasons = [known.extent.reason, f"its shape is {known.shape}"]
            raise EndsEarly("; ".join(filter(None, [f"{asked}, but it has {known.extent.n_rows}", *reasons])))
        return known

    def _not_stored(self, file: OpenFile, block: Block) -> Array | tuple[()]:
        """Return which of these rows were never written."""
        dataset, known = self._attach(file)
        if known.stored is None:
            n_axes = self._axes_of_rows(known)
            places = None
            if known.past is not None and known.chunks is not None and can_tell(dataset):
                places = known.past.locate(dataset, block, opened_ns=file.opened_ns)
            if known.past is not None and places is not None:
                known.stored = (known.past.stored_rows(places),)
            elif known.has(block) or is_written(dataset, block, axes_of_rows=n_axes):
                known.found.update(block.numbers.flat)
                return ()
            else:
                known.stored = (written_rows(dataset, axes_of_rows=n_axes),)
        return known.not_stored(block)


def _chunks_by_row(dataset: KnownDataset, n_axes: int) -> tuple[int, ...] | None:
    """Return the chunks of a dataset whose first axes count rows, as neighbours that a chunk holds, then the others."""
    if dataset.chunks is None:
        return None
    n_neighbours = 1
    for length, chunk in list(zip(dataset.shape, dataset.chunks, strict=True))[:n_axes][::-1]:
        n_neighbours *= chunk
        if chunk < length:
            break
    return (n_neighbours, *dataset.chunks[n_axes:])


def _read_hyperslab(dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
    # H5Dread knows no strides in memory; and objects are decoded on the way.
    if out.flags.c_contiguous and not dataset.dtype.hasobject:
        _select_and_read(dataset, out, block, inner)
        return
    groups = max(1, _SCRATCH_BYTES // max(1, out[:1].nbytes))
    for start in range(0, block.count, groups):
        part = out[start : start + groups]
        scratch = np.empty(part.shape, dataset.dtype)
        some = replace(block, first=block.first + start * block.step, count=len(part))
        _select_and_read(dataset, scratch, some, inner)
        part[...] = _as_text(scratch) if h5py.check_string_dtype(dataset.dtype) else scratch


def _as_text(values: Array) -> Array:
    """Decode strings of variable length; those of fixed length keep their bytes, which NumPy can hold."""
    if not values.dtype.hasobject:
        return values
    return np.array([value.decode() for value in values.flat], dtype=object).reshape(values.shape)


def _select_and_read(dataset: h5py.Dataset, out: Array, block: Block, inner: Sequence[slice]) -> None:
    in_file = dataset.id.get_space()
    sizes = out.shape[2:]
    in_file.select_hyperslab(
        (block.first, *(part.start for part in inner)),
        (block.count, *sizes),
        stride=(max(block.step, block.size), *(part.step or 1 for part in inner)),
        block=(block.size, *(1 for _ in sizes)),
    )
    # Of the file's own rank: HDF5 copies element by element, 90 times slower, between spaces of different ranks.
    in_memory = h5py.h5s.create_simple((out.shape[0] * out.shape[1], *sizes))
    dataset.id.read(in_memory, in_file, out, h5py.h5t.py_create(dataset.dtype))
