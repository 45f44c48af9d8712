"""databroker 1.2.5, in an environment of its own, as its users call it."""

from __future__ import annotations

import itertools
from typing import Any

import hdf5plugin  # noqa: F401 (lets h5py decode what it does not by itself)
from databroker._drivers.mongo_normalized import BlueskyMongoCatalog
from suitcase.mongo_normalized import Serializer

from ..facts import Facts
from .insertion import fresh_database, new_run, page_of

Named = tuple[str, dict[str, Any]]
Pair = tuple[Any, Any]


class Contestant:
    """The tasks that it has a way to do."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._client: list[Any] = []
        uris = (facts.uri(facts.runs_database), facts.uri(facts.data_database))
        self._runs, self._data = (BlueskyMongoCatalog(uri, uri) for uri in uris)

    def forget(self) -> None:
        """Forget the runs that were opened."""
        for catalog in (self._runs, self._data):
            catalog._entries.cache_clear()

    def run_at(self, place: int) -> Pair:
        return _pair(self._runs[-place])

    def run_of_scan_id(self, scan_id: int) -> Pair:
        return _pair(self._runs[scan_id])

    def run_of_uid(self, uid: str) -> Pair:
        return _pair(self._runs[uid])

    run_of_beginning = run_of_uid

    def has_run(self, uid: str) -> bool:
        return uid in self._runs

    def count_runs(self) -> int:
        return len(self._runs)

    def first_page(self) -> list[Pair]:
        return [_pair(self._runs[uid]) for uid in itertools.islice(self._runs, 100)]

    def runs_between(self, since: float, until: float) -> list[Pair]:
        found = self._runs.search(_between(since, until))
        return [_pair(found[uid]) for uid in found]

    def count_between(self, since: float, until: float) -> int:
        return len(self._runs.search(_between(since, until)))

    def count_of_sample(self, plan: str, sample: str) -> int:
        return len(self._runs.search({"plan_name": plan, "sample_name": sample}))

    def uids_of_sample(self, plan: str, sample: str) -> list[str]:
        # list() would ask for the length first.
        # ``list`` would ask for the length first, which is a query more.
        return [uid for uid in self._runs.search({"plan_name": plan, "sample_name": sample})]  # noqa: C416

    def uids_of_proposal(self, proposal: str) -> list[str]:
        # list() would ask for the length first.
        # ``list`` would ask for the length first, which is a query more.
        return [uid for uid in self._runs.search({"proposal_id": proposal})]  # noqa: C416

    def read_scalars(self) -> Any:
        return _arrays(self._stream(self._facts.scalars).read())

    def read_arrays(self) -> Any:
        return _arrays(self._stream(self._facts.arrays).read())

    def export(self) -> int:
        documents = self._data[self._facts.scalars].documents(fill="no")
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

    def prepare_insert_events(self) -> tuple[Serializer, list[Named]]:
        database = fresh_database(self._facts, self._client)
        documents = [(name, document) for name, documents in new_run(self._facts) for document in documents]
        return Serializer(database, database), documents

    def prepare_insert_pages(self) -> tuple[Serializer, list[Named]]:
        serializer, _ = self.prepare_insert_events()
        return serializer, [
            ("event_page", page_of(documents)) if name == "event" else (name, documents[0])
            for name, documents in new_run(self._facts)
        ]

    def insert_events(self, serializer: Serializer, documents: list[Named]) -> None:
        for name, document in documents:
            serializer(name, document)

    insert_pages = insert_events

    def _stream(self, uid: str) -> Any:
        return self._data[uid]["primary"]


def _between(since: float, until: float) -> dict[str, Any]:
    return {"time": {"$gte": since, "$lt": until}}


def _pair(run: Any) -> Pair:
    metadata = run.metadata
    return dict(metadata["start"]), dict(metadata["stop"])


def _arrays(dataset: Any) -> dict[str, Any]:
    return {name: dataset[name].values for name in ("time", *dataset)}
