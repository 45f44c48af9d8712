"""Series of Eiger detectors: a master file, which links to data files with so many images each."""

from __future__ import annotations

import re
from typing import Any

import h5py
import numpy as np

from ..rows import (
    BeforeOpening,
    ChainedRows,
    FileRows,
    IndexHandler,
    RowsHandler,
    SwitchHandler,
    WholeHandler,
    whole_number,
)
from .area_detector import NEXUS_DATA
from .file import open_hdf5
from .links import look_behind
from .rows import HDF5Rows
from .single import HDF5Format

_DATA = re.compile(r"data_(\d+)")
_DATA_PATH = re.compile(rf"/entry(/data)?/{_DATA.pattern}")
_SETTINGS = "/entry/instrument/detector/detectorSpecific"
_COUNTS = ("nimages", "ntrigger")


class EigerSeries(SwitchHandler):
    """Specs ``AD_EIGER``, ``AD_EIGER2`` and ``AD_EIGER_SLICE``.

    Datum ``seq_id``, a number or the digits of one, is all images of ``PATH_SEQID_master.h5``, shape
    ``(images, y, x)``; with ``frame_num`` it is that one of them, shape ``(y, x)``.

    Parameters
    ----------
    path : str
        The beginning of the files' paths.
    images_per_file, frame_per_point : int, optional
        Images of a data file, by its new and its old keyword; one must be given. The files tell the number themselves.
    row_axes : int, optional
        How many axes an image has, by default all of a dataset but the first. A dataset that has no more is one image.

    Raises
    ------
    ValueError
        When neither is given.
    """

    def __init__(
        self,
        path: str,
        *,
        images_per_file: int | None = None,
        frame_per_point: int | None = None,
        row_axes: int | None = None,
    ):
        if images_per_file is None and frame_per_point is None:
            raise ValueError("images_per_file or frame_per_point must be given")

        def choose(seq_id: int | str, frame_num: int | None = None) -> tuple[tuple[int | str, bool], dict[str, Any]]:
            is_text = isinstance(seq_id, str) and seq_id.isdecimal()
            series = seq_id if is_text else whole_number(seq_id, "seq_id")
            return ((series, True), {}) if frame_num is None else ((series, False), {"frame_num": frame_num})

        def make(key: tuple[int | str, bool]) -> WholeHandler | IndexHandler:
            series, is_whole = key
            # In all images the edge between two would be lost, if images without an axis of their own were lines.
            rows = _images_of(f"{path}_{series}_master.h5", row_axes=row_axes, fewest_row_axes=2 if is_whole else 0)
            return WholeHandler(rows) if is_whole else IndexHandler(rows, keyword="frame_num")

        super().__init__(choose, make=make)


class EigerDataFiles(RowsHandler):
    """Spec ``AD_EIGER_APSPolar``: datum ``image_num`` is one image of the data files, which are read without a master.

    Image ``i`` is row ``i % images_per_file`` of ``/entry/data/data`` in ``PATH_data_NNNNNN.h5``, where ``NNNNNN`` is
    ``1 + i // images_per_file``; its shape is ``(1, y, x)``.

    Parameters
    ----------
    path : str
        The beginning of the files' paths.
    images_per_file : int
        Images of each data file; the last may have fewer.
    """

    def __init__(self, path: str, *, images_per_file: int):
        n_images = whole_number(images_per_file, "images_per_file", minimum=1)

        def path_of(number: int) -> str:
            return f"{path}_data_{1 + number:06d}.h5"

        def first_row(image_num: int) -> int:
            return whole_number(image_num, "image_num")

        rows = FileRows(HDF5Format(NEXUS_DATA, swmr=True), path_of, chunk_shape=(n_images, 1, 1))
        super().__init__(rows, first_row=first_row, rows_per_datum=1)


def _images_of(master: str, *, row_axes: int | None, fewest_row_axes: int) -> ChainedRows:
    def find_sources(before_opening: BeforeOpening | None) -> list[HDF5Rows]:
        if before_opening is not None:
            before_opening(master)
        with open_hdf5(master, swmr=True) as file:
            if before_opening is not None:
                _ask_before_links_are_followed(file, before_opening)
            paths = _datasets(file)
        return [HDF5Rows(master, path, swmr=True, row_axes=row_axes, fewest_row_axes=fewest_row_axes) for path in paths]

    return ChainedRows(find_sources, list_paths=lambda: [master], name=master)


def _ask_before_links_are_followed(file: h5py.File, before_opening: BeforeOpening) -> None:
    groups = {name: file.get(name) for name in ("/entry/data", "/entry")}
    data = [f"{name}/{each}" for name, group in groups.items() if isinstance(group, h5py.Group) for each in group]
    for name in [*filter(_DATA_PATH.fullmatch, data), *(f"{_SETTINGS}/{each}" for each in _COUNTS)]:
        look_behind(file, name, swmr=True, before_opening=before_opening)


def _datasets(file: h5py.File) -> list[str]:
    """Return the names of the datasets that hold the images: links to the data files, or one dataset of all images."""
    groups = [found for name in ("/entry/data", "/entry") if isinstance(found := file.get(name), h5py.Group)]
    for group in groups:
        names = sorted(filter(_DATA.fullmatch, group), key=lambda name: int(name.rpartition("_")[2]))
        if names:
            n_written = _n_written(file, [group.get(name) for name in names])
            return [f"{group.name}/{name}" for name in names[:n_written]]
    if any(group.name == "/entry/data" and "data" in set(group) for group in groups):
        return [NEXUS_DATA]
    raise OSError(
        f"{file.filename} links to no data: neither /entry/data nor /entry holds data_000001, nor is there a dataset "
        f"{NEXUS_DATA}"
    )


def _n_written(file: h5py.File, datasets: list[h5py.Dataset | None]) -> int:
    """Count the data files that belong to the series: the master of a finished one may link to more, never written."""
    n_images, n_triggers = (_setting(file, name) for name in _COUNTS)
    if n_images is None or n_triggers is None:
        return len(datasets)
    n_left = n_images * n_triggers
    for number, dataset in enumerate(datasets):
        if dataset is None:
            return number if n_left <= 0 else len(datasets)
        n_left -= len(dataset)
    return len(datasets)


def _setting(file: h5py.File, name: str) -> int | None:
    """Return a number of the settings; None where it is not there, lost with a file, or no single number."""
    try:
        found = np.asarray(file[f"{_SETTINGS}/{name}"][()]).reshape(-1)
        return int(found[0]) if len(found) == 1 and found[0] == int(found[0]) else None
    except (KeyError, OSError, RuntimeError, TypeError, ValueError, OverflowError):
        return None
