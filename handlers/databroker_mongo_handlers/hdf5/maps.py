"""Fluorescence maps in MAPS format: one dataset with axes energy, x and y."""

from __future__ import annotations

from typing import Any

from ..rows import IndexHandler, RowView, SwitchHandler, WholeHandler, whole_number
from .rows import HDF5Rows


class MAPSSpectrum(SwitchHandler):
    """Spec ``MAPS_SPECTRUM``: datum ``x`` and ``y`` is the spectrum of one pixel.

    Parameters
    ----------
    path : str
        The file.
    dset_path : str
        Name of the dataset in the group ``MAPS``.
    """

    def __init__(self, path: str, *, dset_path: str):
        def choose(x: int, y: int) -> tuple[tuple[int, int], dict[str, Any]]:
            return (whole_number(x, "x"), whole_number(y, "y")), {}

        rows = HDF5Rows(path, f"/MAPS/{dset_path}")

        def make(pixel: tuple[int, int]) -> WholeHandler:
            return WholeHandler(RowView(rows, selectors=[slice(None), *pixel], squeeze=False))

        super().__init__(choose, make=make)


class MAPSPlane(IndexHandler):
    """Spec ``MAPS_PLANE``: datum ``e_index`` is the plane of one energy.

    Parameters
    ----------
    path : str
        The file.
    dset_path : str
        Name of the dataset in the group ``MAPS``.
    """

    def __init__(self, path: str, *, dset_path: str):
        super().__init__(HDF5Rows(path, f"/MAPS/{dset_path}", is_fixed=True), keyword="e_index")
