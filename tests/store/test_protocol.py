"""What a store has to have: it may answer about runs and their documents alone."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from databroker_mongo import Catalog
from databroker_mongo.errors import ConfigurationError, Unsupported
from databroker_mongo.store import DocumentSource, RunSource, Store
from databroker_mongo.testing import build_run
from databroker_mongo.writing import Writer

ASKED = [name for part in (RunSource, DocumentSource) for name in vars(part) if not name.startswith("_")]


class Plain(Store):
    """A database of runs that answers about runs and their documents, by asking another."""

    def __init__(self, other: Store):
        self._other = other

    @property
    def address(self) -> str:
        return "plain://here"


for _name in set(ASKED) - {"address", "explain"}:
    setattr(Plain, _name, lambda self, *args, _name=_name, **options: getattr(self._other, _name)(*args, **options))


@pytest.fixture
def catalog() -> Catalog:
    whole = Catalog.in_memory()
    for name, doc in build_run({"primary": [{"x": 1.0}, {"x": 2.0}]}, scan_id=5, plan_name="scan"):
        Writer(whole)(name, doc)
    return Catalog(Plain(whole.store), whole.assets)


def test_a_store_that_answers_about_runs_and_documents_is_a_whole_one(catalog):
    run = catalog[5]
    assert run["primary"].read()["x"].values.tolist() == [1.0, 2.0]
    assert [name for name, _ in run.documents()] == ["start", "descriptor", "event_page", "stop"]
    assert catalog.distinct("plan_name") == ["scan"]
    assert list(catalog.search(stream="primary").table(["n_events"])["n_events"]) == [2]
    assert list(pickle.loads(pickle.dumps(catalog))) == list(catalog)


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda store: store.changes(["start"]), "be followed"),
        (lambda store: store.new_events(), "be followed"),
        (lambda store: store.examination, "be examined"),
        (lambda store: store.indexes(), "list indexes"),
        (lambda store: store.statistics(), "tell its size"),
        (lambda store: store.explain(Any), "explain a query"),
    ],
)
def test_what_a_store_does_not_have_it_refuses_and_says_which_store_it_is(catalog, ask, what):
    with pytest.raises(Unsupported, match=f"plain://here cannot {what}") as caught:
        ask(catalog.store)
    assert caught.value.address == "plain://here"
    assert isinstance(caught.value, NotImplementedError)


def test_a_store_that_cannot_be_written_to_is_not_corrected(catalog):
    with pytest.raises(ConfigurationError, match="plain://here is open for reading only"):
        catalog.update(5, start={"sample": "B"})
