"""Fluorescence spectra that Xspress3 detectors write: axes frame, channel and energy bin.

What the keywords mean is what the handlers of databroker (``XSP3``), of hxntools 0.6.5 (``XSP3_BULK``) and of the
beamlines ISS and QAS (``XSP3X``; ``data_type``) make of them. For ``XSP`` and ``XSP3_STEP`` none was published; that
they are files of the same kind is known from the tables by which NSLS-II takes old runs over into Tiled.

Flyscans of the same detectors, whose datum is the whole file, are in ``columns``.
"""

from __future__ import annotations

from typing import Any

from ..rows import IndexHandler, RowView, Selector, SwitchHandler, WholeHandler, whole_number
from .area_detector import DETECTOR_ATTRIBUTES, DETECTOR_DATA
from .rows import HDF5Rows


class Xspress3(SwitchHandler):
    """Specs ``XSP3``, ``XPS3``, ``XSP``, ``XSP3X`` and ``XSP3_STEP``.

    Datum ``frame`` and ``channel`` (counted from 1) is one spectrum. Without a frame it is that channel in all frames,
    without a channel all channels: databases hold datums of all kinds for one resource. With ``data_type`` ``"roi"`` it
    is what the detector counted in region ``roi_num`` (from 1) of a channel, in all frames; ``"spectrum"`` is as
    without.

    Parameters
    ----------
    path : str
        The file.
    key : str, optional
        Name of the dataset.
    """

    def __init__(self, path: str, *, key: str = DETECTOR_DATA):
        def choose(
            data_type: str = "spectrum", roi_num: int = 1, **place: Any
        ) -> tuple[tuple[str, int | str | None], dict[str, Any]]:
            if data_type == "roi":
                return ("region", _region_name(roi_num=roi_num, **place)), {}
            if data_type == "spectrum":
                return _by_frame_and_channel(**place)
            raise ValueError(f"data_type must be 'spectrum' or 'roi', not {data_type!r}")

        super().__init__(choose, make=_Maker(path, key), datum_names=("frame", "channel"))


class Xspress3Bulk(SwitchHandler):
    """Spec ``XSP3_BULK``: datum ``channel`` (counted from 1) is that channel in all frames; ``frame`` does not count.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str):
        def choose(
            frame: object = None, channel: int | None = None
        ) -> tuple[tuple[str, int | str | None], dict[str, Any]]:
            return _by_frame_and_channel(None, channel)

        super().__init__(choose, make=_Maker(path, DETECTOR_DATA))


def _by_frame_and_channel(
    frame: int | None = None, channel: int | None = None
) -> tuple[tuple[str, int | str | None], dict[str, Any]]:
    if channel is not None:
        channel = whole_number(channel, "channel", minimum=1)
    return (("whole", channel), {}) if frame is None else (("frame", channel), {"frame": frame})


def _region_name(*, roi_num: int, channel: int = 1) -> str:
    numbers = (whole_number(number, name, minimum=1) for name, number in (("channel", channel), ("roi_num", roi_num)))
    return "{}/CHAN{}ROI{}".format(DETECTOR_ATTRIBUTES, *numbers)


class _Maker:
    """Makes the handler of one channel, or of all, which share the rows; or that of a region of interest."""

    def __init__(self, path: str, dataset: str):
        self._path = path
        self._rows = HDF5Rows(path, dataset, swmr=True)

    def __call__(self, kind: tuple[str, int | str | None]) -> IndexHandler | WholeHandler:
        what, which = kind
        if isinstance(which, str):
            return WholeHandler(HDF5Rows(self._path, which, swmr=True))
        selectors: list[Selector] = [] if which is None else [slice(None), which - 1]
        rows = RowView(self._rows, selectors=selectors, squeeze=False)
        return IndexHandler(rows, keyword="frame") if what == "frame" else WholeHandler(rows)
