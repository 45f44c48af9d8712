"""Transmission XAS runs like those of NSLS-II's Beamline for Materials Measurement (BMM), simulated.

Two dozen runs of thirteen elements, from November 2019 to March 2020. Run 23463 is the one that the tutorial reads. One
run was aborted, and one scan_id was used twice, as happens.

What does not belong here: the spectrum itself (``absorption``) and how documents are put together (``emission``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np

from ...documents import Document, Named
from .absorption import Absorber, Array, currents, energy_grid
from .bmm_devices import DWELL_SECONDS, baseline_devices, baseline_values, primary_devices
from .emission import Emission

# The tutorial looks up "a" to show what an ambiguous uid does: in this namespace two runs start with it.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "databroker-mongo/bmm")
_SECONDS_BEFORE_FIRST_POINT = 4.3
_SECONDS_A_POINT = 1.6725
_SECONDS_AFTER_LAST_POINT = 0.6


class _Grid(NamedTuple):
    wavenumber: float
    n_fine: int


_EXAFS = _Grid(wavenumber=15.0, n_fine=299)
_SHORT_EXAFS = _Grid(wavenumber=12.0, n_fine=200)
_XANES = _Grid(wavenumber=7.0, n_fine=100)

# Height of the edge and white line suit a foil; distances (Angstrom) are those of the metal, or metal to oxygen.
_ELEMENTS = {
    "Ti": ("K", Absorber(4966.0, "fcc", 2.93, 0.9, 0.10)),
    "V": ("K", Absorber(5465.0, "bcc", 2.62, 0.9, 0.10)),
    "Cr": ("K", Absorber(5989.0, "bcc", 2.50, 1.0, 0.10)),
    "Mn": ("K", Absorber(6539.0, "oxide", 2.22, 0.8, 0.85)),
    "Fe": ("K", Absorber(7112.0, "bcc", 2.48, 1.1, 0.10)),
    "Co": ("K", Absorber(7709.0, "fcc", 2.50, 1.1, 0.12)),
    "Ni": ("K", Absorber(8332.8, "fcc", 2.492, 1.2, 0.15)),
    "Cu": ("K", Absorber(8979.0, "fcc", 2.556, 1.2, 0.10)),
    "Zn": ("K", Absorber(9659.0, "oxide", 1.98, 0.9, 0.55)),
    "Zr": ("K", Absorber(17998.0, "oxide", 2.20, 0.8, 0.30)),
    "Mo": ("K", Absorber(20000.0, "bcc", 2.73, 0.9, 0.10)),
    "Ce": ("L3", Absorber(5723.0, "oxide", 2.34, 0.7, 1.20)),
    "Pt": ("L3", Absorber(11564.0, "fcc", 2.775, 0.9, 0.35)),
}


class _Run(NamedTuple):
    scan_id: int
    started: str
    symbol: str
    sample: str
    prep: str
    grid: _Grid
    shift: float = 0.0
    uid: str | None = None
    n_measured: int | None = None


_RUNS = (
    _Run(21514, "2019-11-08T14:22:08.617", "Fe", "Fe", "Fe foil", _EXAFS),
    _Run(21517, "2019-11-08T15:09:41.250", "Fe", "Fe2O3", "pressed pellet with PEG", _SHORT_EXAFS, 4.0),
    _Run(21522, "2019-11-08T17:31:12.944", "Fe", "Fe3O4", "pressed pellet with PEG", _SHORT_EXAFS, 3.0),
    _Run(21837, "2019-11-21T02:47:55.031", "Ti", "Ti", "Ti foil", _SHORT_EXAFS),
    _Run(21840, "2019-11-21T03:26:30.402", "Ti", "anatase", "powder on kapton tape", _XANES, 5.0),
    _Run(22107, "2020-01-29T20:14:03.775", "V", "V", "V foil", _SHORT_EXAFS),
    _Run(22112, "2020-01-29T21:02:49.118", "Cr", "Cr", "Cr foil", _EXAFS),
    _Run(22115, "2020-01-29T21:51:17.360", "Mn", "MnO", "pressed pellet with BN", _EXAFS),
    _Run(22118, "2020-01-29T22:20:44.809", "Mn", "Mn2O3", "pressed pellet with BN", _XANES, 3.5),
    _Run(22121, "2020-01-29T22:49:52.226", "Mn", "MnO2", "pressed pellet with BN", _XANES, 5.5),
    _Run(22310, "2020-02-11T09:05:27.583", "Zr", "ZrO2", "pressed pellet with PEG", _SHORT_EXAFS),
    _Run(22313, "2020-02-11T09:48:35.097", "Mo", "Mo", "Mo foil", _EXAFS),
    _Run(22112, "2020-02-20T16:40:11.521", "Ce", "CeO2", "powder on kapton tape", _XANES),
    _Run(22641, "2020-02-21T01:12:59.664", "Pt", "Pt", "Pt foil", _EXAFS),
    _Run(23451, "2020-03-07T06:11:32.706", "Mn", "birnessite", "powder on kapton tape", _EXAFS),
    _Run(23453, "2020-03-07T06:48:19.012", "Mn", "Mn in glass", "polished slab", _EXAFS, 2.0, n_measured=163),
    _Run(23454, "2020-03-07T07:19:05.841", "Mn", "Mn in glass", "polished slab", _EXAFS, 2.0),
    _Run(23457, "2020-03-07T08:14:50.330", "Zn", "ZnO", "pressed pellet with BN", _XANES),
    _Run(23459, "2020-03-07T09:02:23.495", "Cu", "Cu", "Cu foil", _EXAFS),
    _Run(23462, "2020-03-07T10:13:25.108", "Co", "Co", "Co foil", _EXAFS, uid="c07e765b-ce5c-4c75-a16e-06f66546c1d4"),
    _Run(23463, "2020-03-07T10:29:49.483", "Ni", "Ni", "Ni foil in ref", _EXAFS),
    _Run(23465, "2020-03-07T10:58:02.277", "Ni", "NiO", "pressed pellet with PEG", _SHORT_EXAFS, 3.0),
    _Run(23540, "2020-03-12T19:33:46.950", "Fe", "Fe", "Fe foil in ref", _XANES),
    _Run(23544, "2020-03-12T20:24:15.062", "Cu", "CuO", "pressed pellet with PEG", _SHORT_EXAFS, 4.0),
)


def bmm_documents() -> Iterator[Named]:
    """Simulate two dozen absorption scans.

    Returns
    -------
    iterator of tuple
        ``(name, document)``, run after run, oldest run first: ``start``, ``descriptor``, ``event`` and ``stop``.
        Events of the stream ``primary`` hold ``I0``, ``It`` and ``Ir`` (nA), ``dcm_energy`` (eV) and
        ``dwti_dwell_time`` (s), each a number.

    Examples
    --------
    >>> starts = [document for name, document in bmm_documents() if name == "start"]
    >>> next(start["num_points"] for start in starts if start["scan_id"] == 23463)
    411
    """
    for run in _RUNS:
        yield from _documents(run)


def _documents(run: _Run) -> Iterator[Named]:
    uid = run.uid or str(uuid.uuid5(_NAMESPACE, f"{run.scan_id} {run.started}"))
    rng = np.random.default_rng(uuid.UUID(uid).int)
    edge, absorber = _ELEMENTS[run.symbol]
    energies = energy_grid(absorber.edge_energy, wavenumber=run.grid.wavenumber, n_fine=run.grid.n_fine)
    emission = Emission(uid)
    started = datetime.fromisoformat(f"{run.started}+00:00").timestamp()
    yield emission.start(started, **_metadata(run, edge, energies=energies))
    yield emission.descriptor("baseline", started + 1.2, devices=baseline_devices())
    yield emission.event("baseline", started + 1.4, data=baseline_values(rng))
    yield emission.descriptor("primary", started + 2.9, devices=primary_devices())
    n_points = run.n_measured or len(energies)
    times = started + _SECONDS_BEFORE_FIRST_POINT + _SECONDS_A_POINT * np.arange(n_points)
    for time, data in zip(times.tolist(), _primary_values(run, energies, rng=rng), strict=False):
        yield emission.event("primary", time, data=data)
    finished = times.tolist()[-1] + _SECONDS_AFTER_LAST_POINT
    if run.n_measured is None:
        yield emission.event("baseline", finished, data=baseline_values(rng))
        yield emission.stop(finished + 0.3)
    else:
        yield emission.stop(finished + 0.3, exit_status="abort", reason="beam dump")


def _primary_values(run: _Run, energies: Array, *, rng: np.random.Generator) -> Iterator[Document]:
    _, reference = _ELEMENTS[run.symbol]
    sample = reference._replace(edge_energy=reference.edge_energy + run.shift)
    chambers = currents(energies, sample, reference=reference, flux=135.2, rng=rng)
    readbacks = energies + rng.normal(0.0, 0.008, energies.shape)
    columns = [column.tolist() for column in (*chambers, energies, readbacks)]
    for i0, it, ir, setpoint, readback in zip(*columns, strict=True):
        yield {
            "I0": i0,
            "It": it,
            "Ir": ir,
            "dwti_dwell_time": DWELL_SECONDS,
            "dwti_dwell_time_setpoint": DWELL_SECONDS,
            "dcm_energy": readback,
            "dcm_energy_setpoint": setpoint,
        }


def _metadata(run: _Run, edge: str, *, energies: Array) -> Document:
    motors = ["dcm_energy", "dwti_dwell_time"]
    return {
        "scan_id": run.scan_id,
        "beamline_id": "BMM (06BM)",
        "purpose": "simulated data for the tutorial",
        "plan_type": "generator",
        "plan_name": "scan_nd xafs transmission",
        "plan_args": {"detectors": ["quadem1"], "num": len(energies)},
        "detectors": ["quadem1"],
        "motors": motors,
        "num_points": len(energies),
        "num_intervals": len(energies) - 1,
        "hints": {"dimensions": [[motors, "primary"]]},
        "XDI": _xdi(run, edge),
    }


def _xdi(run: _Run, edge: str) -> Document:
    """Return the dictionary of the XAS Data Interchange format that BMM puts into its start documents."""
    edge_energy = _ELEMENTS[run.symbol][1].edge_energy
    is_hard = edge_energy > 15000.0
    cycle = "2019-3" if run.started < "2020" else "2020-1"
    return {
        "Beamline": {
            "name": "BMM (06BM) -- Beamline for Materials Measurement",
            "collimation": "paraboloid mirror, 5 nm Rh on 30 nm Pt",
            "focusing": "not in use",
            "harmonic_rejection": "flat mirror, Pt stripe, pitch = 7.0 mrad relative to beam",
            "xray_source": "NSLS-II three-pole wiggler",
        },
        "Column": {},
        "Detector": {"I0": "10 cm N2", "It": "25 cm N2", "Ir": "25 cm N2"},
        "Element": {"edge": edge, "symbol": run.symbol},
        "Facility": {
            "name": "NSLS-II",
            "energy": "3.0",
            "current": "399.6",
            "mode": "top-off",
            "cycle": cycle,
            "GUP": 333333,
            "SAF": 344344,
        },
        "Mono": {
            "name": "Si(311)" if is_hard else "Si(111)",
            "d_spacing": "1.6376385" if is_hard else "3.1353241",
            "angle_offset": 15.9943932 if is_hard else 16.058109,
            "encoder_resolution": 5e-06,
            "direction": "forward",
            "scan_mode": "fixed exit",
            "scan_type": "step",
        },
        "Sample": {"name": run.sample, "prep": run.prep},
        "Scan": {"edge_energy": edge_energy + run.shift, "experimenters": "simulated"},
        "_comment": ["simulated"],
        "_mode": ["transmission"],
    }
