"""A writer of a thousand events a second, while the rows of many runs are read: does it keep its pace?

``python -m benchmarks.writing_beside --many 10000`` writes alone, while this package reads, and while the program by
hand reads; about a minute, and as much again for the data the first time.
"""

from __future__ import annotations

import importlib
import multiprocessing
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pymongo

from databroker_mongo import Catalog, Writer

from .documents import (
    COLUMNS,
    FIRST_TIME,
    descriptor_document,
    event_document,
    numbers,
    start_document,
    stop_document,
)
from .facts import Facts
from .indexes import create_indexes
from .programs import data_of, new_parser, note_of
from .table import show

_SECONDS_BEFORE = 2.0
_PAUSE_SECONDS = 0.1
_RUNS_A_PAGE = 1000


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--rate", type=int, default=1000, help="events a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long it is written at least (%(default)s)")
    options = parser.parse_args()
    rows = []
    with data_of(options) as facts:
        taken = note_of(facts)
        for title, reader in (("nobody", None), ("by hand", "by_hand"), ("here", "ours"), ("here, by pages", "pages")):
            rows.append([title, *_measure(facts, reader, options.rate, options.seconds)])
            print(*rows[-1], sep=" | ", flush=True)
    headings = ["who reads", "readings", "a reading, s", "events written", "a second"]
    waits = [f"writer(event), {part}" for part in ("median us", "99th percentile, us", "99.9th, ms", "longest, ms")]
    note = f"{options.many:,} runs of 200 events are read; {options.rate} events a second are to be written in batches."
    show([*headings, *waits], rows, f"{taken} {note}", options.rst)


def _measure(facts: Facts, reader: str | None, rate: int, seconds: float) -> list[str]:
    """Write, in a process of its own, and read meanwhile, over and over."""
    read = _reading(facts, reader)
    read()  # imports are none of the writer's business
    context: Any = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    writer = context.Process(target=_write, args=(facts, rate, theirs))
    writer.start()
    try:
        ours.recv()
        time.sleep(_SECONDS_BEFORE)
        readings: list[float] = []
        ends = time.monotonic() + seconds
        while not readings or time.monotonic() < ends:
            began = time.perf_counter()
            read()
            readings.append(time.perf_counter() - began)
        ours.send("enough")
        n_written, took, waited = ours.recv()
    finally:
        writer.join(timeout=60)
    parts = np.percentile(waited, [50, 99, 99.9, 100])
    of_readings = [str(len(readings)), f"{np.median(readings):.2f}"] if reader else ["", ""]
    told = [f"{parts[0] * 1e6:.0f}", f"{parts[1] * 1e6:.0f}", f"{parts[2] * 1e3:.1f}", f"{parts[3] * 1e3:.1f}"]
    return [*of_readings, f"{n_written:,}", f"{n_written / took:.0f}", *told]


def _reading(facts: Facts, reader: str | None) -> Callable[[], object]:
    """Return what reads all rows once."""
    if reader is None:
        return partial(time.sleep, _PAUSE_SECONDS)
    if reader == "pages":
        return partial(_read_pages, facts)
    contestant = importlib.import_module(f"{__package__}.contestants.{reader}").Contestant(facts)
    read: Callable[[], object] = contestant.column_of_many
    return read


def _read_pages(facts: Facts) -> None:
    for page in Catalog.from_uri(facts.uri(facts.many_database)).read("det", pages=_RUNS_A_PAGE):
        page.close()


def _write(facts: Facts, rate: int, told: Any) -> None:
    """Write events at a pace until it is enough; tell how many, in which time, and how long each call took."""
    with pymongo.MongoClient(facts.uri("")) as client:  # type: ignore[var-annotated]  # pymongo infers no type
        client.drop_database(facts.scratch_database)
        create_indexes(client[facts.scratch_database])
    rng = random.Random(4)
    start = start_document(rng, 1, FIRST_TIME)
    descriptor = descriptor_document(rng, start, FIRST_TIME, numbers(COLUMNS))
    waited: list[float] = []
    with Writer(facts.uri(facts.scratch_database), durable="batch") as writer:
        writer("start", start)
        writer("descriptor", descriptor)
        told.send("begun")
        began = time.perf_counter()
        while not told.poll():
            data = {name: rng.random() for name in COLUMNS}
            event = event_document(rng, descriptor, len(waited) + 1, FIRST_TIME + len(waited) / rate, data)
            time.sleep(max(0.0, began + len(waited) / rate - time.perf_counter()))
            before = time.perf_counter()
            writer("event", event)
            waited.append(time.perf_counter() - before)
        took = time.perf_counter() - began
        writer("stop", stop_document(rng, start, FIRST_TIME + 1e6, len(waited)))
    told.recv()
    told.send((len(waited), took, waited))


if __name__ == "__main__":
    main()
