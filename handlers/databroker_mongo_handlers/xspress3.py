"""Fluorescence spectra that Xspress3 detectors write: axes frame, channel and energy bin.

Flyscans of the same detectors, whose datum is the whole file, are in ``hdf5_columns``.
"""

from __future__ import annotations

from typing import Any

from .area_detector_hdf5 import DETECTOR_DATA
from .datum_numbers import whole_number
from .datums import IndexHandler, WholeHandler
from .hdf5_rows import HDF5Rows
from .row_views import RowView, Selector
from .switching import SwitchHandler


class Xspress3(SwitchHandler):
    """Specs ``XSP3``, ``XPS3``, ``XSP``, ``XSP3X`` and ``XSP3_STEP``.

    Datum ``frame`` and ``channel`` (counted from 1) is one spectrum. Without a frame it is that channel in all frames,
    without a channel all channels: databases hold datums of all kinds for one resource.

    Parameters
    ----------
    path : str
        The file.
    key : str, optional
        Name of the dataset.
    """

    def __init__(self, path: str, *, key: str = DETECTOR_DATA):
        super().__init__(_by_frame_and_channel, make=_Maker(path, key))


class Xspress3Bulk(SwitchHandler):
    """Spec ``XSP3_BULK``: datum ``channel`` (counted from 1) is that channel in all frames; ``frame`` does not count.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        def choose(frame: object = None, channel: int | None = None) -> tuple[tuple[str, int | None], dict[str, Any]]:
            return _by_frame_and_channel(None, channel)

        super().__init__(choose, make=_Maker(path, DETECTOR_DATA))


def _by_frame_and_channel(
    frame: int | None = None, channel: int | None = None
) -> tuple[tuple[str, int | None], dict[str, Any]]:
    if channel is not None:
        channel = whole_number(channel, "channel", minimum=1)
    return (("whole", channel), {}) if frame is None else (("frame", channel), {"frame": frame})


class _Maker:
    """Makes the handler of one channel, or of all; they share the rows."""

    def __init__(self, path: str, dataset: str):
        self._rows = HDF5Rows(path, dataset, swmr=True)

    def __call__(self, kind: tuple[str, int | None]) -> IndexHandler | WholeHandler:
        what, channel = kind
        selectors: list[Selector] = [] if channel is None else [slice(None), channel - 1]
        rows = RowView(self._rows, selectors=selectors, squeeze=False)
        return IndexHandler(rows, keyword="frame") if what == "frame" else WholeHandler(rows)
