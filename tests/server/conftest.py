"""Servers of their own for the tests that start, stop and kill them, and processes that use a server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from databroker_mongo import local_server
from databroker_mongo.server import LocalServer

from ..servers import discard_server

LINGER_SECONDS = 0.2
USER = f"""
import sys
from databroker_mongo.server.local import local_server
server = local_server(sys.argv[1], linger_seconds={LINGER_SECONDS})
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for something to come true, and fail when it does not."""

    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.02)

    return wait


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., LocalServer]]:
    """Use a server of the test's own, which ends soon after its last user."""
    shares = []

    def use(directory: Path = data, **options: bool) -> LocalServer:
        shares.append(local_server(directory, linger_seconds=LINGER_SECONDS, **options))
        return shares[-1]

    yield use
    for share in shares:
        share.close()
        discard_server(share.data)


@pytest.fixture
def start_user(data: Path) -> Iterator[Callable[..., Any]]:
    """Start a process that uses the server until its standard input is closed; it prints the pid of mongod."""
    users: list[subprocess.Popen[str]] = []

    def start(script: str = USER) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, str(data)]
        users.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return users[-1]

    yield start
    for user in users:
        with user:
            user.kill()
