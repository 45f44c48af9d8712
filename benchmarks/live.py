"""From a document that is written to a reader who sees it, in the same process and in another.

``python -m benchmarks.live`` writes 300 events one by one, three times, and 50 runs; about a minute. With
``--latency-ms 1`` writer and reader are a network away from the server.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from pymongo import WriteConcern

from databroker_mongo import Catalog, Writer

from .contestants.insertion import fresh_database, new_run
from .documents import Document
from .facts import Facts
from .latency import delayed
from .programs import new_parser, note_of, server_of, sizes_of, with_database
from .table import show

_PATIENCE_SECONDS = 60.0
_ROWS_OF_STOPPED = 10
Seen = Callable[[int], float]
"""Waits until so many rows are there to be read; returns when that was, by the clock that all processes share."""


def main() -> None:
    """Run the command."""
    parser = new_parser(__spec__.name, __doc__)
    parser.add_argument("--written", type=int, default=300, help="how many events are written (%(default)s)")
    parser.add_argument("--stopped", type=int, default=50, help="how many runs are stopped (%(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to each round trip (%(default)s)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(server_of(options))
        if options.latency_ms:
            later = delayed(server, options.work / "live.sock", options.latency_ms / 1000)
            server = with_database(stack.enter_context(later))
        facts = _facts(server, options)
        note = note_of(facts)
        rows = [
            _row("an event, by hand in the same process", _by_hand(facts, options.written), None),
            _row("an event, in the same process", _events(facts, options.written, _same_process), 50),
            _row("an event, in another process", _events(facts, options.written, _another_process), 50),
            _row("the stop, then catalog[-1].primary.read()", _stops(facts, options.stopped), 100),
        ]
    headings = ["what is seen", "median, ms", "99th percentile, ms", "longest, ms", "goal", ""]
    show(headings, rows, f"{note} {options.latency_ms:g} ms are added to each round trip.", options.rst)


def _facts(server: str, options: Any) -> Facts:
    sizes = replace(sizes_of(options), inserted=options.written)
    empty: dict[str, Any] = {"uids": [], "since": 0.0, "until": 0.0, "scalars": "", "arrays": "", "images": {}}
    databases = dict.fromkeys(("runs_database", "data_database", "many_database", "images_database"), "")
    return Facts(server=server, scratch_database="benchmark_scratch", sizes=sizes, work="", **databases, **empty)


def _row(title: str, waits: list[float], most_ms: float | None) -> list[str]:
    median, late, longest = (1000 * np.percentile(waits, part) for part in (50, 99, 100))
    goal = [] if most_ms is None else [f"<= {most_ms:g} ms", "yes" if late <= most_ms else "NO"]
    row = [title, f"{median:.1f}", f"{late:.1f}", f"{longest:.1f}", *(goal or ["", ""])]
    print(*row, sep=" | ", flush=True)
    return row


def _run(facts: Facts) -> tuple[Document, Document, list[Document], Document]:
    (_, (start,)), (_, (descriptor,)), *events, (_, (stop,)) = new_run(facts)
    return start, descriptor, [event for _, portion in events for event in portion], stop


def _by_hand(facts: Facts, n_events: int) -> list[float]:
    start, descriptor, events, _ = _run(facts)
    clients: list[Any] = []
    database = fresh_database(facts, clients).with_options(write_concern=WriteConcern("majority", j=True))
    database["run_start"].insert_one(start)
    database["event_descriptor"].insert_one(descriptor)
    waits = []
    wanted = {"descriptor": descriptor["uid"]}
    for number, event in enumerate(events[:n_events], 1):
        began = time.monotonic()
        database["event"].insert_one(event)
        while len(list(database["event"].find(wanted, {"_id": 0, "time": 1, "data.c3": 1}))) < number:
            pass
        waits.append(time.monotonic() - began)
    clients[0].close()
    return waits


def _events(facts: Facts, n_events: int, reader: Callable[[str, str], Any]) -> list[float]:
    """Return how long it takes from each event until it is read."""
    start, descriptor, events, _ = _run(facts)
    clients: list[Any] = []
    fresh_database(facts, clients)
    uri = facts.uri(facts.scratch_database)
    waits = []
    with Writer(uri, durable="each") as writer:
        writer("start", start)
        writer("descriptor", descriptor)
        with reader(uri, start["uid"]) as seen:
            for number, event in enumerate(events[:n_events], 1):
                began = time.monotonic()
                writer("event", event)
                waits.append(seen(number) - began)
    clients[0].close()
    return waits


def _stops(facts: Facts, n_runs: int) -> list[float]:
    """Return how long it takes from each stop until the newest run is that one, and read."""
    clients: list[Any] = []
    fresh_database(facts, clients)
    uri = facts.uri(facts.scratch_database)
    catalog, waits = Catalog.from_uri(uri), []
    with Writer(uri, durable="each") as writer:
        for number in range(n_runs):
            start, descriptor, events, stop = _run(facts)
            for document in (start, descriptor, stop):
                document["time"] += 10.0 * number
            writer("start", start)
            writer("descriptor", descriptor)
            rows = events[:_ROWS_OF_STOPPED]
            for event in rows:
                writer("event", event)
            began = time.monotonic()
            writer("stop", stop)
            while not _shows(catalog, start["uid"], len(rows)):
                if time.monotonic() > began + _PATIENCE_SECONDS:
                    raise TimeoutError(f"the stop of run {start['uid']} was not seen")
            waits.append(time.monotonic() - began)
    clients[0].close()
    return waits


def _shows(catalog: Catalog, run_uid: str, n_rows: int) -> bool:
    """Tell whether the newest run is this one, stopped and with all its rows."""
    run = catalog[-1]
    return run.start["uid"] == run_uid and run.stop is not None and run.primary.read().sizes["time"] == n_rows


@contextlib.contextmanager
def _same_process(uri: str, run_uid: str) -> Iterator[Seen]:
    """Read in a thread beside the one that writes."""
    n_seen = -1
    at = 0.0
    is_over = threading.Event()
    looked = threading.Condition()

    def read() -> None:
        nonlocal n_seen, at
        for n_rows in _looks(uri, run_uid):
            with looked:
                n_seen, at = n_rows, time.monotonic()
                looked.notify_all()
            if is_over.is_set():
                return

    def seen(number: int) -> float:
        with looked:
            if not looked.wait_for(lambda: n_seen >= number, _PATIENCE_SECONDS):
                raise TimeoutError(f"row {number} was not seen")
            return at

    reading = threading.Thread(target=read)
    reading.start()
    try:
        seen(0)
        yield seen
    finally:
        is_over.set()
        reading.join()


@contextlib.contextmanager
def _another_process(uri: str, run_uid: str) -> Iterator[Seen]:
    context: Any = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    reading = context.Process(target=_tell, args=(uri, run_uid, theirs), daemon=True)
    reading.start()

    def seen(number: int) -> float:
        while ours.poll(_PATIENCE_SECONDS):
            n_rows, at = ours.recv()
            if n_rows >= number:
                return float(at)
        raise TimeoutError(f"row {number} was not seen")

    try:
        seen(0)
        yield seen
    finally:
        reading.kill()
        reading.join()


def _tell(uri: str, run_uid: str, told: Any) -> None:
    before = -1
    for n_rows in _looks(uri, run_uid):
        if n_rows != before:
            told.send((n_rows, time.monotonic()))
            before = n_rows


def _looks(uri: str, run_uid: str) -> Iterator[int]:
    """Read one column over and over; yield how many rows there are."""
    catalog = Catalog.from_uri(uri)
    while True:
        yield catalog[run_uid].primary.read(["c3"]).sizes["time"]


if __name__ == "__main__":
    main()
