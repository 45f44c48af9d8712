"""Any run that event-model can compose is read as it was, and so is each copy of it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

from databroker_mongo import Catalog, Run, Stream, Writer
from databroker_mongo.documents import rows_of
from databroker_mongo.errors import DocumentWarning
from databroker_mongo.packs import read_documents
from databroker_mongo.values import are_equal

from ..copying import copy_before_reading
from .composed_runs import EVERYTHING, GONE, Composed, Named, Recipe, Rows, compose, recipes

_numbers = itertools.count(1)


class Bench:
    """Catalogs for a run and its copies, and a place for files."""

    def __init__(self, uri_of: Any, directory: Path):
        self.original, self.copy, self.exported = (Catalog.from_uri(uri_of(n)) for n in ("a", "b", "c"))
        self.directory = directory

    def survives(self, recipe: Recipe) -> None:
        """Insist that a run is what it was in each way that its data takes."""
        for _, step in self.steps(recipe):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*('time_'|rows have no datum)", DocumentWarning)
                step()

    def steps(self, recipe: Recipe) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what has to hold of a run, one after the other."""
        number = next(_numbers)
        place = self.directory / f"run {number}"
        place.mkdir()
        composed = compose(recipe, place, uid=f"{number:08x}-run")
        uid = composed.documents[0][1]["uid"]
        yield "write", lambda: write(self.original, composed.emitted(is_paged=recipe.is_paged))
        run, header = self.original[uid], self.original.v1[uid]
        yield from steps_of_run("original", run, composed)
        yield "v1 documents", lambda: require_documents(header.documents(), composed.documents)
        for name, rows in composed.streams.items():
            yield "v1 table", lambda name=name, rows=rows: require_table(header.table(name), rows, rows.stored)
            yield (
                "v1 filled table",
                lambda name=name, rows=rows: require_table(header.table(name, fill=True), rows, rows.values),
            )
            for key in rows.values:
                yield (
                    "v1 data",
                    lambda name=name, rows=rows, key=key: require_column([*header.data(key, name)], rows.values[key]),
                )
            yield "v1 filled events", lambda name=name, rows=rows: require_events(header.events(name, fill=True), rows)
        yield "pack", lambda: require_packed(run.documents(), place / "documents.jsonl")
        yield "copy", lambda: write(self.copy, run.documents())
        yield from steps_of_run("copy", self.copy[uid], composed)
        yield "export", lambda: self.original.v1.export(header, self.exported.v1, new_root=str(place / "exported"))
        moved = self.exported[uid]
        yield "exported documents", lambda: require_documents(moved.documents(), composed.documents, is_moved=True)
        for folder in place.glob("files of *"):
            folder.rename(place / f"gone {folder.name}")
        for name, rows in composed.streams.items():
            yield "exported read", lambda name=name, rows=rows: require_rows(moved[name], rows)


def steps_of_run(which: str, run: Run, composed: Composed) -> Iterator[tuple[str, Callable[[], None]]]:
    yield f"{which}: documents", lambda: require_documents(run.documents(), composed.documents)
    yield f"{which}: small pages", lambda: require_documents(run.documents(page_size=1), composed.documents)
    yield f"{which}: streams", lambda: require_streams(run, composed)
    for name, rows in composed.streams.items():
        yield f"{which}: read", lambda name=name, rows=rows: require_rows(run[name], rows)
        yield f"{which}: timestamps", lambda name=name, rows=rows: require_timestamps(run[name], rows)
        yield f"{which}: follow", lambda name=name, rows=rows: require_followed(run[name], rows)
    yield f"{which}: findings", lambda: require_findings(run, composed)


def write(catalog: Catalog, documents: Iterable[Named]) -> None:
    with Writer(catalog, durable="batch") as writer:
        for name, document in documents:
            writer(name, document)


def require_streams(run: Run, composed: Composed) -> None:
    assert list(run) == list(dict.fromkeys(doc["name"] for name, doc in composed.documents if name == "descriptor"))


def require_findings(run: Run, composed: Composed) -> None:
    """Insist that what events lack is told, and nothing that is not so."""
    kinds = {each.kind for each in run.findings() if each.is_fault}
    lacks = any(has_gaps(column) for rows in composed.streams.values() for column in rows.stored.values())
    assert ("missing-value" in kinds) == lacks, kinds
    assert kinds <= {"missing-value", "wrong-type", "no-stop"}, kinds


# Documents.


def singles(documents: Iterable[Named]) -> list[Named]:
    return [(name, dict(row)) for page, document in documents for name, row in rows_of(page, document)]


def identity(named: Named) -> tuple[str, str]:
    name, document = named
    return name, document["datum_id" if name == "datum" else "uid"]


def require_documents(documents: Iterable[Named], expected: list[Named], *, is_moved: bool = False) -> None:
    """Insist that these are the documents that were emitted, each once, each before those that need it."""
    found = singles(documents)
    assert sorted(map(identity, found)) == sorted(map(identity, expected))
    by_identity = {identity(named): named[1] for named in expected}
    for named in found:
        one, other = (
            without_place(*each, is_moved=is_moved) for each in (named, (named[0], by_identity[identity(named)]))
        )
        assert are_equal(one, other), (one, other)
        assert types(one) == types(other)
    seen: set[str] = set()
    for name, document in found:
        for parent in ("run_start", "descriptor", "resource", "stream_resource"):
            assert document.get(parent) is None or document[parent] in seen, (name, parent)
        external = [key for key, is_filled in (document.get("filled") or {}).items() if not is_filled]
        assert {document["data"][key] for key in external} <= seen
        seen.add(document["datum_id" if name == "datum" else "uid"])
    times = [document["time"] for name, document in found if name == "event"]
    assert times == sorted(times)


def without_place(name: str, document: dict[str, Any], *, is_moved: bool) -> dict[str, Any]:
    """Leave out what an empty "filled" means as well, and of what was moved its place."""
    left_out = {"filled"} if not document.get("filled") else set()
    left_out |= {"root", "resource_path", "uri"} if is_moved else set()
    return {key: value for key, value in document.items() if key not in left_out}


def types(value: Any) -> Any:
    """Return the types of all parts of a document."""
    if isinstance(value, dict):
        return {key: types(each) for key, each in value.items()}
    return [*map(types, value)] if isinstance(value, list | tuple) else type(value)


# Columns.


def is_same(found: Any, expected: Any) -> bool:
    """Tell whether a value that was read is the one that is right; what an event lacks is missing."""
    expected = expected.item() if isinstance(expected, np.generic) else expected
    if isinstance(found, np.generic) or (isinstance(found, np.ndarray) and not isinstance(expected, np.ndarray)):
        found = found.tolist()
    if expected is GONE:
        return found is None or (isinstance(found, float) and math.isnan(found)) or is_all_nan(found)
    if isinstance(expected, np.ndarray):
        return np.shape(found) == expected.shape and same_numbers(found, expected)
    if isinstance(expected, list | tuple):
        return isinstance(found, list) and len(found) == len(expected) and all(map(is_same, found, expected))
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(map(is_same, found.values(), expected.values()))
        )
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(found, float) and math.isnan(found)
    return isinstance(found, bool) == isinstance(expected, bool) and bool(found == expected)


def same_numbers(found: Any, expected: np.ndarray[Any, Any]) -> bool:
    return bool(np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f"))


def has_gaps(column: list[Any]) -> bool:
    return any(value is GONE for value in column)


def is_all_nan(found: Any) -> bool:
    return isinstance(found, list | np.ndarray) and np.asarray(found).dtype.kind == "f" and bool(np.isnan(found).all())


def require_column(found: Any, expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for row, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert is_same(one, other), (row, one, other)


def require_dtype(dtype: np.dtype[Any], expected: list[Any]) -> None:
    kinds = {each.dtype if isinstance(each, np.ndarray) else type(each) for each in expected}
    if len(kinds) == 1:
        kind = kinds.pop()
        known = {float: "f8", int: "i8", bool: "?"}
        if isinstance(kind, np.dtype):
            assert dtype == kind
        elif kind in known and dtype.kind != "O":
            assert dtype == known[kind]


def require_rows(stream: Any, rows: Rows) -> None:
    images = [column for column in rows.values.values() if any(isinstance(value, np.ndarray) for value in column)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset, lazy = stream.read(), stream.to_dask()
    told = [str(each.message) for each in caught if "allowed_roots" not in str(each.message)]
    assert bool(told) == (any(map(has_gaps, images)) or "time" in rows.values), told
    assert not dataset.attrs.get("unreadable")
    assert set(dataset.data_vars) == {"time_" if key == "time" else key for key in rows.values}
    assert dataset.sizes.get("time", len(rows.seq_nums)) == len(rows.seq_nums)
    if rows.times:
        assert dataset["time"].values.tolist() == rows.times
    for key, expected in rows.values.items():
        column = dataset["time_" if key == "time" else key]
        require_column(column.values, expected)
        require_dtype(column.dtype, expected)
    computed = lazy.compute()
    assert (computed.sizes, computed.attrs, list(computed)) == (dataset.sizes, dataset.attrs, list(dataset))
    for key, column in dataset.items():
        assert (lazy[key].dtype, lazy[key].attrs, lazy[key].dims) == (column.dtype, column.attrs, column.dims)
        require_column(computed[key].values, list(column.values))


def require_timestamps(stream: Stream, rows: Rows) -> None:
    if not rows.times:
        return
    timestamps = stream.timestamps.read()
    for key, expected in rows.timestamps.items():
        require_column(timestamps["time_" if key == "time" else key].values, expected)
    configured = [descriptor["configuration"]["device"]["data"]["setting"] for descriptor in rows.descriptors]
    require_column(stream.config["device"].read()["setting"].values, configured)


def require_followed(stream: Stream, rows: Rows) -> None:
    if not stream.source.is_complete:
        return
    followed = list(stream.follow(seconds=0.01))
    assert [(row.number, row.time) for row in followed] == list(enumerate(rows.times))
    for key, expected in rows.stored.items():
        require_column([row.data.get(key) for row in followed], expected)


# The interface of databroker 1.


def require_table(table: Any, rows: Rows, columns: dict[str, list[Any]]) -> None:
    if columns:
        assert table.index.tolist() == rows.seq_nums
    for key, expected in columns.items():
        require_column(table["time_" if key == "time" else key].tolist(), expected)
    if columns and rows.times:
        assert np.allclose(table["time"].astype("int64") / 1e9, rows.times, rtol=0, atol=1e-6)


def require_events(events: Iterable[Any], rows: Rows) -> None:
    events = sorted(events, key=lambda event: event["seq_num"])
    if not rows.times:
        assert not events
        return
    assert [event["seq_num"] for event in events] == rows.seq_nums
    for key, expected in rows.values.items():
        for event, value in zip(events, expected, strict=True):
            assert is_same(event["data"][key], value) if key in event["data"] else value is GONE


# Packs.


def require_packed(documents: Iterable[Named], path: Path) -> None:
    documents = list(documents)
    path.write_text("".join(f"{json.dumps(named)}\n" for named in documents))
    back = list(read_documents(path))
    assert [name for name, _ in back] == [name for name, _ in documents]
    assert all(are_equal(one, other) for (_, one), (_, other) in zip(back, documents, strict=True))


@pytest.fixture
def bench(installed_handlers, tmp_path, request, database_name):
    if request.param == "mongomock":
        yield Bench(lambda part: f"memory://{database_name}_{part}", tmp_path)
        return
    import pymongo

    if request.param == "copies":
        copy_before_reading(request.getfixturevalue("monkeypatch"))
    uri = request.getfixturevalue("mongod_uri")
    yield Bench(lambda part: uri.replace("/?", f"/{database_name}_{part}?"), tmp_path)
    with pymongo.MongoClient(uri) as client:
        for part in "abc":
            client.drop_database(f"{database_name}_{part}")


@pytest.mark.timeout(300)  # some seconds, unless others use the machine as well
@pytest.mark.parametrize("bench", ["mongomock", "mongod"], indirect=True)
@settings(max_examples=20, derandomize=True, suppress_health_check=[*HealthCheck])
@given(recipe=recipes())
@example(recipe=EVERYTHING)
@example(recipe=dataclasses.replace(EVERYTHING, stop=None, is_paged=False))
def test_a_composed_run_survives_each_way(bench, recipe):
    bench.survives(recipe)


@pytest.mark.parametrize("bench", ["copies"], indirect=True)
def test_a_run_of_all_that_can_be_composed_survives_on_columnar_copies(bench):
    bench.survives(EVERYTHING)
