"""A script that was written for runs of TiledWriter finds the same in MongoDB: one server mounts both."""

from __future__ import annotations

import copy

import pytest
from bluesky_tiled_plugins import TiledWriter
from tiled.adapters.mapping import MapAdapter
from tiled.catalog import in_memory
from tiled.client import Context, from_context
from tiled.queries import Comparison, Eq, Key
from tiled.server.app import build_app

from databroker_mongo import Catalog, Writer
from databroker_mongo.testing import build_run
from databroker_mongo.tiled import make_tree

from .conftest import CONFIGURATION, TIME, uid_of

SPEC = {"name": "CatalogOfBlueskyRuns", "version": "3.0"}
POINTS = [
    {"I0": 0.5 * row, "n": row, "ok": row % 2 == 0, "name": f"p{row}", "mca": list(range(row, row + 20))}
    for row in range(5)
]
DATA_KEYS = {"n": {"dtype_numpy": "<i8"}, "mca": {"dtype_numpy": "<i8"}}


def documents(number):
    streams = {"primary": POINTS, "baseline": [{"T": 4.2}, {"T": 4.3}]}
    start = {"scan_id": number, "time": TIME + 60 * number, "uid": uid_of(number), "plan_name": "scan"}
    return build_run(streams, data_keys=DATA_KEYS, configuration=CONFIGURATION, **start)


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory):
    """The same runs as TiledWriter has written them, and in MongoDB's layout."""
    directory = tmp_path_factory.mktemp("written")
    ours, storage = Catalog.in_memory(), [str(directory), f"duckdb:///{directory}/tables.db"]
    theirs = in_memory(writable_storage=storage, specs=[SPEC])
    tree = MapAdapter({"theirs": theirs, "ours": make_tree(ours)})
    tree.startup_tasks, tree.shutdown_tasks = theirs.startup_tasks, theirs.shutdown_tasks
    with Context.from_app(build_app(tree)) as context, Writer(ours) as store:
        client = from_context(context)
        write = TiledWriter(client["theirs"])
        for number in (1, 2, 3):
            for name, document in documents(number):
                store(name, document)
                write(name, copy.deepcopy(document))
        yield client["theirs"], client["ours"]


SCRIPTS = {
    "uids": list,
    "length": len,
    "scan id": lambda catalog: catalog[2].start,
    "newest": lambda catalog: catalog[-1].start["scan_id"],
    "uid": lambda catalog: catalog[uid_of(2)].start["scan_id"],
    "partial uid": lambda catalog: catalog[uid_of(2)[:8]].start["scan_id"],
    "class": lambda catalog: (type(catalog), type(catalog[1]), type(catalog[1]["primary"])),
    "stop": lambda catalog: {key: value for key, value in catalog[1].stop.items() if key != "run_start"},
    "search": lambda catalog: list(catalog.search(Key("scan_id") > 1)),
    "search of stop": lambda catalog: list(catalog.search(Eq("stop.exit_status", "success"))),
    "search of time": lambda catalog: list(catalog.search(Comparison("lt", "start.time", TIME + 100))),
    "no match": lambda catalog: list(catalog.search(Eq("plan_name", "nothing"))),
    "streams": lambda catalog: set(catalog[1]),
    "columns": lambda catalog: set(catalog[1]["primary"]),
    "data keys": lambda catalog: {
        key: each["shape"] for key, each in catalog[1]["primary"].metadata["data_keys"].items()
    },
    "configuration": lambda catalog: catalog[1]["primary"].metadata["configuration"]["det"]["data"],
    "its times": lambda catalog: catalog[1]["primary"].metadata["configuration"]["det"]["timestamps"],
    "table": lambda catalog: set(catalog[1]["primary"].base["internal"].columns),
    "array": lambda catalog: (catalog[1]["primary"]["mca"].shape, catalog[1]["primary"]["mca"].dtype),
    "part": lambda catalog: catalog[1]["primary"]["mca"][1:3, ::5].tolist(),
    "column": lambda catalog: catalog[1]["primary"]["n"].read().tolist(),
    "descriptors": lambda catalog: {each["name"]: each["uid"] for each in catalog[1].descriptors},
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_finds_the_same(catalogs, name):
    theirs, ours = map(SCRIPTS[name], catalogs)
    assert ours == theirs


def test_values_are_the_same_bit_for_bit(catalogs):
    theirs, ours = (catalog[1]["primary"].read() for catalog in catalogs)
    assert set(ours.data_vars) == set(theirs.data_vars)
    for name in [*theirs.data_vars, "time"]:
        assert ours[name].dtype == theirs[name].dtype
        assert ours[name].shape == theirs[name].shape
        assert ours[name].values.tobytes() == theirs[name].values.tobytes(), name
