"""The benchmarks of servers run, and all servers give the same answers; how long it takes is for people to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("benchmarks")]

ROOT = Path(__file__).parents[2]
FEW = {"runs": 60, "events": 400, "arrays": 40, "frames": 3, "small-frames": 5, "many": 7, "image-runs": 3}
SIZES = [f"--{name}={number}" for name, number in FEW.items()]


def test_what_is_asked_over_http_is_measured(mongod_uri, tmp_path):
    options = ["--server", mongod_uri, "--work", tmp_path, "--seconds", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.served", *SIZES, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if " | " in line]
    assert len(rows) == 12
    assert all(float(cell) > 0 for row in rows for cell in row[1:3])


def test_a_server_under_load_is_measured(tmp_path):
    options = ["--work", tmp_path, "--minutes", "0.5"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *SIZES, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stderr
    assert "while MongoDB is away" in done.stdout
