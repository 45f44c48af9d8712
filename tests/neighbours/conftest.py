"""databroker 1.2.5, in an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .environments import environment_of

DATABROKER_1 = ("databroker==1.2.5", "suitcase-mongo==0.7.0", "event-model==1.24.0", "pymongo<4.21", "setuptools<81")


@pytest.fixture(scope="session")
def databroker_1_python() -> Path:
    """The interpreter of an environment of databroker 1.2.5."""
    return environment_of("databroker-1", DATABROKER_1)


@pytest.fixture(scope="session")
def databroker_1(databroker_1_python: Path) -> Callable[..., str]:
    """A function that runs a script, with arguments, in an environment of databroker 1.2.5, and returns its output."""

    def run(script: str, *arguments: str) -> str:
        command = [databroker_1_python, "-W", "ignore", "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
