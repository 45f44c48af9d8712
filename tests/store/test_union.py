"""Several databases as one: each run once, from wherever it is."""

from __future__ import annotations

import itertools

import pytest

from databroker_mongo.store import open_store, writable
from databroker_mongo.store.union.members import Member
from databroker_mongo.store.union.union import UnionStore
from databroker_mongo.testing import StoreConformance

CANNOT = frozenset({"explain", "indexes", "statistics", "new_events", "examination"})


def run_of(name, document):
    return document["uid"] if name == "start" else document.get("run_start")


@pytest.fixture
def member(database_name):
    numbers = itertools.count()

    def member(documents):
        uri = f"memory://{database_name}_{next(numbers)}"
        store = writable(open_store(uri))
        for name, document in documents:
            store.insert(name, [dict(document)])
        return Member(open_store(uri))

    return member


def divided(documents):
    """Yield documents with the number of the database, 0 or 1, of their run: from run to run the other."""
    number, of_run = 1, {}
    for name, document in documents:
        if name == "start":
            number = 1 - number
            of_run[document["uid"]] = number
        yield of_run.get(document.get("run_start"), number), (name, document)


class TestUnionOfHalves(StoreConformance):
    """Every other run is in another database."""

    cannot = CANNOT

    @pytest.fixture
    def fill(self, member):
        def fill(documents):
            parts = list(divided(documents))
            return UnionStore([member(each for part, each in parts if part == number) for number in (0, 1)])

        return fill


class TestUnionOfTheSame(StoreConformance):
    """Both have every run."""

    cannot = CANNOT

    @pytest.fixture
    def fill(self, member):
        def fill(documents):
            documents = list(documents)
            return UnionStore([member(documents), member(documents)])

        return fill
