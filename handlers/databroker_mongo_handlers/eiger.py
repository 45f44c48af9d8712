"""Series of Eiger detectors: a master file, which links to data files with so many images each."""

from __future__ import annotations

import re
from typing import Any

import h5py

from .chained_rows import ChainedRows
from .datum_numbers import whole_number
from .datums import IndexHandler, WholeHandler
from .hdf5_file import open_hdf5
from .hdf5_rows import HDF5Rows
from .switching import SwitchHandler

_DATA = re.compile(r"data_(\d+)")
_SETTINGS = "/entry/instrument/detector/detectorSpecific"


class EigerSeries(SwitchHandler):
    """Specs ``AD_EIGER``, ``AD_EIGER2`` and ``AD_EIGER_SLICE``.

    Datum ``seq_id`` is all images of ``PATH_SEQID_master.h5``, shape ``(images, y, x)``; with ``frame_num`` it is that
    one of them, shape ``(y, x)``.

    Parameters
    ----------
    path : str
        The beginning of the files' paths.
    images_per_file, frame_per_point : int, optional
        Images of a data file, by its new and its old keyword; one must be given. The files tell the number themselves.

    Raises
    ------
    ValueError
        When neither is given.
    """

    def __init__(self, path: str, *, images_per_file: int | None = None, frame_per_point: int | None = None):
        if images_per_file is None and frame_per_point is None:
            raise ValueError("images_per_file or frame_per_point must be given")

        def choose(seq_id: int, frame_num: int | None = None) -> tuple[tuple[int, bool], dict[str, Any]]:
            series = whole_number(seq_id, "seq_id")
            return ((series, True), {}) if frame_num is None else ((series, False), {"frame_num": frame_num})

        def make(key: tuple[int, bool]) -> WholeHandler | IndexHandler:
            series, is_whole = key
            rows = _images_of(f"{path}_{series}_master.h5")
            return WholeHandler(rows) if is_whole else IndexHandler(rows, keyword="frame_num")

        super().__init__(choose, make=make)


def _images_of(master: str) -> ChainedRows:
    def find_sources() -> list[HDF5Rows]:
        with open_hdf5(master, swmr=True) as file:
            group = file.get("/entry/data") or file.get("/entry")
            names = sorted(filter(_DATA.fullmatch, group or ()), key=lambda name: int(name.rpartition("_")[2]))
            if not names:
                raise OSError(f"{master} links to no data: neither /entry/data nor /entry holds data_000001")
            paths = [f"{group.name}/{name}" for name in names[: _n_written(file, [group.get(name) for name in names])]]
        return [HDF5Rows(master, path, swmr=True) for path in paths]

    return ChainedRows(find_sources, list_paths=lambda: [master], name=master)


def _n_written(file: h5py.File, datasets: list[h5py.Dataset | None]) -> int:
    """Count the data files that belong to the series: the master of a finished one may link to more, never written."""
    settings = file.get(_SETTINGS) or {}
    if not {"nimages", "ntrigger"} <= set(settings):
        return len(datasets)
    n_left = int(settings["nimages"][()]) * int(settings["ntrigger"][()])
    for number, dataset in enumerate(datasets):
        if dataset is None:
            return number if n_left <= 0 else len(datasets)
        n_left -= len(dataset)
    return len(datasets)
