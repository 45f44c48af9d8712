"""Runs of many events, with numbers and arrays in the events, or images in files."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .documents import (
    COLUMNS,
    FIRST_TIME,
    Batch,
    Document,
    descriptor_document,
    event_document,
    new_uid,
    numbers,
    start_document,
    stop_document,
)
from .facts import ImageRun

ARRAY_LENGTH = 1000
_ROWS_AT_ONCE = 1000
_LINE = {"dtype": "array", "shape": [ARRAY_LENGTH], "dtype_numpy": "<f8", "source": "PV:wave"}


def scalars(n: int) -> Iterator[Batch]:
    """Yield a run of ``n`` events of ten numbers; the first batch holds the start document."""
    values = np.random.default_rng(2).random((n, len(COLUMNS)))
    data = (dict(zip(COLUMNS, row.tolist(), strict=True)) for row in values)
    return _run(random.Random(2), 1, numbers(COLUMNS), data)


def arrays(n: int) -> Iterator[Batch]:
    """Yield a run of ``n`` events of an array of 1000 numbers."""
    rng = np.random.default_rng(3)
    data = ({"wave": rng.random(ARRAY_LENGTH).tolist()} for _ in range(n))
    return _run(random.Random(3), 2, {"wave": _LINE}, data)


def images(scan_id: int, image: ImageRun, kwargs: Mapping[str, Any]) -> Iterator[Batch]:
    """Yield a run of events that have a frame in a file each, and the position of a motor."""
    rng = random.Random(scan_id)
    frame = {"dtype": "array", "shape": [1, image.ny, image.nx], "dtype_numpy": "<u2", "source": "PV:image"}
    data_keys = {"image": {**frame, "external": "FILESTORE:"}, **numbers(["motor"])}
    resource = {
        "uid": new_uid(rng),
        "spec": image.spec,
        "root": image.root,
        "resource_path": image.path,
        "resource_kwargs": dict(kwargs),
        "path_semantics": "posix",
    }
    ids = [f"{resource['uid']}/{number}" for number in range(image.n)]
    datums = [
        {"datum_id": each, "resource": resource["uid"], "datum_kwargs": {"point_number": number}}
        for number, each in enumerate(ids)
    ]
    data = ({"image": each, "motor": float(number)} for number, each in enumerate(ids))
    for batch in _run(rng, scan_id, data_keys, data, filled={"image": False}):
        if "run_start" in batch:
            resource["run_start"] = batch["run_start"][0]["uid"]
            batch |= {"resource": [resource], "datum": datums}
        yield batch


def _run(
    rng: random.Random,
    scan_id: int,
    data_keys: Mapping[str, Document],
    rows: Iterable[Document],
    filled: Document | None = None,
) -> Iterator[Batch]:
    time = FIRST_TIME + 100_000.0 * scan_id
    start = start_document(rng, scan_id, time)
    descriptor = descriptor_document(rng, start, time + 1, data_keys)
    yield {"run_start": [start], "event_descriptor": [descriptor]}
    n_events = 0
    for portion in _batched(rows):
        events = []
        for data in portion:
            n_events += 1
            event = event_document(rng, descriptor, n_events, time + 2 + 0.01 * n_events, data)
            events.append({**event, "filled": dict(filled or {})})
        yield {"event": events}
    yield {"run_stop": [stop_document(rng, start, time + 2 + 0.01 * n_events + 1, n_events)]}


def _batched(rows: Iterable[Document]) -> Iterator[list[Document]]:
    remaining = iter(rows)
    while portion := list(itertools.islice(remaining, _ROWS_AT_ONCE)):
        yield portion
