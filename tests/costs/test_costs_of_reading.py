"""What reading may cost: questions to MongoDB, memory, and bytes on the way to a cluster."""

import json
import random
import subprocess
import sys
import uuid
from collections import Counter

import cloudpickle
import h5py
import numpy as np
import pytest

from databroker_mongo import Catalog
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

pytestmark = pytest.mark.filterwarnings("ignore:no allowed_roots")


class Frames:
    """A handler of level 2 for resources and stream resources, without files."""

    def __init__(self, path, **keywords):
        pass

    def structure(self, point_number=None, index=None):
        return ((4, 6) if point_number is None else (1, 4, 6)), np.dtype("u2"), None

    def read_into(self, out, datums, region):
        for row, datum in zip(out, datums, strict=True):
            row[...] = next(iter(datum.values())) % 1000

    def __call__(self, **datum):
        return np.full(self.structure(**datum)[0], next(iter(datum.values())) % 1000, "u2")


def with_a_resource_for_each_datum(documents):
    """Give each datum a resource of its own, as old detectors do."""
    resources = {doc["uid"]: doc for name, doc in documents if name == "resource"}
    renamed = {}
    chance = random.Random(4)  # how small uids can be packed must not depend on luck
    for name, doc in documents:
        if name == "datum":
            uid, name_of_file = (str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(2))
            path = f"proposals/2024/pass-311530/{name_of_file}.h5"
            yield "resource", {**resources[doc["resource"]], "uid": uid, "resource_path": path}
            renamed[doc["datum_id"]] = f"{uid}/0"
            yield "datum", {"resource": uid, "datum_id": f"{uid}/0", "datum_kwargs": {"point_number": 0}}
        elif name == "event":
            yield name, {**doc, "data": {key: renamed.get(value, value) for key, value in doc["data"].items()}}
        elif name != "resource":
            yield name, doc


def store_run(uri, n_rows, *, n_columns=1, is_split=False):
    """Store a run with columns of numbers, images of resources and images of stream resources; return its uid."""
    points = [{"point_number": number} for number in range(n_rows)]
    spans = [(row, row + 1) for row in range(n_rows)] if is_split else [(0, n_rows)]
    assets = {}
    for number in range(n_columns):
        assets[f"image{number}"] = Asset("FRAMES", "/nsls2/data", "a.h5", points, {"frame_per_point": 1}, (1, 4, 6))
        assets[f"stream{number}"] = StreamAsset("application/x-frames", "file:///a.h5", spans, shape=(1, 4, 6))
    rows = [{f"number{number}": float(row) for number in range(n_columns)} for row in range(n_rows)]
    documents = build_run({"primary": rows}, assets={"primary": assets}, scan_id=n_rows + n_columns)
    by_kind = {}
    for name, doc in with_a_resource_for_each_datum(documents) if is_split else documents:
        by_kind.setdefault(name, []).append(doc)
    store = writable(open_store(uri))
    store.create_indexes()
    for name, docs in by_kind.items():
        store.insert(name, docs)
    return documents[0][1]["uid"]


HANDLERS = {"FRAMES": Frames, "application/x-frames": Frames}

COUNTING = f"""
import json, sys, warnings
warnings.simplefilter("ignore")
from pymongo import monitoring

class Questions(monitoring.CommandListener):
    n = 0
    def started(self, event):
        self.n += event.command_name != "getMore"
    def succeeded(self, event): pass
    def failed(self, event): pass

questions = Questions()
monitoring.register(questions)
sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
from test_costs_of_reading import HANDLERS
from databroker_mongo.runs.catalog import Catalog

catalog = Catalog.from_uri(sys.argv[1], handlers=HANDLERS)
counts = []
for uid in sys.argv[2:]:
    primary = catalog[uid].primary
    counts.append([])
    for action in (primary.to_dask, lambda: catalog[uid].primary.read(), lambda: lazy["image0"].compute()):
        questions.n = 0
        result = action()
        lazy = lazy if counts[-1] else result
        counts[-1].append(questions.n)
print(json.dumps(counts))
"""


def test_the_number_of_questions_grows_with_neither_rows_nor_columns_nor_resources(mongod_database_uri):
    uri = mongod_database_uri
    small = store_run(uri, 10)
    others = [store_run(uri, 10, n_columns=12), store_run(uri, 2000), store_run(uri, 2000, n_columns=3, is_split=True)]
    command = [sys.executable, "-c", COUNTING, uri, small, *others]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    for to_dask, read, compute in json.loads(done.stdout):
        # What is known of all events of a long stream is asked for by itself, and answered by two cursors at once.
        assert to_dask <= 10
        assert read <= 10
        assert compute == 0


@pytest.mark.parametrize("is_split", [False, True])
def test_a_lazy_dataset_of_2000_rows_travels_in_100_kilobytes(mongod_database_uri, is_split):
    uid = store_run(mongod_database_uri, 2000, is_split=is_split)
    catalog = Catalog.from_uri(mongod_database_uri, handlers=HANDLERS)
    lazy = catalog[uid].primary.to_dask(["number0", "image0"]).drop_vars("time")
    blob = cloudpickle.dumps(lazy)
    assert len(blob) <= 100_000
    np.testing.assert_array_equal(cloudpickle.loads(blob)["image0"][:, 0, 0, 0], lazy["image0"][:, 0, 0, 0])


WATCHING = """
import collections, sys, threading, time, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from databroker_mongo.runs.catalog import Catalog

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def growth(action):
    def watch():
        while not is_done.wait(0.001):
            peaks.append(resident())

    is_done, peaks = threading.Event(), [0]
    before = resident()
    watching = threading.Thread(target=watch)
    watching.start()
    result = action()
    is_done.set()
    watching.join()
    return max(peaks) - before, result

catalog = Catalog.from_uri(sys.argv[1])
"""

OF_IMAGES = """
small, large = catalog[2], catalog[32]
small.primary.read()
peak, dataset = growth(lambda: large.primary.read())
print(peak - dataset["image"].nbytes)
"""

OF_DOCUMENTS = """
def exported(run):
    last = collections.deque(run.documents(fill="no"), maxlen=1)
    return last[0][1]["num_events"]["primary"]

exported(catalog[2])
peak, n_events = growth(lambda: exported(catalog[32]))
assert n_events == 40_000
print(peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is asked of Linux")
@pytest.mark.parametrize("is_gappy", [False, True])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_reading_takes_little_more_memory_than_the_data(
    installed_handlers, mongod_database_uri, tmp_path, compression, is_gappy
):
    for n_rows in (2, 32):
        with h5py.File(tmp_path / f"{n_rows}.h5", "w") as file:
            frames = file.create_dataset(
                "entry/data/data", (n_rows, 1024, 1024), "u2", chunks=(1, 1024, 1024), compression=compression
            )
            for row in range(n_rows):
                frames[row] = np.full((1024, 1024), row, "u2")
        points = [{"point_number": number} for number in range(n_rows)]
        asset = Asset("AD_HDF5", str(tmp_path), f"{n_rows}.h5", points, {}, (1, 1024, 1024))
        documents = build_run({"primary": []}, assets={"primary": {"image": asset}}, scan_id=n_rows)
        for name, doc in documents:
            if is_gappy and name == "event" and doc["seq_num"] == 2:
                doc.update(data={}, timestamps={}, filled={})
            writable(open_store(mongod_database_uri)).insert(name, [doc])
    command = [sys.executable, "-c", WATCHING + OF_IMAGES, mongod_database_uri]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert int(done.stdout) < 32_000_000, "half of the largest chunk of a lazy array"


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is asked of Linux")
def test_the_documents_of_a_long_run_pass_by_without_being_kept(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    store.create_indexes()
    for scan_id, n_rows in ((2, 1000), (32, 40_000)):
        rows = [{f"number{number}": row + 0.5 for number in range(10)} for row in range(n_rows)]
        by_kind = {}
        for name, doc in build_run({"primary": rows}, scan_id=scan_id):
            by_kind.setdefault(name, []).append(doc)
        for name, docs in by_kind.items():
            store.insert(name, docs)
    command = [sys.executable, "-c", WATCHING + OF_DOCUMENTS, mongod_database_uri]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert int(done.stdout) < 20_000_000, "a third of what all of them would take"


def test_no_function_is_called_for_each_event_that_is_exported(mongod_database_uri):
    store = writable(open_store(mongod_database_uri))
    n_events = 3000
    for name, doc in build_run({"primary": [{"x": row + 0.5} for row in range(n_events)]}):
        store.insert(name, [doc])
    run = Catalog.from_uri(mongod_database_uri)[-1]
    called = Counter()

    def look(frame, event, function):
        if event == "call":
            called[f"{frame.f_code.co_filename}: {frame.f_code.co_name}"] += 1

    sys.setprofile(look)
    try:
        sizes = [len(doc["uid"]) for name, doc in run.documents(fill="no") if name == "event_page"]
    finally:
        sys.setprofile(None)
    assert sum(sizes) == n_events
    assert set(sizes) == {max(sizes)}
    assert max(n_calls for name, n_calls in called.items() if name.endswith("pages.py: _packed")) == n_events / 100
    # Two functions hand each event on; and BSON has a class for the identifier that MongoDB gives each.
    often = {name for name, n_calls in called.items() if n_calls >= n_events}
    assert len(often) <= 4, often
