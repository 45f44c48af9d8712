"""The physics of resonant soft X-ray scattering: what a camera counts behind a polymer film at the carbon K edge.

Rings of a lamellar block copolymer (wide angle) and of latex spheres (small angle) that shrink as the energy grows and
brighten where carbon resonates; shot noise, dark current, read noise and the pedestal of a CCD.

What does not belong here: files (``frames``), devices and documents (``rsoxs``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Frame = np.ndarray[Any, np.dtype[np.uint32]]

SIDE = 256
_PIXEL_MM = 0.108
_ELECTRONVOLT_NANOMETRES = 1239.842
_PEDESTAL = 5000.0
_DARK_COUNTS_PER_SECOND = 0.4
_READ_NOISE = 7.0
# The analogue-to-digital converter has 16 bits, though files hold 32.
_SATURATED = 65535.0
# Resonances of polystyrene less those of an acrylate: energy (eV), width (eV), strength.
_RESONANCES = ((284.9, 0.5, 1.0), (285.4, 0.7, 0.55), (287.4, 0.9, 0.5), (288.5, 0.7, -1.1), (293.0, 6.0, 1.6))
_OFF_RESONANCE = 2.2e-3


@dataclass(frozen=True)
class Camera:
    """Where a camera stands and what it sees.

    Attributes
    ----------
    name : str
        ``saxs`` or ``waxs``.
    distance_mm : float
        From the sample to the camera.
    centre : tuple of float
        Row and column where the direct beam would hit.
    sample : str
        ``spheres`` or ``lamellae``: the structure whose length scale this camera resolves.
    brightness : float
        Counts per second at 270 eV where the pattern is 1.
    """

    name: str
    distance_mm: float
    centre: tuple[float, float]
    sample: Literal["spheres", "lamellae"]
    brightness: float


SAXS = Camera("saxs", 512.0, (131.4, 124.7), "spheres", 3.0)
WAXS = Camera("waxs", 38.7, (126.2, 133.9), "lamellae", 26.0)


def contrast(energies: Array | float) -> Array:
    """Return the squared contrast of the two polymers, relative to that at 270 eV.

    Parameters
    ----------
    energies : numpy.ndarray or float
        Photon energy, eV.

    Returns
    -------
    numpy.ndarray
        Same shape, dimensionless.
    """
    ratio: Array = _squared_contrast(np.asarray(energies)) / _squared_contrast(np.asarray(270.0))
    return ratio


def momentum_transfer(camera: Camera, energy: float) -> Array:
    """Return the momentum transfer at each pixel.

    Returns
    -------
    numpy.ndarray
        Shape ``(256, 256)`` (row, column), 1/nm.
    """
    angle = np.arctan(_radius_mm(camera) / camera.distance_mm)
    transfer: Array = 4.0 * np.pi * energy / _ELECTRONVOLT_NANOMETRES * np.sin(angle / 2.0)
    return transfer


def take_frame(camera: Camera, energy: float | None, *, seconds: float, rng: np.random.Generator) -> Frame:
    """Expose a camera once.

    Parameters
    ----------
    camera : Camera
        The camera.
    energy : float or None
        Photon energy, eV; None keeps the shutter closed: a dark frame.
    seconds : float
        Exposure time.
    rng : numpy.random.Generator
        Shot noise and read noise.

    Returns
    -------
    numpy.ndarray
        Shape ``(256, 256)`` (row, column), counts.
    """
    expected = np.full((SIDE, SIDE), _DARK_COUNTS_PER_SECOND * seconds)
    if energy is not None:
        expected += seconds * _scattering(camera, energy)
    counts = rng.poisson(expected) + rng.normal(0.0, _READ_NOISE, expected.shape) + _bias(camera)
    frame: Frame = np.clip(np.rint(counts), 0.0, _SATURATED).astype(np.uint32)
    return frame


def _squared_contrast(energies: Array) -> Array:
    amplitude = np.full(energies.shape, _OFF_RESONANCE, dtype=complex)
    for centre, width, strength in _RESONANCES:
        amplitude += strength / (centre**2 - energies**2 - 1j * width * energies)
    squared: Array = np.abs(amplitude) ** 2
    return squared


def _scattering(camera: Camera, energy: float) -> Array:
    """Return the expected counts per second at each pixel."""
    q = momentum_transfer(camera, energy)
    pattern = _spheres(q, radius=260.0) if camera.sample == "spheres" else _lamellae(q, period=42.0)
    lit: Array = camera.brightness * float(contrast(energy)) * pattern * ~_shadow(camera)
    return lit


def _spheres(q: Array, *, radius: float) -> Array:
    """Return the form factor of spheres a little different in size, on the glare of the direct beam."""
    pattern = 30.0 * (1.0 + (q / 0.004) ** 2) ** -2.0
    for part in (0.94, 1.0, 1.06):
        x = np.maximum(q * radius * part, 1e-6)
        pattern += 40.0 * (3.0 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    return pattern


def _lamellae(q: Array, *, period: float) -> Array:
    """Return the first orders of a stack of layers: sharp rings that fade, on diffuse scattering."""
    pattern = 3.0 * (1.0 + (q / 0.05) ** 2) ** -1.5 + 0.12
    for order, height in ((1, 1.0), (2, 0.12), (3, 0.28)):
        centre = order * 2.0 * np.pi / period
        pattern += height * np.exp(-0.5 * ((q - centre) / (0.035 * centre)) ** 2)
    return pattern


@lru_cache(maxsize=4)
def _radius_mm(camera: Camera) -> Array:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return _PIXEL_MM * np.hypot(rows - camera.centre[0], columns - camera.centre[1])


@lru_cache(maxsize=4)
def _shadow(camera: Camera) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return where the beamstop and its arm stand before the camera."""
    rows, columns = np.ogrid[:SIDE, :SIDE]
    arm = (np.abs(columns - camera.centre[1]) < 2.5) & (rows > camera.centre[0])
    return (_radius_mm(camera) < 8.0 * _PIXEL_MM) | arm


@lru_cache(maxsize=4)
def _bias(camera: Camera) -> Array:
    """Return the pedestal: a slope, and a pattern of the columns that is the same in every frame."""
    rng = np.random.default_rng(len(camera.name) * 7 + int(camera.distance_mm))
    slope = np.linspace(35.0, -35.0, SIDE)[:, np.newaxis]
    return _PEDESTAL + slope + rng.normal(0.0, 4.0, (1, SIDE)) + rng.normal(0.0, 2.0, (SIDE, SIDE))
