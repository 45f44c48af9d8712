"""databroker 2.0.2, in an environment of its own, as its users call it: through tiled, in the same process."""

from __future__ import annotations

from typing import Any

import hdf5plugin  # noqa: F401 (lets h5py decode what it does not by itself)
from databroker.mongo_normalized import MongoAdapter
from databroker.queries import TimeRange
from tiled.client import Context, from_context
from tiled.queries import Eq
from tiled.server.app import build_app

from ..facts import Facts

Pair = tuple[Any, Any]
_NEWEST_FIRST = ("time", -1)


class Contestant:
    """The tasks that it has a way to do."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._adapters = [MongoAdapter.from_uri(facts.uri(name)) for name in (facts.runs_database, facts.data_database)]
        # The contexts live as long as this object: their servers end with them.
        self._contexts = [Context.from_app(build_app(adapter)) for adapter in self._adapters]
        self.forget()

    def forget(self) -> None:
        """Begin with new clients, and adapters that have opened no run."""
        for adapter in self._adapters:
            adapter._cache_of_complete_bluesky_runs.clear()
        self._runs, self._data = map(from_context, self._contexts)

    def run_at(self, place: int) -> Pair:
        return _pair(self._runs[-place])

    def run_of_scan_id(self, scan_id: int) -> Pair:
        return _pair(self._runs[scan_id])

    def run_of_uid(self, uid: str) -> Pair:
        return _pair(self._runs[uid])

    run_of_beginning = run_of_uid

    def count_runs(self) -> int:
        return len(self._runs)

    def first_page(self) -> list[Pair]:
        return [_pair(run) for run in self._runs.sort(_NEWEST_FIRST).values()[:100]]

    def runs_between(self, since: float, until: float) -> list[Pair]:
        found = self._runs.search(TimeRange(since=since, until=until)).sort(_NEWEST_FIRST)
        return [_pair(run) for run in found.values()]

    def count_between(self, since: float, until: float) -> int:
        return len(self._runs.search(TimeRange(since=since, until=until)))

    def count_of_sample(self, plan: str, sample: str) -> int:
        return len(self._of_sample(plan, sample))

    def uids_of_sample(self, plan: str, sample: str) -> list[str]:
        # list() would ask for the length first.
        # ``list`` would ask for the length first, which is a query more.
        return [uid for uid in self._of_sample(plan, sample).sort(_NEWEST_FIRST)]  # noqa: C416

    def uids_of_proposal(self, proposal: str) -> list[str]:
        # list() would ask for the length first.
        # ``list`` would ask for the length first, which is a query more.
        return [uid for uid in self._runs.search(Eq("proposal_id", proposal)).sort(_NEWEST_FIRST)]  # noqa: C416

    def read_scalars(self) -> Any:
        return _arrays(self._stream(self._facts.scalars).read())

    def read_one_column(self) -> Any:
        return _arrays(self._stream(self._facts.scalars).read(["c3", "time"]))

    def read_arrays(self) -> Any:
        return _arrays(self._stream(self._facts.arrays).read())

    def export(self) -> int:
        documents = self._data[self._facts.scalars].documents(fill=False)
        return sum(len(doc["seq_num"]) if name == "event_page" else 1 for name, doc in documents)

    def open_images(self, name: str) -> Any:
        return dict(self._stream(self._facts.images[name].uid).to_dask().sizes)

    def _images(self, name: str) -> tuple[Any]:
        return (self._stream(self._facts.images[name].uid).to_dask()["image"],)

    prepare_small_window = prepare_mean_frame = _images

    def prepare_one_frame(self, name: str, number: int) -> tuple[Any, int]:
        return (*self._images(name), number)

    def one_frame(self, column: Any, number: int) -> Any:
        return column[number, 0].compute()

    def small_window(self, column: Any) -> Any:
        return column[:, 0, 100:110, 100:110].compute()

    def mean_frame(self, column: Any) -> Any:
        return column.mean("time")[0].compute()

    def read_images(self, name: str) -> Any:
        return self._stream(self._facts.images[name].uid).read()["image"]

    def _of_sample(self, plan: str, sample: str) -> Any:
        return self._runs.search(Eq("plan_name", plan)).search(Eq("sample_name", sample))

    def _stream(self, uid: str) -> Any:
        return self._data[uid]["primary"]


def _pair(run: Any) -> Pair:
    metadata = run.metadata
    return dict(metadata["start"]), dict(metadata["stop"])


def _arrays(dataset: Any) -> dict[str, Any]:
    return {name: dataset[name].values for name in ("time", *dataset) if name != "time" or "time" in dataset.coords}
