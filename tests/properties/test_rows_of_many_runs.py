"""The rows of many runs are those of each of them, whatever was composed or stored."""

from __future__ import annotations

import itertools
import json
import math
import os
import warnings
from collections import Counter

import numpy as np
import pytest
from bson import Decimal128, Int64
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from databroker_mongo import Catalog, Writer
from databroker_mongo.errors import CatalogError, ColumnNotFound, QueryError, ShapeMismatch, StoreError, StreamNotFound

from ..copying import copy_before_reading
from .composed_runs import EVERYTHING, compose, recipes

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
]
_numbers = itertools.count(1)
TIME = 1_700_000_000.0
ON = ["mongomock", "mongod"]
NAN_OF_ANOTHER_KIND = float(np.array([0x7FF8_0000_0000_0BAD], np.uint64).view(np.float64)[0])
VALUES = {
    "float": [0.5, -0.0, math.nan, NAN_OF_ANOTHER_KIND, math.inf],
    "integer": [1, 2, Int64(3), 2**31],
    "large": [2**53 + 1, -(2**63), 5],
    "text": ["a", "", "é", "abc"],
    "row": [[0.5, 1.5], [2.0, math.nan]],
    "long row": [[1, 2, 3], [4, 5, 6]],
    "boolean": [True, False],
    "mixed": [None, 1, 0.5, "a\0", {"a": [1]}, [], [True, None], Decimal128("1.5"), b"a"],
}


class Bench:
    """A catalog for runs, of which each example has its own."""

    def __init__(self, catalog, directory):
        self.catalog = catalog
        self.directory = directory

    def new(self):
        """Return the catalog of the runs of an example, and what they have in common."""
        example = f"example {next(_numbers)}"
        return self.catalog.search({"example": example}), example


@pytest.fixture(scope="module", params=ON)
def bench(request, tmp_path_factory):
    if request.param == "mongomock":
        yield Bench(Catalog.from_uri("memory://rows_of_many_runs"), tmp_path_factory.mktemp("many"))
        return
    import pymongo

    name = f"rows_of_many_runs_{os.getpid()}"  # another test process may be at these tests too
    uri = request.getfixturevalue("mongod_uri").replace("/?", f"/{name}?")
    catalog = Catalog.from_uri(uri)
    catalog.store.collections.event.create_index([("descriptor", -1), ("time", -1)])
    with pytest.MonkeyPatch.context() as patches:
        if request.param == "copies":
            copy_before_reading(patches)
        yield Bench(catalog, tmp_path_factory.mktemp("many"))
    with pymongo.MongoClient(uri) as client:
        client.drop_database(name)


def by_hand(catalog, keys, stream):
    """Return the dataset of each run, None for one without the stream, and the data keys that one declares."""
    found = []
    for run in catalog.values():
        if stream not in run:
            found.append((run, None, ()))
            continue
        known = [key for key in keys if key in run[stream].data_keys]
        found.append((run, run[stream].read(known), known))
    return found


def require_the_same(catalog, keys, stream):
    """Insist that the rows of all runs are those of each, or that there is a reason why they are refused."""
    inline = [key for key in keys if not any(is_external(run, key, stream) for run in catalog.values())]
    if len(inline) < len(keys):
        with pytest.raises(QueryError, match=r"catalog\.map"):
            catalog.read(keys, stream)
    try:
        expected = by_hand(catalog, inline, stream)
    except StoreError:
        with pytest.raises(StoreError, match="'seq_num' that is missing"):
            catalog.read(inline, stream)
        return
    for key in inline:
        require_column(catalog, key, stream, expected)
        require_reduced(catalog, key, stream, expected)
    require_mapped(catalog, inline, stream)


def is_external(run, key, stream):
    return stream in run and "external" in run[stream].data_keys.get(key, ())


def column_of(dataset, key):
    return dataset[key if key != "time" or "time_" not in dataset else "time_"].values


def require_column(catalog, key, stream, expected):
    columns = [None if key not in known else column_of(dataset, key) for _, dataset, known in expected]
    n_rows = [0 if dataset is None else dataset.sizes.get("time", 0) for _, dataset, _ in expected]
    held = [each for each, n in zip(columns, n_rows, strict=True) if each is not None and n and not is_empty(each)]
    try:
        found = catalog.read(key, stream)
    except ShapeMismatch:
        assert len({each.shape[1:] for each in held}) > 1
        return
    except QueryError:
        units = {repr(run[stream].data_keys[key].get("units")) for run, _, known in expected if key in known}
        assert len(units) > 1
        return
    except StreamNotFound:
        assert all(dataset is None for _, dataset, _ in expected)
        return
    except ColumnNotFound:
        assert all(each is None for each in columns)
        return
    assert found["n_rows"].values.tolist() == n_rows
    assert found["uid"].values.tolist() == [run.start["uid"] for run, _, _ in expected]
    assert found.attrs.get("without_stream", []) == [
        run.start["uid"] for run, dataset, _ in expected if dataset is None
    ]
    [name] = found.data_vars
    lacking = [
        run.start["uid"]
        for (run, _, _), each, n in zip(expected, columns, n_rows, strict=True)
        if n and (each is None or is_empty(each))
    ]
    # What no event has is None, and so is what other programs store as None: only the former is lacking.
    assert set(json.loads(found.attrs.get("lacking", "{}")).get(name, [])) <= set(lacking)
    values = found[name].values
    assert found[name].dims[0] == "time"
    are_whole = sum(map(len, held)) == len(values)
    for number, (_, dataset, _) in enumerate(expected):
        rows = found["run_number"].values == number
        if dataset is None or not rows.any():
            continue
        assert found["time"].values[rows].tobytes() == dataset["time"].values.tobytes()
        require_values(values[rows], columns[number])
        if are_whole and len({each.dtype for each in held}) == 1:
            assert values.dtype == columns[number].dtype
            if values.dtype != object:
                assert values[rows].tobytes() == columns[number].tobytes()


def is_empty(column):
    return column.dtype == object and all(each is None for each in column)


def require_values(found, alone):
    if alone is None:
        alone = [None] * len(found)
    for one, other in zip(found, alone, strict=True):
        assert are_the_same(one, other), (one, other)


def are_the_same(one, other):
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        if np.ndim(one) != np.ndim(other):
            return other is None and bool(np.all(one != one))
        return len(one) == len(other) and all(map(are_the_same, one, other))
    if other is None:
        return one is None or bool(one != one)
    return bool(one == other) or (bool(one != one) and bool(other != other)) or repr(one) == repr(other)


REDUCTIONS = {
    "first": lambda column: column[0],
    "last": lambda column: column[-1],
    "min": lambda column: np.min(numbers_in(column)),
    "max": lambda column: np.max(numbers_in(column)),
    "mean": lambda column: np.mean(numbers_in(column), dtype=float),
}


def require_reduced(catalog, key, stream, expected):
    """Insist that a table tells of each run what NumPy makes of its column, or that it is refused."""
    columns = [column_of(dataset, key) if key in known else None for _, dataset, known in expected]
    columns = [None if each is None or not len(each) or is_empty(each) else each for each in columns]
    has_arrays = any(each is not None and each.ndim > 1 for each in columns)
    has_others = not has_arrays and any(each is not None and numbers_in(each) is None for each in columns)
    names = [] if has_arrays else ["first", "last"] if has_others else list(REDUCTIONS)
    if len(names) < len(REDUCTIONS):
        with pytest.raises(QueryError):
            catalog.table([f"{stream}.{'first' if has_arrays else 'mean'}({key})"])
    found = list(catalog.rows([f"{stream}.{name}({key})" for name in names]))
    for (_, cells), column in zip(found, columns, strict=True):
        numbers = None if column is None or has_others or has_arrays else numbers_in(column)
        for name, cell in zip(names, cells, strict=True):
            is_lacking = column is None or (name not in ("first", "last") and not len(numbers))
            assert are_the_same(cell, None if is_lacking else REDUCTIONS[name](column)), (name, cell, column)


def numbers_in(column):
    """Return the numbers of a column but those that are missing; None if there are others among them."""
    known = [value for value in column.tolist() if value is not None and repr(value) != "nan"]
    return np.array(known, object) if all(isinstance(value, int | float) for value in known) else None


def require_mapped(catalog, keys, stream):
    """Insist that a function is given the dataset of each run, in order."""
    mapped = catalog.map(lambda dataset: dataset, keys=keys, stream=stream, threads=3, on_error="collect")
    assert list(mapped.index) == list(catalog)
    for run, result, error in zip(catalog.values(), mapped["result"], mapped["error"], strict=True):
        alone = attempt(lambda run=run: run[stream].read(keys))
        if isinstance(alone, CatalogError):
            assert (type(error), str(error)) == (type(alone), str(alone))
        else:
            assert error is None, error
            assert (list(result), result.attrs, result.sizes) == (list(alone), alone.attrs, alone.sizes)
            for name, each in alone.variables.items():
                mapped_to = result.variables[name]
                assert (mapped_to.dtype, mapped_to.dims, mapped_to.attrs) == (each.dtype, each.dims, each.attrs)
                assert all(map(are_the_same, mapped_to.values, each.values))


def attempt(action):
    """Return what an action returns, or its error."""
    try:
        return action()
    except CatalogError as error:
        return error


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(runs=st.lists(recipes(), min_size=1, max_size=3))
@example(runs=[EVERYTHING, EVERYTHING])
def test_composed_runs(bench, runs):
    catalog, shared = bench.new()
    keys: Counter = Counter()
    with Writer(bench.catalog, durable="batch") as writer:
        for recipe in runs:
            number = next(_numbers)
            place = bench.directory / f"run {number}"
            place.mkdir()
            for name, document in compose(recipe, place, uid=f"{number:08x}-run").emitted(is_paged=False):
                writer(name, {**document, "example": shared} if name == "start" else document)
            keys.update((stream.name, column.name) for stream in recipe.streams for column in stream.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stream in sorted({name for name, _ in keys}):
            require_the_same(catalog, sorted(key for name, key in keys if name == stream), stream)


@st.composite
def stored_runs(draw):
    """Draw what other programs may have stored: the rows of each descriptor of each run."""
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2))
    runs = []
    is_ordered = draw(st.integers(0, 3)) > 0
    for _ in range(draw(st.integers(1, 4))):
        values = VALUES[draw(st.sampled_from(kinds))]
        row = st.tuples(
            st.sampled_from([1, 2, 3, 4, 2.0] if is_ordered else [1, 2, None, 1.5]),
            st.sampled_from([TIME, TIME + 1, TIME + 2]) if draw(st.integers(0, 5)) else st.sampled_from([None, "a"]),
            st.sampled_from([*values, "lacks"] if draw(st.booleans()) else values),
        )
        descriptors = st.lists(st.lists(row, max_size=4), min_size=0, max_size=2)
        runs.append(
            {
                "name": draw(st.sampled_from(["primary", "primary", None, "", 5])),
                "units": draw(st.sampled_from([None, None, None, "mm", "V"])),
                "dtype_numpy": draw(st.sampled_from([None, None, "<i2", "<f8"])),
                "declares": draw(st.integers(0, 4)) > 0,
                "descriptors": draw(descriptors),
                "says": draw(st.sampled_from([None, 5, 20_000])),
            }
        )
    return runs


def of_kinds(*kinds, lacks=()):
    """Return a run of each kind, whose rows hold its values; of some of these the first event lacks its value."""
    runs = []
    for kind in kinds:
        values = ["lacks", *VALUES[kind]] if kind in lacks else VALUES[kind]
        rows = [(row, TIME + row, value) for row, value in enumerate(values, 1)]
        runs.append({"name": "primary", "units": None, "dtype_numpy": None, "declares": True, "says": None})
        runs[-1]["descriptors"] = [rows]
    return runs


@pytest.mark.parametrize(
    ("bench", "kind"), [*itertools.product(ON, VALUES), ("copies", "float"), ("copies", "mixed")], indirect=["bench"]
)
def test_runs_of_two_kinds(bench, kind):
    for other in VALUES:
        for lacks in ((), (kind,)):
            require_stored(bench, of_kinds(kind, other, lacks=lacks))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(runs=stored_runs())
def test_stored_runs(bench, runs):
    require_stored(bench, runs)


def require_stored(bench, runs):
    catalog, shared = bench.new()
    collections = bench.catalog.store.collections
    for position, run in enumerate(runs):
        uid = f"{next(_numbers):08x}"
        time = TIME + position % 3
        collections.run_start.insert_one({"uid": uid, "time": time, "scan_id": position, "example": shared})
        if run["says"] is not None:
            stop = {"uid": f"{uid} stop", "run_start": uid, "time": time + 9, "exit_status": "success"}
            collections.run_stop.insert_one({**stop, "num_events": {"primary": run["says"]}})
        data_key = {"source": "", "dtype": "number", "shape": [], "units": run["units"]}
        data_key |= {"dtype_numpy": run["dtype_numpy"]} if run["dtype_numpy"] else {}
        for number, rows in enumerate(run["descriptors"]):
            descriptor = {"uid": f"{uid} {number}", "run_start": uid, "time": time + number}
            descriptor |= {"data_keys": {"x": data_key, "y": data_key} if run["declares"] else {"y": data_key}}
            descriptor |= {} if run["name"] is None else {"name": run["name"]}
            collections.event_descriptor.insert_one(descriptor)
            for place, (seq_num, when, value) in enumerate(rows):
                event = {"uid": f"{uid} {number} {place}", "descriptor": f"{uid} {number}", "timestamps": {}}
                event |= {} if seq_num is None else {"seq_num": seq_num}
                event |= {} if when is None else {"time": when}
                data = {"y": position} if isinstance(value, str) and value == "lacks" else {"x": value, "y": position}
                collections.event.insert_one({**event, "data": data, "filled": {}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        require_the_same(catalog, ["x", "y"], "primary")
