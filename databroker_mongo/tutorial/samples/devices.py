"""Devices as ophyd describes them: the data keys, configuration and hints of a descriptor.

What does not belong here: values that change during a run, and the order of documents (``emission``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DataKey = dict[str, Any]


@dataclass(frozen=True)
class Device:
    """What a descriptor says of one device.

    Attributes
    ----------
    name : str
        The ophyd name, which a data key calls its ``object_name``.
    data_keys : mapping of str to dict
        What the device reads, in the order of reading.
    configuration : mapping of str to tuple
        Value and data key of each configuration reading.
    hints : sequence of str
        The data keys that a plot shows.
    """

    name: str
    data_keys: Mapping[str, DataKey]
    configuration: Mapping[str, tuple[Any, DataKey]] = field(default_factory=dict)
    hints: Sequence[str] = ()


def number(pv: str, units: str = "", *, precision: int = 3, limits: tuple[float, float] = (0.0, 0.0)) -> DataKey:
    """Return the data key of a floating-point EPICS signal."""
    return {
        "source": f"PV:{pv}",
        "dtype": "number",
        "shape": [],
        "units": units,
        "lower_ctrl_limit": limits[0],
        "upper_ctrl_limit": limits[1],
        "precision": precision,
    }


def integer(pv: str, units: str = "", *, limits: tuple[int, int] = (0, 0)) -> DataKey:
    """Return the data key of an integer EPICS signal."""
    return {
        "source": f"PV:{pv}",
        "dtype": "integer",
        "shape": [],
        "units": units,
        "lower_ctrl_limit": limits[0],
        "upper_ctrl_limit": limits[1],
    }


def text(pv: str) -> DataKey:
    """Return the data key of a string EPICS signal; it has no units and no limits, and ophyd says so with None."""
    return {
        "source": f"PV:{pv}",
        "dtype": "string",
        "shape": [],
        "units": None,
        "lower_ctrl_limit": None,
        "upper_ctrl_limit": None,
    }


def computed(source: str, units: str, *, limits: tuple[float, float], precision: int = 3) -> DataKey:
    """Return the data key of a value that Python computes, such as the energy of a monochromator."""
    key = number("", units, precision=precision, limits=limits)
    return {**key, "source": f"PY:{source}"}


def image(pv: str, shape: Sequence[int]) -> DataKey:
    """Return the data key of an area detector's image, kept in external files."""
    return {"source": f"PV:{pv}", "dtype": "array", "shape": list(shape), "external": "FILESTORE:"}


def sensor(name: str, key: DataKey, *, hinted: bool = False) -> Device:
    """Return a device that is a single signal."""
    return Device(name, {name: key}, hints=(name,) if hinted else ())


def motor(
    name: str, pv: str, units: str, *, limits: tuple[float, float] = (-100.0, 100.0), velocity: float = 1.0
) -> Device:
    """Return an ``EpicsMotor``: readback, setpoint, and the configuration that ophyd records of it."""
    configuration = {
        f"{name}_user_offset": (0.0, number(f"{pv}.OFF", units, limits=limits)),
        f"{name}_user_offset_dir": (0, integer(f"{pv}.DIR", limits=(0, 1))),
        f"{name}_velocity": (velocity, number(f"{pv}.VELO", f"{units}/s")),
        f"{name}_acceleration": (0.2, number(f"{pv}.ACCL", "s")),
        f"{name}_motor_egu": (units, text(f"{pv}.EGU")),
    }
    keys = {
        name: number(f"{pv}.RBV", units, limits=limits),
        f"{name}_user_setpoint": number(f"{pv}.VAL", units, limits=limits),
    }
    return Device(name, keys, configuration, hints=(name,))


def pseudo_axis(name: str, units: str, *, limits: tuple[float, float]) -> Device:
    """Return a ``PseudoSingle``: a computed readback and setpoint, and no configuration."""
    keys = {
        name: computed(f"{name}.position", units, limits=limits),
        f"{name}_setpoint": computed(f"{name}.target", units, limits=limits),
    }
    return Device(name, keys, hints=(name,))
