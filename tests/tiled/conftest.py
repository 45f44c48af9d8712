"""A Tiled server over runs on a real MongoDB, in process; in an environment of its own: ``scripts/test --tiled``."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from databroker_mongo import Catalog
from databroker_mongo.store import open_store, writable
from databroker_mongo.testing import Asset, StreamAsset, build_run

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).parent / "databroker-mongo")
TIME = 1_700_000_000.0
FRAMES = np.arange(5 * 4 * 6, dtype=np.uint16).reshape(5, 4, 6)
CONFIGURATION = {
    "det": {
        "data": {"gain": 3, "mode": "fast"},
        "timestamps": {"gain": TIME - 9.0, "mode": TIME - 8.0},
        "data_keys": {
            "gain": {"dtype": "integer", "shape": [], "source": "sim"},
            "mode": {"dtype": "string", "shape": [], "source": "sim"},
        },
    }
}
POINTS = [
    {"I0": 0.5 * row, "n": row, "ok": row % 2 == 0, "name": "ab"[: row % 3] or "abc", "mca": [row, row + 1, row + 2]}
    for row in range(5)
]
ODD = [
    {"time": row, "seq_num": -row, "_hidden": 0.25 * row, "a/b": row, "internal": 1.5, "ts_x": 7, "x": 2.0 * row}
    | {"mixed": [row, "two", None, {"a": 1}][row], "some": [1, None, 3, 4][row], "lists": [[1], [1, 2], [], [3]][row]}
    for row in range(4)
]

if find_spec("tiled") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.tiled)
            # What Tiled's own client warns of is not ours to change.
            item.add_marker(pytest.mark.filterwarnings("ignore::UserWarning:tiled"))
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:.*httpx:UserWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:no allowed_roots"))


def uid_of(number: int) -> str:
    """Return the uid of the run of a scan id."""
    return f"{number * 7919:08x}-0000-4000-8000-000000000000"


def write_frames(path: Path) -> None:
    """Write the file that an area detector leaves."""
    import h5py

    with h5py.File(path, "w") as file:
        file["entry/data/data"] = FRAMES


def image(directory: Path, name: str = "frames.h5", **more: Any) -> Asset:
    """Return five frames in a file, one a row."""
    datums = [{"point_number": row} for row in range(5)]
    return Asset("AD_HDF5", str(directory), name, datums, {"frame_per_point": 1}, shape=(4, 6), **more)


def runs(directory: Path) -> list[list[tuple[str, dict[str, Any]]]]:
    """Return the documents of a scan, images, a fly scan, odd names, lost files, a run that goes on, and others."""
    write_frames(directory / "frames.h5")
    flown = StreamAsset(
        "application/x-hdf5",
        f"file://localhost{directory}/frames.h5",
        [(0, 5)],
        {"dataset": "/entry/data/data"},
        shape=(4, 6),
    )
    lost = {"img": {"shape": [1, 4, 6], "dtype_numpy": "<u2"}}
    streams = {"primary": POINTS, "baseline": [{"T": 4.2}, {"T": 4.3}]}
    made = [
        build_run(streams, configuration=CONFIGURATION, **_start(1, sample={"name": "Ni"})),
        build_run({"primary": POINTS}, assets={"primary": {"img": image(directory)}}, **_start(2)),
        build_run({"primary": []}, assets={"primary": {"img": flown}}, **_start(3)),
        build_run({"primary": ODD, "a/b": [{"x": 1}]}, **_start(4)),
        build_run(
            {"primary": POINTS}, assets={"primary": {"img": image(directory, "lost.h5")}}, data_keys=lost, **_start(5)
        ),
        build_run({"primary": POINTS}, assets={"primary": {"img": image(directory, "lost.h5")}}, **_start(6)),
        build_run({"primary": POINTS}, exit_status=None, **_start(7)),
    ]
    others = [build_run({"primary": [{"x": 1.0}]}, exit_status="fail", **_start(number)) for number in range(8, 31)]
    return [*made, *others]


def _start(number: int, **more: Any) -> dict[str, Any]:
    named = {"uid": uid_of(number), "plan_name": "count" if number % 2 else "scan", "sample": {"name": "Cu"}}
    return {"scan_id": number, "time": TIME + 60 * number, **named, **more}


@pytest.fixture(scope="session")
def served_uri(mongod_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of the runs, which no test changes."""
    import pymongo

    name = f"tiled_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, runs(tmp_path_factory.mktemp("frames")))
    yield uri
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


def store_runs(uri: str, documents: list[list[tuple[str, dict[str, Any]]]]) -> None:
    """Store runs, and what no Writer lets pass, as other programs do."""
    store = writable(open_store(uri))
    for run in documents:
        for name, document in run:
            store.insert(name, [document])


@pytest.fixture
def catalog(served_uri: str) -> Catalog:
    """The runs as they are read without a server."""
    return Catalog.from_uri(served_uri)


@contextmanager
def serving(catalog: Catalog, **options: Any) -> Iterator[Any]:
    """Serve a catalog in this process, and give a client's context."""
    from tiled.client import Context
    from tiled.server.app import build_app

    from databroker_mongo.tiled import make_tree

    with Context.from_app(build_app(make_tree(catalog, **{"tells_places": True, **options}))) as context:
        yield context


@pytest.fixture(scope="session", params=[3, 2], ids=["layout 3", "layout 2"])
def layout(request: pytest.FixtureRequest) -> int:
    """Each way to see a run."""
    found: int = request.param
    return found


@pytest.fixture(scope="session")
def context(served_uri: str, layout: int) -> Iterator[Any]:
    """A server of all runs."""
    with serving(Catalog.from_uri(served_uri), layout=layout) as context:
        yield context


@pytest.fixture
def client(context: Any) -> Any:
    """What a user of Tiled holds."""
    from tiled.client import from_context

    return from_context(context)


@pytest.fixture
def get(context: Any) -> Callable[..., Any]:
    """Ask for a path, as any program would: ``get("metadata/", accept="text/csv")``."""
    return getter(context)


def getter(context: Any) -> Callable[..., Any]:
    """Return what asks for paths."""

    def get(path: str, *, accept: str = "application/json", **parameters: Any) -> Any:
        return context.http_client.get(f"/api/v1/{path}", params=parameters or None, headers={"Accept": accept})

    return get


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server on a free port; give its process and the address that it prints."""
    command = [COMMAND, "serve", *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process, _read_address(process)
        finally:
            process.kill()


def _read_address(process: Any, seconds: float = 60) -> str:
    said, end = "", time.monotonic() + seconds
    while time.monotonic() < end and select.select([process.stdout], [], [], end - time.monotonic())[0]:
        line: str = process.stdout.readline()
        said += line
        if line.startswith("http"):
            return line.strip()
        if not line:
            break
    raise AssertionError(f"no address was printed: {said}")
