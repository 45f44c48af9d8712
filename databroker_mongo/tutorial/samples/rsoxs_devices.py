"""The devices of the simulated RSoXS station, and what they read besides images.

What does not belong here: the scan itself (``rsoxs``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .devices import Device, computed, image, integer, motor, number, sensor, text
from .scattering import SIDE

EXPOSURE_SECONDS = 10.0

_CCDS = {"saxs": "XF:07ID1-ES:1{GE:1}", "waxs": "XF:07ID1-ES:1{GE:2}"}
_GRATING = "XF:07ID1-OP{Mono:PGM1-Ax:GrtP}Mtr"
_GAP = "SR:C07-ID:G1A{SST1:1-Ax:Gap}-Mtr"
_EM = "XF:07ID1-BI{EM:1}EM180:"
_MODEL = "GE 1024 1026 BI UV1"
# Of each: its EPICS name, its units and where it usually is.
_MOTORS = {
    "RSoXS Sample Outboard-Inboard": ("XF:07ID2-ES1{Stg-Ax:X}Mtr", "mm", 1.42),
    "RSoXS Sample Up-Down": ("XF:07ID2-ES1{Stg-Ax:Y}Mtr", "mm", -36.7),
    "RSoXS Sample Downstream-Upstream": ("XF:07ID2-ES1{Stg-Ax:Z}Mtr", "mm", 0.9),
    "RSoXS Sample Rotation": ("XF:07ID2-ES1{Stg-Ax:Yaw}Mtr", "deg", 0.0),
    "Beamstop SAXS": ("XF:07ID2-ES1{BS-Ax:1}Mtr", "mm", 68.6),
    "Beamstop WAXS": ("XF:07ID2-ES1{BS-Ax:2}Mtr", "mm", 70.4),
    "Detector SAXS Translation": ("XF:07ID2-ES1{Det-Ax:1}Mtr", "mm", -10.0),
    "Detector WAXS Translation": ("XF:07ID2-ES1{Det-Ax:2}Mtr", "mm", -10.0),
    "Exit Slit of Mono Vertical Gap": ("XF:07ID2-BI{Slt:11-Ax:YGap}Mtr", "mm", 0.05),
}


def camera_devices() -> tuple[Device, ...]:
    """Return the pair of cameras, triggered together: all that is read of a dark frame."""
    # The real descriptor says (1024, 1026, 0): columns before rows, and no frame.
    keys = {f"Synced_{name}_image": image(pv, (SIDE, SIDE, 0)) for name, pv in _CCDS.items()}
    for name, pv in _CCDS.items():
        keys[f"{name.upper()} ROI1"] = number(f"{pv}Stats1:Total_RBV", "counts", precision=0)
        keys[f"{name.upper()} Exposure"] = number(f"{pv}cam1:AcquireTime_RBV", "s")
    configuration: dict[str, tuple[Any, dict[str, Any]]] = {}
    for name, pv in _CCDS.items():
        cam = f"Synced_{name}_cam"
        configuration[f"{cam}_acquire_time"] = (EXPOSURE_SECONDS, number(f"{pv}cam1:AcquireTime_RBV", "s"))
        configuration[f"{cam}_bin_x"] = (4, integer(f"{pv}cam1:BinX_RBV"))
        configuration[f"{cam}_bin_y"] = (4, integer(f"{pv}cam1:BinY_RBV"))
        configuration[f"{cam}_temperature"] = (-80.0, number(f"{pv}cam1:Temperature_RBV", "C"))
        configuration[f"{cam}_model"] = (_MODEL, text(f"{pv}cam1:Model_RBV"))
    hints = ("SAXS ROI1", "WAXS ROI1")
    return (Device("Synced", keys, configuration, hints=hints),)


def primary_devices() -> tuple[Device, ...]:
    """Return what is read at each energy: cameras, currents, and the energy with the motors behind it."""
    energy = {
        "en_energy": computed("en_energy.position", "eV", limits=(150.0, 2200.0)),
        "en_energy_setpoint": computed("en_energy.target", "eV", limits=(150.0, 2200.0)),
        "en_polarization": computed("en_polarization.position", "deg", limits=(-1.0, 180.0)),
        "en_polarization_setpoint": computed("en_polarization.target", "deg", limits=(-1.0, 180.0)),
        "en_monoen_readback": number("XF:07ID1-OP{Mono:PGM1-Ax::ENERGY_MON}", "eV"),
        "en_monoen_setpoint": number("XF:07ID1-OP{Mono:PGM1-Ax::ENERGY_SP}", "eV"),
        "en_monoen_grating_encoder": integer(f"{_GRATING}.REP", "deg", limits=(-(2**31), 2**31 - 1)),
        "en_monoen_grating_plim_desc": text(f"{_GRATING}_PLIM_STS.DESC"),
        "en_epugap": number(f"{_GAP}.RBV", "um", limits=(14000.0, 100000.0)),
        "en_epugap_user_setpoint": number(f"{_GAP}.VAL", "um", limits=(14000.0, 100000.0)),
    }
    configuration = {
        "en_monoen_grating_velocity": (0.1, number(f"{_GRATING}.VELO", "deg/s")),
        "en_epugap_velocity": (500.0, number(f"{_GAP}.VELO", "um/s")),
    }
    return (
        *camera_devices(),
        sensor("RSoXS Au Mesh Current", number(f"{_EM}Current2:MeanValue_RBV", "nA"), hinted=True),
        sensor("RSoXS Sample Current", number(f"{_EM}Current1:MeanValue_RBV", "nA"), hinted=True),
        Device("en", energy, configuration, hints=("en_energy",)),
    )


def baseline_devices() -> tuple[Device, ...]:
    """Return what is read before and after a scan: sample stage, beamstops, slit, cameras."""
    temperatures = [
        sensor(f"Synced_{name}_cam_temperature_actual", number(f"{pv}cam1:TemperatureActual", "C"))
        for name, pv in _CCDS.items()
    ]
    motors = [motor(name, pv, units, limits=(-250.0, 250.0)) for name, (pv, units, _) in _MOTORS.items()]
    return (*motors, *temperatures)


def energy_values(energy: float, contrast: float, *, rng: np.random.Generator) -> dict[str, Any]:
    """Return what is read besides the cameras at an energy, in eV; the sample absorbs more where contrast is higher."""
    gap = round(21000.0 + 62.0 * (energy - 270.0), 1)
    # Carbon on the mirrors takes some of the light just where the sample resonates.
    mesh = 0.9 * (1.0 - 0.35 * np.exp(-(((energy - 285.3) / 0.8) ** 2))) * rng.normal(1.0, 2e-3)
    return {
        "en_energy": round(energy + float(rng.normal(0.0, 0.004)), 4),
        "en_energy_setpoint": energy,
        "en_polarization": 0.0,
        "en_polarization_setpoint": 0.0,
        "en_monoen_readback": round(energy + float(rng.normal(0.0, 0.004)), 4),
        "en_monoen_setpoint": energy,
        "en_monoen_grating_encoder": -12189118 + round(4150.0 * (energy - 270.0)),
        "en_monoen_grating_plim_desc": "Grating pitch positive limit",
        "en_epugap": round(gap + float(rng.normal(0.0, 0.3)), 2),
        "en_epugap_user_setpoint": gap,
        "RSoXS Au Mesh Current": float(mesh),
        "RSoXS Sample Current": float(mesh * (0.2 + 0.02 * contrast) * rng.normal(1.0, 5e-3)),
    }


def baseline_values(rng: np.random.Generator) -> dict[str, Any]:
    """Return one reading of the baseline devices."""
    values: dict[str, Any] = {}
    for name, (_, _, usual) in _MOTORS.items():
        values[f"{name}_user_setpoint"] = usual
        values[name] = round(usual + float(rng.normal(0.0, 5e-4)), 4)
    for name in _CCDS:
        values[f"Synced_{name}_cam_temperature_actual"] = round(-80.0 + float(rng.normal(0.0, 0.05)), 2)
    return values
