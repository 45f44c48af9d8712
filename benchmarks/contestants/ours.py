"""This package, as its users call it. Each call begins with a catalog, and handlers, that remember nothing."""

from __future__ import annotations

import itertools
from typing import Any

from databroker_mongo import Catalog, Run, Writer
from databroker_mongo.assets.pool import process_pool

from ..documents import Document
from ..facts import Facts
from .insertion import fresh_database, in_threads, new_run, page_of, shared_out, wide_run

Named = tuple[str, dict[str, Any]]
Pair = tuple[Any, Any]


class Contestant:
    """All tasks."""

    def __init__(self, facts: Facts):
        self._facts = facts
        self._client: list[Any] = []
        self.forget()

    def forget(self) -> None:
        """Begin with new catalogs, and close all files."""
        process_pool().close()
        self._runs = Catalog.from_uri(self._facts.uri(self._facts.runs_database))
        self._data = Catalog.from_uri(self._facts.uri(self._facts.data_database))
        self._many = Catalog.from_uri(self._facts.uri(self._facts.many_database))
        self._with_images = Catalog.from_uri(self._facts.uri(self._facts.images_database))

    def run_at(self, place: int) -> Pair:
        return _pair(self._runs[-place])

    def run_of_scan_id(self, scan_id: int) -> Pair:
        return _pair(self._runs[scan_id])

    def run_of_uid(self, uid: str) -> Pair:
        return _pair(self._runs[uid])

    run_of_beginning = run_of_uid

    def has_run(self, uid: str) -> bool:
        return uid in self._runs

    def latest_runs(self) -> list[Pair]:
        return [_pair(run) for run in self._runs[-5:]]

    def count_runs(self) -> int:
        return len(self._runs)

    def first_page(self) -> list[Pair]:
        return [_pair(run) for run in itertools.islice(self._runs.values(), 100)]

    def runs_between(self, since: float, until: float) -> list[Pair]:
        return [_pair(run) for run in self._runs.search(_between(since, until)).values()]

    def table(self) -> list[Any]:
        return _rows(self._runs.table(limit=1000))

    def count_between(self, since: float, until: float) -> int:
        return len(self._runs.search(_between(since, until)))

    def count_of_sample(self, plan: str, sample: str) -> int:
        return len(self._runs.search({"plan_name": plan, "sample_name": sample}))

    def uids_of_sample(self, plan: str, sample: str) -> list[str]:
        return _uids(self._runs.search({"plan_name": plan, "sample_name": sample}))

    def uids_of_proposal(self, proposal: str) -> list[str]:
        return _uids(self._runs.search({"proposal_id": proposal}))

    def failed_runs(self) -> list[Pair]:
        found = self._runs.search(stop={"exit_status": "fail"})
        return [_pair(run) for run in itertools.islice(found.values(), 100)]

    def samples(self) -> dict[str, int]:
        return dict(self._runs.distinct("sample_name", counts=True))

    def read_scalars(self) -> Any:
        return _arrays(self._stream(self._facts.scalars).read())

    def read_one_column(self) -> Any:
        return _arrays(self._stream(self._facts.scalars).read(["c3"]))

    def read_arrays(self) -> Any:
        return _arrays(self._stream(self._facts.arrays).read())

    def open_scalars(self) -> Any:
        return dict(self._stream(self._facts.scalars).to_dask().sizes)

    def prepare_some_rows(self, row: int) -> tuple[Any, int]:
        return self._stream(self._facts.scalars).to_dask()["c3"], row

    def some_rows(self, column: Any, row: int) -> Any:
        return column[row : row + 10].compute()

    def export(self) -> int:
        run = self._data[self._facts.scalars]
        return sum(len(doc["seq_num"]) if name == "event_page" else 1 for name, doc in run.documents(fill="no"))

    def column_of_many(self) -> Any:
        return _arrays(self._many.read("det"))

    def means_of_many(self) -> list[float]:
        return list(self._many.table(["mean(det)"])["mean(det)"])

    def mean_images(self) -> list[Any]:
        found = self._with_images.map(lambda dataset: dataset["image"].values.mean(axis=(0, 1)), keys="image")
        return list(found["result"])

    def open_images(self, name: str) -> Any:
        return dict(self._stream(self._facts.images[name].uid).to_dask().sizes)

    def _images(self, name: str) -> tuple[Any]:
        column = self._stream(self._facts.images[name].uid).to_dask()["image"]
        process_pool().close()
        return (column,)

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

    def prepare_insert_events(self) -> tuple[Writer, list[Named]]:
        fresh_database(self._facts, self._client)
        writer = Writer(self._facts.uri(self._facts.scratch_database), durable="batch")
        return writer, [(name, document) for name, documents in new_run(self._facts) for document in documents]

    def prepare_insert_pages(self) -> tuple[Writer, list[Named]]:
        writer, _ = self.prepare_insert_events()
        run = new_run(self._facts)
        return writer, [
            ("event_page", page_of(documents)) if name == "event" else (name, documents[0]) for name, documents in run
        ]

    def insert_events(self, writer: Writer, documents: list[Named]) -> None:
        with writer:
            for name, document in documents:
                writer(name, document)
        assert writer.pending == 0

    insert_pages = insert_events

    def prepare_insert_descriptor(self) -> tuple[Writer, Document]:
        fresh_database(self._facts, self._client)
        writer = Writer(self._facts.uri(self._facts.scratch_database), durable="each")
        (_, (start,)), (_, (descriptor,)) = wide_run()
        writer("start", start)
        return writer, descriptor

    def insert_descriptor(self, writer: Writer, descriptor: Document) -> None:
        writer("descriptor", descriptor)

    def prepare_insert_shared(self) -> tuple[Writer, list[list[Document]]]:
        fresh_database(self._facts, self._client)
        writer = Writer(self._facts.uri(self._facts.scratch_database), durable="each")
        (_, (start,)), (_, (descriptor,)), *events, _ = new_run(self._facts)
        writer("start", start)
        writer("descriptor", descriptor)
        return writer, shared_out(events)

    def insert_shared(self, writer: Writer, portions: list[list[Document]]) -> None:
        in_threads(lambda event: writer("event", event), portions)
        assert writer.pending == 0

    def _stream(self, uid: str) -> Any:
        return self._data[uid]["primary"]


def _uids(catalog: Catalog) -> list[str]:
    """Return the uids one by one: ``list`` would ask for the length first, which none of the others is asked."""
    return [uid for uid in catalog]  # noqa: C416 list() would ask for the length, a query more


def _between(since: float, until: float) -> dict[str, Any]:
    return {"time": {"$gte": since, "$lt": until}}


def _arrays(dataset: Any) -> dict[str, Any]:
    return {name: dataset[name].values for name in ("time", *dataset)}


def _pair(run: Run) -> Pair:
    return run.start, run.stop


def _rows(table: Any) -> list[Any]:
    return [len(table), *table["scan_id"].tolist()[:3], round(float(table["duration"].sum()), 6)]
