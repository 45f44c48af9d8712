"""Events read with pymongo's raw batches and NumPy, for events that are known to be alike.

The documents of a batch are equally long and differ in the bytes of their numbers alone; which bytes these are is seen
from one document, encoded twice.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bson
import numpy as np
from numpy.typing import NDArray

from ..documents import COLUMNS
from ..facts import Facts
from ..large_runs import ARRAY_LENGTH

Array = NDArray[Any]
_ALL_ONES = float(np.array(-1, np.int64).view(np.float64))
_DIGITS = (0, 10, 100, ARRAY_LENGTH)


class Frame:
    """Where the numbers lie in documents like this one."""

    def __init__(self, document: bytes):
        decoded = bson.decode(document)
        low = np.frombuffer(bson.encode(_filled(decoded, 0.0)), np.uint8)
        high = np.frombuffer(bson.encode(_filled(decoded, _ALL_ONES)), np.uint8)
        self._same = low == high
        self._low = low
        self.size = len(low)
        self.places = np.flatnonzero(~self._same)[::8]

    def table(self, batch: bytes) -> Array:
        """Return the batch as rows of bytes, having compared all that is not a number."""
        table = np.frombuffer(batch, np.uint8).reshape(-1, self.size)
        step = max(1, 2**18 // self.size)
        for first in range(0, len(table), step):
            if ((table[first : first + step] != self._low) & self._same).any():
                raise ValueError("the events differ in more than their numbers")
        return table

    def column(self, table: Array, place: int) -> Array:
        """Return the numbers at a place of each row."""
        return np.ndarray((len(table),), "<f8", table, place, (self.size,))


def _filled(value: Any, number: float) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, number) for key, each in value.items()}
    return [number] * len(value) if isinstance(value, list) else number


def read_columns(batches: Iterable[bytes], names: Sequence[str]) -> dict[str, Array]:
    """Return the time and columns of numbers, of documents that hold these alone and in this order."""
    frame = None
    parts: list[list[Array]] = [[] for _ in ("time", *names)]
    for batch in batches:
        frame = frame or Frame(batch[: struct.unpack_from("<i", batch)[0]])
        table = frame.table(batch)
        for part, place in zip(parts, frame.places.tolist(), strict=True):
            part.append(frame.column(table, place).copy())
    return {name: np.concatenate(part) for name, part in zip(("time", *names), parts, strict=True)}


class Events:
    """The tasks about events."""

    _facts: Facts
    _data: Any

    def read_scalars(self) -> dict[str, Array]:
        return self._columns(COLUMNS)

    def read_one_column(self) -> dict[str, Array]:
        return self._columns(("c3",))

    def read_arrays(self) -> dict[str, Array]:
        cursor = self._batches(self._descriptor(self._facts.arrays), {"time": 1, "data.wave": 1})
        frame, times, parts = None, [], []
        for batch in cursor:
            frame = frame or Frame(batch[: struct.unpack_from("<i", batch)[0]])
            table = frame.table(batch)
            part = np.empty((len(table), ARRAY_LENGTH))
            for start, stop in itertools.pairwise(_DIGITS):
                first, second = frame.places[1 + start : 3 + start].tolist()
                strides = (frame.size, second - first)
                part[:, start:stop] = np.ndarray((len(table), stop - start), "<f8", table, first, strides)
            parts.append(part)
            times.append(frame.column(table, int(frame.places[0])).copy())
        return {"time": np.concatenate(times), "wave": np.concatenate(parts)}

    def open_scalars(self) -> dict[str, int]:
        """Read the time: that is the part that no program can do without."""
        times = read_columns(self._batches(self._descriptor(self._facts.scalars), {"time": 1}), ())
        return {"time": len(times["time"])}

    def some_rows(self, row: int) -> list[float]:
        wanted = {"descriptor": self._descriptor(self._facts.scalars), "seq_num": {"$gt": row, "$lte": row + 10}}
        found = self._data["event"].find(wanted, {"_id": 0, "seq_num": 1, "data.c3": 1}).sort("seq_num", 1)
        return [event["data"]["c3"] for event in found]

    def export(self) -> int:
        run = {"run_start": self._facts.scalars}
        n_documents = (
            1 + len(list(self._data["event_descriptor"].find(run))) + len(list(self._data["run_stop"].find(run)))
        )
        wanted = {"descriptor": self._descriptor(self._facts.scalars)}
        return n_documents + sum(1 for _ in self._data["event"].find(wanted, {"_id": 0}).sort("time", 1))

    def _descriptor(self, run_uid: str) -> str:
        return str(self._data["event_descriptor"].find_one({"run_start": run_uid})["uid"])

    def _columns(self, names: Sequence[str]) -> dict[str, Array]:
        descriptor = self._descriptor(self._facts.scalars)
        fields = {"time": 1, **{f"data.{name}": 1 for name in names}}
        ends = [self._data["event"].find_one({"descriptor": descriptor}, sort=[("time", way)]) for way in (1, -1)]
        middle = (ends[0]["time"] + ends[1]["time"]) / 2
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(lambda: read_columns(self._batches(descriptor, fields, {"$gte": middle}), names))
            early = read_columns(self._batches(descriptor, fields, {"$lt": middle}), names)
            return {name: np.concatenate([early[name], late.result()[name]]) for name in early}

    def _batches(self, descriptor: str, fields: dict[str, int], time: dict[str, float] | None = None) -> Any:
        wanted = {"descriptor": descriptor, **({"time": time} if time else {})}
        return self._data["event"].find_raw_batches(wanted, {"_id": 0, **fields}, sort=[("time", 1)])
