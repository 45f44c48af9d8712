"""A database to insert into, and what is inserted: the same for all contestants."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo

from ..documents import FIRST_TIME, Batch, Document, descriptor_document, new_uid, numbers, start_document
from ..facts import Facts
from ..indexes import create_indexes
from ..large_runs import scalars

_EVENTS_AT_ONCE = 100
_N_KEYS, _N_THREADS, _N_EACH = 268, 16, 60
_numbers = itertools.count()


def fresh_database(facts: Facts, client: list[Any]) -> Any:
    """Return an empty database with its indexes; the client is kept in the list."""
    if not client:
        client.append(pymongo.MongoClient(facts.uri("")))
    client[0].drop_database(facts.scratch_database)
    database = client[0][facts.scratch_database]
    create_indexes(database)
    return database


def new_run(facts: Facts) -> list[tuple[str, list[Document]]]:
    """Return the documents of a run that was not inserted before, as they are sent: events 100 at once."""
    run: Batch = {}
    for batch in scalars(facts.sizes.inserted):
        for name, documents in batch.items():
            run.setdefault(name, []).extend(documents)
    rng = random.Random(next(_numbers))
    for document in itertools.chain.from_iterable(run.values()):
        document["uid"] = new_uid(rng)
    start, descriptor = run["run_start"][0], run["event_descriptor"][0]
    descriptor["run_start"] = run["run_stop"][0]["run_start"] = start["uid"]
    for event in run["event"]:
        event["descriptor"] = descriptor["uid"]
    firsts = range(0, len(run["event"]), _EVENTS_AT_ONCE)
    events = [("event", run["event"][first : first + _EVENTS_AT_ONCE]) for first in firsts]
    return [("start", [start]), ("descriptor", [descriptor]), *events, ("stop", run["run_stop"])]


def wide_run() -> list[tuple[str, list[Document]]]:
    """Return the start and the descriptor of a run of 268 data keys."""
    rng = random.Random(next(_numbers))
    start = start_document(rng, 1, FIRST_TIME)
    described = descriptor_document(rng, start, FIRST_TIME + 1, numbers([f"key_{each:03d}" for each in range(_N_KEYS)]))
    return [("start", [start]), ("descriptor", [described])]


def shared_out(portions: list[tuple[str, list[Document]]]) -> list[list[Document]]:
    """Return events for each of 16 threads."""
    events = [event for _, portion in portions for event in portion][: _N_THREADS * _N_EACH]
    return [events[number::_N_THREADS] for number in range(_N_THREADS)]


def in_threads(insert: Callable[[Document], Any], portions: list[list[Document]]) -> None:
    """Insert the events of each portion one by one, in a thread of its own."""
    with ThreadPoolExecutor(len(portions)) as pool:
        list(pool.map(lambda portion: [insert(event) for event in portion], portions))


def page_of(events: list[Document]) -> Document:
    """Return events as one page."""
    page: Document = {name: [event[name] for event in events] for name in ("uid", "seq_num", "time")}
    page["descriptor"] = events[0]["descriptor"]
    page["filled"] = {}
    for section in ("data", "timestamps"):
        page[section] = {name: [event[section][name] for event in events] for name in events[0][section]}
    return page
