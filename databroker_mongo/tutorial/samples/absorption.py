"""The physics of an X-ray absorption scan: energy grid, absorption of a sample, currents of three ion chambers.

Good enough that a scan looks right to someone who takes them: edge, shoulder and white line, EXAFS of the first shells
with the right distances, the slow fall of the incident flux, glitches of the crystal, noise of the electrometer. Not
good enough to fit.

What does not belong here: documents and devices (``bmm``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# Kinetic energy (eV) of a photoelectron is this times the square of its wavenumber (1/Angstrom).
ELECTRONVOLT_PER_WAVENUMBER_SQUARED = 3.8099819
# Start, stop and step (eV from the edge) of the regions before the fine structure.
_REGIONS = ((-200.0, -30.0, 10.0), (-30.0, -10.0, 2.0), (-10.0, 15.5, 0.3))
_FINE_STRUCTURE_FROM = 15.5
# Neighbours of the absorbing atom, shell by shell: how many, and how far in units of the first distance.
_SHELLS = {
    "fcc": ((12, 1.0), (6, 1.4142), (24, 1.7321), (12, 2.0), (24, 2.2361)),
    "bcc": ((8, 1.0), (6, 1.1547), (12, 1.6330), (24, 1.9149), (8, 2.0)),
    "oxide": ((6, 1.0), (12, 1.4142), (8, 1.7321)),
}


class Absorber(NamedTuple):
    """What an absorption spectrum is made of.

    Attributes
    ----------
    edge_energy : float
        Energy of the absorption edge, eV.
    lattice : str
        Surroundings of the absorbing atom: ``fcc``, ``bcc`` or ``oxide``.
    distance : float
        Distance of the nearest neighbours, Angstrom.
    jump : float
        Height of the edge, in absorption lengths.
    white_line : float
        Height of the peak just above the edge, as a part of ``jump``.
    """

    edge_energy: float
    lattice: str
    distance: float
    jump: float
    white_line: float


def energy_grid(edge_energy: float, *, wavenumber: float, n_fine: int) -> Array:
    """Return the energies of a step scan: 10, 2 and 0.3 eV up to 15.5 eV, then equal steps of the wavenumber.

    Parameters
    ----------
    edge_energy : float
        Energy of the absorption edge, eV.
    wavenumber : float
        Photoelectron wavenumber of the last point, 1/Angstrom.
    n_fine : int
        Number of points above 15.5 eV.

    Returns
    -------
    numpy.ndarray
        Shape ``(112 + n_fine,)``, eV, ascending, rounded to 0.01 eV as the monochromator takes them.
    """
    coarse = [start + step * np.arange(round((stop - start) / step)) for start, stop, step in _REGIONS]
    first = np.sqrt(_FINE_STRUCTURE_FROM / ELECTRONVOLT_PER_WAVENUMBER_SQUARED)
    fine = ELECTRONVOLT_PER_WAVENUMBER_SQUARED * np.linspace(first, wavenumber, n_fine) ** 2
    grid: Array = np.round(edge_energy + np.concatenate([*coarse, fine]), 2)
    return grid


def absorption(energies: Array, absorber: Absorber) -> Array:
    """Return the absorption of a sample in absorption lengths (the logarithm of I0 over It).

    Parameters
    ----------
    energies : numpy.ndarray
        Shape ``(points,)``, eV.
    absorber : Absorber
        The sample.

    Returns
    -------
    numpy.ndarray
        Shape ``(points,)``.
    """
    above = energies - absorber.edge_energy
    falloff = (energies / absorber.edge_energy) ** -2.8
    shoulder, rise = _step(above, width=1.4), _step(above - 6.5, width=2.6)
    edge = 0.35 * shoulder + 0.65 * rise
    white_line = absorber.white_line * rise / (1.0 + ((above - 9.0) / 4.0) ** 2)
    other_shells = 0.35 * absorber.jump * falloff
    fine_structure = rise * _fine_structure(above, absorber)
    total: Array = other_shells + absorber.jump * falloff * (edge + white_line + fine_structure)
    return total


def currents(
    energies: Array, sample: Absorber, *, reference: Absorber, flux: float, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return the currents of the three ion chambers: before the sample, behind it, behind the reference foil.

    Parameters
    ----------
    energies : numpy.ndarray
        Shape ``(points,)``, eV.
    sample, reference : Absorber
        What the beam passes, in this order.
    flux : float
        Current of the first chamber at the first point, nA.
    rng : numpy.random.Generator
        Noise, and the places of the glitches.

    Returns
    -------
    tuple of numpy.ndarray
        ``I0``, ``It`` and ``Ir``; each has the shape ``(points,)`` and is in nA.
    """
    glitches = _glitches(energies, rng)
    incident = flux * (energies / energies[0]) ** -1.15 * glitches
    behind_sample = 0.82 * incident * np.exp(-absorption(energies, sample))
    behind_reference = 0.88 * behind_sample * np.exp(-absorption(energies, reference))
    # A glitch never cancels wholly in the ratio: the chambers do not see quite the same beam.
    leak = 1.0 + 0.04 * (glitches - 1.0)
    i0, it, ir = (_with_noise(i, rng) for i in (incident, behind_sample * leak, behind_reference * leak))
    return i0, it, ir


def _step(x: Array, *, width: float) -> Array:
    smooth: Array = 0.5 + np.arctan(x / width) / np.pi
    return smooth


def _fine_structure(above: Array, absorber: Absorber) -> Array:
    k = np.sqrt(np.clip(above, 1.0, None) / ELECTRONVOLT_PER_WAVENUMBER_SQUARED)
    amplitude = 0.62 * (0.25 + np.exp(-(((k - 6.5) / 4.5) ** 2)))
    free_path = 4.0 + 0.5 * k
    chi = np.zeros_like(k)
    for n_atoms, ratio in _SHELLS[absorber.lattice]:
        distance = ratio * absorber.distance
        disorder = 0.0055 * (0.6 + 0.4 * ratio)
        damping = np.exp(-2.0 * k**2 * disorder - 2.0 * distance / free_path)
        chi += n_atoms * amplitude * damping * np.sin(2.0 * k * distance + 2.2 - 0.7 * k) / (k * distance**2)
    return chi * (1.0 - np.exp(-((np.clip(above, 0.0, None) / 25.0) ** 2)))


def _glitches(energies: Array, rng: np.random.Generator) -> Array:
    dips = np.ones_like(energies)
    for centre in rng.uniform(energies[0] + 260.0, energies[-1], 3):
        dips -= rng.uniform(0.004, 0.02) * np.exp(-(((energies - centre) / 1.8) ** 2))
    return dips


def _with_noise(current: Array, rng: np.random.Generator) -> Array:
    noisy: Array = current * (1.0 + rng.normal(0.0, 2.5e-4, current.shape)) + rng.normal(0.0, 2e-3, current.shape)
    return noisy
