"""The devices of the simulated Beamline for Materials Measurement, and what its baseline reads.

What does not belong here: the scans themselves (``bmm``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .devices import Device, integer, motor, number, pseudo_axis, sensor, text

DWELL_SECONDS = 1.0

_EM = "XF:06BM-BI{EM:1}EM180:"
# Of each: its EPICS name, its units and where it usually is.
_MOTORS = {
    "xafs_linx": ("XF:06BMA-BI{XAFS-Ax:LinX}Mtr", "mm", 28.4),
    "xafs_liny": ("XF:06BMA-BI{XAFS-Ax:LinY}Mtr", "mm", 142.71),
    "xafs_lins": ("XF:06BMA-BI{XAFS-Ax:LinS}Mtr", "mm", 0.0),
    "xafs_linxs": ("XF:06BMA-BI{XAFS-Ax:LinXS}Mtr", "mm", -44.15),
    "xafs_pitch": ("XF:06BMA-BI{XAFS-Ax:Pitch}Mtr", "deg", 0.0),
    "xafs_roll": ("XF:06BMA-BI{XAFS-Ax:Roll}Mtr", "deg", 0.0),
    "xafs_roth": ("XF:06BMA-BI{XAFS-Ax:RotH}Mtr", "deg", 0.0),
    "xafs_rotb": ("XF:06BMA-BI{XAFS-Ax:RotB}Mtr", "deg", -615.0),
    "xafs_rots": ("XF:06BMA-BI{XAFS-Ax:RotS}Mtr", "deg", 0.0),
    "dm3_bct": ("XF:06BM-BI{BCT-Ax:Y}Mtr", "mm", 43.67),
    "dcm_bragg": ("XF:06BMA-OP{Mono:DCM1-Ax:Bragg}Mtr", "deg", 13.7),
    "dcm_pitch": ("XF:06BMA-OP{Mono:DCM1-Ax:P2}Mtr", "deg", 3.94),
    "dcm_roll": ("XF:06BMA-OP{Mono:DCM1-Ax:R2}Mtr", "deg", -6.26),
    "m2_yu": ("XF:06BMA-OP{Mir:M2-Ax:YU}Mtr", "mm", 4.0),
    "m2_ydo": ("XF:06BMA-OP{Mir:M2-Ax:YDO}Mtr", "mm", 4.0),
    "m2_ydi": ("XF:06BMA-OP{Mir:M2-Ax:YDI}Mtr", "mm", 4.0),
    "m3_yu": ("XF:06BMA-OP{Mir:M3-Ax:YU}Mtr", "mm", -1.5),
    "m3_ydo": ("XF:06BMA-OP{Mir:M3-Ax:YDO}Mtr", "mm", -1.5),
    "m3_ydi": ("XF:06BMA-OP{Mir:M3-Ax:YDI}Mtr", "mm", -1.5),
    "slits3_vsize": ("XF:06BM-BI{Slt:03-Ax:VSize}Mtr", "mm", 1.35),
    "slits3_hsize": ("XF:06BM-BI{Slt:03-Ax:HSize}Mtr", "mm", 8.0),
}
_SENSORS = {
    "first_crystal_temperature": ("XF:06BMA-OP{Mono:DCM-Crys:1}T-I-I", "C", 26.1),
    "compton_shield_temperature": ("XF:06BMA-OP{Mono:DCM-Crys:1-Ax:R}T-I-I", "C", 24.8),
    "monotc_inboard_temperature": ("XF:06BMA-OP{Mono:DCM-Ibd}T-I-I", "C", 25.2),
    "monotc_upstream_high_temperature": ("XF:06BMA-OP{Mono:DCM-UpHigh}T-I-I", "C", 25.6),
    "monotc_downstream_temperature": ("XF:06BMA-OP{Mono:DCM-Dn}T-I-I", "C", 25.0),
    "monotc_upstream_low_temperature": ("XF:06BMA-OP{Mono:DCM-UpLow}T-I-I", "C", 25.3),
    "ring_current": ("SR:OPS-BI{DCCT:1}I:Real-I", "mA", 399.6),
}


def primary_devices() -> tuple[Device, ...]:
    """Return what is read at each energy: three ion chambers, the dwell time and the monochromator."""
    chambers = {
        name: {
            **number(f"{_EM}Current{i}:MeanValue_RBV", "nA"),
            "derived_from": f"quadem1_current{i}_mean_value",
        }
        for i, name in enumerate(("I0", "It", "Ir"), start=1)
    }
    configuration = {
        "quadem1_integration_time": (0.0004, number(f"{_EM}IntegrationTime_RBV", "s", precision=4)),
        "quadem1_averaging_time": (DWELL_SECONDS, number(f"{_EM}AveragingTime_RBV", "s")),
        "quadem1_em_range": ("350 nC", text(f"{_EM}Range_RBV")),
        "quadem1_num_averaged": (2500, integer(f"{_EM}NumAveraged_RBV")),
        "quadem1_values_per_read": (50, integer(f"{_EM}ValuesPerRead_RBV")),
    }
    return (
        Device("quadem1", chambers, configuration, hints=tuple(chambers)),
        pseudo_axis("dwti_dwell_time", "s", limits=(0.1, 20.0)),
        pseudo_axis("dcm_energy", "eV", limits=(4000.0, 25000.0)),
    )


def baseline_devices() -> tuple[Device, ...]:
    """Return what is read before and after a scan: temperatures, ring, stages, mirrors and slits."""
    sensors = [sensor(name, number(pv, units)) for name, (pv, units, _) in _SENSORS.items()]
    motors = [motor(name, pv, units, limits=(-1000.0, 1000.0)) for name, (pv, units, _) in _MOTORS.items()]
    return (*sensors, sensor("ring_mode", text("SR-OPS{}Mode-Sts")), *motors)


def baseline_values(rng: np.random.Generator) -> dict[str, Any]:
    """Return one reading of the baseline devices."""
    values: dict[str, Any] = {"ring_mode": "Operations"}
    for name, (_, _, usual) in _SENSORS.items():
        values[name] = round(usual + float(rng.normal(0.0, 0.02)), 3)
    for name, (_, _, usual) in _MOTORS.items():
        values[f"{name}_user_setpoint"] = usual
        values[name] = round(usual + float(rng.normal(0.0, 5e-4)), 4)
    return values
