"""Many runs read at once, by a program that knows that all of them are alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..facts import Facts
from ..frames import HDF5_DATASET

Array = NDArray[Any]
_UID_BYTES = 36
_LENGTH_BYTES = 4


class Many:
    """The tasks about many runs at once."""

    _facts: Facts
    _client: Any

    def column_of_many(self) -> dict[str, Array]:
        _, time, values = self._rows()
        return {"time": time, "det": values}

    def means_of_many(self) -> list[float]:
        number, _, values = self._rows()
        return list(np.bincount(number, values) / np.bincount(number))

    def mean_images(self) -> list[Array]:
        database = self._client[self._facts.images_database]
        starts = list(database["run_start"].find({}, {"_id": 0, "uid": 1}).sort([("time", -1)]))
        of_runs = {"run_start": {"$in": [start["uid"] for start in starts]}}
        paths = {
            each["run_start"]: Path(each["root"]) / each["resource_path"] for each in database["resource"].find(of_runs)
        }
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(_mean, [paths[start["uid"]] for start in starts]))

    def _rows(self) -> tuple[Array, Array, Array]:
        """Return the number of the run, the time and the value of each row, by two cursors at once."""
        database = self._client[self._facts.many_database]
        starts = list(
            database["run_start"].find({}, {"_id": 0, "uid": 1, "scan_id": 1, "time": 1}).sort([("time", -1)])
        )
        of_runs = {"run_start": {"$in": [start["uid"] for start in starts]}}
        descriptors = {each["run_start"]: each["uid"] for each in database["event_descriptor"].find(of_runs)}
        uids = [descriptors[start["uid"]] for start in starts]
        halves = [uids[: len(uids) // 2], uids[len(uids) // 2 :]]
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda half: _read(database["event"], half), halves))
        origin, time, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        names = np.array(uids, f"S{_UID_BYTES}")
        by_name = np.argsort(names)
        number = by_name[np.searchsorted(names[by_name], origin)]
        order = np.lexsort((time, number))
        return number[order], time[order], values[order]


def _read(events: Any, descriptors: Sequence[str]) -> tuple[Array, Array, Array]:
    """Read the descriptor, the time and one number of events, which lie at the same places in each."""
    fields = {"_id": 0, "descriptor": 1, "time": 1, "data.det": 1}
    # {descriptor: <text>, time: <double>, data: {det: <double>}}, each value after its type and its name.
    origin = 4 + 1 + len("descriptor\0") + _LENGTH_BYTES
    time = origin + _UID_BYTES + 1 + 1 + len("time\0")
    value = time + 8 + 1 + len("data\0") + 4 + 1 + len("det\0")
    size = value + 8 + 2
    parts = []
    for batch in events.find_raw_batches({"descriptor": {"$in": descriptors}}, fields, batch_size=20_000):
        rows = len(batch) // size
        if rows * size != len(batch):
            raise ValueError("the events differ in length")
        numbers = [np.ndarray((rows,), "<f8", batch, place, (size,)).copy() for place in (time, value)]
        parts.append((np.ndarray((rows,), f"S{_UID_BYTES}", batch, origin, (size,)).copy(), *numbers))
    first, second, third = (np.concatenate(each) for each in zip(*parts, strict=True))
    return first, second, third


def _mean(path: Path) -> Array:
    with h5py.File(path) as file:
        found: Array = file[HDF5_DATASET][()].mean(axis=0)
    return found
