"""Servers of runs in processes of their own, on this machine over real HTTP: ours, and databroker 2.0.2."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

KEY = "ofthebenchmarks"
OURS = {"layout 3": 3, "layout 2": 2}

_PATIENCE_SECONDS = 120.0
_PROGRAM = """
import json, sys, warnings
import uvicorn
from tiled.adapters.mapping import MapAdapter
from tiled.config import Authentication
from tiled.server.app import build_app
warnings.simplefilter("ignore")
told = json.loads(sys.argv[1])
if told["layout"]:
    from databroker_mongo.tiled import from_uri
    trees = {n: from_uri(uri, layout=told["layout"], trust_documents=True) for n, uri in told["uris"].items()}
else:
    import hdf5plugin
    from databroker.mongo_normalized import MongoAdapter
    trees = {n: MongoAdapter.from_uri(uri) for n, uri in told["uris"].items()}
app = build_app(MapAdapter(trees), authentication=Authentication(single_user_api_key=told["key"]))
uvicorn.run(app, fd=int(sys.argv[2]), log_level="error")
"""


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes
    ----------
    address : str
        Of its first page, with a slash at the end.
    pids : tuple of int
        Its processes.
    """

    address: str
    pids: tuple[int, ...]

    def http(self, **options: Any) -> httpx.Client:
        """Return what asks it, as any program would."""
        headers = {"Authorization": f"Apikey {KEY}"}
        return httpx.Client(base_url=f"{self.address}api/v1/", headers=headers, timeout=120, **options)


@contextlib.contextmanager
def serving(python: str, uris: Mapping[str, str], *, layout: int = 0, n_processes: int = 1) -> Iterator[Server]:
    """Serve databases, each at a path of its name, until the context ends.

    Parameters
    ----------
    python : str
        Of the environment that serves.
    uris : mapping of str to str
        The databases.
    layout : {3, 2, 0}
        Ours, or with 0 databroker 2.
    n_processes : int
        How many processes share the address.
    """
    told = json.dumps({"layout": layout, "uris": dict(uris), "key": KEY})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [python, "-c", _PROGRAM, told, str(listening.fileno())]
        started = [subprocess.Popen(command, pass_fds=[listening.fileno()]) for _ in range(n_processes)]
        try:
            server = Server(f"http://127.0.0.1:{listening.getsockname()[1]}/", tuple(each.pid for each in started))
            _wait(server)
            yield server
        finally:
            for each in started:
                each.terminate()
            for each in started:
                each.wait(30)


def ours(uris: Mapping[str, str], layout: int, n_processes: int = 1) -> contextlib.AbstractContextManager[Server]:
    """Serve databases by this package."""
    return serving(sys.executable, uris, layout=layout, n_processes=n_processes)


def _wait(server: Server) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    with server.http() as http:
        while True:
            try:
                http.get("").raise_for_status()
                return
            except httpx.HTTPError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
