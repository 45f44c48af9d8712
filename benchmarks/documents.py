"""Documents of runs as a beamline's Bluesky writes them, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Document = dict[str, Any]
Batch = dict[str, list[Document]]
"""Documents by collection."""

FIRST_TIME = 1_700_000_000.0
SECONDS_BETWEEN_RUNS = 60.0
PLANS = ("count", "scan", "rel_scan", "grid_scan", "fly")
N_SAMPLES = 500
COLUMNS = tuple(f"c{number}" for number in range(10))
_SIGNALS = ("det", "i0", "motor", "motor_user_setpoint")
_OPERATORS = ("ada", "grace", "marie", "rosalind")
_PURPOSES = ("alignment", "commissioning", "user data")
_RUNS_AT_ONCE = 2000
_SHARE_FAILED = 0.02


def new_uid(rng: random.Random) -> str:
    """Return a uid of the form of Bluesky's."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def start_document(rng: random.Random, scan_id: int, time: float) -> Document:
    """Return a start document of about 650 bytes."""
    sample = f"sample_{rng.randrange(N_SAMPLES):03d}"
    return {
        "uid": new_uid(rng),
        "time": time,
        "scan_id": scan_id,
        "plan_name": rng.choice(PLANS),
        "plan_type": "generator",
        "plan_args": {"detectors": ["det", "i0"], "num": 5, "args": ["motor", -1.0, 1.0]},
        "num_points": 5,
        "detectors": ["det", "i0"],
        "motors": ["motor"],
        "hints": {"dimensions": [[["motor"], "primary"]]},
        "sample": {"name": sample, "composition": "LaB6", "holder": rng.randrange(12)},
        "sample_name": sample,
        "proposal_id": f"P-{70_000 + rng.randrange(200)}",
        "operator": rng.choice(_OPERATORS),
        "purpose": rng.choice(_PURPOSES),
        "beamline_id": "9-ID",
        "versions": {"ophyd": "1.9.0", "bluesky": "1.13.0", "python": "3.11.7"},
    }


def descriptor_document(
    rng: random.Random, start: Document, time: float, data_keys: Mapping[str, Document]
) -> Document:
    """Return the descriptor of the primary stream."""
    settings = {"exposure": 0.1, "gain": 2}
    return {
        "uid": new_uid(rng),
        "run_start": start["uid"],
        "time": time,
        "name": "primary",
        "data_keys": dict(data_keys),
        "object_keys": {"det": list(data_keys)},
        "hints": {"det": {"fields": list(data_keys)[:1]}},
        "configuration": {
            "det": {
                "data": settings,
                "timestamps": dict.fromkeys(settings, time),
                "data_keys": {name: {"dtype": "number", "shape": [], "source": f"PV:{name}"} for name in settings},
            }
        },
    }


def event_document(rng: random.Random, descriptor: Document, seq_num: int, time: float, data: Document) -> Document:
    """Return an event."""
    return {
        "uid": new_uid(rng),
        "descriptor": descriptor["uid"],
        "seq_num": seq_num,
        "time": time,
        "data": data,
        "timestamps": dict.fromkeys(data, time - 0.001),
        "filled": {},
    }


def stop_document(rng: random.Random, start: Document, time: float, n_events: int) -> Document:
    """Return a stop document; of some runs it says that they failed."""
    has_failed = rng.random() < _SHARE_FAILED
    return {
        "uid": new_uid(rng),
        "run_start": start["uid"],
        "time": time,
        "exit_status": "fail" if has_failed else "success",
        "reason": "the shutter did not open" if has_failed else "",
        "num_events": {"primary": n_events},
    }


def numbers(names: Sequence[str]) -> dict[str, Document]:
    """Return the data keys of columns of numbers."""
    described = {"dtype": "number", "shape": [], "dtype_numpy": "<f8", "units": "mm", "precision": 4}
    return {name: {**described, "source": f"PV:{name}", "object_name": "det"} for name in names}


def events_on_server(events_per_run: int) -> list[Document]:
    """Return what makes the events of small runs of their descriptors, at the server: by the million it is quickest."""
    row = {"$add": ["$begin", 0.5, "$row"]}
    # A uid of its own: the beginning of the descriptor's, and twelve digits.
    number = {"$toString": {"$add": [10**11, "$row"]}}
    event = {
        "uid": {"$concat": [{"$substrBytes": ["$descriptor", 0, 24]}, number]},
        "descriptor": "$descriptor",
        "seq_num": "$row",
        "time": row,
        "data": {name: {"$rand": {}} for name in _SIGNALS},
        "timestamps": dict.fromkeys(_SIGNALS, row),
        "filled": {"$literal": {}},
    }
    rows = {"$range": [1, events_per_run + 1]}
    return [
        {"$project": {"_id": 0, "descriptor": "$uid", "begin": "$time", "row": rows}},
        {"$unwind": "$row"},
        {"$project": event},
        {"$out": "event"},
    ]


def small_runs(
    n_runs: int, events_per_run: int, *, first: int = 0, n_at_once: int = _RUNS_AT_ONCE, has_events: bool = True
) -> Iterator[Batch]:
    """Yield many small runs, one a minute, some of them at once; the numbers go on from ``first``."""
    rng = random.Random(1 + first)
    data_keys = numbers(_SIGNALS)
    for start_of_batch in range(first, first + n_runs, n_at_once):
        batch: Batch = {"run_start": [], "event_descriptor": [], "event": [], "run_stop": []}
        for number in range(start_of_batch, min(start_of_batch + n_at_once, first + n_runs)):
            time = FIRST_TIME + SECONDS_BETWEEN_RUNS * number + rng.random()
            start = start_document(rng, number + 1, time)
            descriptor = descriptor_document(rng, start, time + 0.5, data_keys)
            batch["run_start"].append(start)
            batch["event_descriptor"].append(descriptor)
            for row in range(events_per_run if has_events else 0):
                data = {name: rng.random() for name in _SIGNALS}
                batch["event"].append(event_document(rng, descriptor, row + 1, time + 1 + row, data))
            batch["run_stop"].append(stop_document(rng, start, time + 10 + 40 * rng.random(), events_per_run))
        yield batch
