"""How straight the path is that a question takes: moves from one file of ours to another, and calls on the way.

A move is a call of a function in another file of ours than the one that was last at work, with those of other packages
left out. The second time counts, when connections, indexes and files are known. Calls are counted beside, for to glue
files together, or to write one function into another, would gain nothing. The map prints each walk, and is right.
"""

import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import databroker_mongo
from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import Asset, build_run

OURS = (str(Path(databroker_mongo.__file__).parent), "databroker_mongo_handlers")
MAP = Path(databroker_mongo.__file__).with_name("README.rst")
SCAN_ID = 23463


def path_of(action):
    """Return the calls of functions of ours that an action makes in this thread, and which of them are moves."""
    calls, moves = [], []

    def ours(frame):
        while frame is not None and not any(each in frame.f_code.co_filename for each in OURS):
            frame = frame.f_back
        return frame.f_code.co_filename if frame else None

    def look(frame, event, _):
        here = frame.f_code.co_filename
        if event == "call" and any(each in here for each in OURS):
            calls.append((here, frame.f_code.co_qualname))
            if ours(frame.f_back) not in (None, here):
                moves.append(calls[-1])

    sys.setprofile(look)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls, moves


def walk_in_the_map(title):
    """Return the steps of a walk as the map prints it: the end of the path of a file, and the name of a function."""
    _, _, after = MAP.read_text().partition(f"\n``{title}``")
    block = after.split("code-block:: text\n\n", 1)[1].split("\n\n", 1)[0]
    return [tuple(line.split()[:2]) for line in block.splitlines()]


def assert_straight(action, title, *, n_moves, n_calls):
    action()
    calls, moves = path_of(action)
    assert len(moves) <= n_moves, (len(moves), moves)
    assert len(calls) <= n_calls
    rest = iter(calls)
    for file, function in walk_in_the_map(title):
        end = file.replace("handlers/", "databroker_mongo_handlers/")
        assert any(path.endswith(end) and name == function for path, name in rest), (file, function)


def test_a_scan_id_is_looked_up_on_a_straight_path(mongod_database_uri):
    with Writer(mongod_database_uri) as writer:
        for scan_id in (SCAN_ID - 1, SCAN_ID, SCAN_ID + 1):
            for name, document in build_run({"primary": [{"x": 1.0}]}, scan_id=scan_id):
                writer(name, document)
    catalog = Catalog.from_uri(mongod_database_uri)

    assert_straight(lambda: catalog[SCAN_ID], "catalog[23463]", n_moves=43, n_calls=115)


def test_an_event_is_written_on_a_straight_path(mongod_database_uri):
    documents = build_run({"primary": [{"x": 0.5 * row} for row in range(4)]})
    with Writer(mongod_database_uri) as writer:
        events = []
        for name, document in documents:
            if name == "event":
                events.append(document)
            elif name != "stop":
                writer(name, document)

        assert_straight(lambda: writer("event", events.pop(0)), 'writer("event", doc)', n_moves=15, n_calls=63)


@pytest.fixture
def images(installed_handlers, mongod_database_uri, tmp_path, monkeypatch):
    """A column of five frames in a file that has settled."""
    later = time.time_ns() + 10 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    frames = np.arange(5 * 6 * 7, dtype="u2").reshape(5, 6, 7)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", data=frames, chunks=(1, 6, 7))
    datums = [{"point_number": row} for row in range(5)]
    asset = Asset("AD_HDF5", str(tmp_path), "a.h5", datums, {"frame_per_point": 1}, (1, 6, 7))
    rows = [{"image": None}] * 5
    with Writer(mongod_database_uri) as writer:
        for name, document in build_run({"primary": rows}, assets={"primary": {"image": asset}}):
            writer(name, document)
    return Catalog.from_uri(mongod_database_uri, allowed_roots=[tmp_path])[-1].primary.to_dask()["image"]


def test_a_frame_is_read_on_a_straight_path(images):
    lazy = images[3, 0]

    assert_straight(
        lambda: lazy.compute(scheduler="synchronous"),
        'run.primary.to_dask()["image"][3, 0].compute()',
        n_moves=45,
        n_calls=161,
    )
