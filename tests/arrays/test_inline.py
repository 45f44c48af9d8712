"""Columns of events are fetched together, once, and travel without their values."""

import pickle

import numpy as np
import pytest

from databroker_mongo import Catalog, Writer
from databroker_mongo.arrays import inline
from databroker_mongo.store import NormalizedStore
from databroker_mongo.testing import build_run


@pytest.fixture
def asked(monkeypatch):
    """The keys of each question for columns; no stream is too short to be lazy."""
    monkeypatch.setattr(inline, "_FEW_VALUES", 0)
    questions = []
    fetch = NormalizedStore.event_columns

    def noted(self, snapshot, keys, **kwargs):
        questions.append(list(keys))
        return fetch(self, snapshot, keys, **kwargs)

    monkeypatch.setattr(NormalizedStore, "event_columns", noted)
    return questions


ROWS = [{"a": 0.5 * row, "b": row, "c": row % 2 == 0, "text": "x" * row, "mca": [row, row]} for row in range(30)]


def stored(uri, **options):
    writer = Writer(uri)
    for name, doc in build_run({"primary": ROWS}, **options):
        writer(name, doc)
    return Catalog.from_uri(uri)[-1].primary


def test_numbers_are_fetched_in_one_question_when_the_first_is_needed(mongod_database_uri, asked):
    lazy = stored(mongod_database_uri).to_dask()
    assert asked == [["text"]]
    assert lazy["a"].sum().compute() == 217.5
    assert asked[1:] == [["a", "b", "c"]]
    lazy[["a", "b", "c"]].compute()
    assert asked[2:] == []
    np.testing.assert_array_equal(lazy["mca"].compute(), [row["mca"] for row in ROWS])
    assert asked[2:] == [["mca"]]


def test_the_values_of_a_stream_that_is_known_to_be_short_are_fetched_along_with_its_rows(
    mongod_database_uri, asked, monkeypatch
):
    monkeypatch.setattr(inline, "_FEW_VALUES", 20_000)
    stored(mongod_database_uri).to_dask().compute()
    assert asked == []


def test_the_values_of_a_stream_that_turns_out_to_be_short_are_fetched_in_one_question(
    mongod_database_uri, asked, monkeypatch
):
    monkeypatch.setattr(inline, "_FEW_VALUES", 20_000)
    stored(mongod_database_uri, exit_status=None).to_dask().compute()
    assert len(asked) == 1


def test_a_lazy_dataset_travels_without_the_values_it_has_fetched(mongod_database_uri, asked):
    lazy = stored(mongod_database_uri).to_dask()
    lazy["a"].compute()
    before = len(asked)
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(again["a"].compute(), lazy["a"].compute())
    assert len(asked) == before + 1


@pytest.mark.parametrize("few", [0, 20_000])
def test_a_lazy_column_has_the_dtype_and_the_values_of_the_one_read(store_uri, monkeypatch, few):
    monkeypatch.setattr(inline, "_FEW_VALUES", few)
    primary = stored(store_uri)
    loaded, lazy = primary.read(), primary.to_dask()
    assert {key: lazy[key].dtype for key in lazy} == {key: loaded[key].dtype for key in loaded}
    assert lazy.compute().identical(loaded)


@pytest.mark.parametrize("said", ["<f8", "<f4", "<i8", "<i2", "|b1"])
def test_a_lazy_column_has_the_dtype_that_its_descriptor_says_where_the_one_read_has_it(store_uri, monkeypatch, said):
    monkeypatch.setattr(inline, "_FEW_VALUES", 0)
    writer = Writer(store_uri)
    for name, doc in build_run({"primary": [{"n": row, "x": row + 0.5} for row in range(3)]}):
        for data_key in doc["data_keys"].values() if name == "descriptor" else ():
            data_key["dtype_numpy"] = said
        writer(name, doc)
    stream = Catalog.from_uri(store_uri)[-1].primary
    loaded, lazy = stream.read(), stream.to_dask()
    assert {key: lazy[key].dtype for key in lazy} == {key: loaded[key].dtype for key in loaded}
    assert lazy.compute().identical(loaded)
