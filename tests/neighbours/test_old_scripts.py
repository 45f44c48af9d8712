"""Scripts of databroker 1 give here what they give under databroker 1.2.5, on one MongoDB, value by value.

Each script in ``old_scripts/scripts`` runs twice, with nothing changed but the package in its import: in an environment
of databroker 1.2.5, and here. What may differ is listed below, and in docs/how-to/move-from-databroker.rst with the
reason.
"""

from __future__ import annotations

import copy
import os
import sys
from fnmatch import fnmatchcase

import numpy as np
import pymongo
import pytest

from databroker_mongo import Writer
from databroker_mongo.testing import build_run
from databroker_mongo.testing.runs import Asset

from .running import OLD_SCRIPTS, run_scripts

pytestmark = [
    pytest.mark.neighbour,
    pytest.mark.slow,
    pytest.mark.timeout(700),
    pytest.mark.xdist_group("old_scripts"),  # one process makes the results that all tests look at
]

SCRIPTS = sorted(path.stem for path in (OLD_SCRIPTS / "scripts").glob("*.py"))
TIME = 1_700_000_000.0

DIFFERENCES = {
    "handlers": ("read by another/values/*",),
    "images": ("type",),
    "insert": ("found after a second time",),
    "missing_keys": ("slice beyond the first", "number with a fraction", "nothing"),
    "resumed": ("table/*", "fields/*"),
    "table": ("mapping/columns/sample/*",),
}
"""By script, which parts of its result differ; ``*`` stands for anything."""


def configured(gain):
    data = {"det_gain": gain, "det_mode": "fast"}
    keys = {key: {"dtype": "number", "shape": [], "source": "sim"} for key in data}
    return {"det": {"data": data, "timestamps": dict.fromkeys(data, TIME - 9.0), "data_keys": keys}}


def runs(directory):
    """Yield the documents of runs of many shapes, an hour apart."""
    points = [{"I0": i / 3, "count": i, "label": f"p{i}", "ok": i % 2 == 0, "spec": [1.0 * i, 2.0]} for i in range(5)]
    metadata = {"plan_name": "scan", "purpose": "calibration", "sample": {"name": "Ni"}, "user": "ann"}
    uid = "aaaa1111-0000-4000-8000-000000000001"
    streams = {"primary": points, "baseline": [{"temp": 20.5}, {"temp": 21.5}]}
    documents = build_run(streams, scan_id=1, time=TIME + 0.125, uid=uid, configuration=configured(3), **metadata)
    for _, baseline in documents:
        if baseline.get("name") == "baseline":
            baseline["time"] += 0.25
    yield from documents

    frames = np.arange(4 * 1 * 3 * 5, dtype=np.uint16).reshape(4, 1, 3, 5)
    for number, frame in enumerate(frames):
        np.save(directory / f"img_{number}.npy", frame)
    place = ("NPY_FRAMES", str(directory.parent), directory.name)
    asset = Asset(*place, [{"index": i} for i in range(4)], {"template": "img_%d.npy"}, shape=(1, 3, 5))
    metadata = {"plan_name": "count", "user": "bob", "uid": "aaaa2222-0000-4000-8000-000000000002"}
    exposures = {"primary": [{"x": float(i)} for i in range(4)]}
    assets = {"primary": {"img": asset}}
    older = build_run({"primary": [{"x": 0}]}, scan_id=2, time=TIME + 1800, user="ann")
    yield from older
    yield from build_run(exposures, scan_id=2, time=TIME + 3600, assets=assets, configuration=configured(5), **metadata)
    yield from build_run({"primary": [{"x": 1}]}, scan_id=3, time=TIME + 7200, user="bob", exit_status=None)
    yield from resumed()
    yield from (
        pair for pair in build_run({"primary": [{"x": 1.0}]}, scan_id=5, time=TIME + 14400) if pair[0] != "event"
    )


def resumed():
    """Yield a run that was rewound: a second descriptor, with one more data key, repeats a seq_num."""
    documents = build_run({"primary": [{"m": i} for i in range(6)]}, scan_id=4, time=TIME + 10800, user="ann")
    start, first, *events, stop = documents
    second = copy.deepcopy(first)
    second[1].update(uid="11111111-0000-4000-8000-000000000009", time=first[1]["time"] + 4.5)
    second[1]["data_keys"]["extra"] = {"source": "sim", "dtype": "number", "shape": []}
    for _, event in events[3:]:
        event.update(descriptor=second[1]["uid"], seq_num=event["seq_num"] - 1)
        event["data"]["extra"] = 0.25
        event["timestamps"]["extra"] = event["time"]
    yield from (start, first, second, *events, stop)


@pytest.fixture(scope="module")
def results(databroker_1_python, mongod_uri, tmp_path_factory):
    """The results of all scripts: under databroker 1.2.5, and here."""
    root = tmp_path_factory.mktemp("old_scripts")
    (root / "frames").mkdir()
    names = {name: f"{name}_{os.getpid()}" for name in ("runs", "scratch_old", "scratch_new", "copy_old", "copy_new")}
    uri = {name: mongod_uri.replace("/?", f"/{database}?") for name, database in names.items()}
    with Writer(uri["runs"], durable="batch") as writer:
        for name, document in runs(root / "frames"):
            writer(name, document)
    found = []
    with pymongo.MongoClient(mongod_uri) as client:
        client[names["runs"]]["run_start"].create_index([("$**", "text")])
        for age, python, package in (
            ("old", databroker_1_python, "databroker"),
            ("new", sys.executable, "databroker_mongo"),
        ):
            catalogs = {"scratch": uri[f"scratch_{age}"], "exported": uri[f"copy_{age}"]}
            catalogs |= {"beamline": uri["runs"], "intake_beamline": uri["runs"]}
            found.append(run_scripts(python, package, "scripts", root / age, catalogs))
        for database in names.values():
            client.drop_database(database)
    return found


def different(old, new, path=""):
    """Yield the parts in which two results differ, as ``a/b/3``."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from different(old[key], new[key], f"{path}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from different(*pair, f"{path}/{number}")
    elif (type(old), old) != (type(new), new):
        yield path.lstrip("/"), old, new


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_gives_what_it_gives_under_databroker_1(results, script):
    old, new = (each[script] for each in results)
    found = list(different(old, new))
    expected = DIFFERENCES.get(script, ())
    surprising = [part for part in found if not any(fnmatchcase(part[0], pattern) for pattern in expected)]
    assert not surprising, "\n".join(f"{path}: {str(a)[:300]} before, {str(b)[:300]} now" for path, a, b in surprising)


@pytest.mark.parametrize("script", DIFFERENCES)
def test_each_listed_difference_is_one(results, script):
    old, new = (each[script] for each in results)
    found = [path for path, *_ in different(old, new)]
    for pattern in DIFFERENCES[script]:
        assert any(fnmatchcase(path, pattern) for path in found), pattern
