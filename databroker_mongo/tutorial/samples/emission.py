"""The documents of one run, built as a RunEngine emits them, with uids that are the same on every machine.

What does not belong here: what is measured (``bmm``, ``rsoxs``) and what a device looks like (``devices``).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...documents import Document, Named
from .devices import Device

# A device is read a moment before its event is made, one after the other.
_READING_SECONDS = 0.004


class Emission:
    """The documents of one run, in the order in which its methods are called.

    Parameters
    ----------
    uid : str
        Uid of the run; the uid of every other document follows from it.
    """

    def __init__(self, uid: str):
        self.uid = uid
        self._devices: dict[str, Sequence[Device]] = {}
        self._n_events: Counter[str] = Counter()
        self._n_datums: Counter[str] = Counter()

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the streams described so far."""
        return tuple(self._devices)

    def start(self, time: float, **metadata: Any) -> Named:
        """Return the start document; ``time`` is in seconds since 1970."""
        return "start", {"uid": self.uid, "time": time, **metadata}

    def descriptor(self, stream: str, time: float, *, devices: Sequence[Device]) -> Named:
        """Return the descriptor of a stream, and remember its devices for the events to come."""
        self._devices[stream] = devices
        self._n_events[stream] = 0
        keys = {name: {**key, "object_name": d.name} for d in devices for name, key in d.data_keys.items()}
        return "descriptor", {
            "uid": self._derive("descriptor", stream),
            "run_start": self.uid,
            "time": time,
            "name": stream,
            "data_keys": keys,
            "object_keys": {device.name: list(device.data_keys) for device in devices},
            "configuration": {device.name: _configuration(device, time) for device in devices},
            "hints": {device.name: {"fields": list(device.hints)} for device in devices},
        }

    def resource(self, label: str, *, spec: str, root: Path, path: str, **kwargs: Any) -> Named:
        """Return the resource document of a family of files below ``root``."""
        return "resource", {
            "uid": self._derive("resource", label),
            "run_start": self.uid,
            "spec": spec,
            "root": str(root),
            "resource_path": path,
            "resource_kwargs": kwargs,
            "path_semantics": "posix",
        }

    def datum(self, label: str) -> Named:
        """Return the next datum of a resource: its ``point_number`` counts from 0."""
        number = self._n_datums[label]
        self._n_datums[label] += 1
        resource = self._derive("resource", label)
        return "datum", {
            "resource": resource,
            "datum_id": f"{resource}/{number}",
            "datum_kwargs": {"point_number": number},
        }

    def event(self, stream: str, time: float, *, data: Mapping[str, Any]) -> Named:
        """Return the next event of a stream.

        Parameters
        ----------
        stream : str
            A stream whose descriptor was made before.
        time : float
            Seconds since 1970.
        data : mapping of str to object
            A value for each data key; the datum_id for an external one.
        """
        self._n_events[stream] += 1
        number = self._n_events[stream]
        devices = self._devices[stream]
        lags = {name: _READING_SECONDS * (len(devices) - i) for i, d in enumerate(devices) for name in d.data_keys}
        external = [name for d in devices for name, key in d.data_keys.items() if "external" in key]
        return "event", {
            "uid": self._derive("event", stream, str(number)),
            "descriptor": self._derive("descriptor", stream),
            "seq_num": number,
            "time": time,
            "data": {name: data[name] for name in lags},
            "timestamps": {name: time - lag for name, lag in lags.items()},
            "filled": dict.fromkeys(external, False),
        }

    def stop(self, time: float, *, exit_status: str = "success", reason: str = "") -> Named:
        """Return the stop document, with the number of events of each stream."""
        return "stop", {
            "uid": self._derive("stop"),
            "run_start": self.uid,
            "time": time,
            "exit_status": exit_status,
            "reason": reason,
            "num_events": dict(self._n_events),
        }

    def _derive(self, *parts: str) -> str:
        return str(uuid.uuid5(uuid.UUID(self.uid), "/".join(parts)))


def _configuration(device: Device, time: float) -> Document:
    readings = device.configuration
    return {
        "data": {name: value for name, (value, _) in readings.items()},
        "timestamps": dict.fromkeys(readings, time),
        "data_keys": {name: dict(key) for name, (_, key) in readings.items()},
    }
