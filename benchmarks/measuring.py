"""One call, measured: time, processor time, peak memory, questions asked of MongoDB, and what came of it."""

from __future__ import annotations

import dataclasses
import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymongo.monitoring

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


class Questions(pymongo.monitoring.CommandListener):
    """The commands that this process sends to servers, by clients that were made since this listens."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        """Take down a command."""
        self.names.append(event.command_name)

    def succeeded(self, event: pymongo.monitoring.CommandSucceededEvent) -> None:
        """Ignore the answer."""

    def failed(self, event: pymongo.monitoring.CommandFailedEvent) -> None:
        """Ignore the failure."""


@dataclass(frozen=True)
class Reading:
    """What one call took.

    Attributes
    ----------
    seconds, cpu_seconds : float
        By the clock, and of this process's processors.
    peak_megabytes : float
        How far the memory of this process rose above what it had before; NaN where the system does not tell.
    questions : list of str
        The commands to MongoDB.
    digest : object
        What came of it, in short: equal, but for rounding, for equal results.
    """

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    questions: list[str]
    digest: Any

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dataclasses.asdict(self)


def measure(call: Callable[[], Any], listener: Questions) -> Reading:
    """Call once, and measure that."""
    gc.collect()
    listener.names.clear()
    before = _forget_peak()
    cpu, start = time.process_time(), time.perf_counter()
    value = call()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    peak = _megabytes("VmHWM") - before
    return Reading(seconds, cpu_seconds, peak, list(listener.names), digest(value))


def digest(value: Any) -> Any:
    """Return a value in short: a start document as its uid, an array as shape and sum, a long list as its ends."""
    if isinstance(value, Mapping):
        return value["uid"] if "uid" in value else {str(key): digest(each) for key, each in value.items()}
    if isinstance(value, list | tuple) and not all(isinstance(each, int | float) for each in value):
        return [len(value), *(digest(each) for each in value[:2]), *(digest(each) for each in value[-2:])]
    if isinstance(value, str | int | float | bool | None):
        return value
    array = np.asarray(value)
    return [list(array.shape), float(array.sum(dtype=np.float64))]


def are_equal(one: Any, other: Any) -> bool:
    """Tell whether two digests are of equal results."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_equal(one[key], other[key]) for key in one)
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def resident_megabytes() -> float:
    """Return how much memory this process has; NaN where the system does not tell."""
    return _megabytes("VmRSS")


def _forget_peak() -> float:
    try:
        _CLEAR.write_text(_FORGET_PEAK)
    except OSError:
        return math.nan
    return _megabytes("VmRSS")


def _megabytes(field: str) -> float:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return math.nan
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), math.nan)
