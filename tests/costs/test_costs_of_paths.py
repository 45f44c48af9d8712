"""How straight the path is that a question takes: moves from one file of ours to another, and calls on the way.

A move is a call of a function in another file of ours than the one that was last at work, with those of other packages
left out. The second time counts, when connections, indexes and files are known. Calls are counted beside, for to glue
files together, or to write one function into another, would gain nothing.
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import databroker_mongo
from databroker_mongo import Catalog, Writer
from databroker_mongo.assets import file_state
from databroker_mongo.testing import Asset, build_run

OURS = (str(Path(databroker_mongo.__file__).parent), "databroker_mongo_handlers")
SCAN_ID = 23463


def path_of(action):
    """Return the moves and the calls of ours that an action makes in this thread."""
    moves, n_calls = [], 0

    def ours(frame):
        while frame is not None and not any(each in frame.f_code.co_filename for each in OURS):
            frame = frame.f_back
        return frame.f_code.co_filename if frame else None

    def look(frame, event, _):
        nonlocal n_calls
        here = frame.f_code.co_filename
        if event == "call" and any(each in here for each in OURS):
            n_calls += 1
            caller = ours(frame.f_back)
            if caller not in (None, here):
                moves.append(f"{Path(caller).stem} -> {Path(here).stem}.{frame.f_code.co_name}")

    sys.setprofile(look)
    try:
        action()
    finally:
        sys.setprofile(None)
    return moves, n_calls


def assert_short(action, *, n_moves, n_calls):
    action()
    moves, calls = path_of(action)
    assert len(moves) <= n_moves, (len(moves), moves)
    assert calls <= n_calls, calls


def test_a_scan_id_is_looked_up_on_a_straight_path(mongod_database_uri):
    with Writer(mongod_database_uri) as writer:
        for scan_id in (SCAN_ID - 1, SCAN_ID, SCAN_ID + 1):
            for name, document in build_run({"primary": [{"x": 1.0}]}, scan_id=scan_id):
                writer(name, document)
    catalog = Catalog.from_uri(mongod_database_uri)

    assert_short(lambda: catalog[SCAN_ID], n_moves=40, n_calls=106)


def test_an_event_is_written_on_a_straight_path(mongod_database_uri):
    documents = build_run({"primary": [{"x": 0.5 * row} for row in range(4)]})
    with Writer(mongod_database_uri) as writer:
        events = []
        for name, document in documents:
            if name == "event":
                events.append(document)
            elif name != "stop":
                writer(name, document)

        assert_short(lambda: writer("event", events.pop(0)), n_moves=14, n_calls=52)


@pytest.fixture
def images(installed_handlers, mongod_database_uri, tmp_path, monkeypatch):
    """A column of five frames in a file that has settled."""
    monkeypatch.setattr(file_state, "SETTLING_SECONDS", -1.0)
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

    assert_short(lambda: lazy.compute(scheduler="synchronous"), n_moves=38, n_calls=155)
