"""What is read from columnar copies is what the events give, down to dtype, bit and type, by every verb that reads."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from datetime import UTC, datetime

import numpy as np
import pymongo
import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from databroker_mongo import Catalog, Writer
from databroker_mongo.arrays import inline
from databroker_mongo.errors import CatalogError
from databroker_mongo.store import open_store, writable
from databroker_mongo.store.columnar import building, copies, sampling

from .composed_runs import EVERYTHING, FIELDS, FLOATS, INTEGERS, SCALARS, TEXTS, compose, recipes

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
]
DATABASE = f"reading_from_columnar_copies_{os.getpid()}"
LONG_AGO = 1_500_000_000.0
LACKS = "the event lacks the key"
KEYS = ["x", "a.b", "$y"]
_numbers = itertools.count(1)


def float_of(bits):
    return float(np.array([bits], np.uint64).view(np.float64)[0])


ODD_FLOATS = [-0.0, math.nan, float_of(0x7FF8_0000_0000_0BAD), float_of(0xFFF8_0000_0000_0001), -math.inf, 5e-324]
REALS = st.one_of(st.sampled_from(ODD_FLOATS), FLOATS)
WHOLE = st.one_of(INTEGERS, st.integers(-5, 5).map(Int64))
OTHERS = st.sampled_from([Decimal128("1.50"), b"\0a", ObjectId("0" * 24), datetime(2020, 1, 2, tzinfo=UTC)])
ANYTHING = st.recursive(
    st.one_of(SCALARS, REALS, WHOLE, OTHERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=2),
    max_leaves=5,
)
OF_ONE_KIND = {
    "real": REALS,
    "whole": WHOLE,
    "boolean": st.booleans(),
    "text": TEXTS,
    "reals": st.lists(REALS, min_size=2, max_size=2),
    "wholes": st.lists(WHOLE, min_size=3, max_size=3),
    "booleans": st.lists(st.booleans(), min_size=1, max_size=1),
    "table": st.lists(st.lists(REALS, min_size=2, max_size=2), min_size=2, max_size=2),
    "ragged": st.lists(st.lists(WHOLE, max_size=2), max_size=2),
    "wide": st.just([0.5] * 150),
    "none": st.none(),
    "anything": ANYTHING,
}


@st.composite
def columns(draw, n_rows):
    """Draw the values of a column: of one kind or of two, and perhaps None, or nothing, in some rows."""
    kinds = draw(st.lists(st.sampled_from(list(OF_ONE_KIND)), min_size=1, max_size=2))
    gaps = draw(st.sampled_from([(), (), (), (None,), (LACKS,), (None, LACKS)]))
    value = st.one_of(*(OF_ONE_KIND[kind] for kind in kinds), *map(st.just, gaps))
    if len(kinds) > 1 and draw(st.booleans()):  # the one kind in the first rows, and the other in the last
        cut = draw(st.integers(0, n_rows))
        return [draw(OF_ONE_KIND[kinds[row >= cut]]) for row in range(n_rows)]
    return draw(st.lists(value, min_size=n_rows, max_size=n_rows))


@st.composite
def stored_runs(draw):
    """Draw a run as any program may have stored it: the events of each descriptor of its stream."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
    is_plain = draw(st.integers(0, 2)) > 0
    descriptors = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        n_rows = draw(st.integers(0, 8))
        seq_nums = list(range(1, n_rows + 1))
        times = [LONG_AGO + row for row in range(n_rows)]
        if not is_plain:
            seq_nums = draw(st.lists(st.sampled_from([1, 2, 3, 2.0, Int64(4)]), min_size=n_rows, max_size=n_rows))
            odd = st.sampled_from([LONG_AGO, LONG_AGO + 1, LONG_AGO + 2, LONG_AGO + 3, int(LONG_AGO), None, "a", LACKS])
            times = draw(st.lists(odd, min_size=n_rows, max_size=n_rows))
        data = {key: draw(columns(n_rows)) for key in keys}
        descriptors.append(list(zip(seq_nums, times, *data.values(), strict=True)))
    return {
        "keys": keys,
        "declared": draw(st.sampled_from([None, None, "<f8", "<i4"])),
        "descriptors": descriptors,
        "has_stop": draw(st.booleans()),
        "n_said": draw(st.sampled_from([None, 4, 20_000])),
    }


class Bench:
    """A database, read by a catalog that uses columnar copies, and by one that does not."""

    def __init__(self, uri):
        self.store = writable(open_store(uri))
        self.collections = self.store.collections
        self.store.create_indexes()
        building.create_collection(self.collections)
        self.with_copies, self.without = Catalog.from_uri(uri), Catalog.from_uri(uri, use_columnar=False)

    def both(self, example):
        """Return the catalogs of the runs of an example."""
        return [each.search({"example": example}) for each in (self.with_copies, self.without)]

    def copy(self, run_uid):
        """Copy the events of a run; tell whether all of them are in whole copies now."""
        report = building.build_runs(self.collections, [run_uid])
        return 0 < report.n_events == report.n_copied_events and not report.n_columns_left_out


@pytest.fixture(scope="module")
def bench(mongod_uri):
    uri = mongod_uri.replace("/?", f"/{DATABASE}?")
    with pytest.MonkeyPatch.context() as patches, pymongo.MongoClient(uri) as client:
        # A copy has several blocks and groups then, and a row may be too wide for one.
        patches.setattr(copies, "MOST_ROWS", 3)
        patches.setattr(copies, "MOST_BYTES", 1000)
        patches.setattr(sampling, "EVERY", 0)
        yield Bench(uri)
        client.drop_database(DATABASE)


# What was read, in a form that is equal only if types and bits are.


def frozen(value):
    """Return a value as something that is equal to another only if their types and bits are."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.ndarray):
        return "objects", value.shape, [frozen(each) for each in value.ravel().tolist()]
    if isinstance(value, dict):
        return type(value), [(key, frozen(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [frozen(each) for each in value]
    if isinstance(value, float):
        return type(value), np.float64(value).tobytes()
    return type(value), value


def of_dataset(dataset):
    """Return all that a dataset has but which way it came."""
    attrs = {name: value for name, value in dataset.attrs.items() if name != "read_from"}
    variables = {name: (each.dims, frozen(each.values), each.attrs) for name, each in dataset.variables.items()}
    return list(dataset), dict(dataset.sizes), attrs, variables


def of_lazy(dataset):
    """Return what a lazy dataset is, and what its windows give."""
    said = {name: (each.dims, each.dtype, each.shape, each.chunks) for name, each in dataset.variables.items()}
    n_rows = dataset.sizes.get("time", 0)
    windows = [slice(n_rows // 3, n_rows // 3 + 2), slice(None, None, 2)] if n_rows else []
    return said, of_dataset(dataset.compute()), [of_dataset(dataset.isel(time=rows).compute()) for rows in windows]


def of_frame(frame):
    """Return all that a table has."""
    parts = {name: (frame[name].dtype, frozen(frame[name].to_numpy())) for name in frame}
    return list(frame.columns), frame.index.dtype, frozen(frame.index.to_numpy()), parts


def of_mapped(table):
    """Return a table of datasets, one a run."""
    return [
        of_error(error) if error is not None else of_dataset(result)
        for result, error in zip(table["result"], table["error"], strict=True)
    ]


def of_error(error):
    return type(error), str(error)


def attempt(action):
    """Return what an action gives, or its error; and of what it warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = action()
        except (CatalogError, OverflowError) as error:
            found = of_error(error)
    return found, sorted(str(each.message) for each in caught)


def verbs_of_stream(run, name, keys):
    """Return all that reads a stream, by name; each of these takes the stream anew."""
    return {
        "read": lambda: of_dataset(run()[name].read()),
        "read some": lambda: of_dataset(run()[name].read(keys[:1])),
        "read the rest later": lambda: read_in_turn(run()[name], keys),
        "read the latest": lambda: of_dataset(run()[name].read(dedupe="last")),
        "read by row": lambda: of_dataset(run()[name].read(on_error="rows")),
        "skip": lambda: of_dataset(run()[name].read(on_error="skip")),
        "to_dask": lambda: of_lazy(run()[name].to_dask()),
        "to_dask of the latest": lambda: of_lazy(run()[name].to_dask(dedupe="last")),
        "columns": lambda: [(key, column.dtype, frozen(column[1:3])) for key, column in run()[name].data.items()],
        "timestamps": lambda: of_dataset(run()[name].timestamps.read()),
    }


def read_in_turn(stream, keys):
    """Read one column, then all of them, then one of them from the events."""
    found = [stream.read(keys[:1]), stream.read(keys), stream.read(keys[-1:], use_columnar=False)]
    return [of_dataset(each) for each in found]


def verbs_of_run(catalog, uid):
    return {
        "documents": lambda: frozen(list(catalog[uid].documents())),
        "filled documents": lambda: frozen(list(catalog[uid].documents(fill="yes"))),
    }


def verbs_of_header(catalog, uid, name, keys):
    header = catalog.v1[uid]
    return {
        "table": lambda: of_frame(header.table(name)),
        "filled table": lambda: of_frame(header.table(name, fill=True)),
        "events": lambda: frozen(list(header.events(name))),
        "data": lambda: [frozen(list(header.data(key, name))) for key in keys],
    }


def verbs_of_catalog(catalog, name, keys):
    cells = {"ends": ("first", "last"), "numbers": ("min", "mean")}
    columns = {of: [f"{name}.{each}({key})" for key in keys for each in names] for of, names in cells.items()}
    return {
        "read all": lambda: of_dataset(catalog.read(keys, name)),
        "read each": lambda: [of_dataset(catalog.read(key, name)) for key in keys],
        "pages": lambda: [of_dataset(each) for each in catalog.read(keys, name, pages=2)],
        "map": lambda: of_mapped(catalog.map(lambda found: found, keys=keys, stream=name, on_error="collect")),
        **{f"table of {of}": lambda names=names: frozen(list(catalog.rows(names))) for of, names in columns.items()},
    }


def require_equal(catalogs, make_verbs):
    """Insist that all verbs give the same of two catalogs."""
    one, other = map(make_verbs, catalogs)
    for verb, action in one.items():
        assert attempt(action) == attempt(other[verb]), verb


def require_equal_runs(catalogs, uids, streams):
    """Insist that all that can be read of runs is the same with copies and without.

    Parameters
    ----------
    catalogs : list of Catalog
        The one that uses copies, and the one that does not.
    uids : list of str
        The runs.
    streams : dict of str to list of str
        The data keys of the streams.
    """
    for uid in uids:
        require_equal(catalogs, lambda catalog, uid=uid: verbs_of_run(catalog, uid))
        for name in [name for name in streams if name in catalogs[0][uid]]:
            keys = [key for key in streams[name] if key in catalogs[0][uid][name].data_keys]
            stream = (uid, name, keys)
            require_equal(catalogs, lambda catalog, of=stream: verbs_of_stream(lambda: catalog[of[0]], *of[1:]))
            require_equal(catalogs, lambda catalog, of=stream: verbs_of_header(catalog, *of))
    for name, keys in streams.items():
        require_equal(catalogs, lambda catalog, name=name, keys=keys: verbs_of_catalog(catalog, name, keys))


# What other programs may have stored.


def store_run(bench, run, example):
    """Store a run, and return its uid."""
    uid = f"{next(_numbers):08x}"
    collections = bench.collections
    collections.run_start.insert_one({"uid": uid, "time": LONG_AGO, "scan_id": 1, "example": example})
    data_key = {"source": "", "dtype": "number", "shape": []}
    data_key |= {"dtype_numpy": run["declared"]} if run["declared"] else {}
    for number, rows in enumerate(run["descriptors"]):
        descriptor = {"uid": f"{uid} {number}", "run_start": uid, "name": "primary", "time": LONG_AGO + number}
        collections.event_descriptor.insert_one({**descriptor, "data_keys": dict.fromkeys(run["keys"], data_key)})
        for place, (seq_num, time, *values) in enumerate(rows):
            data = {key: value for key, value in zip(run["keys"], values, strict=True) if not is_lacking(value)}
            event = {"uid": f"{uid} {number} {place}", "descriptor": f"{uid} {number}", "seq_num": seq_num}
            event |= {} if is_lacking(time) else {"time": time}
            taken = dict.fromkeys(data, LONG_AGO)
            bench.collections.event.insert_one({**event, "data": data, "timestamps": taken, "filled": {}})
    if run["has_stop"]:
        stop = {"uid": f"{uid} stop", "run_start": uid, "time": LONG_AGO + 9, "exit_status": "success"}
        said = {} if run["n_said"] is None else {"num_events": {"primary": run["n_said"]}}
        collections.run_stop.insert_one({**stop, **said})
    return uid


def is_lacking(value):
    return isinstance(value, str) and value == LACKS


def plain_run(**columns):
    """Return a run of one descriptor whose columns hold these values."""
    n_rows = len(next(iter(columns.values())))
    rows = zip(range(1, n_rows + 1), [LONG_AGO + row for row in range(n_rows)], *columns.values(), strict=True)
    common = {"declared": None, "has_stop": False, "n_said": None}
    return {"keys": list(columns), "descriptors": [list(rows)], **common}


def of_two_descriptors(one, other):
    """Return a run whose column holds the one values under one descriptor, and the others under another."""
    descriptors = [plain_run(x=values)["descriptors"][0] for values in (one, other)]
    return {**plain_run(x=one), "descriptors": descriptors}


@pytest.mark.parametrize("is_lazy", [False, True], ids=["read at once", "asked about"])
@settings(max_examples=12, suppress_health_check=[*HealthCheck])
@given(runs=st.lists(stored_runs(), min_size=1, max_size=2))
@example(runs=[plain_run(x=ODD_FLOATS, y=[1, Int64(2), 2**53 + 1, -(2**63), 2**63 - 1, 0])])
@example(runs=[{**plain_run(**{"a.b": [1, 0]}), "declared": "<f8"}])
@example(runs=[plain_run(x=["a", "", "é", "b\0"], y=[None, LACKS, 1, "1"], z=[[1, [2.0]], [], None, [[-0.0]]])])
@example(runs=[of_two_descriptors([Int64(1), 2], ["a", None]), of_two_descriptors([1, 2], [0.5, -0.0])])
@example(runs=[of_two_descriptors([[0.5], [1.5]], [[0.5, 1], [2.5, 1]]), plain_run(x=[True, False])])
def test_stored_runs_are_read_from_copies_as_from_events(bench, is_lazy, runs):
    example = f"example {next(_numbers)}"
    uids = [store_run(bench, run, example) for run in runs]
    are_copied = {uid: bench.copy(uid) for uid in uids}
    catalogs = bench.both(example)
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(inline, "_FEW_VALUES", 0 if is_lazy else inline._FEW_VALUES)
        for uid, is_copied in are_copied.items():
            assert read_from(catalogs, uid, "primary") == ["columnar copies" if is_copied else None, None]
        require_equal_runs(catalogs, uids, {"primary": sorted({key for run in runs for key in run["keys"]})})


def read_from(catalogs, uid, stream):
    """Return which way each catalog says that a stream of a run came; an order that is not known is no way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [catalog[uid][stream].read(on_error="skip").attrs.get("read_from") for catalog in catalogs]


# What event-model composes, with its files.


@settings(max_examples=6, suppress_health_check=[*HealthCheck])
@given(recipe=recipes())
@example(recipe=EVERYTHING)
def test_composed_runs_are_read_from_copies_as_from_events(bench, tmp_path_factory, recipe):
    example, uid = f"example {next(_numbers)}", f"{next(_numbers):08x}-run"
    composed = compose(recipe, tmp_path_factory.mktemp("run"), uid=uid)
    with Writer(bench.without, durable="batch") as writer:
        for name, document in composed.emitted(is_paged=recipe.is_paged):
            writer(name, {**document, "example": example} if name == "start" else document)
    bench.copy(uid)
    streams = {stream.name: [column.name for column in stream.columns] for stream in recipe.streams}
    require_equal_runs(bench.both(example), [uid], {name: keys for name, keys in streams.items() if keys})
