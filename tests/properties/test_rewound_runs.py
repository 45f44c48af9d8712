"""Runs whose plan was rewound: each row shows what was taken with its scalars, and what is lost is told.

The model is the list of what was taken, in the order of time, with the index that each detector wrote it at.
"""

from __future__ import annotations

import itertools
import json
import uuid
import warnings
from dataclasses import dataclass

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from databroker_mongo import Catalog
from databroker_mongo.store import open_store, writable

pytestmark = [
    pytest.mark.usefixtures("installed_handlers"),
    pytest.mark.filterwarnings("ignore:no allowed_roots"),
    pytest.mark.filterwarnings("ignore:get_images is an old name"),
]
N_FRAMES = 120
TIME = 1_700_000_000.0
SHAPES = {"img": [1, 2, 3], "spectrum": [4], "burst": [2, 2, 2], "count": []}
CHUNKS = {"img": [1, 2, 3], "spectrum": [1, 4], "burst": [1, 2, 2], "count": [1]}
PER_EVENT = {"img": 1, "spectrum": 1, "burst": 2, "count": 1}
SECOND = 10_000
"""What a row of the second file holds beyond that of the first."""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file of a dataset for each detector, whose row i holds i, and a second one beside it."""
    path = tmp_path_factory.mktemp("rewound") / "frames.h5"
    for name, beyond in ((path, 0), (second_of(path), SECOND)):
        with h5py.File(name, "w") as file:
            for key, (_, *shape) in CHUNKS.items():
                rows = np.arange(N_FRAMES * PER_EVENT[key], dtype="i4").reshape(-1, *(1 for _ in shape))
                file[key] = np.broadcast_to(rows + beyond, (len(rows), *shape))
    return path


def second_of(path):
    return path.with_name("second.h5")


@dataclass
class Taken:
    """What was taken: the seq_num of each event in the order of time, and where each detector wrote it.

    Attributes
    ----------
    seq_nums : list of int
        Of each event.
    indices : dict of str to list of int
        For each data key, the index of each event's data, counted in events.
    n_joined : dict of str to list of int
        For each data key, how many events that follow one another one stream datum may tell of, in turn.
    n_before : int
        How many events there were before the devices were configured anew, so that there is a second descriptor.
    has_second_file : bool
        Whether all detectors began another file then.
    """

    seq_nums: list[int]
    indices: dict[str, list[int]]
    n_joined: dict[str, list[int]]
    n_before: int
    has_second_file: bool

    def is_in_second(self, event):
        return self.has_second_file and event >= self.n_before

    def order(self, dedupe=False):
        """Which event each row is."""
        rows = sorted(range(len(self.seq_nums)), key=lambda event: (self.seq_nums[event], event))
        latest = {self.seq_nums[event]: event for event in rows}
        return sorted(latest.values(), key=lambda event: self.seq_nums[event]) if dedupe else rows

    def stream_datums(self, key):
        """Yield (first event, its seq_num, its index, n) of each stream datum."""
        places = list(zip(self.seq_nums, self.indices[key], strict=True))
        most = itertools.cycle(self.n_joined[key])
        first = 0
        while first < len(places):
            end = self.n_before if first < self.n_before else len(places)
            n, limit = 1, min(next(most), end - first)
            while n < limit and places[first + n] == (places[first][0] + n, places[first][1] + n):
                n += 1
            yield (first, *places[first], n)
            first += n


@st.composite
def taken(draw):
    seq_nums = [1]
    for _ in range(draw(st.integers(0, 11))):
        # Mostly on; sometimes back by some, as far as the beginning.
        back = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
        seq_nums.append(max(1, seq_nums[-1] + 1 - back))
    n_before = draw(st.integers(1, len(seq_nums)))
    has_second_file = draw(st.booleans())
    keys = draw(st.lists(st.sampled_from(list(SHAPES)), min_size=1, max_size=3, unique=True))
    indices, n_joined = {}, {}
    for key in keys:
        # A read that is broken off leaves a frame that nothing refers to.
        steps = draw(st.lists(st.sampled_from([1, 1, 1, 2]), min_size=len(seq_nums), max_size=len(seq_nums)))
        first = draw(st.integers(0, 3))
        indices[key] = [first + step - 1 for step in itertools.accumulate(steps)]
        if has_second_file and n_before < len(seq_nums):
            begun = indices[key][n_before]
            indices[key][n_before:] = [index - begun for index in indices[key][n_before:]]
        n_joined[key] = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    return Taken(seq_nums, indices, n_joined, n_before, has_second_file)


def documents(taken, path, *, has_scalar=True, lost=()):
    """Return the documents of a run; ``lost`` names stream datums, by data key and number, that are not stored."""
    uid = str(uuid.uuid4())
    described = {
        key: {"source": "file", "dtype": "array", "shape": shape, "external": "STREAM:", "dtype_numpy": "<i4"}
        for key, shape in SHAPES.items()
        if key in taken.indices
    }
    if has_scalar:
        described["x"] = {"source": "sim", "dtype": "integer", "shape": []}
    descriptors = [f"{uid} first", f"{uid} second"][: 1 + (taken.n_before < len(taken.seq_nums))]
    yield "start", {"uid": uid, "time": TIME}
    for number, descriptor in enumerate(descriptors):
        time = TIME - 0.5 + taken.n_before * number
        named = {"uid": descriptor, "run_start": uid, "time": time, "name": "primary"}
        yield "descriptor", {**named, "data_keys": described}
    for key in taken.indices:
        parameters = {"dataset": key, "chunk_shape": CHUNKS[key]}
        for is_second in range(len(descriptors) if taken.has_second_file else 1):
            place = {
                "mimetype": "application/x-hdf5",
                "uri": f"file://localhost{second_of(path) if is_second else path}",
            }
            named = {"uid": f"{uid} {key} {is_second}", "run_start": uid, "data_key": key}
            yield "stream_resource", {**named, **place, "parameters": parameters}
        for number, (event, seq_num, index, n) in enumerate(taken.stream_datums(key)):
            resource = f"{uid} {key} {int(taken.is_in_second(event))}"
            ranges = {
                "seq_nums": {"start": seq_num, "stop": seq_num + n},
                "indices": {"start": index, "stop": index + n},
            }
            descriptor = descriptors[event >= taken.n_before]
            named = {"uid": f"{resource} {number}", "stream_resource": resource, "descriptor": descriptor}
            if (key, number) not in lost:
                yield "stream_datum", {**named, **ranges}
    for number, seq_num in enumerate(taken.seq_nums):
        data = {"x": number} if has_scalar else {}
        descriptor = descriptors[number >= taken.n_before]
        event = {"uid": f"{uid} {number}", "descriptor": descriptor, "seq_num": seq_num, "time": TIME + number}
        yield "event", {**event, "data": data, "timestamps": dict.fromkeys(data, TIME + number), "filled": {}}
    n_events = {"primary": max(taken.seq_nums)}
    yield "stop", {"uid": f"{uid} stop", "run_start": uid, "time": TIME + 99, "num_events": n_events}


def stored(uri, found):
    store = writable(open_store(uri))
    found = list(found)
    for name, doc in found:
        store.insert(name, [doc])
    return Catalog.from_uri(uri)[found[0][1]["uid"]]


def expected_of(key, event, taken):
    """What the detector took with an event."""
    index = taken.indices[key][event]
    rows = np.arange(index * PER_EVENT[key], (index + 1) * PER_EVENT[key], dtype="i4")
    rows += SECOND if taken.is_in_second(event) else 0
    shape = SHAPES[key]
    return np.broadcast_to(rows[:, None, None], shape) if len(shape) == 3 else np.full(shape, rows[0])


def require_rows(values, key, order, taken):
    assert len(values) == len(order)
    for row, event in zip(values, order, strict=True):
        np.testing.assert_array_equal(np.reshape(row, SHAPES[key]), expected_of(key, event, taken))


def examples(n):
    """Run as many examples, always the same."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    phases = (Phase.explicit, Phase.generate)  # to shrink runs takes minutes
    return settings(derandomize=True, max_examples=n, deadline=None, suppress_health_check=checks, phases=phases)


@pytest.mark.parametrize("store_uri", ["mongomock", "mongod", "copies"], indirect=True)
@examples(25)
@given(taken=taken())
def test_each_row_shows_what_was_taken_with_its_scalars(taken, store_uri, path):
    run = stored(store_uri, documents(taken, path))
    order = taken.order()
    whole, lazy = run.primary.read(), run.primary.to_dask()
    assert whole["x"].values.tolist() == order
    assert whole["time"].values.tolist() == [TIME + event for event in order]
    assert whole.identical(lazy.compute())
    for key in taken.indices:
        require_rows(whole[key].values, key, order, taken)
        require_rows(run.primary.read([key])[key].values, key, order, taken)
        require_rows([lazy[key][row].compute() for row in range(len(order))], key, order, taken)
        require_rows(run.primary.to_dask([key], dedupe="last")[key].values, key, taken.order(dedupe=True), taken)
    kept = run.primary.read(dedupe="last")
    assert kept["x"].values.tolist() == taken.order(dedupe=True)
    for key in taken.indices:
        require_rows(kept[key].values, key, taken.order(dedupe=True), taken)


@examples(20)
@given(taken=taken())
def test_databroker_1_shows_the_same(taken, store_uri, path):
    run = stored(store_uri, documents(taken, path))
    db = Catalog.from_uri(store_uri).v1
    header, order = db[run.start["uid"]], taken.order()
    table = header.table(fill=True)
    assert table["x"].tolist() == order
    assert table.index.tolist() == [taken.seq_nums[event] for event in order]
    for key in taken.indices:
        require_rows(table[key].tolist(), key, order, taken)
        require_rows(list(header.data(key)), key, order, taken)
        require_rows(header.xarray()[key].values, key, order, taken)
        require_rows(header.xarray_dask()[key].values, key, order, taken)
        require_rows(list(db.get_images(header, key)), key, order, taken)


@examples(25)
@given(taken=taken(), has_scalar=st.booleans(), page_size=st.sampled_from([1, 2, 3, 1000]), delayed=st.booleans())
def test_filled_events_hold_what_was_taken(taken, has_scalar, page_size, delayed, store_uri, path):
    found = list(documents(taken, path, has_scalar=has_scalar))
    run = stored(store_uri, found)
    emitted = [doc for name, doc in found if name == "event"]
    pages = [
        page
        for name, page in run.documents(fill="delayed" if delayed else "yes", page_size=page_size)
        if name == "event_page"
    ]
    assert all(len(page["time"]) <= page_size for page in pages)
    assert [uid for page in pages for uid in page["uid"]] == [event["uid"] for event in emitted]
    for key in taken.indices:
        values = [value for page in pages for value in page["data"][key]]
        assert all(hasattr(value, "dask") == delayed for value in values)
        require_rows(values, key, range(len(emitted)), taken)
        assert all(is_filled is True for page in pages for is_filled in page["filled"][key])
    if not delayed:
        unfilled = [page for name, page in run.documents(page_size=page_size) if name == "event_page"]
        assert [page["data"].keys() & taken.indices.keys() for page in unfilled] == [set()] * len(unfilled)


@examples(10)
@given(taken=taken(), has_scalar=st.booleans())
def test_databroker_1_fills_events_with_the_same(taken, has_scalar, store_uri, path):
    run = stored(store_uri, documents(taken, path, has_scalar=has_scalar))
    db = Catalog.from_uri(store_uri).v1
    header, order = db[run.start["uid"]], range(len(taken.seq_nums))
    called = []
    db.process(header, lambda name, doc: called.append(doc) if name == "event" else None, fill=True)
    ways = {
        "events": list(header.events(fill=True)),
        "get_events": list(db.get_events(header, fill=True)),
        "restream": [doc for name, doc in db.restream(header, fill=True) if name == "event"],
        "process": called,
    }
    for events in ways.values():
        assert [event["seq_num"] for event in events] == taken.seq_nums
        for key in taken.indices:
            require_rows([event["data"][key] for event in events], key, order, taken)
    for key in taken.indices:
        chosen = list(header.events(fill=True, fields=[key]))
        assert all(event["data"].keys() == {key} for event in chosen)
        require_rows([event["data"][key] for event in chosen], key, order, taken)


@examples(20)
@given(taken=taken(), has_scalar=st.booleans())
def test_a_rewound_run_is_a_correct_run(taken, has_scalar, store_uri, path):
    run = stored(store_uri, documents(taken, path, has_scalar=has_scalar))
    findings = run.findings()
    is_rewound = len(set(taken.seq_nums)) < len(taken.seq_nums)
    assert [finding.kind for finding in findings] == ["repeated-seq-num"] * is_rewound
    assert not any(finding.is_fault for finding in findings)
    health = run.health()
    assert (health.loc[health["data_key"] != "", "status"] == "ok").all()


@st.composite
def with_losses(draw):
    found = draw(taken())
    names = [(key, number) for key in found.indices for number, _ in enumerate(found.stream_datums(key))]
    return found, draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))


@examples(25)
@given(case=with_losses())
def test_what_is_lost_is_told(case, store_uri, path):
    taken, lost = case
    run = stored(store_uri, documents(taken, path, lost=lost))
    told = {finding.data_key for finding in run.findings() if finding.kind == "lost-stream-documents"}
    assert told == {key for key, _ in lost}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        whole = run.primary.read(on_error="skip")
    words = " ".join(str(each.message) for each in caught) + str(json.loads(whole.attrs.get("unreadable", "{}")))
    is_cut = whole.sizes.get("time", 0) < len(taken.seq_nums)
    assert f"of {len(taken.seq_nums)} rows are there" in words or not is_cut
    for key in told:
        assert repr(key) in words or is_cut
    contested = _contested(taken, lost)
    for row, event in enumerate(whole["x"].values.tolist() if "x" in whole else []):
        for key in whole.data_vars.keys() & taken.indices.keys():
            value = whole[key].values[row]
            if taken.seq_nums[event] not in contested[key] and not np.isnan(value).any():
                np.testing.assert_array_equal(value, expected_of(key, event, taken))


def _contested(taken, lost):
    """For each data key, the seq_nums of which some stored rows are lost."""
    found = {key: set() for key in taken.indices}
    for key in taken.indices:
        for number, (_, seq_num, _, n) in enumerate(taken.stream_datums(key)):
            if (key, number) in lost:
                found[key].update(range(seq_num, seq_num + n))
    return found
