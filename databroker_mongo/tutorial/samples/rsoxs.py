"""One resonant soft X-ray scattering run like that of NSLS-II's SST-1 beamline which the tutorial reads, simulated.

Two cameras that are triggered together, 128 energies across the carbon K edge, and a dark frame before each third of
them. Frames are quarter size.

What does not belong here: what the cameras see (``scattering``), the files (``frames``) and how documents are put
together (``emission``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...documents import Document, Named
from .emission import Emission
from .frames import keep_frame
from .rsoxs_devices import (
    EXPOSURE_SECONDS,
    baseline_devices,
    baseline_values,
    camera_devices,
    energy_values,
    primary_devices,
)
from .scattering import SAXS, WAXS, Camera, Frame, contrast, take_frame

_UID = "777b44ae-4576-4a15-b044-d5fc6e88797b"
# 2019-11-17 04:28:56 UTC, the evening before at the beamline, whose computers named the folder.
_STARTED = 1573964936.417
_FOLDER = "data/2019/11/16"
_SECONDS_A_POINT = 11.8
_DARK_BEFORE = (0, 43, 86)
# To be changed whenever a frame would look different.
_RECIPE = "databroker-mongo/rsoxs/1"
_ROI = slice(64, 192)
_CAMERAS = (SAXS, WAXS)


class _Exposure(NamedTuple):
    """One exposure of both cameras: its place in the series, and its energy in eV (None: shutter closed)."""

    number: int
    energy: float | None


def rsoxs_documents(directory: Path) -> Iterator[Named]:
    """Simulate a scattering run and write its images.

    Parameters
    ----------
    directory : Path
        The root of the images: 262 TIFF files, 69 MB, in folders below it. Created if missing. Files that are there and
        right are left alone.

    Returns
    -------
    iterator of tuple
        ``(name, document)``: ``start``, ``descriptor``, ``resource``, ``datum``, ``event`` and ``stop``. An image is
        written before its datum is given. Streams are ``baseline`` (2 events), ``dark`` (3) and ``primary`` (128); a
        datum of ``Synced_saxs_image`` or ``Synced_waxs_image`` is ``(1, 256, 256)`` (frame, row, column), uint32.

    Raises
    ------
    OSError
        When the directory cannot be written.
    """
    root = directory.absolute()
    (root / _FOLDER).mkdir(parents=True, exist_ok=True)
    emission = Emission(_UID)
    rng = np.random.default_rng(uuid.UUID(_UID).int)
    yield emission.start(_STARTED, **_metadata())
    yield emission.descriptor("baseline", _STARTED + 0.8, devices=baseline_devices())
    yield emission.event("baseline", _STARTED + 1.0, data=baseline_values(rng))
    for camera in _CAMERAS:
        resource = {"template": "%s%s_%6.6d.tiff", "filename": _file_name(camera), "frame_per_point": 1}
        yield emission.resource(camera.name, spec="AD_TIFF", root=root, path=_FOLDER, **resource)
    for exposure in _exposures():
        yield from _expose(emission, exposure, root=root, rng=rng)
    finished = _STARTED + 5.0 + _SECONDS_A_POINT * (len(_exposures()) + 1)
    yield emission.event("baseline", finished, data=baseline_values(rng))
    yield emission.stop(finished + 0.4)


def _expose(emission: Emission, exposure: _Exposure, *, root: Path, rng: np.random.Generator) -> Iterator[Named]:
    time = _STARTED + 5.0 + _SECONDS_A_POINT * (exposure.number + 1)
    stream = "dark" if exposure.energy is None else "primary"
    if stream not in emission.streams:
        devices = camera_devices() if stream == "dark" else primary_devices()
        yield emission.descriptor(stream, time - 0.1, devices=devices)
    data: Document = {"SAXS Exposure": EXPOSURE_SECONDS, "WAXS Exposure": EXPOSURE_SECONDS}
    for camera in _CAMERAS:
        frame = _frame(camera, exposure, folder=root / _FOLDER)
        name, datum = emission.datum(camera.name)
        yield name, datum
        data[f"Synced_{camera.name}_image"] = datum["datum_id"]
        data[f"{camera.name.upper()} ROI1"] = float(frame[_ROI, _ROI].sum())
    if exposure.energy is not None:
        data |= energy_values(exposure.energy, float(contrast(exposure.energy)), rng=rng)
    yield emission.event(stream, time, data=data)


def _frame(camera: Camera, exposure: _Exposure, *, folder: Path) -> Frame:
    def make() -> Frame:
        rng = np.random.default_rng([_CAMERAS.index(camera), exposure.number])
        return take_frame(camera, exposure.energy, seconds=EXPOSURE_SECONDS, rng=rng)

    path = folder / f"{_file_name(camera)}_{exposure.number:06d}.tiff"
    return keep_frame(path, f"{_RECIPE}/{camera.name}/{exposure.number}", make=make)


def _file_name(camera: Camera) -> str:
    # The file plugin of ophyd takes a random uid without its last part.
    return str(uuid.uuid5(uuid.UUID(_UID), camera.name)).rpartition("-")[0]


def _energies() -> list[float]:
    regions = (np.arange(270, 282, 2), np.arange(2820, 2900) / 10, np.arange(580, 600) / 2, np.linspace(300, 321, 22))
    energies: list[float] = np.concatenate(regions).astype(float).tolist()
    return energies


def _exposures() -> list[_Exposure]:
    exposures: list[_Exposure] = []
    for i, energy in enumerate(_energies()):
        if i in _DARK_BEFORE:
            exposures.append(_Exposure(len(exposures), None))
        exposures.append(_Exposure(len(exposures), energy))
    return exposures


def _metadata() -> Document:
    energies = _energies()
    return {
        "scan_id": 6959,
        "beamline_id": "SST-1 RSoXS (07-ID-1)",
        "purpose": "simulated data for the tutorial",
        "plan_type": "generator",
        "plan_name": "en_scan_core",
        "plan_args": {"detectors": ["Synced"], "num": len(energies)},
        "detectors": ["Synced"],
        "motors": ["en_energy"],
        "num_points": len(energies),
        "num_intervals": len(energies) - 1,
        "hints": {"dimensions": [[["en_energy"], "primary"]]},
        "institution": "simulated",
        "user_name": "simulated",
        "project_name": "tutorial",
        "sample_name": "lamellae and spheres",
        "sample_desc": "block copolymer film with latex spheres, on silicon nitride",
        "edge": "carbon",
        "cycle": "2019-3",
    }
