"""What a script of a client finds is what was stored, whoever serves it: ours, TiledWriter or databroker 2.

Every server has the same runs, ours in both layouts, and every script is asked of each of them; what the library itself
gives is what is expected. databroker 2.0.2 runs in an environment of its own: ``scripts/test --tiled -m neighbour``.
"""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import platformdirs
import pytest
from bluesky_tiled_plugins import TiledWriter
from bluesky_tiled_plugins.queries import ScanID, TimeRange
from tiled.catalog import in_memory
from tiled.client import Context, from_context, from_uri
from tiled.queries import Comparison, Eq, In, Key, NotEq, Regex
from tiled.server.app import build_app

from databroker_mongo import Catalog
from databroker_mongo.testing import build_run

from .conftest import CONFIGURATION, TIME, serving, store_runs, uid_of

ROOT = Path(__file__).parents[2]
SPEC = {"name": "CatalogOfBlueskyRuns", "version": "3.0"}
N_RUNS = 3
POINTS = [
    {"I0": 0.5 * row, "n": row, "ok": row % 2 == 0, "name": f"p{row}", "mca": list(range(row, row + 20))}
    for row in range(5)
]
DATA_KEYS = {
    "n": {"dtype_numpy": "<i8"},
    "mca": {"dtype_numpy": "<i8"},
    "ok": {"dtype_numpy": "|b1"},
    "name": {"dtype_numpy": "<U2"},
}
LAYOUT_3, LAYOUT_2, WRITTEN, NEIGHBOUR = "layout 3", "layout 2", "TiledWriter", "databroker 2.0.2"
KEY = "ofthecontract"
PROGRAM = """
import sys, uvicorn
from databroker.mongo_normalized import MongoAdapter
from tiled.config import Authentication
from tiled.server.app import build_app
app = build_app(MongoAdapter.from_uri(sys.argv[1]), authentication=Authentication(single_user_api_key=sys.argv[3]))
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


def documents(number):
    streams = {"primary": POINTS, "baseline": [{"T": 4.2}, {"T": 4.3}]}
    start = {"scan_id": number, "time": TIME + 60 * number, "uid": uid_of(number)}
    plan = "scan" if number > 1 else "count"
    return build_run(streams, data_keys=DATA_KEYS, configuration=CONFIGURATION, plan_name=plan, **start)


@pytest.fixture(scope="module")
def stored_uri(mongod_uri):
    import pymongo

    name = f"contract_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, [documents(number) for number in range(1, N_RUNS + 1)])
    yield uri
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


@pytest.fixture(scope="module")
def catalog(stored_uri):
    """The runs without a server."""
    return Catalog.from_uri(stored_uri)


@contextmanager
def ours(uri, layout):
    with serving(Catalog.from_uri(uri), layout=layout) as context:
        yield from_context(context)


@contextmanager
def written(directory):
    tree = in_memory(writable_storage=[str(directory), f"duckdb:///{directory}/tables.db"], specs=[SPEC])
    with Context.from_app(build_app(tree)) as context:
        client = from_context(context)
        write = TiledWriter(client)
        for number in range(1, N_RUNS + 1):
            for name, document in documents(number):
                write(name, copy.deepcopy(document))
        yield client


@contextmanager
def neighbour(uri):
    """Serve the database by databroker 2.0.2, whose environment is made once and kept."""
    sys.path.append(str(ROOT))
    try:
        from benchmarks.environments import made
    finally:
        sys.path.remove(str(ROOT))
    kept = os.environ.get("DATABROKER_MONGO_NEIGHBOURS")
    directory = Path(kept) if kept else platformdirs.user_cache_path("databroker_mongo") / "neighbours"
    python = made("databroker_2", directory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([python, "-W", "ignore", "-c", PROGRAM, uri, str(port), KEY]) as process:
        try:
            address = f"http://127.0.0.1:{port}/api/v1/"
            wait_for(address, process)
            client = from_uri(address, api_key=KEY)
            yield client
            client.context.http_client.close()
        finally:
            process.terminate()


def wait_for(address, process, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(address, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"no server at {address}, exit status {process.poll()}")


@pytest.fixture(
    scope="module",
    params=[
        LAYOUT_3,
        LAYOUT_2,
        WRITTEN,
        pytest.param(NEIGHBOUR, marks=[pytest.mark.neighbour, pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def served(request, stored_uri, tmp_path_factory):
    """The name of a server, and its client."""
    servers = {
        LAYOUT_3: lambda: ours(stored_uri, 3),
        LAYOUT_2: lambda: ours(stored_uri, 2),
        WRITTEN: lambda: written(tmp_path_factory.mktemp("written")),
        NEIGHBOUR: lambda: neighbour(stored_uri),
    }
    with servers[request.param]() as client:
        yield request.param, client


def uids(found):
    return {run.start["uid"] for run in found.values()}


def in_short(documents):
    """Return the uids of documents, and how many events there are, on pages of whatever length."""
    documents = list(documents)
    n_events = sum(len(document["seq_num"]) for name, document in documents if name == "event_page")
    return sorted((name, document["uid"]) for name, document in documents if name != "event_page"), n_events


EXPECTED = {
    "uids": (list, lambda catalog: [uid_of(number) for number in range(1, N_RUNS + 1)]),
    "length": (len, len),
    "scan id": (lambda client: client[2].start, lambda catalog: catalog[2].start),
    "newest": (lambda client: client[-1].start, lambda catalog: catalog[-1].start),
    "oldest": (lambda client: client[-N_RUNS].start, lambda catalog: catalog[-N_RUNS].start),
    "uid": (lambda client: client[uid_of(2)].start, lambda catalog: catalog[2].start),
    "partial uid": (lambda client: client[uid_of(2)[:8]].start, lambda catalog: catalog[2].start),
    "metadata of all": (
        lambda client: {uid: run.metadata["start"] for uid, run in client.items()},
        lambda catalog: {uid: run.start for uid, run in catalog.items()},
    ),
    "stop": (
        lambda client: {key: value for key, value in client[1].stop.items() if key != "run_start"},
        lambda catalog: {key: value for key, value in catalog[1].stop.items() if key != "run_start"},
    ),
    "Eq": (
        lambda client: uids(client.search(Eq("plan_name", "scan"))),
        lambda catalog: uids(catalog.search({"plan_name": "scan"})),
    ),
    "Key": (lambda client: uids(client.search(Key("scan_id") > 1)), lambda catalog: {uid_of(2), uid_of(3)}),
    "NotEq": (lambda client: uids(client.search(NotEq("plan_name", "scan"))), lambda catalog: {uid_of(1)}),
    "In": (lambda client: uids(client.search(In("scan_id", [1, 3, 99]))), lambda catalog: {uid_of(1), uid_of(3)}),
    "Regex": (lambda client: uids(client.search(Regex("plan_name", "^co"))), lambda catalog: {uid_of(1)}),
    "Comparison": (
        lambda client: uids(client.search(Comparison("lt", "start.time", TIME + 100))),
        lambda catalog: {uid_of(1)},
    ),
    "ScanID": (lambda client: uids(client.search(ScanID(2))), lambda catalog: {uid_of(2)}),
    "TimeRange": (
        lambda client: uids(client.search(TimeRange(since=TIME + 100, timezone="UTC"))),
        lambda catalog: {uid_of(2), uid_of(3)},
    ),
    "search of stop": (
        lambda client: uids(client.search(Eq("stop.exit_status", "success"))),
        lambda catalog: {uid_of(number) for number in range(1, N_RUNS + 1)},
    ),
    "no match": (lambda client: list(client.search(Eq("plan_name", "nothing"))), lambda catalog: []),
    "searches": (
        lambda client: uids(client.search(Eq("plan_name", "scan")).search(Key("scan_id") < 3)),
        lambda catalog: {uid_of(2)},
    ),
    "sorted": (
        lambda client: [run.start["scan_id"] for run in client.sort(("start.time", -1)).values()],
        lambda catalog: [3, 2, 1],
    ),
    "distinct": (
        lambda client: {each["value"] for each in next(iter(client.distinct("start.plan_name")["metadata"].values()))},
        lambda catalog: set(catalog.distinct("plan_name")),
    ),
    "streams": (lambda client: set(client[1]), lambda catalog: set(catalog[1])),
    "attributes": (lambda client: list(client[1].baseline.read()["T"].values), lambda catalog: [4.2, 4.3]),
    "columns": (
        lambda client: set(client[1]["primary"].read().data_vars),
        lambda catalog: set(catalog[1]["primary"]),
    ),
    "some columns": (
        lambda client: set(client[1]["primary"].read(["n", "I0"]).data_vars) - {"time"},
        lambda catalog: {"n", "I0"},
    ),
    "array": (
        lambda client: (array_of(client, "mca").shape, array_of(client, "mca").dtype),
        lambda catalog: (catalog[1]["primary"]["mca"].shape, catalog[1]["primary"]["mca"].dtype),
    ),
    "part of an array": (
        lambda client: array_of(client, "mca")[1:3, ::5].tolist(),
        lambda catalog: catalog[1]["primary"]["mca"][1:3, ::5].tolist(),
    ),
    "column": (lambda client: array_of(client, "n").read().tolist(), lambda catalog: [0, 1, 2, 3, 4]),
    "descriptors": (
        lambda client: [each["uid"] for each in client[1]["primary"].descriptors],
        lambda catalog: [each["uid"] for each in catalog[1]["primary"].descriptors],
    ),
    "documents": (
        lambda client: in_short(client[1].documents()),
        lambda catalog: in_short(catalog[1].documents()),
    ),
}
OF_LAYOUT_3 = {
    "data keys": (
        lambda stream: {key: each["shape"] for key, each in stream.metadata["data_keys"].items()},
        lambda stream: {key: each["shape"] for key, each in stream.data_keys.items()},
    ),
    "configuration": (
        lambda stream: stream.metadata["configuration"]["det"]["data"],
        lambda stream: stream.descriptors[0]["configuration"]["det"]["data"],
    ),
    "its times": (
        lambda stream: stream.metadata["configuration"]["det"]["timestamps"],
        lambda stream: stream.descriptors[0]["configuration"]["det"]["timestamps"],
    ),
    "table": (
        lambda stream: set(stream.base["internal"].columns),
        lambda stream: {"seq_num", "time", "I0", "n", "ok", "name", *(f"ts_{key}" for key in stream)},
    ),
}
DIFFERS = {
    (WRITTEN, "Regex"): "catalogs in SQL know no regular expressions",
    (NEIGHBOUR, "search of stop"): "fields of the stop are looked for in the start",
    (NEIGHBOUR, "sorted"): "runs are sorted by fields that are named without `start.`",
    (WRITTEN, "documents"): "the server of a catalog in SQL gives documents only where it is configured to",
}


def array_of(client, key):
    """Return a column as an array, where a client of its layout looks for it."""
    node = client[1]["primary"]
    return node[key] if type(client[1]).__name__ == "BlueskyRunV3" else node["data"][key]


@pytest.mark.parametrize("script", EXPECTED)
def test_a_script_finds_what_was_stored(served, catalog, script, request):
    name, client = served
    if (name, script) in DIFFERS:
        request.applymarker(pytest.mark.xfail(reason=DIFFERS[name, script]))
    ask, expect = EXPECTED[script]
    assert ask(client) == expect(catalog)


@pytest.mark.parametrize("script", OF_LAYOUT_3)
def test_a_script_for_runs_of_tiledwriter_finds_what_was_stored(served, catalog, script):
    name, client = served
    if name not in (LAYOUT_3, WRITTEN):
        pytest.skip("a script for layout 3")
    ask, expect = OF_LAYOUT_3[script]
    assert ask(client[1]["primary"]) == expect(catalog[1]["primary"])


def test_values_are_those_that_were_stored_bit_for_bit(served, catalog):
    _, client = served
    same_values(client[1]["primary"].read(), catalog[1]["primary"].read())


def test_values_are_the_same_through_the_older_classes(served, catalog):
    """To ask for them changes the class of all runs in the process."""
    _, client = served
    kept = client.structure_clients["BlueskyRun"]
    try:
        stream = client[1].v2["primary"]
        same_values(stream.read(), catalog[1]["primary"].read())
        assert stream["data"]["n"].read().tolist() == [0, 1, 2, 3, 4]
        assert stream["config"]["det"].read()["gain"].values.tolist() == [3]
    finally:
        client.structure_clients.set("BlueskyRun", lambda: kept)


def same_values(found, expected):
    """Texts are objects to some clients."""
    for key in [*expected.data_vars, "time"]:
        one, other = found[key], expected[key]
        if other.dtype.kind == "U":
            one = one.astype(other.dtype)
        assert one.dims[0] == other.dims[0] == "time"
        assert (one.shape, one.dtype) == (other.shape, other.dtype), key
        assert one.values.tobytes() == other.values.tobytes(), key


def test_classes_are_those_of_the_layout(served):
    name, client = served
    new = ("CatalogOfBlueskyRuns", "BlueskyRunV3", "BlueskyEventStreamV3")
    old = ("CatalogOfBlueskyRuns", "BlueskyRunV2Mongo", "BlueskyEventStreamV2Mongo")
    found = tuple(type(each).__name__ for each in (client, client[1], client[1]["primary"]))
    assert found == (new if name in (LAYOUT_3, WRITTEN) else old)
